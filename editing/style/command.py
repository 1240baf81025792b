"""What `promptbrush style` does: pictures and films in a style, written with what was asked for beside them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import track

from ..._base import UsageError
from ..._files import prepare_folder, readable
from ...generators.packs.pack import load_pack
from ..commands import StoppedError, enough_memory, names_a_file, own_models
from ..consumers import Progress
from ..doctor import resolve_device
from ..framing import strip
from ..metadata import embed
from ..models import ModelChoice
from ..named import choice_of, label
from ..outputs import Care, Extras, consumers_for, plan
from ..pictures import Picture, read_picture, write_picture
from ..subjects import read_mask
from .film import FILMS, frames, open_film, style_film
from .knowing import warnings_of
from .method import Canvas, StyleResult, canvas_of, draw, run_task, trained
from .recipe import StyleRecipe, Way, check_files, published_of, recipe_of
from .settings import StyleSettings
from .stylists import Published, Taught, taught
from .task import task_of


@dataclass(frozen=True)
class StyleJob:
    """Everything that `promptbrush style` was asked for.

    Attributes:
        fast: one pass with words. styler: one pass of these. published: files of published networks.
        checkpoint: keeps the state of a training. keep: where the trained network goes.
    """

    pictures: tuple[Path, ...]
    settings: StyleSettings
    models: ModelChoice = field(default_factory=ModelChoice)
    fast: bool = False
    styler: str | None = None
    published: Published = field(default_factory=Published)
    mask: Path | None = None
    output: Path | None = None
    checkpoint: Path | None = None
    keep: Path | None = None
    extras: Extras = field(default_factory=Extras)
    metadata: bool = True
    overwrite: bool = False

    @property
    def way(self) -> Way:
        """How the style comes about."""
        return "styler" if self.styler else "fast" if self.fast else "train"


def style_pictures(job: StyleJob) -> Iterator[str]:
    """Run a job; a line for each file.

    Everything that can be wrong with the arguments is found before a model is loaded.

    Raises:
        StoppedError: Ctrl-C, after the best so far was saved. PromptbrushError: in one line.
    """
    if any(path.suffix.lower() in FILMS for path in job.pictures):
        yield from _film(job)
        return
    _check(job)
    inputs = [*job.pictures, *([job.mask] if job.mask else [])]
    names = [path.stem for path in job.pictures]
    care = Care(inputs, job.overwrite, job.extras.beside)
    paths = [row[0] for row in plan(names, 1, job.output, "style", care)]
    job.extras.check()
    with enough_memory():
        known = _known(job)
        stylist = trained(job.settings, job.models, job.fast, job.styler, job.published, known)
        told: set[str] = set()
        yield f"models: {job.models.pack} pack{own_models(job.models)}, {_way(job)}"
        for note in warnings_of(job.settings, known, job.models.pack) if known else ():
            yield f"note: {note}"
        for picture, path in zip(job.pictures, paths, strict=True):
            recipe = recipe_of(
                job.settings, job.models, picture, job.mask, job.way, job.styler, job.published
            )
            canvas = _canvas(job, read_picture(picture))
            if stylist is not None:
                result = draw(stylist, canvas, job.settings)
            else:
                result = _train(job, canvas, path, known)
            yield from _saved(result, path, job, recipe, told)


def _film(job: StyleJob) -> Iterator[str]:
    """A film: by a network that has its style, or one that is trained for a frame in the middle."""
    if len(job.pictures) > 1 or job.mask or job.settings.region or job.settings.keep_subject:
        raise UsageError("a film is styled alone and as a whole; give one, without a mask or a region")
    _check_words(job)
    film = open_film(job.pictures[0])
    care = Care(job.pictures, job.overwrite)
    ((path,),) = plan([film.path.stem], 1, job.output, "style", care, (".mp4",))
    with enough_memory():
        yield f"models: {job.models.pack} pack{own_models(job.models)}, {_way(job)}"
        stylist = trained(job.settings, job.models, job.fast, job.styler, job.published)
        if stylist is None:
            middle = next(itertools.islice(frames(film), film.frames // 2, None), None)
            if middle is None:
                middle = next(frames(film))
            task = task_of(job.settings, middle, job.models)
            stylist = run_task(task, Canvas(middle), [Progress("training")]).stylist
        prepare_folder(path.parent)
        done = style_film(film, stylist, job.settings, path)
        for _ in track(done, readable(Path(path.name)), film.frames or None, console=Console(stderr=True)):
            pass
    yield readable(path)


def _check(job: StyleJob) -> None:
    _check_words(job)
    if job.mask and len(job.pictures) > 1:
        raise UsageError("a mask belongs to one picture; give one picture with it")
    if (job.checkpoint or job.keep) and (len(job.pictures) > 1 or job.way != "train"):
        raise UsageError(
            "--checkpoint and --keep belong to the training for one picture; give one, without --fast"
        )
    if job.keep and job.keep.suffix != ".safetensors":
        raise UsageError(f"{job.keep}: a styler is kept as .safetensors; give such a name")
    for path in job.pictures:
        picture = read_picture(path)
        if job.mask:
            read_mask(job.mask, picture)


def _check_words(job: StyleJob) -> None:
    if not job.pictures:
        raise UsageError("there is no picture; give PICTURE and STYLE")
    if names_a_file(job.settings.prompt):
        raise UsageError(
            f"'{job.settings.prompt}' stands where the style should, but is a file; write the style last"
        )
    if job.styler and job.settings.prompt:
        raise UsageError(
            f"the styler '{job.styler}' has its style already; leave '{job.settings.prompt[:40]}' out"
        )


def _way(job: StyleJob) -> str:
    if job.way == "train":
        return f"{job.settings.network} trained for this picture"
    return f"styler {job.styler}" if job.styler else "one pass"


def _canvas(job: StyleJob, picture: Picture) -> Canvas:
    mask = read_mask(job.mask, picture) if job.mask else None
    found = canvas_of(picture.image, mask, job.settings, job.models)
    return Canvas(found.image, found.mask, picture.alpha, picture.notes)


def _known(job: StyleJob) -> Taught | None:
    """The pack's styler with its CLIP, where words are what it is told."""
    pack = load_pack(job.models.pack)
    if job.styler or not pack.styler:
        return None
    return taught(pack, resolve_device(job.models.device), job.models.offline)


def _train(job: StyleJob, canvas: Canvas, path: Path, known: Taught | None) -> StyleResult:
    task = task_of(job.settings, canvas.image, job.models, known)
    consumers = [Progress(readable(Path(path.name))), *consumers_for(path, job.extras)]
    return run_task(task, canvas, consumers, job.checkpoint)


def _saved(
    result: StyleResult, path: Path, job: StyleJob, recipe: StyleRecipe, told: set[str]
) -> Iterator[str]:
    for note in result.notes:
        if note not in told:
            told.add(note)
            yield f"note: {note}"
    if result.interrupted:
        recipe = recipe.model_copy(update={"stopped_after": len(result.losses)})
    for written in save(result, path, job.extras, recipe if job.metadata else None):
        yield readable(written)
    if job.keep:
        prepare_folder(job.keep.parent)
        result.save_styler(job.keep)
        yield readable(job.keep)
    if result.failure is not None:
        raise result.failure
    if result.interrupted:
        raise StoppedError(f"stopped: the style so far is in {readable(path)}")


def save(result: StyleResult, path: Path, extras: Extras, recipe: StyleRecipe | None) -> list[Path]:
    """Write a result and what was asked for beside it; all that is there now, consumers' files included.

    Raises:
        InputFileError: a file that cannot be written.
    """
    prepare_folder(path.parent)
    write_picture(result.image, path, embed(recipe.to_toml()) if recipe else None, result.alpha)
    if extras.strip:
        labels = ["before", label(result.settings.prompt) or "after"]
        write_picture(strip([result.before, result.image], labels), path.with_name(f"{path.stem}-strip.png"))
    return [each for each in (path, *extras.beside(path)) if each.exists()]


def restyle(recipe: StyleRecipe, output: Path, device: str | None) -> Iterator[str]:
    """Give a recipe's picture its style again.

    Raises:
        InputFileError: a file of it that changed.
    """
    check_files(recipe)
    choice, settings = choice_of(recipe, device), recipe.settings
    job = StyleJob(
        (Path(recipe.picture),),
        settings,
        choice,
        recipe.way == "fast",
        recipe.styler,
        published_of(recipe),
        Path(recipe.mask) if recipe.mask else None,
    )
    canvas = _canvas(job, read_picture(recipe.picture))
    yield f"models: {recipe.models.pack} pack on {device or recipe.device}"
    stylist = trained(settings, choice, job.fast, job.styler, job.published)
    if stylist is not None:
        result = draw(stylist, canvas, settings)
    else:
        task = task_of(settings, canvas.image, choice)
        if recipe.stopped_after:
            task.stop_after(recipe.stopped_after)
        result = run_task(task, canvas, [Progress(readable(Path(output.name)))])
    for written in save(result, output, Extras(), recipe):
        yield readable(written)
    if result.interrupted:
        raise StoppedError(f"stopped: the style so far is in {readable(output)}")
