"""What the commands do: several subjects and results in turn, files named and saved, one line for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from .._base import Entry, PromptbrushError, UsageError, load_target
from .._devices import enough_memory as enough_memory
from .._files import prepare_folder, readable
from ..generators.packs.pack import load_pack
from ..guidance.perceptor import AnyPerceptor
from ..guidance.prompts import Prompt, Template, encode_prompts, load_templates, parse_prompts
from .consumers import Progress
from .doctor import resolve_device, resolve_precision
from .editor import Result, run_edit, text_notes
from .editor import rerun as run_again
from .exploration import has_explored, to_explore
from .latents import load_latent, save_latent
from .metadata import read_recipe
from .models import LoadedModels, ModelChoice, load_models, load_perceptors, required_face_encoder
from .optimise import prompts_of
from .outputs import Care, Extras, consumers_for, plan, recipe_fits, save
from .pictures import read_picture, write_picture
from .recipe import MAX_SEED, EditSettings, Recipe, method_of
from .subjects import Subject, check_space, open_picture, open_subject, read_mask

# From this side on a user should know what takes so long before the first step.
_SLOW_RESOLUTION = 128


@dataclass(frozen=True)
class EditJob:
    """Everything that `promptbrush edit` was asked for."""

    pictures: tuple[Path, ...]
    settings: EditSettings
    models: ModelChoice
    count: int = 1
    mask: Path | None = None
    latent: Path | None = None
    output: Path | None = None
    extras: Extras = field(default_factory=Extras)
    metadata: bool = True
    overwrite: bool = False


class StoppedError(PromptbrushError):
    """Ctrl-C; the text says what was saved."""

    exit_code = 130


def edit_pictures(job: EditJob) -> Iterator[str]:
    """Run a job; a line for every result.

    Everything that can be wrong with the arguments is found before a model is loaded or a folder made.

    Raises:
        StoppedError: Ctrl-C, after the best so far was saved. PromptbrushError: in one line.
    """
    names = _names(job)
    _check_count(job.settings, job.count)
    _check_inputs(job)
    images = (Path(prompt.text) for prompt in prompts_of(job.settings) if prompt.is_image)
    inputs = [path for path in (*job.pictures, job.mask, job.latent, *images) if path is not None]
    paths = plan(names, job.count, job.output, care=Care(inputs, job.overwrite, job.extras.beside))
    job.extras.check()
    with enough_memory():
        models = load_models(job.models)
        if job.settings.identity_weight > 0:
            required_face_encoder(models)
        yield f"models: {job.models.pack} pack on {models.device}{own_models(job.models)}"
        if _explores_long(models, job.settings):
            yield f"first a look at {to_explore(models, job.settings)} random pictures; --explore 0 leaves it out"
        for index, row in enumerate(paths):
            picture = job.pictures[index] if job.pictures else None
            subject = open_subject(models, picture, job.latent, job.mask)
            yield from _variations(models, subject, job, row)


def _explores_long(models: LoadedModels, settings: EditSettings) -> bool:
    large = models.generator.resolution >= _SLOW_RESOLUTION
    count = to_explore(models, settings)
    return bool(count) and large and not has_explored(models, count, settings.clip_input)


def _check_count(settings: EditSettings, count: int) -> None:
    """Whether so many results differ, and a rerun takes the seed of each."""
    if count > 1 and settings.variation == 0 and settings.cutouts == 0:
        raise UsageError(
            f"-n {count} would make {count} times the same picture, for variation is 0; give --variation 0.2, or -n 1"
        )
    if settings.seed + count - 1 > MAX_SEED:
        raise UsageError(
            f"seed is {settings.seed}, so that result {count} is past the last seed {MAX_SEED}; give a smaller --seed"
        )


def _check_inputs(job: EditJob) -> None:
    """Read everything once, so that no mistake costs the time of an edit; one at a time, as there may be many."""
    for prompt in prompts_of(job.settings):
        if prompt.is_image:
            read_picture(prompt.text)
    load_templates(job.settings.templates)
    if job.latent is not None:
        check_space(job.latent, load_latent(job.latent), job.settings.space)
    for path in job.pictures:
        picture = read_picture(path)
        if job.mask is not None:
            read_mask(job.mask, picture)


def _names(job: EditJob) -> list[str]:
    if len(job.pictures) > 1 and (job.mask or job.latent):
        raise UsageError("a mask or a latent belongs to one picture; give one picture with it")
    if names_a_file(job.settings.prompt):
        raise UsageError(
            f"'{job.settings.prompt}' stands where the prompt should, but is a file; write the prompt last"
        )
    if job.pictures:
        return [path.stem for path in job.pictures]
    if job.mask is not None:
        raise UsageError(f"{job.mask}: a mask needs a picture; give one, or leave the mask out")
    if job.latent is None:
        raise UsageError(
            f"there is no picture before the prompt '{job.settings.prompt[:40]}'; give PICTURE and PROMPT"
        )
    return [job.latent.stem]


def names_a_file(prompt: str) -> bool:
    """Whether a forgotten prompt let the last picture slip into its place."""
    try:
        return Path(prompt).suffix != "" and Path(prompt).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL character
        return False


def own_models(choice: ModelChoice) -> str:
    own = [spec for spec in (choice.generator, choice.clip, choice.encoder, choice.face_encoder) if spec]
    return f", with {', '.join(own)}" if own else ""


def _variations(models: LoadedModels, subject: Subject, job: EditJob, paths: Sequence[Path]) -> Iterator[str]:
    told: set[str] = set()
    for index, path in enumerate(paths):
        settings = job.settings.model_copy(update={"seed": job.settings.seed + index})
        consumers = [Progress(readable(Path(path.name))), *consumers_for(path, job.extras)]
        result = run_edit(models, subject, settings, consumers)
        yield from _saved(result, path, job.extras, job.metadata, told)


def _saved(
    result: Result, path: Path, extras: Extras, metadata: bool = True, told: set[str] | None = None
) -> Iterator[str]:
    """Write a result; its notes that were not told yet, and a line for each file.

    Raises:
        StoppedError: it is the best that there was when Ctrl-C came. InputFileError: something cannot be written.
    """
    known = set() if told is None else told
    for note in (*result.notes, *_left_out(result, path, metadata)):
        if note not in known:
            known.add(note)
            yield f"note: {note}"
    for written in save(result, path, extras, metadata):
        yield readable(written)
    if result.failure is not None:
        raise result.failure
    if result.interrupted:
        raise StoppedError(f"stopped: the best so far is in {readable(path)}")


def _left_out(result: Result, path: Path, metadata: bool) -> tuple[str, ...]:
    if not metadata or recipe_fits(result, path):
        return ()
    return ("the recipe is too long for a JPEG and was left out; write a .png to keep it",)


def rerun_picture(
    made: Path, picture: Path | None, output: Path | None, overwrite: bool, device: str | None = None
) -> Iterator[str]:
    """Make a result again.

    Raises:
        InputFileError: no recipe in the file, or a file of it that changed.
    """
    text = read_recipe(made)
    again = _METHODS.get(method_of(text, readable(made)))
    if again is not None:
        yield from _made_again(again, text, made, picture, output, overwrite, device)
        return
    recipe = Recipe.from_toml(text, readable(made))
    named = (recipe.picture, recipe.latent, recipe.mask, *(recipe.images or ()))
    inputs = [Path(path) for path in (made, picture, *named) if path is not None]
    ((path,),) = plan([made.stem], 1, output, "rerun", Care(inputs, overwrite))
    with enough_memory():
        result = run_again(recipe, picture, [Progress(readable(Path(path.name)))], device)
        yield f"models: {recipe.models.pack} pack on {device or recipe.device}"
        yield from _saved(result, path, Extras())


@dataclass(frozen=True)
class _Again:
    """How a method's results are made again: its record, what runs it, and the record's files, the picture first."""

    recipe: Entry
    run: Entry
    files: tuple[str, ...]


_METHODS = {
    "sample": _Again(
        Entry(".editing.prior.recipe:SampleRecipe"),
        Entry(".editing.prior.command:resample"),
        ("like",),
    ),
    "shapes": _Again(
        Entry(".editing.shapes.recipe:ShapesRecipe"),
        Entry(".editing.shapes.command:redraw"),
        ("target", "start"),
    ),
    "style": _Again(
        Entry(".editing.style.recipe:StyleRecipe"),
        Entry(".editing.style.command:restyle"),
        ("picture", "mask"),
    ),
}


def _made_again(
    again: _Again,
    text: str,
    made: Path,
    picture: Path | None,
    output: Path | None,
    overwrite: bool,
    device: str | None,
) -> Iterator[str]:
    recipe = load_target(again.recipe, "a recipe").from_toml(text, readable(made))
    if picture is not None:
        recipe = recipe.model_copy(update={again.files[0]: readable(picture.resolve())})
    named = (made, *(getattr(recipe, name) for name in again.files))
    inputs = [Path(each) for each in named if each is not None]
    ((path,),) = plan([made.stem], 1, output, "rerun", Care(inputs, overwrite))
    with enough_memory():
        yield from load_target(again.run, "a rerun")(recipe, path, device)


def invert_pictures(
    pictures: Sequence[Path], choice: ModelChoice, output: Path | None, overwrite: bool
) -> Iterator[str]:
    """Write the latent of each picture, and what the generator draws of it.

    Raises:
        InputFileError: a picture that cannot be read, or files that cannot be written.
    """
    for file in pictures:
        read_picture(file)
    if output is not None and output.suffix == ".safetensors":
        output = output.with_suffix(".png")
    care = Care(pictures, overwrite, lambda path: [path.with_suffix(".safetensors")])
    paths = plan([path.stem for path in pictures], 1, output, "invert", care)
    with enough_memory():
        models = load_models(choice)
        for file, (path,) in zip(pictures, paths, strict=True):
            yield _inverted(models, file, path)


def _inverted(models: LoadedModels, file: Path, path: Path) -> str:
    subject = open_picture(models, read_picture(file))
    with torch.no_grad():
        drawn = models.generator.decode(subject.w)
    prepare_folder(path.parent)
    write_picture(drawn.cpu(), path)
    save_latent(path.with_suffix(".safetensors"), subject.w)
    error = float((drawn - subject.square).abs().mean()) if subject.square is not None else 0.0
    latent, shown = readable(path.with_suffix(".safetensors")), readable(Path(path.name))
    return f"{latent}: mean difference of the drawn picture {shown} {error:.3f}"


def score_picture(picture: Path, texts: Sequence[str], templates: str, choice: ModelChoice) -> Iterator[str]:
    """A line for each text: cosine, share, text; the best first.

    Raises:
        UsageError: a text that cannot be read.
    """
    prompts = [prompt for text in texts for prompt in parse_prompts(text)]
    read, sentences = read_picture(picture), load_templates(templates)
    device = resolve_device(choice.device)
    with enough_memory():
        perceptor = load_perceptors(
            choice, load_pack(choice.pack), device, resolve_precision(choice.precision, device)
        )
        scores = _scores(perceptor, read.image, prompts, sentences)
    for note in (*read.notes, *text_notes(prompts, scores.cut)):
        yield f"note: {note}"
    for index in scores.cosines.argsort(descending=True).tolist():
        yield f"{scores.cosines[index]:.4f}  {scores.shares[index]:6.1%}  {prompts[index].text}"


@dataclass(frozen=True)
class _Scores:
    """Of each prompt: its cosine and its share (P,); and the texts that were too long."""

    cosines: Tensor
    shares: Tensor
    cut: tuple[str, ...]


@torch.no_grad()
def _scores(
    perceptor: AnyPerceptor, image: Tensor, prompts: Sequence[Prompt], templates: tuple[Template, ...]
) -> _Scores:
    cosines, shares = torch.zeros(len(prompts)), torch.zeros(len(prompts))
    cut: tuple[str, ...] = ()
    for member, weight in perceptor.members:
        found = encode_prompts(member, prompts, templates, load_image=lambda path: read_picture(path).image)
        cosine = (member.encode_image(image) @ found.features.T)[0].cpu()
        cosines += weight * cosine
        shares += weight * (member.logit_scale * cosine).softmax(dim=0)
        cut += found.truncated
    return _Scores(cosines, shares, cut)
