"""What is edited: a picture with its latent and its mask, or a latent alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..._base import InputFileError, MissingError, UsageError
from ..drawing import drawn
from ..drivers import Latent
from ..edit import Source
from ..framing import Placement, letterbox
from ..inversion import Inversion, InversionSettings, invert
from ..latents import load_latent, load_tuned, save_latent
from ..models import Models
from ..pictures import Picture, read_mask
from .embedded_latent import embedded_latent
from .settings import Fidelity, resolved_fidelity
from .tuning import tune, tuned_generator

# Mean difference in [0,1] below which a picture is as good as drawn: of one that the generator made itself.
_ALREADY_DRAWN = 0.003


@dataclass(frozen=True)
class Subject:
    """What is edited.

    Attributes:
        w: W (1,w_dim), W+ (1,num_ws,w_dim), or S: the styles by name, (1,C) each.
        picture: as it was read; None if there is only a latent.
        placement: where it lies in the generator's square.
        square: (1,3,R,R), the picture in that square; None without a picture.
        mask: (1,1,H,W) in [0,1], where the picture may change.
        tuned: what is added to the generator's weights so that it draws the picture; None if nothing is.
        models: whose generator has these weights; None where nothing was tuned.
        files: role -> path of the files it came from: picture, latent, mask.
    """

    w: Latent
    picture: Picture | None = None
    placement: Placement | None = None
    square: Tensor | None = None
    mask: Tensor | None = None
    tuned: Mapping[str, Tensor] | None = None
    models: Models | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


def open_subject(models: Models, source: Source, settings: Any) -> Subject:
    """What is edited: a picture, a latent, or a picture with its latent.

    Args:
        settings: with `mask` and `from_latent`, paths or None, and `fidelity`.

    Raises:
        UsageError: neither, or a mask without a picture. InputFileError: as the readers do.
    """
    mask, latent = getattr(settings, "mask", None), getattr(settings, "from_latent", None)
    if source.picture is not None:
        fidelity = resolved_fidelity(getattr(settings, "fidelity", "refined"), models.generator)
        return open_picture(models, source.picture, mask, latent, fidelity)
    if latent is None:
        raise UsageError("there is nothing to edit; give a picture, or a latent with --from-latent")
    if mask is not None:
        raise UsageError(f"{mask}: a mask needs a picture; give one, or leave the mask out")
    return open_latent(models, latent)


def check_start(settings: Any, source: Source) -> None:  # noqa: ARG001
    """Whether an edit can start from the latent of its settings.

    Raises:
        UsageError: styles for another space than s. InputFileError: it cannot be read.
    """
    if settings.from_latent is not None:
        check_space(settings.from_latent, load_latent(settings.from_latent), settings.space)


def write_latents(result: Any, path: Path) -> None:
    """The latent of a result, and of the picture as it was."""
    start = path.with_name(f"{path.name.removesuffix('.latent.safetensors')}.start.safetensors")
    for place, latent in ((path, result.latent), (start, result.start)):
        save_latent(place, latent, tuned=result.output.tuned)


def on_device(latent: Latent, device: torch.device) -> Latent:
    """The latent there."""
    if isinstance(latent, Tensor):
        return latent.to(device)
    return {name: style.to(device) for name, style in latent.items()}


def open_picture(
    models: Models,
    picture: Picture,
    mask: str | Path | None = None,
    latent: str | Path | None = None,
    fidelity: Fidelity = "refined",
) -> Subject:
    """Find the latent of a picture, unless a file has it, or the picture, drawn by this generator, carries it.

    Args:
        fidelity: "encoder", "refined" or "tuned".

    Raises:
        UsageError: a generator that cannot be tuned.
        InputFileError: a mask that cannot be read, or of another size; a latent of another generator.
    """
    subject = _found(models, picture, mask, latent, fidelity)
    return _tuned(models, subject) if fidelity == "tuned" and subject.tuned is None else subject


def _found(
    models: Models,
    picture: Picture,
    mask: str | Path | None,
    latent: str | Path | None,
    fidelity: Fidelity,
) -> Subject:
    files = {"picture": picture.path} if picture.path else {}
    area = None
    if mask is not None:
        files["mask"], area = Path(mask), read_mask(mask, picture)
    if latent is not None:
        found = open_latent(models, latent)
        square, placement = letterbox(picture.image, models.generator.resolution)
        square = square.to(models.device)
        files = {**files, **found.files}
        return Subject(found.w, picture, placement, square, area, found.tuned, found.models, files)
    embedded = embedded_latent(models, picture)
    if embedded is not None:
        square, placement = letterbox(picture.image, models.generator.resolution)
        return Subject(embedded, picture, placement, square.to(models.device), area, files=files)
    inversion = inverted(models, picture.image, fidelity)
    return Subject(inversion.latent, picture, inversion.placement, inversion.target, area, files=files)


def inverted(models: Models, image: Tensor, fidelity: Fidelity = "refined") -> Inversion:
    """The latents of pictures (B,3,H,W) in [0,1], by all that the models have to find them; see `invert`.

    Args:
        fidelity: "encoder" leaves out the steps after its guess.

    Raises:
        MissingError: the encoder alone was asked for, and there is none.
    """
    if fidelity == "encoder" and models.encoder is None:
        raise MissingError("--fidelity encoder needs this generator's encoder: give --encoder")
    settings = InversionSettings(steps=0) if fidelity == "encoder" else None
    return invert(models.generator, models.encoder, image, settings, content=models.content)


def _tuned(models: Models, subject: Subject) -> Subject:
    """The subject with a generator that was tuned to its picture, unless its own draws it already."""
    if subject.square is None or not isinstance(subject.w, Tensor):
        return subject
    if float((drawn(models, subject.w) - subject.square).abs().mean()) < _ALREADY_DRAWN:
        return subject
    latent = models.generator.latent_space.start(subject.w, "w+")
    weights = tune(models.generator, latent, subject.square)
    return _with_weights(models, subject, weights)


def _with_weights(models: Models, subject: Subject, weights: Mapping[str, Tensor]) -> Subject:
    generator = tuned_generator(models.generator, weights)
    return replace(subject, tuned=weights, models=models.drawing_with(generator))


def open_latent(models: Models, path: str | Path) -> Subject:
    """A latent from a file, without a picture.

    Raises:
        InputFileError: not a W, W+ or S latent of this generator, or with tuned weights of another one.
    """
    latent, weights = load_latent(path), load_tuned(path)
    try:
        models.generator.latent_space.check(latent)
        subject = Subject(on_device(latent, models.device), files={"latent": Path(path)})
        return _with_weights(models, subject, weights) if weights else subject
    except ValueError as error:
        raise InputFileError(f"{path}: {error}") from error


def check_space(path: str | Path, latent: Latent, space: str) -> None:
    """Whether an edit in a space can start from this latent.

    Raises:
        UsageError: styles for another space than s.
    """
    if not isinstance(latent, Tensor) and space != "s":
        raise UsageError(
            f"{path}: holds {len(latent)} named tensors, as latents in S do; give --space s, or a W or W+ latent"
        )
