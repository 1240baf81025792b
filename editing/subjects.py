"""What is edited: a picture with its latent and its mask, or a latent alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from .._base import InputFileError, UsageError
from ..generators.stylegan2 import StyleGAN2
from .carried import carried_latent
from .drivers import Latent
from .framing import Placement, letterbox
from .inversion import Inversion, invert
from .latents import load_latent
from .models import LoadedModels
from .optimise import on_device
from .pictures import Picture, read_picture


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
    carried = carried_latent(models, picture)
    if carried is not None:
        square, placement = letterbox(picture.image, models.generator.resolution)
        return Subject(carried, picture, placement, square.to(models.device), area, files)
    inversion = inverted(models, picture.image)
    return Subject(inversion.latent, picture, inversion.placement, inversion.target, area, files)


def inverted(models: LoadedModels, image: Tensor) -> Inversion:
    """The latents of pictures (B,3,H,W) in [0,1], by all that the models have to find them; see `invert`."""
    return invert(models.generator, models.encoder, image, content=models.content)


def open_latent(models: LoadedModels, path: str | Path) -> Subject:
    """A latent from a file, without a picture.

    Raises:
        InputFileError: not a W, W+ or S latent of this generator.
    """
    latent = load_latent(path)
    if isinstance(latent, Tensor):
        _check_codes(path, latent, models.generator)
    else:
        _check_styles(path, latent, models.generator)
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


def _check_codes(path: str | Path, latent: Tensor, generator: StyleGAN2) -> None:
    wanted = ((1, generator.w_dim), (1, generator.num_ws, generator.w_dim))
    found = tuple(latent.shape)
    if found not in wanted:
        raise InputFileError(
            f"{path}: holds {found}; this generator takes one W {wanted[0]} or W+ {wanted[1]}"
        )


def _check_styles(path: str | Path, latent: Mapping[str, Tensor], generator: StyleGAN2) -> None:
    named = zip(generator.style_names, generator.styles(generator.w_avg[None]), strict=True)
    wanted = {name: tuple(style.shape) for name, style in named}
    if set(latent) != set(wanted):
        raise InputFileError(
            f"{path}: holds {len(latent)} named tensors; this generator takes one W, one W+, "
            f"or the {len(wanted)} styles {', '.join(wanted)[:60]}..."
        )
    for name, shape in wanted.items():
        if (found := tuple(latent[name].shape)) != shape:
            raise InputFileError(
                f"{path}: its style {name} is {found}, this generator's {shape}; give a latent of this generator"
            )


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
