"""What is edited: a picture with its latent and its mask, or a latent alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..._base import InputFileError, UsageError
from ..drivers import Latent
from ..edit import Source
from ..framing import Placement, letterbox
from ..inversion import Inversion, invert
from ..latents import load_latent, save_latent
from ..models import Models
from ..pictures import Picture, read_mask
from .embedded_latent import embedded_latent


@dataclass(frozen=True)
class Subject:
    """What is edited.

    Attributes:
        w: W (1,w_dim), W+ (1,num_ws,w_dim), or S: the styles by name, (1,C) each.
        picture: as it was read; None if there is only a latent.
        placement: where it lies in the generator's square.
        square: (1,3,R,R), the picture in that square; None without a picture.
        mask: (1,1,H,W) in [0,1], where the picture may change.
        files: role -> path of the files it came from: picture, latent, mask.
    """

    w: Latent
    picture: Picture | None = None
    placement: Placement | None = None
    square: Tensor | None = None
    mask: Tensor | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


def open_subject(models: Models, source: Source, settings: Any) -> Subject:
    """What is edited: a picture, a latent, or a picture with its latent.

    Args:
        settings: with `mask` and `from_latent`, paths or None.

    Raises:
        UsageError: neither, or a mask without a picture. InputFileError: as the readers do.
    """
    mask, latent = getattr(settings, "mask", None), getattr(settings, "from_latent", None)
    if source.picture is not None:
        return open_picture(models, source.picture, mask, latent)
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
    save_latent(path, result.latent)
    save_latent(
        path.with_name(f"{path.name.removesuffix('.latent.safetensors')}.start.safetensors"), result.start
    )


def on_device(latent: Latent, device: torch.device) -> Latent:
    """The latent there."""
    if isinstance(latent, Tensor):
        return latent.to(device)
    return {name: style.to(device) for name, style in latent.items()}


def open_picture(
    models: Models, picture: Picture, mask: str | Path | None = None, latent: str | Path | None = None
) -> Subject:
    """Find the latent of a picture, unless a file has it, or the picture, drawn by this generator, carries it.

    Raises:
        InputFileError: a mask that cannot be read, or of another size; a latent of another generator.
    """
    files = {"picture": picture.path} if picture.path else {}
    area = None
    if mask is not None:
        files["mask"], area = Path(mask), read_mask(mask, picture)
    if latent is not None:
        found = open_latent(models, latent)
        square, placement = letterbox(picture.image, models.generator.resolution)
        square = square.to(models.device)
        return Subject(found.w, picture, placement, square, area, {**files, **found.files})
    embedded = embedded_latent(models, picture)
    if embedded is not None:
        square, placement = letterbox(picture.image, models.generator.resolution)
        return Subject(embedded, picture, placement, square.to(models.device), area, files)
    inversion = inverted(models, picture.image)
    return Subject(inversion.latent, picture, inversion.placement, inversion.target, area, files)


def inverted(models: Models, image: Tensor) -> Inversion:
    """The latents of pictures (B,3,H,W) in [0,1], by all that the models have to find them; see `invert`."""
    return invert(models.generator, models.encoder, image, content=models.content)


def open_latent(models: Models, path: str | Path) -> Subject:
    """A latent from a file, without a picture.

    Raises:
        InputFileError: not a W, W+ or S latent of this generator.
    """
    latent = load_latent(path)
    try:
        models.generator.latent_space.check(latent)
    except ValueError as error:
        raise InputFileError(f"{path}: {error}") from error
    return Subject(on_device(latent, models.device), files={"latent": Path(path)})


def check_space(path: str | Path, latent: Latent, space: str) -> None:
    """Whether an edit in a space can start from this latent.

    Raises:
        UsageError: styles for another space than s.
    """
    if not isinstance(latent, Tensor) and space != "s":
        raise UsageError(
            f"{path}: holds {len(latent)} named tensors, as latents in S do; give --space s, or a W or W+ latent"
        )
