"""Antialiased polygons on the CPU, compiled: each pixel takes the share of it that a shape covers, exactly.

The share is found from the edges alone: an edge adds to the pixels that it crosses, and to all on their right, the
area between itself and their right side, so that sums along a row are coverages (the signed areas of scan converters,
e.g. Heckbert 1990). Pixels between a shape's edges have one coverage, are touched by no sum, and vectorise.

The gradient is exact as well: moving an edge changes the covered area by its length times its way, so that a corner's
gradient is a sum over the pixels that its two edges cross (Li et al. 2020, section 3.1). What lay below a shape is
found by undoing its blend, from the last shape to the first, so that nothing is kept of the way forward.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from .limits import FAR, OPAQUE

_OPAQUE = np.float32(OPAQUE)
# Undoing blends makes rounding errors grow as fast as the gradient shrinks; they must only stay finite.
_BELOW = np.float32(8)
# Rows are shared out among so many jobs, on any number of cores, so that sums do not depend on it.
BANDS = 8


@numba.njit(cache=True, inline="always")
def _reach(corners: Any, edge: int, row: int) -> Any:
    """Where an edge crosses a row: whether it does, the first and last share of the edge, its start and its way."""
    count = len(corners)
    x, y = corners[edge, 0], corners[edge, 1]
    dx, dy = corners[(edge + 1) % count, 0] - x, corners[(edge + 1) % count, 1] - y
    if dy == 0:
        return int(np.floor(y)) == row, np.float32(0), np.float32(1), x, dx, dy
    one, other = (row - y) / dy, (row + 1 - y) / dy
    first, last = max(min(one, other), np.float32(0)), min(max(one, other), np.float32(1))
    return first < last, first, last, x, dx, dy


@numba.njit(cache=True, inline="always")
def _cover(left: Any, right: Any, height: Any, low: int, high: int, width: int, sums: Any) -> None:
    """Add what an edge from `left` to `right` within a row, of a height, covers to `sums` (width + 1)."""
    whole = right - left
    if high < 0:
        sums[0] += height
        return
    for column in range(max(low, -1), min(high, width - 1) + 1):
        if low == high:
            share, middle = height, 0.5 * (left + right) - column
        else:
            # What lies left of the canvas all belongs to column -1.
            start = left if column == -1 else max(left, np.float32(column))
            end = min(right, np.float32(column + 1))
            share, middle = height * (end - start) / whole, 0.5 * (start + end) - column
        if column < 0:
            sums[0] += share
        else:
            sums[column] += share * (1 - middle)
            sums[column + 1] += share * middle


@numba.njit(cache=True)
def _accumulate(corners: Any, row: int, width: int, sums: Any) -> Any:
    """Add what every edge covers in a row to `sums` (width + 1).

    Returns:
        Four columns: the first and last that edges downwards cross, and those upwards; -1 and -2 if there are none.
    """
    down_low, down_high, up_low, up_high = width, -2, width, -2
    for edge in range(len(corners)):
        crosses, first, last, x, dx, dy = _reach(corners, edge, row)
        if not crosses:
            continue
        left, right = x + dx * first, x + dx * last
        if left > right:
            left, right = right, left
        low, high = int(np.floor(left)), int(np.floor(right))
        _cover(left, right, (last - first) * dy, low, high, width, sums)
        low, high = min(max(low, 0), width), min(max(high + 1, 0), width)
        # A level edge covers nothing, but its pixels have a gradient: they belong to both, so that none lies between.
        if dy >= 0:
            down_low, down_high = min(down_low, low), max(down_high, high)
        if dy <= 0:
            up_low, up_high = min(up_low, low), max(up_high, high)
    return down_low, down_high, up_low, up_high


@numba.njit(cache=True, inline="always")
def _parts(down_low: int, down_high: int, up_low: int, up_high: int, width: int) -> Any:
    """The columns whose coverage changes, before and after those in between: low, middle, end of it, high."""
    low, high = min(down_low, up_low), min(max(down_high, up_high), width - 1)
    middle, end = min(down_high, up_high) + 1, max(down_low, up_low)
    if end <= middle:
        middle = end = high + 1
    return low, middle, end, high


@numba.njit(cache=True, inline="always")
def _rows(corners: Any, first: int, end: int) -> Any:
    top, bottom = corners[0, 1], corners[0, 1]
    for corner in range(1, len(corners)):
        top, bottom = min(top, corners[corner, 1]), max(bottom, corners[corner, 1])
    return max(first, int(np.floor(top))), min(end - 1, int(np.floor(bottom)))


@numba.njit(cache=True, fastmath=True)
def _paint(line: Any, amount: Any, colour: Any) -> None:
    rest = 1 - amount
    for channel in range(3):
        add, part = amount * colour[channel], line[channel]
        for x in range(len(part)):
            part[x] = part[x] * rest + add


@numba.njit(cache=True)
def _draw_one(corners: Any, colours: Any, canvas: Any, first: int, end: int) -> None:
    """Draw shapes (N,K,2), red, green, blue and opacity (N,4), onto some rows of a canvas (3,H,W)."""
    width = canvas.shape[2]
    sums = np.zeros(width + 2, np.float32)
    for shape in range(len(corners)):
        top, bottom = _rows(corners[shape], first, end)
        colour, opacity = colours[shape], min(colours[shape, 3], _OPAQUE)
        for row in range(top, bottom + 1):
            bounds = _accumulate(corners[shape], row, width, sums)
            low, middle, stop, high = _parts(bounds[0], bounds[1], bounds[2], bounds[3], width)
            total = np.float32(0)
            column = low
            while column <= high:
                if column == middle:
                    share = min(abs(total), np.float32(1))
                    _paint(canvas[:, row, column:stop], opacity * share, colour)
                    column = stop
                    continue
                total += sums[column]
                sums[column] = 0
                amount = opacity * min(abs(total), np.float32(1))
                for channel in range(3):
                    canvas[channel, row, column] += amount * (colour[channel] - canvas[channel, row, column])
                column += 1
            sums[min(high + 1, width)] = 0
            sums[width] = 0


@numba.njit(cache=True, parallel=True)
def draw(corners: Any, colours: Any, canvases: Any) -> None:
    """Draw shapes in their order onto canvases, in place; bands of rows on all cores.

    Args:
        corners: (B,N,K,2) float32 as (x, y) in pixels.
        colours: (B,N,4) float32, red, green, blue and opacity in [0,1].
        canvases: (B,3,H,W) float32.
    """
    height = canvases.shape[2]
    for job in numba.prange(len(canvases) * BANDS):
        picture, band = job // BANDS, job % BANDS
        first, end = band * height // BANDS, (band + 1) * height // BANDS
        _draw_one(corners[picture], colours[picture], canvases[picture], first, end)


@numba.njit(cache=True, fastmath=True)
def _unpaint(line: Any, slope: Any, amount: Any, colour: Any, sums: Any) -> Any:
    """Undo `_paint`; adds to `sums` the colour's gradient and returns the amount's."""
    found = np.float32(0)
    rest = 1 - amount
    inverse = 1 / rest
    for channel in range(3):
        tint, add = colour[channel], amount * colour[channel]
        own, all_slopes = np.float32(0), np.float32(0)
        part, slopes = line[channel], slope[channel]
        for x in range(len(part)):
            below = min(max((part[x] - add) * inverse, -_BELOW), _BELOW)
            own += slopes[x] * (tint - below)
            all_slopes += slopes[x]
            part[x] = below
            slopes[x] *= rest
        found += own
        sums[channel] += amount * all_slopes
    return found


@numba.njit(cache=True, inline="always")
def _unpaint_pixel(
    canvas: Any, slopes: Any, row: int, column: int, amount: Any, colour: Any, sums: Any
) -> Any:
    """`_unpaint` of one pixel."""
    found = np.float32(0)
    rest = 1 - amount
    inverse = 1 / rest
    for channel in range(3):
        slope = slopes[channel, row, column]
        below = (canvas[channel, row, column] - amount * colour[channel]) * inverse
        below = min(max(below, -_BELOW), _BELOW)
        found += slope * (colour[channel] - below)
        sums[channel] += amount * slope
        canvas[channel, row, column] = below
        slopes[channel, row, column] = slope * rest
    return found


@numba.njit(cache=True)
def _move_edges(corners: Any, row: int, width: int, wanted: Any, out: Any) -> None:
    """Add the gradient of the corners (K,2), of `wanted` (width), a row's gradient of the signed coverage."""
    count = len(corners)
    for edge in range(count):
        crosses, first, last, x, dx, dy = _reach(corners, edge, row)
        if not crosses:
            continue
        left, right = x + dx * first, x + dx * last
        flat = left == right
        low, high = int(np.floor(min(left, right))), int(np.floor(max(left, right)))
        for column in range(max(low, 0), min(high, width - 1) + 1):
            begin, end = first, last
            if not flat and low != high:
                one, other = (column - x) / dx, (column + 1 - x) / dx
                begin, end = max(first, min(one, other)), min(last, max(one, other))
            share, mean = end - begin, 0.5 * (begin + end)
            if share <= 0:
                continue
            push = wanted[column] * share
            out[edge, 0] -= push * dy * (1 - mean)
            out[edge, 1] += push * dx * (1 - mean)
            out[(edge + 1) % count, 0] -= push * dy * mean
            out[(edge + 1) % count, 1] += push * dx * mean


@numba.njit(cache=True)
def _undraw_one(
    corners: Any, colours: Any, canvas: Any, slopes: Any, out: Any, tints: Any, first: int, end: int
) -> None:
    width = canvas.shape[2]
    sums, wanted = np.zeros(width + 2, np.float32), np.zeros(width + 2, np.float32)
    for shape in range(len(corners) - 1, -1, -1):
        top, bottom = _rows(corners[shape], first, end)
        colour, opacity = colours[shape], min(colours[shape, 3], _OPAQUE)
        for row in range(top, bottom + 1):
            bounds = _accumulate(corners[shape], row, width, sums)
            low, middle, stop, high = _parts(bounds[0], bounds[1], bounds[2], bounds[3], width)
            total = np.float32(0)
            column = low
            while column <= high:
                if column == middle:
                    share = min(abs(total), np.float32(1))
                    found = _unpaint(
                        canvas[:, row, column:stop],
                        slopes[:, row, column:stop],
                        opacity * share,
                        colour,
                        tints[shape],
                    )
                    tints[shape, 3] += found * share
                    column = stop
                    continue
                total += sums[column]
                sums[column] = 0
                share = min(abs(total), np.float32(1))
                found = _unpaint_pixel(canvas, slopes, row, column, opacity * share, colour, tints[shape])
                tints[shape, 3] += found * share
                wanted[column] = found * opacity * (np.sign(total) if abs(total) < 1.0001 else 0)
                column += 1
            sums[min(high + 1, width)] = 0
            sums[width] = 0
            _move_edges(corners[shape], row, width, wanted, out[shape])
            wanted[low : high + 1] = 0


@numba.njit(cache=True, parallel=True)
def undraw(corners: Any, colours: Any, canvases: Any, slopes: Any, out: Any, tints: Any) -> None:
    """The gradient of `draw`.

    Args:
        corners, colours: as drawn.
        canvases: (B,3,H,W), what was drawn; becomes what was there before.
        slopes: (B,3,H,W), the gradient of the picture; becomes that of what was there before.
        out, tints: (BANDS,B,N,K,2) and (BANDS,B,N,4) of zeros, take each band's gradients of corners and colours.
    """
    height = canvases.shape[2]
    for job in numba.prange(len(canvases) * BANDS):
        picture, band = job // BANDS, job % BANDS
        _undraw_one(
            corners[picture],
            colours[picture],
            canvases[picture],
            slopes[picture],
            out[band, picture],
            tints[band, picture],
            band * height // BANDS,
            (band + 1) * height // BANDS,
        )


class _Draw(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, corners: Tensor, colours: Tensor, background: Tensor) -> Tensor:
        # What is not a number has no column; and columns must fit an integer.
        corners = corners.detach().float().nan_to_num().clamp(-FAR, FAR).contiguous()
        colours = colours.detach().float().contiguous()
        canvases = background.detach().float().contiguous().clone()
        draw(corners.numpy(), colours.numpy(), canvases.numpy())
        ctx.save_for_backward(corners, colours, canvases)
        return canvases

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        corners, colours, canvases = ctx.saved_tensors
        below, slopes = canvases.clone(), slopes.float().contiguous().clone()
        out, tints = (each.new_zeros(BANDS, *each.shape) for each in (corners, colours))
        undraw(*(each.numpy() for each in (corners, colours, below, slopes, out, tints)))
        return out.sum(0), tints.sum(0), slopes


def smooth(corners: Tensor, colours: Tensor, background: Tensor) -> Tensor:
    """Antialiased pictures of shapes, differentiable; on the CPU.

    Args:
        corners: (B,N,K,2) as (x, y) in pixels; a pixel's middle lies at a half.
        colours: (B,N,4), red, green, blue and opacity in [0,1].
        background: (B,3,H,W) in [0,1].

    Returns:
        (B,3,H,W).
    """
    drawn: Tensor = _Draw.apply(corners, colours, background)
    return drawn
