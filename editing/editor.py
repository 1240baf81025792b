"""Editing a picture by text, from the file to the finished picture: read, invert, optimise, paste back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .._base import PromptbrushError, UsageError
from ..guidance.prompts import Prompt
from . import metadata as meta
from .consumers import Consumer, Watcher, watch
from .drivers import Latent, chosen
from .edit import Step
from .framing import letterbox, paste_back
from .models import LoadedModels, ModelChoice, load_models
from .named import check_models, check_unchanged, made_with, named_files, read_files
from .optimise import between, draw, latent_edit, origin_of, prompts_of
from .paste import paste_changed
from .pictures import Picture, read_picture, write_picture
from .recipe import EditSettings, Recipe, edit_settings
from .subjects import Subject, open_picture, open_subject


@dataclass(frozen=True)
class Result:
    """An edited picture.

    Attributes:
        image: (1,3,H,W) in [0,1]. before: what was edited, of the same size.
        latent: of the edited picture; start: of the picture as it was.
        steps: the losses of every step, by name.
        recipe: makes the same picture again.
        alpha: (1,1,H,W), the picture's own transparency.
        interrupted: stopped early; the best so far.
        failure: of a consumer, such as a film whose disk is full; the picture is whole all the same.
        notes: remarks for the user.
    """

    image: Tensor
    before: Tensor
    latent: Latent
    start: Latent
    steps: tuple[dict[str, float], ...]
    recipe: Recipe
    alpha: Tensor | None = None
    interrupted: bool = False
    failure: PromptbrushError | None = None
    notes: tuple[str, ...] = ()

    def save(self, path: str | Path, metadata: bool = True) -> None:
        """Write the picture as .png, .jpg or .webp, with its recipe inside.

        Raises:
            UsageError, InputFileError: as `write_picture`.
        """
        write_picture(self.image, path, meta.embed(self.recipe.to_toml()) if metadata else None, self.alpha)


# Below this side nobody could tell what a picture shows.
_SMALL = 16


class Best(Watcher):
    """Keeps each sample's latent of the step with its lowest loss, and the mean losses of every step."""

    def __init__(self) -> None:
        self.latent: Latent | None = None
        self.losses: list[dict[str, float]] = []

    def see(self, step: Any) -> None:
        """Keep the samples that were never better."""
        losses = {name: float(value.mean()) for name, value in step.losses.items()}
        better = step.best == step.index
        latent = step.latent if self.latent is None else chosen(better, step.latent, self.latent)
        # Side by side, so that Ctrl-C hardly ever comes between: the recipe counts the losses.
        self.latent = latent
        self.losses.append(losses)


def run_edit(
    models: LoadedModels,
    subject: Subject,
    settings: EditSettings,
    consumers: Sequence[Consumer] = (),
    stop_after: int | None = None,
) -> Result:
    """Edit one subject. Ctrl-C ends it early with the best so far.

    Args:
        stop_after: end after this many steps, as Ctrl-C once did; the schedule still spans the settings' steps.

    Raises:
        KeyboardInterrupt: before the first step.
        UsageError, InputFileError, MissingError: prompts, settings or files that do not fit.
    """
    recipe = _recipe(models, subject, settings)
    origin = origin_of(models, subject.w, settings)
    edit = latent_edit(models, origin, settings, _background(subject))
    best = Best()
    wanted = min(stop_after or settings.steps, settings.steps)
    interrupted, failure = _watched(edit.run(), wanted, best, consumers)
    if best.latent is None:
        raise KeyboardInterrupt
    latent = between(origin.latent, best.latent, settings.strength)
    start, square = draw(models, origin.latent), draw(models, latent)
    return Result(
        image=_finished(subject, start, square, settings).cpu(),
        before=_before(subject, start, settings).cpu(),
        latent=latent,
        start=origin.latent,
        steps=tuple(best.losses),
        recipe=_stopped(recipe, len(best.losses)),
        alpha=subject.picture.alpha if subject.picture and settings.paste != "square" else None,
        interrupted=interrupted,
        failure=failure,
        notes=_notes(edit.objective, subject, settings),
    )


def _watched(
    steps: Iterator[Step], wanted: int, best: Best, consumers: Sequence[Consumer]
) -> tuple[bool, PromptbrushError | None]:
    """Run the steps wanted; whether Ctrl-C ended them, and the failure of a consumer that outlived them."""
    try:
        watch(islice(steps, wanted), [best, *consumers])
    except KeyboardInterrupt:
        return True, None
    except PromptbrushError as error:
        # `watch` goes on to the last step without a consumer that failed; what failed earlier is the edit's.
        if len(best.losses) < wanted:
            raise
        return False, error
    return False, None


def _background(subject: Subject) -> tuple[Tensor, Tensor] | None:
    if subject.mask is None or subject.square is None:
        return None
    mask, _ = letterbox(subject.mask, subject.square.shape[-1])
    return subject.square, mask.to(subject.square)


def _finished(subject: Subject, start: Tensor, square: Tensor, settings: EditSettings) -> Tensor:
    if subject.picture is None or subject.placement is None:
        return square
    if settings.paste == "square":
        return _behind_mask(square, _background(subject))
    original, square = subject.picture.image, square.cpu()
    if settings.paste == "all":
        return paste_back(original, square, subject.placement, subject.mask)
    return paste_changed(original, start.cpu(), square, subject.placement, subject.mask)


def _behind_mask(square: Tensor, background: tuple[Tensor, Tensor] | None) -> Tensor:
    """The edited square where the mask allows it; the picture's own pixels elsewhere, bit for bit."""
    if background is None:
        return square
    own, mask = background
    return torch.where(mask > 0, torch.lerp(own, square, mask), own)


def _before(subject: Subject, start: Tensor, settings: EditSettings) -> Tensor:
    if subject.picture is None or subject.square is None:
        return start
    return subject.square if settings.paste == "square" else subject.picture.image


def _notes(objective: Any, subject: Subject, settings: EditSettings) -> tuple[str, ...]:
    cut = [text for module in objective.modules() for text in getattr(module, "truncated", ())]
    own = () if subject.picture is None else (*subject.picture.notes, *_size_note(subject.picture))
    return (*own, *text_notes(prompts_of(settings), cut))


def _size_note(picture: Picture) -> tuple[str, ...]:
    height, width = picture.image.shape[-2:]
    small = max(height, width) < _SMALL
    return (f"{width}x{height} pixels show little; give a larger picture",) if small else ()


def text_notes(prompts: Sequence[Prompt], cut: Sequence[str]) -> tuple[str, ...]:
    """Remarks on prompts that CLIP reads badly; `cut` are those that were too long for it."""
    long = (f"'{_start(text)}' is longer than CLIP reads; its end is lost" for text in dict.fromkeys(cut))
    strange = (
        f"'{_start(prompt.text)}' has no Latin letters; CLIP models for English see little in it"
        for prompt in prompts
        if not prompt.is_image and not re.search("[A-Za-z]", prompt.text)
    )
    return (*long, *strange)


def _start(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else f"{text[:40]}..."


def _recipe(models: LoadedModels, subject: Subject, settings: EditSettings) -> Recipe:
    fields = made_with(settings, models.device, models.precision)
    return Recipe(models=models.names, **fields, **read_files(subject.files))


def _stopped(recipe: Recipe, seen: int) -> Recipe:
    """The recipe of what was made of the steps seen, which Ctrl-C may have ended early."""
    early = seen < recipe.settings.steps
    return recipe.model_copy(update={"stopped_after": seen}) if early else recipe


def choice_of(recipe: Recipe) -> ModelChoice:
    """The models of a recipe."""
    names = recipe.models
    return ModelChoice(
        pack=names.pack,
        generator=names.generator,
        clip=names.clip,
        encoder=names.encoder,
        face_encoder=names.face_encoder,
        device=recipe.device,
        precision=recipe.precision,
        clip_input=recipe.settings.clip_input,
    )


def rerun(
    recipe: Recipe,
    picture: str | Path | None = None,
    consumers: Sequence[Consumer] = (),
    device: str | None = None,
) -> Result:
    """Make a recipe's picture again.

    Args:
        picture: where the picture lies now, if it was moved.
        device: another than the recipe's, which may change the last digits.

    Raises:
        InputFileError: a file that is gone, or is not the recipe's any more.
        MissingError, UsageError: as for `edit`.
    """
    choice = choice_of(recipe)
    if device is not None and device != recipe.device:
        choice = replace(choice, device=device, precision="auto")
    models = load_models(choice)
    check_models(recipe, models.names.hashes)
    subject = _subject_of(models, recipe, picture)
    return run_edit(models, subject, recipe.settings, consumers, recipe.stopped_after)


def _subject_of(models: LoadedModels, recipe: Recipe, picture: str | Path | None) -> Subject:
    path = picture or recipe.picture
    if path is None and recipe.latent is None:
        raise UsageError("the recipe names no picture, for it came from a program; give it with --picture")
    own = [
        ("picture", None if path is None else str(path), recipe.picture_sha256),
        ("latent", recipe.latent, recipe.latent_sha256),
        ("mask", recipe.mask, recipe.mask_sha256),
    ]
    check_unchanged([*own, *named_files(recipe, recipe.settings.templates)])
    return open_subject(models, path, recipe.latent, recipe.mask)


def edit(
    picture: str | Path | Tensor,
    prompt: str,
    *,
    preset: str = "default",
    mask: str | Path | None = None,
    models: LoadedModels | None = None,
    pack: str = "mini",
    generator: str | None = None,
    clip: str | None = None,
    encoder: str | None = None,
    face_encoder: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    **settings: Any,
) -> Result:
    """Edit a face picture by text: `promptbrush.edit("face.png", "a woman with pink hair").save("out.png")`.

    Args:
        picture: a file, or (1,3,H,W) in [0,1].
        prompt: what the result should show, in the notation of `parse_prompts`.
        preset: "default" or "paper".
        mask: a picture of the same size, white where it may change.
        models: loaded once with `load_models`, for many pictures; then the arguments after it do not count.
        pack, generator, clip, encoder, face_encoder, device, precision: see `ModelChoice`.
        settings: fields of `EditSettings`.

    Raises:
        UsageError, InputFileError, MissingError: in one line that says what to do.
    """
    wanted = edit_settings(prompt, preset, **settings)
    read = Picture(None, _checked(picture)) if isinstance(picture, Tensor) else read_picture(picture)
    choice = ModelChoice(pack, generator, clip, encoder, face_encoder, device, precision, wanted.clip_input)
    loaded = models or load_models(choice)
    return run_edit(loaded, open_picture(loaded, read, mask), wanted)


def _checked(picture: Tensor) -> Tensor:
    image = picture.detach().float().cpu()
    image = image[None] if image.ndim == 3 else image
    if image.shape[:2] != (1, 3) or image.ndim != 4 or not image.numel():
        raise UsageError(f"one picture (1,3,H,W) can be edited at a time, not {tuple(picture.shape)}")
    if not bool(((image >= 0) & (image <= 1)).all()):
        low, high = float(image.min()), float(image.max())
        raise UsageError(f"the picture's values are {low:g} to {high:g}; bring them into 0 to 1")
    return image
