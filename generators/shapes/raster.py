"""The pictures of `coverage` and `spans` in plain torch, for CUDA and MPS: the same numbers, all pixels at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .limits import FAR, OPAQUE


def smooth(corners: Tensor, colours: Tensor, background: Tensor) -> Tensor:
    """As `coverage.smooth`, on any device."""

    def blend(canvas: Tensor, outline: Tensor, colour: Tensor) -> Tensor:
        share = covered(outline, (canvas.shape[-2], canvas.shape[-1]))[:, None]
        return torch.lerp(canvas, colour[:, :3, None, None], share * colour[:, 3, None, None, None])

    canvas = background.float()
    corners = corners.float().nan_to_num().clamp(-FAR, FAR)
    colours = torch.cat([colours[..., :3], colours[..., 3:].clamp(max=OPAQUE)], dim=-1).float()
    for outline, colour in zip(corners.unbind(1), colours.unbind(1), strict=True):
        # What a shape covers is found again on the way back, or hundreds of canvases would be kept.
        canvas = checkpoint(blend, canvas, outline, colour, use_reentrant=False)
    return canvas


def covered(outline: Tensor, size: tuple[int, int]) -> Tensor:
    """The share (B,H,W) of each pixel that polygons (B,K,2) cover, winding counted once."""
    start, end = outline[..., None, :], outline.roll(-1, 1)[..., None, :]
    rows = torch.arange(size[0], device=outline.device, dtype=outline.dtype)
    columns = torch.arange(1, size[1] + 1, device=outline.device, dtype=outline.dtype)
    x, way = start[..., 0], end - start
    level = way[..., 1].abs() < 1e-9
    slant = torch.where(level, 1e-9, way[..., 1])
    first = ((rows - start[..., 1]) / slant).clamp(0, 1)
    last = ((rows + 1 - start[..., 1]) / slant).clamp(0, 1)
    height = (last - first).abs() * way[..., 1] * ~level
    near, far = x + way[..., 0] * first, x + way[..., 0] * last
    low, high = torch.minimum(near, far)[..., None], torch.maximum(near, far)[..., None]
    # The mean, along an edge within a row, of how much of a pixel lies on its right.
    steep = high - low < 1e-4
    mean = (_sum(columns - low) - _sum(columns - high)) / torch.where(steep, 1.0, high - low)
    right = torch.where(steep, (columns - (low + high) / 2).clamp(0, 1), mean)
    return (height[..., None] * right).sum(1).abs().clamp(max=1)


def _sum(u: Tensor) -> Tensor:
    """The integral of clamp(u, 0, 1)."""
    inside = u.clamp(0, 1)
    return inside.square() / 2 + (u - 1).clamp(min=0)


def exact(corners: Tensor, colours: Tensor, background: Tensor) -> Tensor:
    """As `spans.exact`, on any device."""
    height, width = background.shape[-2:]
    first, last = spans(corners, height)
    columns = torch.arange(width, device=corners.device)
    canvas = background.int()
    for shape in range(corners.shape[1]):
        inside = (columns >= first[:, shape, :, None]) & (columns <= last[:, shape, :, None])
        opacity = colours[:, shape, 3].view(-1, 1, 1, 1).int()
        mixed = canvas * (255 - opacity) + colours[:, shape, :3, None, None].int() * opacity + 128
        canvas = torch.where(inside[:, None], ((mixed >> 8) + mixed) >> 8, canvas)
    return canvas.to(torch.uint8)


def spans(corners: Tensor, height: int) -> tuple[Tensor, Tensor]:
    """The first and last column (B,N,H) of triangles (B,N,3,2) in each row, by the rule of `spans`."""
    rows = torch.arange(height, device=corners.device)
    a, b = corners[..., None, :].float(), corners.roll(-1, -2)[..., None, :].float()
    level = a[..., 1] == b[..., 1]
    top, bottom = torch.minimum(a[..., 1], b[..., 1]), torch.maximum(a[..., 1], b[..., 1])
    at = (rows - a[..., 1]) * ((b[..., 0] - a[..., 0]) / torch.where(level, 1.0, b[..., 1] - a[..., 1])) + a[
        ..., 0
    ]
    reached = (rows >= top) & (rows <= bottom)
    low = torch.where(level, torch.minimum(a[..., 0], b[..., 0]), at).masked_fill(~reached, torch.inf)
    high = torch.where(level, torch.maximum(a[..., 0], b[..., 0]), at).masked_fill(~reached, -torch.inf)
    end = high.amax(-2)
    # Halves are rounded towards 0.
    first, last = (low.amin(-2) + 0.5).floor(), torch.where(end >= 0, (end - 0.5).ceil(), (end + 0.5).floor())
    for corner in range(3):
        first, last = _tip(corners.float(), corner, rows, first, last)
    flat = (level.all(-2) & (corners[..., 2, :1] < corners[..., 0, :1])) & (
        corners[..., 0, :1] <= corners[..., 1, :1]
    )
    flat = flat & (rows == corners[..., 0, 1:])
    return torch.where(flat, corners[..., 0, :1], first), torch.where(flat, corners[..., 1, :1], last)


def _tip(corners: Tensor, corner: int, rows: Tensor, first: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """Spans widened at a corner that is above or below both others and has them on one side."""
    here, left, right = (corners[..., (corner + step) % 3, :] for step in (0, 2, 1))
    left, right = (
        torch.where((left == here).all(-1, keepdim=True), right, left),
        torch.where((right == here).all(-1, keepdim=True), left, right),
    )
    rise, other = left[..., 1] - here[..., 1], right[..., 1] - here[..., 1]
    tip = rise * other > 0
    ways = [
        (end[..., 0] - here[..., 0]) / torch.where(tip, dy, 1.0) * dy.sign() + here[..., 0]
        for end, dy in ((left, rise), (right, other))
    ]
    near, far = torch.minimum(*ways), torch.maximum(*ways)
    there = tip[..., None] & (rows == here[..., 1:])
    right_end = torch.maximum(last, ((near + 0.5).floor() - 1)[..., None])
    left_end = torch.minimum(first, ((far + 0.5).floor() + 1)[..., None])
    last = torch.where(there & (near > here[..., 0])[..., None], right_end, last)
    return torch.where(there & (far < here[..., 0])[..., None], left_end, first), last
