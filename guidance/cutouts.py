"""Random views of pictures, all of them in one `grid_sample`.

CLIP judges a picture better by many views than by one: crops of random size and place, in random
perspective, mirrored and with their colours shaken (as CLIPDraw, CLIPstyler and others do).

Where a view shows more pixels than it has, plain bilinear sampling would see only some of them. So each
picture is laid out once as a mip map, its halves side by side in one atlas, and every view samples the
level whose pixels are nearest to its own in size: at most sqrt(2) is left, in either direction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .._base import UsageError
from .._resize import resample
from .._seeds import step_seed as step_seed

# Random numbers that one view takes, in this order: size, place, corners, mirror, colours. A view takes all
# of them whatever is switched on, so that switching one kind of change off keeps the others the same.
_SIZE, _PLACE, _CORNERS, _FLIP, _COLOURS = 1, 2, 8, 1, 4
_DRAWS = _SIZE + _PLACE + _CORNERS + _FLIP + _COLOURS


@dataclass(frozen=True)
class Cutouts:
    """Random square views.

    Args:
        count: views of each picture.
        size: their side in pixels.
        scale: smallest and largest side of a crop, as a fraction of the picture's shorter side.
        perspective: how far a crop's corners move inwards, as a fraction of half its side (0 to below 1).
        flip: probability of a mirrored view.
        jitter: strength of changes in brightness, contrast, saturation and hue. Colours are not clipped, so
            that gradients go on.

    Raises:
        UsageError: a value out of its range.
    """

    count: int
    size: int
    scale: tuple[float, float] = (0.5, 1.0)
    perspective: float = 0.3
    flip: float = 0.5
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if self.count < 1 or self.size < 1:
            raise UsageError(
                f"cutouts need a count and a size of 1 or more, not {self.count} and {self.size}"
            )
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise UsageError(f"the scale of cutouts must rise within 0 to 1, not {self.scale}")
        if not (0 <= self.perspective < 1 and 0 <= self.flip <= 1 and 0 <= self.jitter <= 1):
            raise UsageError(
                "perspective, flip and jitter of cutouts must lie within 0 to 1, "
                f"not {self.perspective}, {self.flip}, {self.jitter}"
            )

    def __call__(self, images: Tensor, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Take the views of a batch.

        Args:
            images: (B,3,H,W).
            seeds: one a picture; a picture's views depend on its seed alone, on every device.

        Returns:
            Views (B*count,3,size,size), picture by picture, and the picture (B*count,) each belongs to.

        Raises:
            UsageError: not one seed per picture.
        """
        if len(seeds) != len(images):
            raise UsageError(f"cutouts need one seed per picture, not {len(seeds)} for {len(images)}")
        draws = torch.stack([_draw(seed, self.count) for seed in seeds])
        size, place, corners, flip, colours = torch.split(
            draws, [_SIZE, _PLACE, _CORNERS, _FLIP, _COLOURS], dim=-1
        )
        height, width = images.shape[-2:]
        side = (self.scale[0] + (self.scale[1] - self.scale[0]) * size) * min(height, width)
        quads = self._quads(side, place, corners, flip, (height, width))
        levels = (side[..., 0] / self.size).log2().round().clamp(min=0).long()
        atlas, corners_of, sizes = _atlas(images, int(levels.max()) + 1)
        points = _project(quads, self.size) / torch.tensor([width, height], dtype=torch.float64)
        grid = _to_atlas(points, corners_of[levels], sizes[levels], (atlas.shape[-2], atlas.shape[-1]))
        views = self._sample(atlas, grid.to(images))
        views = _recolour(views, (colours * 2 - 1) * self.jitter)
        return views.flatten(0, 1), torch.arange(len(images), device=images.device).repeat_interleave(
            self.count
        )

    def _quads(
        self, side: Tensor, place: Tensor, corners: Tensor, flip: Tensor, of: tuple[int, int]
    ) -> Tensor:
        """Where each view's corners lie in the picture, (B,n,4,2) as (x, y) in pixels, clockwise from top left."""
        room = torch.tensor([of[1], of[0]], dtype=torch.float64) - side
        unit = torch.tensor([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=torch.float64)
        # Corners only move inwards, so that a view never shows what is outside the picture.
        inwards = (0.5 - unit).sign() * corners.reshape(*corners.shape[:2], 4, 2) * (self.perspective / 2)
        quads = (place * room)[..., None, :] + (unit + inwards) * side[..., None]
        return torch.where(flip[..., None] < self.flip, quads[..., [1, 0, 3, 2], :], quads)

    def _sample(self, atlas: Tensor, grid: Tensor) -> Tensor:
        # The views of a picture are stacked in one tall grid, so that no picture is repeated.
        views = F.grid_sample(
            atlas, grid.flatten(1, 2), mode="bilinear", padding_mode="border", align_corners=False
        )
        batch, channels = atlas.shape[:2]
        return views.reshape(batch, channels, self.count, self.size, self.size).transpose(1, 2)


def draw_seeds(count: int, generator: torch.Generator) -> list[int]:
    """Seeds for so many pictures from a generator."""
    seeds = torch.randint(1 << 62, (count,), generator=generator, device=generator.device)
    return [int(seed) for seed in seeds]


def _draw(seed: int, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, _DRAWS, generator=generator, dtype=torch.float64)


def _atlas(images: Tensor, levels: int) -> tuple[Tensor, Tensor, Tensor]:
    """All levels side by side, with each level's left edge and top (levels,2) and size (levels,2), as (x, y)."""
    height, width = images.shape[-2:]
    sides = [(max(1, height >> level), max(1, width >> level)) for level in range(levels)]
    pictures = [images, *(resample(images, *side) for side in sides[1:])]
    padded = [F.pad(picture, (0, 0, 0, height - picture.shape[-2])) for picture in pictures]
    lefts = [sum(side[1] for side in sides[:level]) for level in range(levels)]
    corners = torch.tensor([[left, 0] for left in lefts], dtype=torch.float64)
    sizes = torch.tensor([[side[1], side[0]] for side in sides], dtype=torch.float64)
    return torch.cat(padded, dim=-1), corners, sizes


def _project(quads: Tensor, size: int) -> Tensor:
    """Picture coordinates (B,n,size,size,2) of the pixel centres of views with these corners (B,n,4,2)."""
    a, b, c, d = quads.unbind(dim=-2)
    # Heckbert's square-to-quad projection (1989): p(u,v) = (a + u p1 + v p2) / (1 + g u + h v).
    first, second, rest = b - c, d - c, a - b + c - d
    determinant = _cross(first, second)
    g, h = _cross(rest, second) / determinant, _cross(first, rest) / determinant
    u = (torch.arange(size, dtype=torch.float64) + 0.5).view(1, 1, 1, size, 1) / size
    v = u.transpose(2, 3)
    g, h, a, b, d = (value[..., None, None, :] for value in (g, h, a, b, d))
    return (a + u * (b - a + g * b) + v * (d - a + h * d)) / (1 + g * u + h * v)


def _cross(p: Tensor, q: Tensor) -> Tensor:
    return p[..., :1] * q[..., 1:] - p[..., 1:] * q[..., :1]


def _to_atlas(points: Tensor, corners: Tensor, sizes: Tensor, atlas: tuple[int, int]) -> Tensor:
    """`grid_sample` coordinates of points that are given as fractions of the picture, each in its level."""
    corners, sizes = corners[..., None, None, :], sizes[..., None, None, :]
    # Half a pixel inside, so that a level never mixes with its neighbour in the atlas.
    inside = torch.minimum((points * sizes).clamp(min=0.5), sizes - 0.5)
    scale = torch.tensor([atlas[1], atlas[0]], dtype=torch.float64)
    return (corners + inside) / scale * 2 - 1


def _recolour(views: Tensor, shakes: Tensor) -> Tensor:
    """Shake colours by (B,n,4) amounts: brightness, contrast about mid grey, saturation, hue in half turns."""
    if not bool(shakes.any()):
        return views
    shakes = shakes.to(views)
    gain, contrast, saturation, hue = (shakes + torch.tensor([1.0, 1, 1, 0]).to(views)).unbind(dim=-1)
    matrix = _colour_turn(hue * math.pi, saturation) * (gain * contrast)[..., None, None]
    offset = 0.5 * (1 - contrast)
    return torch.einsum("bnij,bnjhw->bnihw", matrix, views) + offset[..., None, None, None]


def _colour_turn(angle: Tensor, saturation: Tensor) -> Tensor:
    """(...,3,3) matrices that turn colours about the grey axis (Rodrigues) and stretch them away from it."""
    grey = torch.full((3, 3), 1 / 3).to(angle)
    skew = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]).to(angle) / math.sqrt(3)
    cosine, sine = angle.cos()[..., None, None], angle.sin()[..., None, None]
    turned = cosine * (torch.eye(3).to(angle) - grey) + sine * skew
    return grey + saturation[..., None, None] * turned
