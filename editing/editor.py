"""Editing a picture by text, from the file to the finished picture: read, invert, optimise, paste back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import __version__
from .._base import InputFileError, UsageError
from . import metadata as meta
from .consumers import Consumer, Watcher, watch
from .drivers import Latent
from .framing import Placement, letterbox, paste_back
from .inversion import invert
from .latents import load_latent
from .models import LoadedModels, ModelChoice, load_models, sha256
from .optimise import Origin, between, decoder, latent_edit, origin_of
from .paste import paste_changed
from .pictures import Picture, read_picture, write_picture
from .recipe import EditSettings, Recipe, edit_settings


@dataclass(frozen=True)
class Subject:
    """What is edited.

    Attributes:
        w: W (1,w_dim) or W+ (1,num_ws,w_dim).
        picture: as it was read; None if there is only a latent.
        placement: where it lies in the generator's square.
        square: (1,3,R,R), the picture in that square; None without a picture.
        mask: (1,1,H,W) in [0,1], where the picture may change.
        files: role -> path of the files it came from: picture, latent, mask.
    """

    w: Tensor
    picture: Picture | None = None
    placement: Placement | None = None
    square: Tensor | None = None
    mask: Tensor | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


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
    notes: tuple[str, ...] = ()

    def save(self, path: str | Path, metadata: bool = True) -> None:
        """Write the picture as .png, .jpg or .webp, with its recipe inside.

        Raises:
            UsageError, InputFileError: as `write_picture`.
        """
        write_picture(self.image, path, meta.embed(self.recipe.to_toml()) if metadata else None, self.alpha)


class Best(Watcher):
    """Keeps each sample's latent of the step with its lowest loss, and the mean losses of every step."""

    def __init__(self) -> None:
        self.latent: Latent | None = None
        self.losses: list[dict[str, float]] = []

    def see(self, step: Any) -> None:
        """Keep the samples that were never better."""
        self.losses.append({name: float(value.mean()) for name, value in step.losses.items()})
        better = step.best == step.index
        self.latent = step.latent if self.latent is None else _chosen(better, step.latent, self.latent)


def _chosen(which: Tensor, new: Latent, old: Latent) -> Latent:
    """Rows of two latents: the new one's where `which` (B,) says so."""
    if isinstance(new, Tensor) and isinstance(old, Tensor):
        return torch.where(which.view(-1, *[1] * (new.ndim - 1)), new, old)
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        return {name: torch.where(which[:, None], new[name], old[name]) for name in new}
    raise TypeError("both latents must be tensors, or both styles")


def open_picture(models: LoadedModels, picture: Picture, mask: str | Path | None = None) -> Subject:
    """Find the latent of a picture.

    Raises:
        InputFileError: a mask that cannot be read, or of another size.
    """
    found = invert(models.generator, models.encoder, picture.image)
    files = {"picture": picture.path} if picture.path else {}
    subject = Subject(found.latent, picture, found.placement, found.target, None, files)
    return subject if mask is None else _masked(subject, Path(mask))


def open_latent(models: LoadedModels, path: str | Path, subject: Subject | None = None) -> Subject:
    """A latent from a file, alone or in place of a picture's own.

    Raises:
        InputFileError: not a W or W+ latent of this generator.
    """
    latent = load_latent(path)
    generator = models.generator
    wanted = ((generator.w_dim,), (generator.num_ws, generator.w_dim))
    if not isinstance(latent, Tensor) or latent.shape[0] != 1 or tuple(latent.shape[1:]) not in wanted:
        found = tuple(latent.shape) if isinstance(latent, Tensor) else f"{len(latent)} named tensors"
        raise InputFileError(
            f"{path}: holds {found}; this generator takes one W {(1, *wanted[0])} or W+ {(1, *wanted[1])}"
        )
    base = subject or Subject(latent, files={})
    return replace(base, w=latent.to(models.device), files={**base.files, "latent": Path(path)})


def _masked(subject: Subject, path: Path) -> Subject:
    read = read_picture(path)
    if subject.picture is None or read.image.shape[-2:] != subject.picture.image.shape[-2:]:
        found = "x".join(str(side) for side in reversed(read.image.shape[-2:]))
        raise InputFileError(
            f"{path}: the mask is {found}; give one of the picture's size, white where it may change"
        )
    mask = read.image.mean(dim=1, keepdim=True)
    return replace(subject, mask=mask, files={**subject.files, "mask": path})


def run_edit(
    models: LoadedModels, subject: Subject, settings: EditSettings, consumers: Sequence[Consumer] = ()
) -> Result:
    """Edit one subject. Ctrl-C ends it early with the best so far.

    Raises:
        KeyboardInterrupt: before the first step.
        UsageError, InputFileError, MissingError: prompts, settings or files that do not fit.
    """
    origin = origin_of(models, subject.w, settings)
    edit = latent_edit(models, origin, settings, _background(subject))
    best, interrupted = Best(), False
    try:
        watch(edit.run(), [best, *consumers])
    except KeyboardInterrupt:
        interrupted = True
    if best.latent is None:
        raise KeyboardInterrupt
    latent = between(origin.latent, best.latent, settings.strength)
    with torch.no_grad():
        square = decoder(models)(latent)
    return Result(
        image=_finished(subject, origin, square, settings).cpu(),
        before=(origin.image if subject.picture is None else subject.picture.image).cpu(),
        latent=latent,
        start=origin.latent,
        steps=tuple(best.losses),
        recipe=_recipe(models, subject, settings),
        alpha=subject.picture.alpha if subject.picture and settings.paste != "square" else None,
        interrupted=interrupted,
        notes=_notes(edit.objective, subject),
    )


def _background(subject: Subject) -> tuple[Tensor, Tensor] | None:
    if subject.mask is None or subject.square is None:
        return None
    mask, _ = letterbox(subject.mask, subject.square.shape[-1])
    return subject.square, mask.to(subject.square)


def _finished(subject: Subject, origin: Origin, square: Tensor, settings: EditSettings) -> Tensor:
    if subject.picture is None or subject.placement is None or settings.paste == "square":
        return square
    original, square = subject.picture.image, square.cpu()
    if settings.paste == "all":
        return paste_back(original, square, subject.placement, subject.mask)
    return paste_changed(original, origin.image.cpu(), square, subject.placement, subject.mask)


def _notes(objective: Any, subject: Subject) -> tuple[str, ...]:
    texts = [text for module in objective.modules() for text in getattr(module, "truncated", ())]
    cut = tuple(
        f"'{text[:40]}...' is longer than CLIP reads; its end is lost" for text in dict.fromkeys(texts)
    )
    return (*(subject.picture.notes if subject.picture else ()), *cut)


def _recipe(models: LoadedModels, subject: Subject, settings: EditSettings) -> Recipe:
    files: dict[str, Any] = {}
    for role, path in subject.files.items():
        files |= {role: str(path.resolve()), f"{role}_sha256": sha256(path)}
    return Recipe(
        promptbrush=__version__,
        torch=torch.__version__,
        device=str(models.device),
        precision=str(models.precision).removeprefix("torch."),
        models=models.names,
        settings=settings,
        **files,
    )


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


def rerun(recipe: Recipe, picture: str | Path | None = None, consumers: Sequence[Consumer] = ()) -> Result:
    """Make a recipe's picture again.

    Args:
        picture: where the picture lies now, if it was moved.

    Raises:
        InputFileError: a file that is gone, or is not the recipe's any more.
        MissingError, UsageError: as for `edit`.
    """
    models = load_models(choice_of(recipe))
    for role, digest in recipe.models.hashes.items():
        if models.names.hashes.get(role) != digest:
            raise InputFileError(
                f"the {role} is not the one of the recipe (its SHA-256 begins with {models.names.hashes.get(role)}, "
                f"there {digest}); install promptbrush {recipe.promptbrush} or give the same file"
            )
    subject = _subject_of(models, recipe, picture)
    return run_edit(models, subject, recipe.settings, consumers)


def _subject_of(models: LoadedModels, recipe: Recipe, picture: str | Path | None) -> Subject:
    path = picture or recipe.picture
    for name, file, digest in (
        ("picture", path, recipe.picture_sha256),
        ("latent", recipe.latent, recipe.latent_sha256),
        ("mask", recipe.mask, recipe.mask_sha256),
    ):
        if file and digest and Path(file).is_file() and sha256(Path(file)) != digest:
            raise InputFileError(f"{file}: this is not the {name} of the recipe any more; give the same file")
    return open_subject(models, path, recipe.latent, recipe.mask)


def open_subject(
    models: LoadedModels,
    picture: str | Path | None = None,
    latent: str | Path | None = None,
    mask: str | Path | None = None,
) -> Subject:
    """What is edited, from files: a picture, a latent, or a picture with its latent.

    Raises:
        UsageError: neither, or a mask without a picture. InputFileError: as the readers do.
    """
    if picture is None:
        if latent is None:
            raise UsageError("there is nothing to edit; give a picture, or a latent with --from-latent")
        if mask is not None:
            raise UsageError("a mask needs a picture; give one, or leave the mask out")
        return open_latent(models, latent)
    subject = open_picture(models, read_picture(picture), mask)
    return subject if latent is None else open_latent(models, latent, subject)


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
        pack, generator, clip, device, precision: see `ModelChoice`.
        settings: fields of `EditSettings`.

    Raises:
        UsageError, InputFileError, MissingError: in one line that says what to do.
    """
    chosen = edit_settings(prompt, preset, **settings)
    loaded = models or load_models(
        ModelChoice(pack, generator, clip, device=device, precision=precision, clip_input=chosen.clip_input)
    )
    if isinstance(picture, Tensor):
        subject = open_picture(loaded, Picture(None, picture.float().cpu()), mask)
    else:
        subject = open_subject(loaded, picture, mask=mask)
    return run_edit(loaded, subject, chosen)
