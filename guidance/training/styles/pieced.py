"""Styles that put a picture together from pieces: tiles, glass, triangles, facets, stitches."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import Delaunay

from .canvas import (
    Array,
    Rng,
    blur,
    contours,
    flat,
    from_image,
    grid,
    levels,
    light,
    luma,
    mix,
    ramp,
    rgb,
    saturate,
    smooth,
    step,
    turned,
    unit,
    warp,
)
from .noise import cells, fbm, grain, means, noise, stripes, tiles


def mosaic(picture: Array, rng: Rng) -> Array:
    """Small square stones, a little uneven, set in grout."""
    size = unit(picture)
    along, across = turned(picture, rng.uniform(-0.6, 0.6))
    tile = rng.uniform(5.0, 7.0) * size
    bend = 9.0 * size * noise(picture, 45, rng)
    labels, down, right = tiles((across + bend) / tile, (along + 0.7 * bend) / tile)
    count = int(labels.max()) + 1
    colours = saturate(means(picture, labels), 1.4) + rng.normal(0.0, 0.06, (count, 1))
    inset = np.minimum(np.minimum(down, 1 - down), np.minimum(right, 1 - right))
    bevel = 1.0 + 0.22 * ((0.5 - down) + (0.5 - right))
    stones = np.clip(colours, 0.0, 1.0)[labels] * bevel[..., None]
    grout = rgb("d9d2c4 4a443c 8b8478")[rng.integers(3)]
    return mix(np.broadcast_to(grout, picture.shape), stones, step(inset, 0.07, 0.16))


def stained_glass(picture: Array, rng: Rng) -> Array:
    """Panes of deep glowing colours between black lead; the lead follows the subject too."""
    size = unit(picture)
    panes, first, second = cells(picture, rng.uniform(15.0, 20.0), rng, 0.95)
    areas, colours = flat(picture, 6, 5 * size, 5)
    labels = panes * len(colours) + areas
    count = int(labels.max()) + 1
    tint = means(picture, labels) * rng.uniform(0.85, 1.3, (count, 1)) + rng.normal(0.0, 0.05, (count, 3))
    glass = np.clip(saturate(tint, 2.4) * 1.1, 0.03, 1.0)[labels]
    glow = 0.8 + 0.45 * fbm(picture, 30, rng) + 0.25 * (0.5 - first)
    lead = 1.0 - step(second - first, 0.07, 0.15)
    border = np.hypot(*np.gradient(blur(luma(colours[areas]), 0.6 * size)))
    outline = step(border * size, 0.012, 0.04)
    return mix(np.clip(glass * glow[..., None], 0.0, 1.0), rgb("0b0a0c")[0], np.maximum(lead, 0.95 * outline))


def low_poly(picture: Array, rng: Rng) -> Array:
    """Flat triangles, smaller where there is more to see."""
    height, width = picture.shape[:2]
    detail = blur(contours(luma(picture), 1.5 * unit(picture)), unit(picture)).ravel() + 0.06
    count = int(rng.integers(170, 300))
    chosen = rng.choice(detail.size, min(count, detail.size // 2), replace=False, p=detail / detail.sum())
    points = np.stack(np.unravel_index(chosen, (height, width))[::-1], 1)
    sides = [(x, y) for x in np.linspace(0, width - 1, 5) for y in np.linspace(0, height - 1, 5)]
    border = [(x, y) for x, y in sides if x in (0, width - 1) or y in (0, height - 1)]
    points = np.concatenate([points, border]).astype(np.float64)
    corners = points[Delaunay(points).simplices]
    middle = np.rint(corners.mean(1)).astype(np.intp)
    colours = saturate(blur(picture, 1.5 * unit(picture))[middle[:, 1], middle[:, 0]], 1.25)
    colours = np.clip(colours + rng.normal(0.0, 0.035, (len(colours), 1)), 0.0, 1.0)
    canvas = Image.new("RGB", (2 * width, 2 * height))
    draw = ImageDraw.Draw(canvas)
    flat_corners = (2 * corners).reshape(len(corners), 6).tolist()
    for corner, colour in zip(flat_corners, (255 * colours).astype(int).tolist(), strict=True):
        draw.polygon(corner, fill=tuple(colour))
    return from_image(canvas.resize((width, height), Image.Resampling.BOX))


def cubist(picture: Array, rng: Rng) -> Array:
    """Straight cuts across the picture; every facet is moved, shaded from one side, in earth tones."""
    size, height, width = unit(picture), *picture.shape[:2]
    labels = np.zeros((height, width), np.intp)
    edge = np.full((height, width), 99.0, np.float32)
    shade = np.zeros((height, width), np.float32)
    for bit in range(int(rng.integers(7, 10))):
        _, across = turned(picture, rng.uniform(0, np.pi))
        away = across - rng.choice(across.ravel())
        labels |= (away > 0).astype(np.intp) << bit
        edge = np.minimum(edge, np.abs(away))
        shade += 0.16 * np.exp(-np.abs(away) / (9.0 * size)) * np.where(away > 0, 1.0, -1.0)
    count = int(labels.max()) + 1
    down, right = (rng.normal(0.0, 5.0 * size, count)[labels] for _ in range(2))
    moved = warp(smooth(picture, 3 * size), down, right)
    earth = ramp(levels(luma(moved)), "2a2420 6b4a2f a8814f c9b48c 8e9a9a e9dfc8")
    tint = rng.uniform(0.45, 0.9, count)[labels]
    facets = mix(moved, earth, tint) * (1.0 + shade + 0.04 * grain(picture, rng, 0.9))[..., None]
    return mix(facets, rgb("1c1612")[0], 0.75 * step(1.1 * size - edge, 0.0, 0.7 * size))


def embroidery(picture: Array, rng: Rng) -> Array:
    """Satin stitches: every area in threads of its own direction, on woven cloth."""
    size = unit(picture)
    labels, colours = flat(picture, int(rng.integers(7, 10)), 5 * size)
    shine = np.zeros(picture.shape[:2], np.float32)
    thick, long = max(rng.uniform(2.3, 2.9) * size, 1.5), rng.uniform(11.0, 15.0) * size
    start = rng.random()
    for label in range(len(colours)):
        along, across = turned(picture, np.pi * ((start + label * 0.381) % 1.0))
        thread = np.floor(across / thick)
        place = (along / long + 0.618 * thread) % 1.0
        profile = np.sin(np.pi * (across / thick - thread)) * np.clip(6.0 * np.sin(np.pi * place), 0.15, 1.0)
        shine = np.where(labels == label, profile, shine)
    threads = saturate(colours, 1.5)[labels] * (0.38 + 0.8 * shine)[..., None] + 0.1 * (shine**4)[..., None]
    cloth_colour = rgb("e9e2d0 d8d3c8 30405e 7a2f35")[rng.integers(4)]
    weave = 0.8 + 0.2 * stripes(picture, 2.6, 0.0) * stripes(picture, 2.6, np.pi / 2)
    most = int(np.bincount(labels.ravel()).argmax())
    cloth = cloth_colour * weave[..., None]
    ring = step(blur(np.where(labels == most, 1.0, 0.0), 0.6 * size), 0.4, 0.6)
    shadow = 1.0 - 0.4 * ring * (1.0 - step(blur(np.where(labels == most, 1.0, 0.0), 1.8 * size), 0.5, 0.95))
    return mix(threads, cloth * shadow[..., None], ring)


def cross_stitch(picture: Array, rng: Rng) -> Array:
    """Rows of little crosses of yarn on a pale cloth with holes."""
    size = unit(picture)
    stitch = max(rng.uniform(5.0, 6.5) * size, 3.0)
    rows, columns = grid(picture)
    off = rng.random(2)
    labels, down, right = tiles(*np.broadcast_arrays(rows / stitch + off[0], columns / stitch + off[1]))
    colours = saturate(means(picture, labels), 1.5)
    quantised = np.round(colours * 5.0) / 5.0
    first, second = np.abs(down - right), np.abs(down + right - 1.0)
    arm = 0.23
    upper, lower = step(arm - first, 0.0, 0.1), step(arm - second, 0.0, 0.1)
    profile = np.where(upper > 0.5, 1.0 - (first / arm) ** 2, 0.75 - 0.6 * (second / arm) ** 2)
    yarn = quantised[labels] * (0.55 + 0.55 * np.clip(profile, 0.0, 1.0))[..., None]
    hole = step(0.2 - np.hypot(np.minimum(down, 1 - down), np.minimum(right, 1 - right)), 0.0, 0.1)
    linen = rgb("f1ebdc e6e2da d9cfb4 cfd9e2")[rng.integers(4)]
    cloth = linen * (1.0 - 0.5 * hole + 0.03 * grain(picture, rng))[..., None]
    return mix(cloth, yarn, np.maximum(upper, lower) * (1.0 - hole))


def knitted(picture: Array, rng: Rng) -> Array:
    """Columns of soft V-shaped stitches of wool."""
    size = unit(picture)
    wide, tall = max(rng.uniform(6.0, 8.0) * size, 4.0), max(rng.uniform(4.6, 5.8) * size, 3.0)
    rows, columns = grid(picture)
    fold = np.abs((columns / wide) % 1.0 - 0.5)
    labels, down, right = tiles(*np.broadcast_arrays(rows / tall + 1.3 * fold, columns / wide))
    colours = np.clip(saturate(means(picture, labels), 1.25) * 0.95 + 0.04, 0.0, 1.0)
    half = (2.0 * right) % 1.0
    plump = np.sqrt(np.clip(np.sin(np.pi * down) * np.sin(np.pi * half), 0.0, 1.0))
    ply = 0.5 + 0.5 * np.cos(2 * np.pi * (2.0 * down + np.where(right < 0.5, half, -half)))
    fuzz = 0.04 * grain(picture, rng)
    tone = 0.28 + 0.72 * plump + 0.1 * ply + fuzz
    return np.asarray(colours[labels] * np.clip(tone, 0.0, 1.2)[..., None])


def brick(picture: Array, rng: Rng) -> Array:
    """A wall of bricks that follow the picture's tones, with mortar between."""
    size = unit(picture)
    long, tall = rng.uniform(15.0, 20.0) * size, rng.uniform(6.5, 8.5) * size
    rows, columns = grid(picture)
    course = np.floor(rows / tall)
    labels, down, right = tiles(*np.broadcast_arrays(rows / tall, columns / long + 0.5 * (course % 2)))
    count = int(labels.max()) + 1
    grey = levels(blur(luma(picture), size))
    tone = 0.12 + 0.45 * grey + 0.25 * luma(means(np.repeat(grey[..., None], 3, -1), labels))[labels]
    tone += rng.normal(0.0, 0.07, count)[labels] + 0.2 * (fbm(picture, 6, rng) - 0.5)
    fired = ramp(np.clip(tone, 0.0, 1.0), "3a130c 8a3320 b85236 d9805c eeb493")
    inset = np.minimum(np.minimum(down, 1 - down) * tall, np.minimum(right, 1 - right) * long) / size
    face = step(inset + 0.6 * (noise(picture, 3, rng) - 0.5), 0.55, 1.1)
    relief = light(blur(face, 0.6 * size), -2.2, 0.8)
    mortar = ramp(np.clip(0.2 + 0.7 * grey, 0, 1), "6d665d cfc8ba") + 0.04 * grain(picture, rng)[..., None]
    return mix(mortar, fired, face) * (0.55 + 0.65 * relief)[..., None]
