"""Where a style shows: in a mask, where words are seen, or around what stands out."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..._base import UsageError
from ..._resize import resize
from ...guidance.content import Lite0
from ...guidance.perceptor import Perceptor
from ..models import Models
from .settings import StyleSettings

# Longest side at which regions are looked for, and the sides of windows as fractions of the shorter one.
_SIDE, _WINDOWS, _BATCH = 512, (0.6, 0.4, 0.28), 64
# What else a window might show, in general terms.
_OTHER = ("a photo", "background", "an object", "a texture", "a landscape", "a person", "an animal")
# Below this fraction of the best window a CLIP only guesses.
_CLEAR = 0.5
# Border cells by which a background is known, and how narrow the soft edge of a mask is.
_KNOWN, _SOFT = 12, 0.12
_RADIUS, _EPS = 12, 1e-3


@torch.no_grad()
def region_mask(models: Models, image: Tensor, mask: Tensor | None, settings: StyleSettings) -> Tensor | None:
    """Where a picture (1,3,H,W) may change, (1,1,H,W) in [0,1]: mask, region and subject together; None: everywhere.

    Raises:
        UsageError: words that are seen nowhere, or no subject that stands out.
    """
    if not settings.region and not settings.keep_subject:
        return mask
    high, wide = image.shape[-2:]
    share = min(1.0, _SIDE / max(high, wide))
    small = resize(image, max(1, round(high * share)), max(1, round(wide * share))).to(models.device)
    found = torch.ones_like(small[:, :1])
    if settings.region:
        seen = relevance(models.perceptor().members[0][0], small, settings.region)
        if float(seen.max()) < _CLEAR:
            raise UsageError(
                f"'{settings.region[:40]}' is seen nowhere for sure ({float(seen.max()):.2f} of 1, {_CLEAR:g} is "
                "needed); give a --mask, or another --clip"
            )
        found = found * _mask(small, seen, f"the region '{settings.region[:40]}'")
    if settings.keep_subject:
        found = found * (1 - _mask(small, salience(small), "a subject"))
    whole = resize(found.cpu(), high, wide)
    return whole if mask is None else whole * mask


def relevance(perceptor: Perceptor, image: Tensor, words: str) -> Tensor:
    """How much windows of a picture (1,3,H,W) show what words say rather than other things, (1,1,H,W)."""
    texts = perceptor.encode_text([words, *_OTHER])
    high, wide = image.shape[-2:]
    total, weight = torch.zeros_like(image[:, :1]), torch.full_like(image[:, :1], 1e-6)
    for share in _WINDOWS:
        side = max(1, round(share * min(high, wide)))
        places = [(top, left) for top in _steps(high, side) for left in _steps(wide, side)]
        windows = [image[..., top : top + side, left : left + side] for top, left in places]
        size = perceptor.image_size
        seen = torch.cat([resize(window, size, size) for window in windows])
        features = torch.cat([perceptor.encode_image(part) for part in torch.split(seen, _BATCH)])
        shares = (perceptor.logit_scale * features.float() @ texts.float().T).softmax(1)[:, 0]
        for (top, left), score in zip(places, shares.tolist(), strict=True):
            total[..., top : top + side, left : left + side] += score
            weight[..., top : top + side, left : left + side] += 1
    return total / weight


def _steps(whole: int, side: int) -> list[int]:
    """Where windows begin that overlap by half or more and reach both ends."""
    count = max(1, math.ceil(2.5 * (whole - side) / side) + 1)
    return sorted({round(index * (whole - side) / max(1, count - 1)) for index in range(count)})


def salience(image: Tensor) -> Tensor:
    """How little each place of a picture (1,3,H,W) resembles what lies at its border, (1,1,H,W).

    Places are compared by what a network of photographs sees (the boundary prior of Wei et al. 2012, on features).
    """
    sides = [max(32, 32 * math.ceil(side / 32)) for side in image.shape[-2:]]
    features = F.normalize(Lite0().to(image.device)(resize(image, *sides))[-1], dim=1)[0]
    high, wide = features.shape[1:]
    edge = torch.zeros(high, wide, dtype=torch.bool, device=image.device)
    edge[0], edge[:, 0], edge[:, -1] = True, True, True
    cells, border = features.flatten(1).T, features[:, edge].T
    nearest = (cells @ border.T).topk(min(_KNOWN, len(border)), dim=1).values.mean(1)
    found = (1 - nearest).view(1, 1, high, wide)
    rows, columns = torch.linspace(-1, 1, high), torch.linspace(-1, 1, wide)
    middle = torch.exp(-(rows[:, None] ** 2 + columns[None] ** 2)).to(found)
    return F.interpolate(found * middle, image.shape[-2:], mode="bicubic")


def _mask(image: Tensor, seen: Tensor, what: str) -> Tensor:
    """A soft mask of what is seen clearly, with the edges of the picture.

    Raises:
        UsageError: nothing is seen more clearly than the rest.
    """
    low, high = seen.min(), seen.max()
    if not bool(high - low > 1e-3):
        raise UsageError(f"{what} is not seen anywhere in this picture; give a --mask instead")
    scaled = (seen - low) / (high - low)
    cut = _otsu(scaled)
    soft = ((scaled - cut) / _SOFT + 0.5).clamp(0, 1)
    return guided(image, soft).clamp(0, 1)


def _otsu(values: Tensor) -> float:
    """The threshold that parts values in [0,1] best (Otsu 1979)."""
    counts = torch.histc(values.float().cpu(), 64, 0, 1)
    middles = (torch.arange(64) + 0.5) / 64
    below, sums = counts.cumsum(0), (counts * middles).cumsum(0)
    above, rest = below[-1] - below, sums[-1] - sums
    between = below * above * (sums / below.clamp(min=1) - rest / above.clamp(min=1)) ** 2
    # Any threshold in a gap is as good; the middle of it leaves room on both sides.
    best = between >= between.max() * (1 - 1e-6)
    return float(middles[best].mean())


def guided(image: Tensor, mask: Tensor) -> Tensor:
    """A mask (1,1,H,W) whose edges lie where the picture's are (guided filter, He et al. 2013, of grey)."""
    grey, size = image.mean(1, keepdim=True), 2 * _RADIUS + 1

    def mean(values: Tensor) -> Tensor:
        return F.avg_pool2d(values, size, 1, _RADIUS, count_include_pad=False)

    grey_mean, mask_mean = mean(grey), mean(mask)
    slope = (mean(grey * mask) - grey_mean * mask_mean) / (mean(grey * grey) - grey_mean**2 + _EPS)
    return mean(slope) * grey + mean(mask_mean - slope * grey_mean)
