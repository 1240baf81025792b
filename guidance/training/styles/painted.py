"""Styles of paint: watercolour, oil, dabs, dots, spray."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .canvas import (
    Array,
    Rng,
    blur,
    contours,
    flow,
    from_image,
    grid,
    levels,
    light,
    luma,
    mix,
    outlines,
    ramp,
    rgb,
    saturate,
    smear,
    smooth,
    step,
    to_image,
    unit,
    vivid,
    warp,
)
from .noise import cells, fbm, grain, means, noise


def watercolour(picture: Array, rng: Rng) -> Array:
    """Pale washes with dark rims and blooms, fading into white paper at the borders."""
    size = unit(picture)
    down, right = (5.0 * size * (fbm(picture, 16, rng) - 0.5) for _ in range(2))
    washed = smooth(warp(picture, down, right), 3 * size)
    pale = 1.0 - (1.0 - saturate(washed, 1.35)) * rng.uniform(0.6, 0.75)
    rims = contours(luma(washed), 1.2 * size)
    bloom = fbm(picture, 30, rng) - 0.5
    density = 1.0 + 0.35 * rims + 0.9 * bloom + 0.06 * grain(picture, rng, 0.8)
    wet = 1.0 - (1.0 - pale) * np.clip(density, 0.3, 1.6)[..., None]
    rows, columns = (np.abs(axis / axis.max() - 0.5) * 2.0 for axis in grid(picture))
    border = np.maximum(rows, columns) + 0.5 * (fbm(picture, 24, rng) - 0.5)
    edge = rng.uniform(0.92, 1.0)
    return mix(
        wet, rgb("fdfcf9")[0] + 0.008 * grain(picture, rng)[..., None], step(border, edge - 0.05, edge)
    )


def oil(picture: Array, rng: Rng) -> Array:
    """Thick strokes along the shapes; bristles and ridges catch the light."""
    size = unit(picture)
    base = smooth(picture, rng.uniform(2.5, 4.5) * size)
    direction = flow(luma(base), 4 * size) + 0.9 * (noise(picture, 40, rng) - 0.5)
    bristles = smear(grain(picture, rng, 0.9), direction, 6 * size)
    shifted = (
        base + 0.07 * smear(rng.standard_normal(picture.shape).astype(np.float32), direction, 6 * size) * 2.0
    )
    relief = light(bristles + 3.0 * luma(base), rng.uniform(-2.6, -0.6), rng.uniform(0.5, 0.8) / size)
    painted = saturate(shifted, 1.35) * (0.45 + 0.8 * relief)[..., None]
    return np.asarray(painted + (0.25 * step(relief, 0.85, 1.0))[..., None])


def impressionist(picture: Array, rng: Rng) -> Array:
    """Many short separate dabs of broken colour, along the shapes."""
    size, height, width = unit(picture), *picture.shape[:2]
    direction = flow(luma(picture), 3 * size)
    source = saturate(blur(picture, size), 1.5)
    canvas = to_image(0.85 * source).resize((2 * width, 2 * height), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(canvas)
    long, thick = rng.uniform(3.5, 5.0) * size, max(round(rng.uniform(4.0, 5.5) * size), 1)
    count = int(1.9 * height * width / (long * thick))
    places = np.stack([rng.integers(0, height, count), rng.integers(0, width, count)], 1)
    angles = direction[places[:, 0], places[:, 1]] + rng.normal(0.0, 0.3, count)
    shift = rng.normal(0.0, 0.05, (count, 3)) + rng.normal(0.0, 0.06, (count, 1))
    colours = np.clip(source[places[:, 0], places[:, 1]] + shift, 0.0, 1.0)
    ends = long * np.stack([np.cos(angles), np.sin(angles)], 1)
    start, stop = 2 * places[:, ::-1] - ends, 2 * places[:, ::-1] + ends
    for line, colour in zip(
        np.concatenate([start, stop], 1).tolist(), (255 * colours).astype(int).tolist(), strict=True
    ):
        draw.line(line, fill=tuple(colour), width=thick)
    return from_image(canvas.resize((width, height), Image.Resampling.BOX))


def pointillism(picture: Array, rng: Rng) -> Array:
    """Small separate dots of pure colours on a pale ground."""
    source = saturate(picture, 1.7)
    ground = mix(rgb("f3ead6")[0], source, rng.uniform(0.25, 0.5))
    dot = rng.uniform(3.6, 5.0)
    for layer in range(2):
        labels, first, _ = cells(picture, dot, rng, 0.5)
        count = int(labels.max()) + 1
        colours = means(source, labels) + rng.normal(0.0, 0.08, (count, 3))
        # The last layer flicks the complementary colour in, as Seurat did.
        flip = rng.random(count) < (0.0, 0.12)[layer]
        colours = np.where(flip[:, None], 0.9 - 0.7 * colours, colours)
        shown = rng.random(count) < (1.0, 0.6)[layer]
        mask = step(0.5 - first, 0.0, 0.14) * shown[labels]
        ground = mix(ground, np.clip(colours, 0.0, 1.0)[labels], mask)
    return ground


def graffiti(picture: Array, rng: Rng) -> Array:
    """Loud flat spray paint with fat outlines, halo, drips and overspray on a concrete wall."""
    size = unit(picture)
    grey = levels(luma(blur(picture, 1.6 * size)))
    hue = rng.random()
    paints = np.stack(
        [vivid(hue + turn, 0.9, value) for turn, value in ((0.0, 0.5), (0.12, 0.95), (0.45, 1.0))]
    )
    area = np.digitize(grey + 0.06 * (noise(picture, 12, rng) - 0.5), (0.3, 0.55))
    sprayed = blur(paints[np.minimum(area, 2)].astype(np.float32), 0.8 * size)
    wall = ramp(fbm(picture, 18, rng), "6f6c68 a9a6a0") + 0.03 * grain(picture, rng)[..., None]
    painted = mix(wall, sprayed, step(0.86 - grey + 0.3 * (noise(picture, 10, rng) - 0.5), 0.0, 0.12))
    lines = step(outlines(grey, 2.2 * size, 14.0), 0.3, 0.65)
    halo = step(blur(lines, 2.5 * size), 0.12, 0.4)
    drips = _drips(lines, rng, size)
    spray = step(grain(picture, rng, 0.5) + 3.0 * blur(lines, 6 * size), 2.4, 2.8)
    painted = mix(painted, rgb("fafafa")[0], 0.85 * halo * (rng.random() < 0.6))
    return mix(painted, rgb("0d0b10")[0], np.clip(lines + drips + 0.7 * spray, 0.0, 1.0))


def _drips(lines: Array, rng: Rng, size: float) -> Array:
    """Paint that runs down from some columns of the lines."""
    run = lines * (rng.random((1, lines.shape[1])) < 0.05 / size)
    length = max(round(rng.uniform(12, 22) * size), 2)
    sums = np.cumsum(np.pad(run, ((length, 0), (0, 0))), 0)
    below = sums[length:] - sums[:-length]
    return step(blur(np.where(below > 0.5, 1.0, 0.0), 0.5 * size), 0.15, 0.5)
