"""A styled picture blended with its photograph: how strong, where, and in whose colours."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchvision.transforms.functional import adjust_contrast

from ..._resize import resize
from ...generators.style.transfer import StyleTransfer
from ..framing import blend
from .settings import StyleSettings

# Above this shorter side strokes grow with the picture, half as fast as it does.
_LARGE = 768
# Squares along the longer side whose mean colours are broad; the power of the strength with which strokes come.
_CELLS, _STROKES = 40, 1.5
# BT.601: brightness, and two differences of colours.
_YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def texture_scale(height: int, width: int, asked: float | None) -> float:
    """How much larger than its own a style's strokes are drawn: the picture is styled so much smaller.

    Args:
        asked: by the user; else 1 for pictures that fit a screen, and more for larger ones.
    """
    return asked or max(1.0, math.sqrt(min(height, width) / _LARGE))


def working_size(height: int, width: int, scale: float) -> tuple[int, int]:
    """Height and width at which a picture is styled whose strokes are `scale` times as large."""
    return max(1, round(height / scale)), max(1, round(width / scale))


@torch.no_grad()
def in_style(transfer: StyleTransfer, image: Tensor, settings: StyleSettings) -> Tensor:
    """The styled picture (1,3,h,w) of an image (1,3,H,W), at the size that its strokes ask for."""
    height, width = image.shape[-2:]
    size = working_size(height, width, texture_scale(height, width, settings.texture))
    device = next(transfer.network.parameters()).device
    return transfer(resize(image, *size).to(device))


def finished(
    photo: Tensor,
    styled: Tensor,
    strength: float = 1.0,
    colours: float = 0.0,
    contrast: float = 1.0,
    mask: Tensor | None = None,
) -> Tensor:
    """The result, (1,3,H,W) in [0,1], of the photograph's size.

    Args:
        photo: (1,3,H,W). styled: (1,3,h,w), both in [0,1].
        strength: 0 is the photograph, 1 the styled picture; beyond, what sets them apart is exaggerated.
        colours: fraction of the photograph's colours, at the styled picture's brightness.
        contrast: 1 leaves it.
        mask: (1,1,H,W) in [0,1], 1 where the style shows.
    """
    made = resize(styled, *photo.shape[-2:])
    if contrast != 1:
        made = adjust_contrast(made, contrast)
    if colours:
        made = torch.lerp(made, recoloured(made, photo), colours)
    if strength != 1:
        made = towards(photo, made, strength)
    return made if mask is None else blend(photo, made, mask)


def blend_style(photo: Tensor, styled: Tensor, settings: StyleSettings, mask: Tensor | None = None) -> Tensor:
    """As `finished`, on the CPU, by the settings."""
    return finished(photo.cpu(), styled.cpu(), settings.strength, settings.colours, settings.contrast, mask)


def towards(photo: Tensor, styled: Tensor, strength: float) -> Tensor:
    """A picture (1,3,H,W) on the way from a photograph to its styled picture, and beyond it.

    Broad colours go ahead and strokes follow: a plain mixture would show two outlines of everything.
    """
    if strength > 1:
        return torch.lerp(photo, styled, strength).clamp(0, 1)
    apart = styled - photo
    size = apart.shape[-2:]
    broad = resize(
        resize(apart, *(min(side, max(1, round(side * _CELLS / max(size)))) for side in size)), *size
    )
    colours, strokes = 1 - (1 - strength) ** 2, strength**_STROKES
    made: Tensor = photo + colours * broad + strokes * (apart - broad)
    return made.clamp(0, 1)


def recoloured(styled: Tensor, photo: Tensor) -> Tensor:
    """The brightness of one picture with the colours of another, (1,3,H,W) each."""
    matrix = _YCC.to(styled)
    light = torch.einsum("ij,bjhw->bihw", matrix, styled)[:, :1]
    colour = torch.einsum("ij,bjhw->bihw", matrix, photo)[:, 1:]
    both = torch.cat([light, colour], dim=1)
    return torch.einsum("ij,bjhw->bihw", torch.linalg.inv(matrix), both).clamp(0, 1)
