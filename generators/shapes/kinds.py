"""The kinds of shapes: what the numbers of each stand for, and the polygon that it is drawn as.

All kinds are drawn as polygons, so one renderer and its gradient serve them all. Numbers are shares of the canvas:
places of its height and width, lengths of its shorter side, angles of a half turn; a place may lie outside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..._base import UsageError, did_you_mean
from .forms import COLUMNS, Size

# Corners of the polygon that stands for an ellipse: its sides stay within 0.0022 radii of the curve.
_ROUND = 48
_BENDS = 12
_THIN = 0.4


@dataclass(frozen=True)
class Kind:
    """One kind of shape.

    Attributes:
        name: in the field's terms.
        columns: what its numbers are; y and x are places, all others lengths or an angle.
        outline: numbers (...,D) and the canvas' (height, width) -> corners (...,K,2) as (x, y) in pixels.
    """

    name: str
    columns: tuple[str, ...]
    outline: Callable[[Tensor, Size], Tensor]

    @property
    def places(self) -> tuple[bool, ...]:
        """For each column whether it is a place on the canvas, which may lie outside of it."""
        return tuple(name[0] in "yx" for name in self.columns)


def pixels(places: Tensor, size: Size) -> Tensor:
    """Points (...,P,2) as (x, y) in pixels, of places (...,2P) as fractions of the height and width in turn."""
    scale = torch.tensor([size[0], size[1]], dtype=places.dtype, device=places.device)
    return (places.reshape(*places.shape[:-1], -1, 2) * scale).flip(-1)


def _corners(numbers: Tensor, size: Size) -> Tensor:
    return pixels(numbers, size)


def _turned(middle: Tensor, offsets: Tensor, angle: Tensor) -> Tensor:
    """Points (...,K,2) at `offsets` (...,K,2) from a middle (...,1,2), turned by shares (...,) of a half turn."""
    cosine, sine = (angle * math.pi).cos()[..., None], (angle * math.pi).sin()[..., None]
    x, y = offsets.unbind(-1)
    return middle + torch.stack([cosine * x - sine * y, sine * x + cosine * y], dim=-1)


def _ellipse(numbers: Tensor, size: Size) -> Tensor:
    turn = torch.arange(_ROUND, device=numbers.device, dtype=numbers.dtype) * (2 * math.pi / _ROUND)
    return _around(numbers, torch.stack([turn.cos(), turn.sin()], dim=-1), size)


def _rectangle(numbers: Tensor, size: Size) -> Tensor:
    return _around(numbers, torch.tensor([[-1.0, -1], [1, -1], [1, 1], [-1, 1]]).to(numbers), size)


def _around(numbers: Tensor, unit: Tensor, size: Size) -> Tensor:
    """Corners at `unit` (K,2) times half the width and height, about the middle."""
    half = (numbers[..., [3, 2]] * min(size)).abs().clamp(min=_THIN)[..., None, :]
    return _turned(pixels(numbers[..., :2], size), unit * half, numbers[..., 4])


def _stroke(path: Tensor, width: Tensor, size: Size) -> Tensor:
    """The outline (...,2P,2) of a stroke of a width (...,) along points (...,P,2)."""
    along = torch.cat([path[..., 1:2, :] - path[..., :1, :], path[..., 2:, :] - path[..., :-2, :]], dim=-2)
    along = torch.cat([along, path[..., -1:, :] - path[..., -2:-1, :]], dim=-2)
    across = torch.stack([-along[..., 1], along[..., 0]], dim=-1)
    half = (width * min(size)).abs().clamp(min=2 * _THIN)[..., None, None] / 2
    across = half * across / (across.square().sum(-1, keepdim=True) + 1e-12).sqrt()
    return torch.cat([path + across, (path - across).flip(-2)], dim=-2)


def _line(numbers: Tensor, size: Size) -> Tensor:
    return _stroke(pixels(numbers[..., :4], size), numbers[..., 4], size)


def _bezier(numbers: Tensor, size: Size) -> Tensor:
    first, middle, last = pixels(numbers[..., :6], size)[..., None, :].unbind(-3)
    t = torch.linspace(0, 1, _BENDS + 1, device=numbers.device, dtype=numbers.dtype)[:, None]
    path = (1 - t).square() * first + 2 * t * (1 - t) * middle + t.square() * last
    return _stroke(path, numbers[..., 6], size)


_OUTLINES = {
    "triangle": _corners,
    "quadrilateral": _corners,
    "ellipse": _ellipse,
    "rectangle": _rectangle,
    "line": _line,
    "bezier": _bezier,
}
KINDS = {name: Kind(name, columns, _OUTLINES[name]) for name, columns in COLUMNS.items()}


def kind_of(name: str) -> Kind:
    """A kind by its name.

    Raises:
        UsageError: there is none of it.
    """
    if name not in KINDS:
        hint = did_you_mean(name, list(KINDS))
        raise UsageError(f"no kind of shape is called '{name}'{hint}; known: {', '.join(KINDS)}")
    return KINDS[name]
