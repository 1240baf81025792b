"""What is edited: a picture with its latent and its mask, or a latent alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from .._base import InputFileError, UsageError
from .framing import Placement, letterbox
from .inversion import invert
from .latents import load_latent
from .models import LoadedModels
from .pictures import Picture, read_picture


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
    if picture is not None:
        return open_picture(models, read_picture(picture), mask, latent)
    if latent is None:
        raise UsageError("there is nothing to edit; give a picture, or a latent with --from-latent")
    if mask is not None:
        raise UsageError("a mask needs a picture; give one, or leave the mask out")
    return open_latent(models, latent)


def open_picture(
    models: LoadedModels, picture: Picture, mask: str | Path | None = None, latent: str | Path | None = None
) -> Subject:
    """Find the latent of a picture, unless a file has it.

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
    inverted = invert(models.generator, models.encoder, picture.image)
    return Subject(inverted.latent, picture, inverted.placement, inverted.target, area, files)


def open_latent(models: LoadedModels, path: str | Path) -> Subject:
    """A latent from a file, without a picture.

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
    return Subject(latent.to(models.device), files={"latent": Path(path)})


def read_mask(path: str | Path, picture: Picture) -> Tensor:
    """Where a picture may change, (1,1,H,W) in [0,1].

    Raises:
        InputFileError: unreadable, or of another size than the picture.
    """
    mask = read_picture(path).image
    found, wanted = ("x".join(map(str, reversed(x.shape[-2:]))) for x in (mask, picture.image))
    if found != wanted:
        raise InputFileError(
            f"{path}: the mask is {found}, the picture {wanted}; give one of its size, white where it may change"
        )
    return mask.mean(dim=1, keepdim=True)
