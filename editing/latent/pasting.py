"""An edited square as the finished picture: redrawn beside the original, and only where it may and did change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ..drawing import redrawn
from ..framing import Placement, blend, letterbox, paste_back
from ..paste import change_mask, paste_changed
from .regions import Region
from .settings import EditSettings
from .subjects import Subject

if TYPE_CHECKING:
    from ..models import Models

# Of soft edges at the picture's size, what is as good as nothing.
_NOTHING = 1 / 64
# By how much of its side a mask is softened.
_SOFT = 1 / 160


@dataclass(frozen=True)
class Pasted:
    """A finished picture.

    Attributes:
        image: (1,3,H,W) in [0,1]. before: what was edited, of the same size.
        kept: the fraction of pixels that are the same in both.
    """

    image: Tensor
    before: Tensor

    @property
    def kept(self) -> float:
        """See the class."""
        return float((self.image == self.before).all(1).float().mean())


def pasted(
    models: Models,
    subject: Subject,
    squares: tuple[Tensor, Tensor],
    region: Region | None,
    settings: EditSettings,
) -> Pasted:
    """The edited picture of a subject that has one, at its own size, or as a square.

    Args:
        squares: what the generator draws before and after, (1,3,R,R) each.
        region: where the picture may change; everywhere if None. The subject's mask counts in its place.
    """
    picture, placement, own = subject.picture, subject.placement, subject.square
    if picture is None or placement is None or own is None:
        raise TypeError("only a picture can be pasted into")
    before, after = squares
    original = picture.image.to(after.device)
    mask = None if subject.mask is None else subject.mask.to(original)
    if settings.paste == "all":
        whole = redrawn(models, after) if settings.redraw else after
        return Pasted(paste_back(original, whole, placement, mask), original)
    sharp = settings.redraw and models.redraw is not None
    if settings.paste == "changed" and region is None and not sharp:
        return Pasted(paste_changed(original, before, after, placement, mask), original)
    new = _redrawn(models, own, squares) if sharp else after
    if settings.paste == "square":
        return _square(original, mask, squares, region, new, settings.size or new.shape[-1])
    where = _restored_mask(_where(before, after, region), placement)
    return Pasted(blend(original, placement.restore(new), where if mask is None else where * mask), original)


def _square(
    original: Tensor,
    mask: Tensor | None,
    squares: tuple[Tensor, Tensor],
    region: Region | None,
    new: Tensor,
    side: int,
) -> Pasted:
    """The same in a square of a side."""
    own, whole = letterbox(original, side)[0], Placement(side, side, side, 0, 0, side, side)
    image = whole.restore(new)
    if mask is not None:
        image = blend(own, image, letterbox(mask, side)[0])
    elif region is not None:
        image = blend(own, image, _restored_mask(_where(*squares, region), whole))
    return Pasted(image, own)


def _redrawn(models: Models, own: Tensor, squares: tuple[Tensor, Tensor]) -> Tensor:
    """The edited square, large and sharp; what the edit left alone is the picture's own.

    The network is not shown the original beside it: the pack's takes over too much from there, and undoes edits.
    """
    before, after = squares
    return redrawn(models, torch.lerp(own, after, change_mask(before, after)))


def _where(before: Tensor, after: Tensor, region: Region | None) -> Tensor:
    """Where the square changed, inside the region, (1,1,S,S) in [0,1]."""
    changed = change_mask(before, after)
    if region is None:
        return changed
    side = changed.shape[-1]
    inside = F.interpolate(region.mask.to(changed), (side, side), mode="area")
    return torch.minimum(inside, (4 * changed).clamp(0, 1))


def _restored_mask(mask: Tensor, placement: Placement) -> Tensor:
    """A mask of the square over the picture, softened, and 0 where it is next to nothing."""
    wide = placement.restore(mask)
    reach = max(1, round(max(wide.shape[-2:]) * _SOFT))
    soft = F.avg_pool2d(F.pad(wide, (reach,) * 4, mode="replicate"), 2 * reach + 1, stride=1)
    return torch.where(soft < _NOTHING, torch.zeros_like(soft), soft)
