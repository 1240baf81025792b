"""An edit back into its picture: only what the edit changed, so that all else stays the user's own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .._resize import resize
from .framing import Placement, blend

# Differences in [0,1] that are surely nothing, and surely the edit.
_NOTHING, _SURELY = 0.05, 0.15
# What colours may differ by from a recolouring up to which it stands, and from which something else is drawn.
_FITS, _MISFITS = 0.03, 0.1
# Changes up to which it may stand, and from which it may not.
_MODERATE, _LARGE = 0.25, 0.55
# Masks and recolourings are found in no more pixels than this a side, and these count on variances above the second.
_SIDE, _RIDGE = 256, 1e-3


def change_mask(before: Tensor, after: Tensor) -> Tensor:
    """Where two pictures of a generator differ, (B,3,R,R) each in [0,1] -> soft mask (B,1,R,R) in [0,1].

    Widened and softened by about a thirtieth of the side, so that outlines belong to what they enclose.
    """
    reach = max(1, round(before.shape[-1] / 32))
    return _mask((after - before).abs().amax(dim=1, keepdim=True), reach, (_NOTHING, _SURELY))


@dataclass(frozen=True)
class Recolouring:
    """What became of colours near each pixel: p + A p + b (after He et al. 2013, guided filter).

    Attributes:
        matrix: A, (B,3,3,R,R), rows are channels of the result.
        shift: b, (B,3,R,R).
    """

    matrix: Tensor
    shift: Tensor

    def __call__(self, picture: Tensor, placement: Placement | None = None) -> Tensor:
        """A picture with new colours, of the generator's (B,3,R,R) or, as it lies there, of any size."""
        channels = []
        for index in range(3):
            # One channel at a time: photographs are large.
            row = torch.cat([self.matrix[:, index], self.shift[:, index, None]], dim=1)
            row = placement.spread(row) if placement else row
            channels.append(picture[:, index] + (row[:, :3] * picture).sum(1) + row[:, 3])
        return torch.stack(channels, dim=1)


def recolouring(before: Tensor, after: Tensor) -> Recolouring:
    """The recolouring that comes nearest to the change, by least squares in a small window of (B,3,R,R) in [0,1]."""
    reach, change = _finest(before), after - before
    mean, mean_change = _smooth(before, reach), _smooth(change, reach)
    own = _smooth(_products(before, before), reach) - _products(mean, mean)
    shared = _smooth(_products(change, before), reach) - _products(mean_change, mean)
    matrix = _times_inverse(shared, own + _RIDGE * torch.eye(3, device=own.device).view(1, 9, 1, 1))
    shift = mean_change - (matrix * mean[:, None]).sum(2)
    return Recolouring(_smooth(matrix.flatten(1, 2), reach).view_as(matrix), _smooth(shift, reach))


def redrawn_mask(before: Tensor, after: Tensor, colours: Recolouring) -> Tensor:
    """Where no recolouring explains the change, in the form of `change_mask`: something else is drawn there."""
    misfit = (colours(before) - after).abs().amax(dim=1, keepdim=True)
    reach = _finest(before)
    large = _mask((after - before).abs().amax(dim=1, keepdim=True), reach, (_MODERATE, _LARGE))
    return torch.maximum(_mask(misfit, max(1, reach // 2), (_FITS, _MISFITS)), large)


def paste_changed(
    original: Tensor, before: Tensor, after: Tensor, placement: Placement, mask: Tensor | None = None
) -> Tensor:
    """The picture with the edited square where the edit changed it.

    Where the change is another colour of the same thing, the picture's own pixels are recoloured, and keep the detail
    that the generator does not draw; where something else is drawn, the generator's picture stands in their place.

    Args:
        original: (1,3,H,W) in [0,1].
        before, after: (B,3,R,R), what the generator draws of the start and of the end.
        placement: how the picture lies in the square.
        mask: (1,1,H,W), where the picture may change at all.

    Returns:
        (B,3,H,W) in [0,1]; where the two squares agree, the original's pixels, bit for bit.
    """
    side = min(_SIDE, before.shape[-1])
    start, end = (resize(each, side, side) for each in (before, after))
    changed = placement.restore(change_mask(start, end)).clamp(0, 1)
    changed = torch.where(changed < 1 / 256, torch.zeros_like(changed), changed)
    colours = recolouring(start, end)
    redrawn = placement.restore(redrawn_mask(start, end, colours)).clamp(0, 1)
    new = torch.lerp(colours(original, placement).clamp(0, 1), placement.restore(after), redrawn)
    allowed = changed if mask is None else changed * mask
    return blend(original, new, allowed)


def _products(first: Tensor, second: Tensor) -> Tensor:
    """All products of a channel of the first and one of the second, (B,3,R,R) each -> (B,9,R,R)."""
    return (first[:, :, None] * second[:, None]).flatten(1, 2)


def _times_inverse(first: Tensor, second: Tensor) -> Tensor:
    """The first matrix times the inverse of the second, symmetric one, (B,9,R,R) each -> (B,3,3,R,R)."""
    # On the CPU: many small systems are no work, and not every device solves them.
    batch, _, *sides = first.shape
    one, other = (each.view(batch, 3, 3, *sides).permute(0, 3, 4, 1, 2).cpu() for each in (first, second))
    solved: Tensor = torch.linalg.solve(other, one.mT).mT
    return solved.permute(0, 3, 4, 1, 2).to(first)


def _finest(picture: Tensor) -> int:
    """How far the smallest things that count reach, in pixels of (B,C,R,R)."""
    return max(1, round(picture.shape[-1] / 64))


def _mask(difference: Tensor, reach: int, ends: tuple[float, float]) -> Tensor:
    """Soft mask of differences (B,1,R,R): 0 below the first end, 1 above the second, widened by about `reach`."""
    low, high = ends
    wide = F.max_pool2d(_smooth(difference, reach), 2 * reach + 1, stride=1, padding=reach)
    mask = _smooth(((wide - low) / (high - low)).clamp(0, 1), reach)
    return mask * mask * (3 - 2 * mask)


def _smooth(mask: Tensor, reach: int) -> Tensor:
    """Mean over a square window, edges repeated."""
    padded = F.pad(mask, (reach,) * 4, mode="replicate")
    return F.avg_pool2d(padded, 2 * reach + 1, stride=1)
