"""A network with its style chosen, for pictures of any size: padded to whole squares, and large ones in tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .norm import forget, noting

TILE = 1024
"""Side of a tile in pixels without what it shares with its neighbours: about 1 GB of memory each."""


@dataclass(frozen=True)
class StyleTransfer:
    """Pictures (B,3,H,W) in [0,1] of any size -> pictures of the same size in a style, in [0,1].

    Attributes:
        network: where statistics are kept that tiles share.
        draw: pictures, and the row and column where they begin in the whole picture -> styled pictures.
        factor: sides that `draw` takes are multiples of it.
        reach: so many pixels away lies what a pixel depends on.
    """

    network: nn.Module
    draw: Callable[[Tensor, tuple[int, int]], Tensor]
    factor: int
    reach: int = 64

    def __call__(self, images: Tensor, tile: int = TILE) -> Tensor:
        """See the class; pictures larger than `tile` are drawn in parts that fit without a seam."""
        height, width = images.shape[-2:]
        if max(height, width) <= tile + 2 * self.reach:
            return self.whole(images)
        return self._tiled(images, tile)

    def whole(self, images: Tensor) -> Tensor:
        """As a call, all at once; gradients flow."""
        margin = _above(min(self.reach // 4, 16), self.factor)
        height, width = images.shape[-2:]
        sides = (margin, _above(width, self.factor) - width + margin)
        ends = (margin, _above(height, self.factor) - height + margin)
        made = self.draw(padded(images, (*sides, *ends)), (-margin, -margin))
        return made[..., margin : margin + height, margin : margin + width].clamp(0, 1)

    @torch.no_grad()
    def _tiled(self, images: Tensor, tile: int) -> Tensor:
        """Every tile is normalised by the whole picture's statistics, as a smaller copy of it has them."""
        height, width = images.shape[-2:]
        share = min(1.0, tile / max(height, width))
        small = F.interpolate(
            images, (max(1, round(height * share)), max(1, round(width * share))), mode="area"
        )
        made = torch.empty_like(images)
        try:
            with noting(self.network):
                self.whole(small)
            for part, inner, at in self._parts(height, width, tile):
                row, column = inner
                drawn = self.draw(padded(images[..., part[0], part[1]], self._lack(part, row, column)), at)
                top, left = row.start - at[0], column.start - at[1]
                made[..., row, column] = drawn[
                    ..., top : top + row.stop - row.start, left : left + column.stop - column.start
                ]
        finally:
            forget(self.network)
        return made.clamp_(0, 1)

    def _parts(
        self, height: int, width: int, tile: int
    ) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice], tuple[int, int]]]:
        """What each tile sees of the picture, what it draws of it, and where it begins with its margin."""
        step, margin = _above(tile, self.factor), _above(self.reach, self.factor)
        for top in range(0, height, step):
            for left in range(0, width, step):
                row = slice(top, min(top + step, height))
                column = slice(left, min(left + step, width))
                seen = (
                    slice(max(0, top - margin), min(row.stop + margin, height)),
                    slice(max(0, left - margin), min(column.stop + margin, width)),
                )
                yield seen, (row, column), (top - margin, left - margin)

    def _lack(self, seen: tuple[slice, slice], row: slice, column: slice) -> tuple[int, int, int, int]:
        """Pixels that a tile needs beyond the picture's border: left, right, above, below."""
        margin, found = _above(self.reach, self.factor), []
        for there, inner in ((seen[1], column), (seen[0], row)):
            before = there.start - (inner.start - margin)
            whole = _above(inner.stop - inner.start, self.factor) + 2 * margin
            found += [before, whole - before - (there.stop - there.start)]
        return found[0], found[1], found[2], found[3]


def padded(images: Tensor, sides: tuple[int, int, int, int]) -> Tensor:
    """Pictures with so many more pixels left, right, above and below: mirrored, or repeated where there are too few."""
    height, width = images.shape[-2:]
    mirrored = max(sides[:2]) < width and max(sides[2:]) < height
    return F.pad(images, sides, mode="reflect" if mirrored else "replicate")


def _above(value: int, factor: int) -> int:
    """The first multiple of the factor from the value on."""
    return -(-value // factor) * factor
