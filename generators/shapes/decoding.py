"""From the numbers that a search moves to shapes: where their corners lie, and their colours.

`relative` is the published rule, in which only the order of the numbers counts; `bounded` keeps every number within
its own bounds, so that no shape moves because another one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .forms import COLOUR, Size
from .kinds import Kind

# A length may be so much of the shorter side.
LONGEST = 1.0


@dataclass(frozen=True)
class Limits:
    """What shapes may be.

    Attributes:
        opacity: the least and greatest, in [0,1].
        palette: (P,3) in [0,1], the only colours; None for all.
        beyond: so far may a place lie outside of the canvas, as a fraction of it; below 0, so far inside it must.
    """

    opacity: tuple[float, float] = (0.05, 1.0)
    palette: Tensor | None = None
    beyond: float = 0.25


class _Inward(torch.autograd.Function):
    """clamp, whose gradient still reaches numbers outside if it leads them back in."""

    @staticmethod
    def forward(ctx: Any, numbers: Tensor, low: Tensor, high: Tensor) -> Tensor:
        ctx.save_for_backward(numbers, low, high)
        return torch.minimum(torch.maximum(numbers, low), high)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        numbers, low, high = ctx.saved_tensors
        outward = ((numbers < low) & (slope > 0)) | ((numbers > high) & (slope < 0))
        return slope.masked_fill(outward, 0), None, None


def bounds(kind: Kind, limits: Limits) -> tuple[Tensor, Tensor]:
    """The least and greatest of each number of a shape, (D,) each."""
    low = [-limits.beyond if place else 0.0 for place in kind.places]
    high = [1 + limits.beyond if place else LONGEST for place in kind.places]
    if "angle" in kind.columns:
        # A turn has no end to stop at.
        at = kind.columns.index("angle")
        low[at], high[at] = -1e3, 1e3
    least, greatest = limits.opacity
    return torch.tensor([*low, 0, 0, 0, least]), torch.tensor([*high, 1, 1, 1, greatest])


def within(numbers: Tensor, kind: Kind, limits: Limits) -> Tensor:
    """Numbers (...,N,D) of shapes, the columns of the kind and then the colour, within bounds and palette.

    Differentiable; what lies outside is still led back in by its gradient.
    """
    low, high = (each.to(numbers) for each in bounds(kind, limits))
    kept: Tensor = _Inward.apply(numbers, low, high)
    if limits.palette is None:
        return kept
    places, tint, opacity = kept[..., :-4], kept[..., -4:-1], kept[..., -1:]
    return torch.cat([places, nearest(tint, limits.palette.to(tint)), opacity], dim=-1)


def bounded(numbers: Tensor, kind: Kind, size: Size, limits: Limits) -> tuple[Tensor, Tensor]:
    """Corners and colours of numbers that keep to their bounds.

    Args:
        numbers: (...,N,D) as of `within`.
        size: height and width of the canvas.

    Returns:
        (...,N,K,2) as (x, y) in pixels, and (...,N,4) in [0,1]; differentiable.
    """
    kept = within(numbers, kind, limits)
    return kind.outline(kept[..., : -len(COLOUR)], size), kept[..., -len(COLOUR) :]


def nearest(colours: Tensor, palette: Tensor) -> Tensor:
    """The nearest of the colours (P,3) for each of (...,3); gradients pass as if it were the colour itself."""
    which = (colours.detach()[..., None, :] - palette).square().sum(-1).argmin(-1)
    return colours + (palette[which] - colours).detach()


def relative(
    numbers: Tensor, size: Size, coordinate_scale: float = 1.0, alpha_scale: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Triangles as published (Tian & Ha 2021, arXiv 2109.08857): each column is spread over [0,1] among all triangles.

    A column that is the same everywhere, which leaves no spread, stands in the middle.

    Args:
        numbers: (B,N,10) y0, x0, y1, x1, y2, x2, red, green, blue, opacity; any numbers.
        size: height and width of the canvas.
        coordinate_scale: triangles shrink so about their centroids.
        alpha_scale: the greatest opacity.

    Returns:
        (B,N,3,2) int32 as (x, y) in pixels, and (B,N,4) int32 in 0 to 255.
    """
    numbers = numbers.float()
    low, high = numbers.amin(-2, keepdim=True), numbers.amax(-2, keepdim=True)
    spread = high - low
    shares = torch.where(spread > 0, (numbers - low) / torch.where(spread > 0, spread, 1.0), 0.5)
    points = shares[..., :6].reshape(*shares.shape[:-1], 3, 2)
    middle = points.mean(-2, keepdim=True)
    points = (middle + coordinate_scale * (points - middle)).flip(-1)
    corners = points * torch.tensor([size[1], size[0]], dtype=torch.float32, device=numbers.device)
    scale = torch.tensor([255, 255, 255, 255 * alpha_scale], device=numbers.device)
    return corners.int(), (shares[..., 6:] * scale).int()
