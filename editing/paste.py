"""An edit back into its picture: only what the edit changed, so that all else stays the user's own."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .framing import Placement, blend

# Differences in [0,1] that are surely nothing, and surely the edit.
_NOTHING, _SURELY = 0.05, 0.15
# Differences up to which a picture keeps what the generator cannot draw of it, and from which nothing is kept.
_KEPT, _REPLACED = 0.18, 0.45


def change_mask(before: Tensor, after: Tensor) -> Tensor:
    """Where two pictures of a generator differ, (B,3,R,R) each in [0,1] -> soft mask (B,1,R,R) in [0,1].

    Widened and softened by about a thirtieth of the side, so that outlines belong to what they enclose.
    """
    reach = max(1, round(before.shape[-1] / 32))
    return _mask(before, after, reach, (_NOTHING, _SURELY))


def replaced_mask(before: Tensor, after: Tensor) -> Tensor:
    """Where the change is so large that something else is drawn, in the form of `change_mask` but closer to it."""
    reach = max(1, round(before.shape[-1] / 64))
    return _mask(before, after, reach, (_KEPT, _REPLACED))


def paste_changed(
    original: Tensor, before: Tensor, after: Tensor, placement: Placement, mask: Tensor | None = None
) -> Tensor:
    """The picture with the edited square where the edit changed it.

    Where the change is slight, it is the change that is added, and the picture keeps the detail that the generator
    does not draw; where it is large, the generator's picture stands in place of the picture's own.

    Args:
        original: (1,3,H,W) in [0,1].
        before, after: (B,3,R,R), what the generator draws of the start and of the end.
        placement: how the picture lies in the square.
        mask: (1,1,H,W), where the picture may change at all.

    Returns:
        (B,3,H,W) in [0,1]; where the two squares agree, the original's pixels, bit for bit.
    """
    changed = placement.restore(change_mask(before, after)).clamp(0, 1)
    changed = torch.where(changed < 1 / 256, torch.zeros_like(changed), changed)
    replaced = placement.restore(replaced_mask(before, after)).clamp(0, 1)
    drawn, edited = placement.restore(before), placement.restore(after)
    detail = (1 - replaced) * (original - drawn)
    allowed = changed if mask is None else changed * mask
    return blend(original, (edited + detail).clamp(0, 1), allowed)


def _mask(before: Tensor, after: Tensor, reach: int, ends: tuple[float, float]) -> Tensor:
    """Soft mask of the largest difference of a channel: 0 below the first end, 1 above the second."""
    low, high = ends
    difference = (after - before).abs().amax(dim=1, keepdim=True)
    wide = F.max_pool2d(_smooth(difference, reach), 2 * reach + 1, stride=1, padding=reach)
    mask = _smooth(((wide - low) / (high - low)).clamp(0, 1), reach)
    return mask * mask * (3 - 2 * mask)


def _smooth(mask: Tensor, reach: int) -> Tensor:
    """Mean over a square window, edges repeated."""
    padded = F.pad(mask, (reach,) * 4, mode="replicate")
    return F.avg_pool2d(padded, 2 * reach + 1, stride=1)
