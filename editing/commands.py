"""What the commands do: several subjects and results in turn, files named and saved, one line for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from .._base import InputFileError, UsageError
from ..generators.packs.pack import load_pack
from ..guidance.prompts import encode_prompts, load_templates, parse_prompts
from .consumers import Progress
from .doctor import resolve_device, resolve_precision
from .editor import Result, Subject, choice_of, open_picture, open_subject, run_edit
from .editor import rerun as run_again
from .latents import save_latent
from .metadata import read_recipe
from .models import LoadedModels, ModelChoice, load_models, load_perceptors
from .outputs import Extras, consumers_for, plan, save
from .pictures import read_picture, write_png
from .recipe import EditSettings, Recipe


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


def edit_pictures(job: EditJob) -> Iterator[str]:
    """Run a job; a line for every result.

    Everything that can be wrong with the arguments is found before a model is loaded.

    Raises:
        KeyboardInterrupt: after the best so far was saved. PromptbrushError: in one line.
    """
    names = _names(job)
    paths = plan(names, job.count, job.output, overwrite=job.overwrite)
    pictures = [read_picture(path) for path in job.pictures]
    del pictures
    models = load_models(job.models)
    yield f"models: {models.names.pack} pack on {models.device}{_own_models(job.models)}"
    for index, row in enumerate(paths):
        picture = job.pictures[index] if job.pictures else None
        subject = open_subject(models, picture, job.latent, job.mask)
        yield from _variations(models, subject, job, row)


def _names(job: EditJob) -> list[str]:
    if len(job.pictures) > 1 and (job.mask or job.latent):
        raise UsageError("a mask or a latent belongs to one picture; give one picture with it")
    if job.pictures:
        return [path.stem for path in job.pictures]
    if job.latent is None:
        raise UsageError(
            f"there is no picture before the prompt '{job.settings.prompt[:40]}'; give PICTURE and PROMPT"
        )
    return [job.latent.stem]


def _own_models(choice: ModelChoice) -> str:
    own = [spec for spec in (choice.generator, choice.clip, choice.encoder, choice.face_encoder) if spec]
    return f", with {', '.join(own)}" if own else ""


def _variations(models: LoadedModels, subject: Subject, job: EditJob, paths: Sequence[Path]) -> Iterator[str]:
    for index, path in enumerate(paths):
        settings = job.settings.model_copy(update={"seed": job.settings.seed + index})
        consumers = [Progress(path.name), *consumers_for(path, job.extras)]
        result = run_edit(models, subject, settings, consumers)
        written = save(result, path, job.extras, job.metadata)
        yield from _lines(result, written)
        if result.interrupted:
            raise KeyboardInterrupt


def _lines(result: Result, written: Sequence[Path]) -> Iterator[str]:
    for note in result.notes:
        yield f"note: {note}"
    for path in written:
        yield f"{path}" + (" (stopped early: the best so far)" if result.interrupted else "")


def rerun_picture(made: Path, picture: Path | None, output: Path | None, overwrite: bool) -> Iterator[str]:
    """Make a result again.

    Raises:
        InputFileError: no recipe in the file, or a file of it that changed.
    """
    recipe = Recipe.from_toml(read_recipe(made), str(made))
    ((path,),) = plan([made.stem], 1, output, "rerun", overwrite)
    result = run_again(recipe, picture, [Progress(path.name)])
    yield f"models: {choice_of(recipe).pack} pack on {recipe.device}"
    yield from _lines(result, save(result, path, Extras()))


def invert_pictures(
    pictures: Sequence[Path], choice: ModelChoice, output: Path | None, overwrite: bool
) -> Iterator[str]:
    """Write the latent of each picture, and what the generator draws of it.

    Raises:
        InputFileError: a picture that cannot be read, or files that cannot be written.
    """
    paths = plan([path.stem for path in pictures], 1, output, "invert", overwrite)
    for path in (row[0].with_suffix(".safetensors") for row in paths):
        if path.exists() and output is not None and not overwrite:
            raise InputFileError(f"{path}: is there already; choose another name or --overwrite")
    models = load_models(choice)
    for file, (path,) in zip(pictures, paths, strict=True):
        subject = open_picture(models, read_picture(file))
        with torch.no_grad():
            drawn = models.generator.decode(subject.w)
        write_png(drawn.cpu(), path)
        save_latent(path.with_suffix(".safetensors"), subject.w)
        error = float((drawn - subject.square).abs().mean()) if subject.square is not None else 0.0
        yield f"{path.with_suffix('.safetensors')}: mean difference of the drawn picture {path.name} {error:.3f}"


def score_picture(picture: Path, texts: Sequence[str], templates: str, choice: ModelChoice) -> Iterator[str]:
    """A line for each text: cosine, share, text; the best first.

    Raises:
        UsageError: a text that cannot be read.
    """
    prompts = [prompt for text in texts for prompt in parse_prompts(text)]
    read, sentences = read_picture(picture), load_templates(templates)
    device = resolve_device(choice.device)
    perceptor = load_perceptors(
        choice, load_pack(choice.pack), device, resolve_precision(choice.precision, device)
    )
    cosines, shares = torch.zeros(len(prompts)), torch.zeros(len(prompts))
    with torch.no_grad():
        for member, weight in perceptor.members:
            found = encode_prompts(
                member, prompts, sentences, load_image=lambda path: read_picture(path).image
            )
            cosine = (member.encode_image(read.image) @ found.features.T)[0].cpu()
            cosines += weight * cosine
            shares += weight * (member.logit_scale * cosine).softmax(dim=0)
    for index in cosines.argsort(descending=True).tolist():
        yield f"{cosines[index]:.4f}  {shares[index]:6.1%}  {prompts[index].text}"
