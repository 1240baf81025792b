"""What `promptbrush sample` does: pictures for a prompt, each written as soon as it is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from ..._base import UsageError
from ..._files import prepare_folder, readable
from ..commands import StoppedError, enough_memory, names_a_file, own_models
from ..latents import save_latent
from ..models import ModelChoice
from ..outputs import Care, plan
from ..pictures import read_picture, write_picture
from .conditions import prompts_of
from .home import load_sampling, prior_path
from .method import Sampler, SampleResult, check_count
from .recipe import SampleRecipe, models_of
from .settings import SampleSettings

_NAME = 60
# On one sheet; so many are kept while they are drawn.
_SHEET, _COLUMNS = 64, 8


@dataclass(frozen=True)
class SampleJob:
    """Everything that `promptbrush sample` was asked for.

    Attributes:
        prior: a file in place of the pack's. groups: layers that each latent of a published checkpoint feeds.
        sheet: also all pictures, up to 64, side by side. latents: also each latent.
    """

    settings: SampleSettings
    count: int = 1
    models: ModelChoice = field(default_factory=ModelChoice)
    prior: Path | None = None
    groups: tuple[int, ...] = ()
    like: Path | None = None
    output: Path | None = None
    sheet: bool = False
    latents: bool = False
    metadata: bool = True
    overwrite: bool = False

    def beside(self, path: Path) -> list[Path]:
        """What is written beside a picture."""
        return [path.with_suffix(".latent.safetensors")] if self.latents else []


def sample_pictures(job: SampleJob) -> Iterator[str]:
    """Run a job; a line for each file.

    Everything that can be wrong with the arguments is found before a model is loaded.

    Raises:
        StoppedError: Ctrl-C; what was drawn before is there. PromptbrushError: in one line.
    """
    paths = _planned(job)
    with enough_memory():
        own = load_sampling(job.models, job.prior, job.groups)
        sampler = Sampler(own, job.settings, job.like)
        named = f", prior {readable(job.prior)}" if job.prior else ""
        yield f"models: {job.models.pack} pack on {own.models.device}{own_models(job.models)}{named}"
        for note in sampler.notes:
            yield f"note: {note}"
        prepare_folder(paths[0].parent)
        yield from _drawn(sampler, job, paths)


def _drawn(sampler: Sampler, job: SampleJob, paths: list[Path]) -> Iterator[str]:
    shown: list[Tensor] = []
    done = 0
    try:
        for path, result in zip(paths, sampler.draw(job.count), strict=True):
            yield from _saved(result, path, job)
            if job.sheet and len(shown) < _SHEET:
                shown.append(result.image)
            done += 1
    except KeyboardInterrupt as error:
        if not done:
            raise
        raise StoppedError(f"stopped: {done} of {job.count} pictures are in {paths[0].parent}") from error
    if job.sheet:
        yield _sheet(shown, paths[0])


def _planned(job: SampleJob) -> list[Path]:
    """Where each picture goes; everything that is read is looked at first."""
    check_count(job.count, job.settings)
    if names_a_file(job.settings.prompt):
        raise UsageError(f"'{job.settings.prompt}' is a picture; give it as --like, or as a prompt '@file'")
    prompts = prompts_of(job.settings, job.like)
    pictures = [Path(each.text) for each in prompts if each.is_image]
    for path in pictures:
        read_picture(path)
    if job.settings.strength < 1 and not job.like:
        raise UsageError(
            f"strength is {job.settings.strength:g}, which tells how far to go from a picture; give one with --like"
        )
    inputs = [*pictures, prior_path(job.models, job.prior)]
    name = _named(job.settings.prompt) if job.settings.prompt.strip() else (job.like or Path("sample")).stem
    (row,) = plan([name], job.count, job.output, "sample", Care(inputs, job.overwrite, job.beside))
    return row


def _named(prompt: str) -> str:
    """A file's name of a prompt."""
    return "-".join(re.findall(r"\w+", prompt.lower()))[:_NAME].strip("-") or "picture"


def _saved(result: SampleResult, path: Path, job: SampleJob) -> Iterator[str]:
    result.save(path, job.metadata)
    yield f"{readable(path)}: seed {result.seed}, CLIP {result.score:.3f}"
    if job.latents:
        latent = path.with_suffix(".latent.safetensors")
        save_latent(latent, result.latent)
        yield readable(latent)


def _sheet(images: list[Tensor], first: Path) -> str:
    """All pictures side by side, beside the first one."""
    import torch

    blank = torch.ones_like(images[0])
    width = min(_COLUMNS, len(images))
    filled = [*images, *[blank] * (-len(images) % width)]
    rows = [torch.cat(filled[at : at + width], dim=3) for at in range(0, len(filled), width)]
    path = first.with_name(f"{re.sub(r'-0*1$', '', first.stem)}-sheet.png")
    write_picture(torch.cat(rows, dim=2), path)
    return readable(path)


def resample(recipe: SampleRecipe, output: Path, device: str | None) -> Iterator[str]:
    """Draw a recipe's picture again.

    Raises:
        InputFileError: a file of it that changed.
    """
    own = models_of(recipe, device)
    like = Path(recipe.like) if recipe.like else None
    yield f"models: {recipe.models.pack} pack on {device or recipe.device}"
    sampler = Sampler(own, recipe.settings, like)
    (result,) = sampler.draw(recipe.count, [recipe.index])
    prepare_folder(output.parent)
    result.save(output)
    yield readable(output)
