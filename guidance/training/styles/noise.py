"""Random fields: noise at one scale and at many, cells, stripes, spots."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from .canvas import Array, Labels, Rng, blur, grid, turned, unit


def noise(picture: Array, scale: float | tuple[float, float], rng: Rng) -> Array:
    """Smooth noise about 0.5, (H, W), with hills of `scale` pixels at 128 px (or down and across)."""
    down, across = scale if isinstance(scale, tuple) else (scale, scale)
    height, width = picture.shape[:2]
    size = unit(picture)
    knots = (int(height / max(down * size, 1.0)) + 4, int(width / max(across * size, 1.0)) + 4)
    # The outer knots lie beyond the picture, at a random place, so that no grid shows.
    coarse = Image.fromarray(rng.random(knots, np.float32))
    top, left = rng.random(2)
    spans = (height / max(down * size, 1.0), width / max(across * size, 1.0))
    box = (1.0 + left, 1.0 + top, 1.0 + left + spans[1], 1.0 + top + spans[0])
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC, box=box))


def fbm(picture: Array, scale: float | tuple[float, float], rng: Rng, octaves: int = 4) -> Array:
    """Fractal noise (H, W) about 0.5: every octave half as large and half as strong."""
    down, across = scale if isinstance(scale, tuple) else (scale, scale)
    total = np.zeros(picture.shape[:2], np.float32)
    for octave in range(octaves):
        total += (noise(picture, (down / 2**octave, across / 2**octave), rng) - 0.5) * 0.5**octave
    return np.asarray(np.clip(0.5 + 0.8 * total, 0.0, 1.0))


def veins(picture: Array, scale: float, rng: Rng, octaves: int = 4) -> Array:
    """Thin bright ridges on dark, (H, W) in [0, 1]: fractal noise folded at its middle."""
    return np.asarray(np.clip(1.0 - np.abs(2.0 * fbm(picture, scale, rng, octaves) - 1.0) * 2.5, 0.0, 1.0))


def grain(picture: Array, rng: Rng, sigma: float = 0.6) -> Array:
    """Fine noise of mean 0 and deviation 1, (H, W): paper's tooth, film."""
    values = blur(rng.standard_normal(picture.shape[:2]).astype(np.float32), sigma * max(unit(picture), 0.5))
    return np.asarray(values / (values.std() + 1e-6))


def stripes(picture: Array, spacing: float, angle: float, wobble: Array | float = 0.0) -> Array:
    """Waves in [0, 1] along `angle`, one every `spacing` pixels; `wobble` shifts them in wave lengths."""
    _, across = turned(picture, angle)
    return np.asarray(0.5 + 0.5 * np.cos(2.0 * np.pi * (across / (spacing * unit(picture)) + wobble)))


def cells(picture: Array, size: float, rng: Rng, jitter: float = 1.0) -> tuple[Labels, Array, Array]:
    """Voronoi cells of about `size` pixels around points jittered from a grid.

    Returns:
        labels (H, W), and the distances to the nearest and the second nearest point in cell sizes.
    """
    rows, columns = (axis / (size * unit(picture)) for axis in grid(picture))
    wide, tall = int(columns[0, -1]) + 4, int(rows[-1, 0]) + 4
    down, right = (0.5 + jitter * (rng.random((tall, wide), np.float32) - 0.5) for _ in range(2))
    shape = picture.shape[:2]
    labels = np.zeros(shape, np.intp)
    first, second = np.full(shape, 9.0, np.float32), np.full(shape, 9.0, np.float32)
    for y in range(3):
        for x in range(3):
            at, to = rows.astype(np.intp) + y, columns.astype(np.intp) + x
            distance = np.hypot(rows - (at - 1 + down[at, to]), columns - (to - 1 + right[at, to]))
            nearer = distance < first
            second = np.where(nearer, first, np.minimum(second, distance))
            labels = np.where(nearer, at * wide + to, labels)
            first = np.where(nearer, distance, first)
    return labels, first, second


def tiles(down: Array, across: Array) -> tuple[Labels, Array, Array]:
    """Square tiles of size 1: labels (H, W), and the place within the tile, both in [0, 1)."""
    at, to = np.floor(down).astype(np.intp), np.floor(across).astype(np.intp)
    at, to = at - at.min(), to - to.min()
    return at * (int(to.max()) + 1) + to, down - np.floor(down), across - np.floor(across)


def means(picture: Array, labels: Labels) -> Array:
    """Mean colour of each label, (N, 3); labels that do not occur are 0."""
    index = labels.ravel()
    count = np.maximum(np.bincount(index), 1)
    return np.stack([np.bincount(index, picture[..., i].ravel()) / count for i in range(3)], -1)


def flecks(picture: Array, share: float, rng: Rng) -> Array:
    """Dots of random strength on 0, one pixel wide at 128 px where they start a `share` of the pixels."""
    size = unit(picture)
    values = rng.random(picture.shape[:2], np.float32)
    rare = share / max(size, 0.5) ** 2
    dots = np.where(values < rare, values / rare, 0.0)
    return np.asarray(ndimage.maximum_filter(dots, round(size))) if size >= 1.5 else dots
