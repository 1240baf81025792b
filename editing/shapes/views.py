"""Views of drawings for CLIP: random ones of the whole drawing, the middle one, and the published crop."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import RandomResizedCrop

# Of random views: how large a drawing is, how far it is shifted, by how many degrees turned, and how grainy it is.
ZOOM, SHIFT, TURN, GRAIN = (0.7, 1.05), 0.08, 8.0, 0.03
# The published crops: their area as a fraction of the picture.
CROP_AREA = (0.7, 0.9)


def random_views(pictures: Tensor, background: Tensor, side: int, count: int, seed: int) -> Tensor:
    """Each picture (P,3,H,W) whole, smaller, shifted and turned on its background: (P*count,3,side,side).

    Nothing is cut off: a drawing should be what it is as a whole, and not only where a crop may fall.
    """
    rng = torch.Generator().manual_seed(seed)
    total, (low, high) = len(pictures) * count, ZOOM
    zoom = low * (high / low) ** torch.rand(total, generator=rng)
    angle = (torch.rand(total, generator=rng) * 2 - 1) * (TURN * math.pi / 180)
    shift = (torch.rand(total, 2, generator=rng) * 2 - 1) * 2 * SHIFT
    seen = moved(pictures.repeat_interleave(count, 0), background, side, zoom, angle, shift)
    return seen + GRAIN * torch.randn(seen.shape, generator=rng).to(seen)


def centred_view(pictures: Tensor, background: Tensor, side: int) -> Tensor:
    """Each picture (P,3,H,W) in the middle, of the middle size: (P,3,side,side)."""
    middle = torch.full((len(pictures),), math.sqrt(ZOOM[0] * ZOOM[1]))
    return moved(pictures, background, side, middle)


def moved(
    pictures: Tensor,
    background: Tensor,
    side: int,
    zoom: Tensor,
    angle: Tensor | None = None,
    shift: Tensor | None = None,
) -> Tensor:
    """Pictures (B,3,H,W) in squares of their background: their longer side `zoom` (B,) of it, turned, shifted.

    Args:
        angle: (B,) in radians. shift: (B,2) of the square, from -1 to 1; both 0 by default.
    """
    height, width = pictures.shape[-2:]
    angle = torch.zeros(len(pictures)) if angle is None else angle
    shift = torch.zeros(len(pictures), 2) if shift is None else shift
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    across, down = max(height, width) / width, max(height, width) / height
    rows = [cosine * across, -sine * across, shift[:, 0], sine * down, cosine * down, shift[:, 1]]
    table = torch.stack(rows, dim=1).view(-1, 2, 3).to(pictures)
    grid = F.affine_grid(table, [len(pictures), 3, side, side], align_corners=False)
    # What lies outside is 0, so that the background's own colour goes off first and comes back after.
    seen = F.grid_sample(
        pictures - background, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return background + seen


def shared_crop(pictures: Tensor, side: int, seed: int) -> Tensor:
    """All pictures by one random crop, as published: (P,3,side,side)."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        cropped: Tensor = RandomResizedCrop(side, scale=CROP_AREA)(pictures)
    return cropped
