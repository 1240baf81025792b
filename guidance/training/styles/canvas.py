"""What all styles are built of: tones, lines, flat colours, light, and smearing along a direction.

Lengths are in pixels of a picture of 128 px; `unit` scales them to others.
"""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

Picture = NDArray[np.float32]
"""(H, W, 3), RGB in [0, 1]."""
Array = NDArray[np.floating[Any]]
"""Floats of any precision: (H, W) a field, or (H, W, 3) a picture on its way."""
Labels = NDArray[np.intp]
"""(H, W), which cell each pixel belongs to."""
Rng = np.random.Generator


def unit(picture: Array) -> float:
    """Pixels of this picture for one pixel of a picture of 128 px."""
    return max(float(min(picture.shape[:2])) / 128, 0.25)


def grid(picture: Array) -> tuple[Array, Array]:
    """Row and column numbers, (H, 1) and (1, W)."""
    height, width = picture.shape[:2]
    return np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]


def turned(picture: Array, angle: float) -> tuple[Array, Array]:
    """Coordinates along and across a direction, both (H, W)."""
    rows, columns = grid(picture)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return columns * cos + rows * sin, rows * cos - columns * sin


def rgb(text: str) -> Array:
    """Colours from hexadecimal words, (N, 3): "ff0000 00ff00"."""
    return np.array(
        [[int(word[i : i + 2], 16) / 255 for i in (0, 2, 4)] for word in text.split()], np.float32
    )


def vivid(hue: float, saturation: float = 0.85, value: float = 0.95) -> Array:
    """One colour, (3,); hues go round at 1."""
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value), np.float32)


def ramp(tone: Array, colours: str | Array) -> Array:
    """A field in [0, 1] as colours: evenly spaced stops from dark to light."""
    stops = rgb(colours) if isinstance(colours, str) else colours
    places = np.linspace(0.0, 1.0, len(stops))
    return np.stack([np.interp(tone, places, stops[:, i]) for i in range(3)], -1).astype(np.float32)


def luma(picture: Array) -> Array:
    """Brightness as Rec. 601 weighs the colours, (H, W)."""
    return np.asarray(picture @ np.array([0.299, 0.587, 0.114], np.float32))


def levels(field: Array) -> Array:
    """The field stretched so that all but its extremes fill [0, 1]; a flat one keeps its value."""
    low, high = np.percentile(field, (2.0, 98.0))
    if high - low < 0.05:
        return np.clip(field, 0.0, 1.0)
    return np.asarray(np.clip((field - low) / (high - low), 0.0, 1.0))


def step(field: Array, low: float | Array, high: float | Array) -> Array:
    """Smooth rise from 0 at `low` to 1 at `high`."""
    t = np.clip((field - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def mix(first: Array, second: Array, share: float | Array) -> Array:
    """`first` where the share is 0, `second` where it is 1; a share of (H, W) mixes pictures."""
    if isinstance(share, np.ndarray) and share.ndim == 2 and max(first.ndim, second.ndim) != 2:
        share = share[..., None]
    return first + (second - first) * share


def blur(values: Array, sigma: float) -> Array:
    """Gaussian blur of a field or of a picture's channels."""
    sigmas = (sigma, sigma, 0.0)[: values.ndim]
    return np.asarray(ndimage.gaussian_filter(values, sigmas, truncate=3.0))


def saturate(picture: Array, amount: float) -> Array:
    """Colours stronger (above 1) or weaker (below 1), in [0, 1]."""
    grey = luma(picture)[..., None]
    return np.clip(grey + (picture - grey) * amount, 0.0, 1.0)


def outlines(grey: Array, sigma: float, reach: float = 12.0) -> Array:
    """Lines along edges, 1 on them and 0 elsewhere: a difference of Gaussians cut softly (XDoG, 2012)."""
    difference = blur(grey, sigma) - 0.98 * blur(grey, 1.6 * sigma)
    return np.asarray(np.clip(-np.tanh(reach * (difference - 0.004)), 0.0, 1.0))


def contours(grey: Array, sigma: float) -> Array:
    """Strength of edges, about [0, 1], whatever the contrast of the picture."""
    strength = ndimage.gaussian_gradient_magnitude(grey, sigma)
    return np.clip(np.asarray(strength) / max(float(np.percentile(strength, 97.0)), 0.01), 0.0, 1.0)


def flow(grey: Array, sigma: float) -> Array:
    """Angle along the edges at each pixel: the lesser axis of the blurred structure tensor."""
    rows, columns = np.gradient(blur(grey, 1.0))
    cross = blur(rows * columns, sigma)
    twice = np.arctan2(2.0 * cross, blur(columns * columns, sigma) - blur(rows * rows, sigma))
    return np.asarray(0.5 * twice + np.pi / 2)


def smear(values: Array, angle: float | Array, length: float) -> Array:
    """Mean over a straight stretch of 2 * length + 1 pixels in the direction at each pixel."""
    rows, columns = grid(values)
    down, right = np.sin(angle), np.cos(angle)
    total, count = np.array(values), 1
    for distance in range(1, max(round(length), 1) + 1):
        for sign in (-distance, distance):
            at = np.clip(np.rint(rows + sign * down), 0, values.shape[0] - 1).astype(np.intp)
            to = np.clip(np.rint(columns + sign * right), 0, values.shape[1] - 1).astype(np.intp)
            total += values[at, to]
            count += 1
    return np.asarray(total / count)


def warp(values: Array, down: Array | float, right: Array | float) -> Array:
    """Each pixel from a place that lies so far away, bilinear."""
    rows, columns = grid(values)
    places = np.stack(np.broadcast_arrays(rows + down, columns + right))
    layers = values[..., None] if values.ndim == 2 else values
    channels = [
        ndimage.map_coordinates(layers[..., i], places, order=1, mode="nearest")
        for i in range(layers.shape[-1])
    ]
    return np.stack(channels, -1).reshape(values.shape)


def light(height: Array, angle: float, steep: float) -> Array:
    """Lambert's shading of a relief lit from `angle`, about 0.7 where it is flat, in [0, 1]."""
    rows, columns = np.gradient(height * steep)
    toward = -(columns * np.cos(angle) + rows * np.sin(angle))
    return np.asarray(np.clip((0.7 * toward + 0.7) / np.sqrt(1.0 + rows**2 + columns**2), 0.0, 1.0))


def to_image(picture: Array) -> Image.Image:
    """The picture for Pillow."""
    return Image.fromarray(np.rint(255.0 * np.clip(picture, 0.0, 1.0)).astype(np.uint8))


def from_image(image: Image.Image) -> Array:
    """The picture from Pillow."""
    return np.asarray(image.convert("RGB"), np.float32) / 255.0


def smooth(picture: Array, radius: float) -> Array:
    """Kuwahara's filter: at each pixel the mean of that one of four squares that varies least."""
    half = max(round(radius / 2), 1)
    padded = np.pad(picture, ((half, half), (half, half), (0, 0)), "symmetric")
    size = (2 * half + 1, 2 * half + 1)
    means = np.asarray(ndimage.uniform_filter(padded, (*size, 1)))
    grey = luma(padded)
    varies = np.asarray(ndimage.uniform_filter(grey * grey, size)) - np.square(
        ndimage.uniform_filter(grey, size)
    )
    height, width = picture.shape[:2]
    best, least = np.empty_like(picture), np.full((height, width), np.inf, np.float32)
    for down in (0, 2 * half):
        for right in (0, 2 * half):
            place = (slice(down, down + height), slice(right, right + width))
            better = varies[place] < least
            best[better], least[better] = means[place][better], varies[place][better]
    return best


def flat(picture: Array, colours: int, radius: float = 4.0, tidy: int = 3) -> tuple[Labels, Array]:
    """Flat areas of few colours: (H, W) numbers and the (N, 3) colours, darkest first; odd pixels join
    the majority of their `tidy` x `tidy` neighbours."""
    few = to_image(smooth(picture, radius)).quantize(colours, dither=Image.Dither.NONE)
    tidied = Image.fromarray(np.asarray(few)).filter(ImageFilter.ModeFilter(tidy))
    table = np.array(few.getpalette(), np.float32).reshape(-1, 3)[:colours] / 255.0
    order = np.argsort(luma(table), kind="stable")
    rank = np.argsort(order, kind="stable")
    return rank[np.minimum(np.asarray(tidied), len(rank) - 1)], table[order]


def ink(coverage: Array, colour: Array, paper: Array) -> Array:
    """Ink of one colour (3,) where the coverage (H, W) is 1, on paper that is (3,) or (H, W, 3)."""
    return mix(np.broadcast_to(paper, (*coverage.shape, 3)), colour, coverage)
