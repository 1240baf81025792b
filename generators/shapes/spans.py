"""Triangles as Pillow's `ImageDraw` fills them, compiled: whole pixels, integer corners, integer blending.

A triangle fills one span of pixels a row. Its ends come from where the edges meet the row, in float32; at a corner
that is above or below both others, the span reaches to the pixel before that of the next row, so that no thin triangle
is torn. The rule was found by comparing pictures, and gives Pillow's to the last pixel.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

_HALF = np.float32(0.5)
# A canvas holds a pixel in one 64-bit word, a colour in each 16 bits of it: blending takes one multiplication.
_GREEN, _BLUE = np.uint64(16), np.uint64(32)
_HIGH, _BYTES = np.uint64(8), np.uint64(0x000000FF00FF00FF)
_ROUND = np.uint64(0x0000008000800080)


@numba.njit(cache=True, inline="always")
def _slope(a: Any, b: Any) -> Any:
    return np.float32(b[0] - a[0]) / np.float32(b[1] - a[1])


@numba.njit(cache=True, inline="always")
def _meet(a: Any, slope: Any, row: int) -> Any:
    """Where the edge from a corner meets a row."""
    return np.float32(np.float32(row - a[1]) * slope + np.float32(a[0]))


@numba.njit(cache=True)
def _edges(corners: Any, low: Any, high: Any, height: int) -> None:
    """The least and greatest x (height,) at which the edges of a triangle (3,2) meet each row."""
    for corner in range(3):
        a, b = corners[corner], corners[(corner + 1) % 3]
        top, end = max(min(a[1], b[1]), 0), min(max(a[1], b[1]) + 1, height)
        if a[1] == b[1]:
            if top < end:
                low[top] = min(low[top], np.float32(min(a[0], b[0])))
                high[top] = max(high[top], np.float32(max(a[0], b[0])))
            continue
        slope = _slope(a, b)
        for row in range(top, end):
            at = _meet(a, slope, row)
            low[row], high[row] = min(low[row], at), max(high[row], at)


@numba.njit(cache=True)
def _tip(corners: Any, corner: int, first: int, last: int) -> Any:
    """A span widened at a corner that is above or below both others and has them on one side."""
    here, left, right = corners[corner], corners[corner - 1], corners[(corner + 1) % 3]
    if left[0] == here[0] and left[1] == here[1]:
        left = right
    elif right[0] == here[0] and right[1] == here[1]:
        right = left
    below = left[1] > here[1] and right[1] > here[1]
    if not below and not (left[1] < here[1] and right[1] < here[1]):
        return first, last
    row = here[1] + 1 if below else here[1] - 1
    one, other = _meet(here, _slope(here, left), row), _meet(here, _slope(here, right), row)
    if one > here[0] and other > here[0]:
        last = max(last, int(np.floor(min(one, other) + _HALF)) - 1)
    if one < here[0] and other < here[0]:
        first = min(first, int(np.floor(max(one, other) + _HALF)) + 1)
    return first, last


@numba.njit(cache=True, inline="always")
def _last(high: Any) -> int:
    """The last column of a span that ends at `high`: halves are rounded towards 0."""
    return int(np.ceil(high - _HALF)) if high >= 0 else int(np.floor(high + _HALF))


@numba.njit(cache=True)
def _spans(corners: Any, top: int, bottom: int, low: Any, high: Any, spans: Any) -> None:
    """The first and last column (height,2) of a triangle (3,2) in the rows that it reaches."""
    for row in range(top, bottom + 1):
        low[row], high[row] = np.inf, -np.inf
    _edges(corners, low, high, len(low))
    for row in range(top, bottom + 1):
        spans[row, 0], spans[row, 1] = int(np.floor(low[row] + _HALF)), _last(high[row])
    for corner in range(3):
        row = corners[corner, 1]
        if top <= row <= bottom:
            spans[row] = _tip(corners, corner, spans[row, 0], spans[row, 1])
    level = corners[0, 1] == corners[1, 1] == corners[2, 1]
    if level and corners[2, 0] < corners[0, 0] <= corners[1, 0] and top == bottom:
        spans[top] = corners[0, 0], corners[1, 0]


@numba.njit(cache=True, inline="always")
def _word(red: int, green: int, blue: int) -> Any:
    return np.uint64(red) | (np.uint64(green) << _GREEN) | (np.uint64(blue) << _BLUE)


@numba.njit(cache=True)
def _fill(line: Any, add: Any, rest: Any) -> None:
    for x in range(len(line)):
        mixed = line[x] * rest + add
        line[x] = ((((mixed >> _HIGH) & _BYTES) + mixed) >> _HIGH) & _BYTES


@numba.njit(cache=True)
def _draw_one(corners: Any, colours: Any, words: Any) -> None:
    """Draw triangles (N,3,2), red, green, blue and opacity (N,4), onto the words (H,W) of a canvas."""
    height, width = words.shape
    low, high = np.empty(height, np.float32), np.empty(height, np.float32)
    spans = np.empty((height, 2), np.int32)
    for shape in range(len(corners)):
        rows = corners[shape, :, 1]
        top, bottom = max(0, rows.min()), min(height - 1, rows.max())
        _spans(corners[shape], top, bottom, low, high, spans)
        red, green, blue, opacity = colours[shape]
        add = _word(red, green, blue) * np.uint64(opacity) + _ROUND
        rest = np.uint64(255 - opacity)
        for row in range(top, bottom + 1):
            first = max(spans[row, 0], 0)
            _fill(words[row, first : max(min(spans[row, 1] + 1, width), first)], add, rest)


@numba.njit(cache=True)
def _packed(canvas: Any, words: Any) -> None:
    red, green, blue = canvas
    for row in range(words.shape[0]):
        for x in range(words.shape[1]):
            words[row, x] = _word(red[row, x], green[row, x], blue[row, x])


@numba.njit(cache=True)
def _unpacked(words: Any, canvas: Any) -> None:
    red, green, blue = canvas
    for row in range(words.shape[0]):
        for x in range(words.shape[1]):
            word = words[row, x]
            red[row, x], green[row, x] = np.uint8(word), np.uint8(word >> _GREEN)
            blue[row, x] = np.uint8(word >> _BLUE)


@numba.njit(cache=True, parallel=True)
def draw(corners: Any, colours: Any, canvases: Any) -> None:
    """Draw triangles in their order onto canvases, in place, one a core.

    Args:
        corners: (B,N,3,2) int32 as (x, y).
        colours: (B,N,4) int32, red, green, blue and opacity in 0 to 255.
        canvases: (B,3,H,W) uint8.
    """
    for picture in numba.prange(len(canvases)):
        words = np.empty(canvases.shape[2:], np.uint64)
        _packed(canvases[picture], words)
        _draw_one(corners[picture], colours[picture], words)
        _unpacked(words, canvases[picture])


@numba.njit(cache=True)
def _away(words: Any, target: Any, absolute: bool) -> int:
    """The sum over pixels and channels of squared or absolute differences from a target (3,H,W)."""
    total = 0
    for row in range(words.shape[0]):
        for x in range(words.shape[1]):
            word = words[row, x]
            for channel in range(3):
                level = np.int64((word >> np.uint64(16 * channel)) & np.uint64(255))
                away = level - np.int64(target[channel, row, x])
                total += abs(away) if absolute else away * away
    return total


@numba.njit(cache=True, parallel=True)
def _errors(corners: Any, colours: Any, backgrounds: Any, target: Any, absolute: bool, totals: Any) -> None:
    for picture in numba.prange(len(corners)):
        words = np.empty(target.shape[1:], np.uint64)
        for background in backgrounds:
            words[:] = background
            _draw_one(corners[picture], colours[picture], words)
            totals[picture] += _away(words, target, absolute)


def errors(
    corners: Tensor, colours: Tensor, backgrounds: Tensor, target: Tensor, absolute: bool = False
) -> Tensor:
    """How far `exact` pictures on several backgrounds are from a target, without keeping any of them.

    Args:
        corners, colours: as of `exact`, (B,...).
        backgrounds: (R,3,H,W) uint8, the same for all pictures.
        target: (3,H,W) uint8.
        absolute: the mean of absolute differences in place of squared ones.

    Returns:
        (B,) means over backgrounds, pixels and channels, of values in [0,1].
    """
    words = np.empty((len(backgrounds), *target.shape[1:]), np.uint64)
    for each, packed in zip(backgrounds.contiguous().numpy(), words, strict=True):
        _packed(each, packed)
    totals = np.zeros(len(corners), np.int64)
    _errors(
        corners.contiguous().numpy(),
        colours.contiguous().numpy(),
        words,
        target.contiguous().numpy(),
        absolute,
        totals,
    )
    scale = len(backgrounds) * target.numel() * (255.0 if absolute else 255.0**2)
    return torch.from_numpy(totals / scale).float()


def exact(corners: Tensor, colours: Tensor, background: Tensor) -> Tensor:
    """Pictures of triangles to the pixel as Pillow draws them; on the CPU.

    Args:
        corners: (B,N,3,2) int32 as (x, y) in pixels.
        colours: (B,N,4) int32 in 0 to 255, red, green, blue and opacity.
        background: (B,3,H,W) uint8.

    Returns:
        (B,3,H,W) uint8.
    """
    canvases = background.contiguous().clone()
    draw(corners.contiguous().numpy(), colours.contiguous().numpy(), canvases.numpy())
    return canvases
