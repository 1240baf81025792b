"""Times of day and weather: the subject stays, the light and the air change."""

from __future__ import annotations

import numpy as np

from .canvas import (
    Array,
    Rng,
    blur,
    grid,
    levels,
    luma,
    mix,
    ramp,
    rgb,
    saturate,
    smear,
    step,
    unit,
    warp,
)
from .noise import cells, fbm, flecks, grain, noise


def _disc(picture: Array, rng: Rng, radius: float, rows: tuple[float, float]) -> Array:
    """Distance to a random point in radii, (H, W); `rows` bounds its height as fractions of the picture."""
    height, width = picture.shape[:2]
    y, x = (
        height * rng.uniform(*rows),
        width * (rng.uniform(0.1, 0.28) if rng.random() < 0.5 else rng.uniform(0.72, 0.9)),
    )
    down, across = grid(picture)
    return np.asarray(np.hypot(down - y, across - x) / (radius * unit(picture)))


def night(picture: Array, rng: Rng) -> Array:
    """Dark blue moonlight, stars, a moon."""
    size = unit(picture)
    grey = luma(picture)
    dark = mix(0.3 * picture, ramp(levels(grey), "01030d 0a1838 2a4478 6f8cc0"), 0.75) * rng.uniform(0.6, 0.8)
    rows, _ = grid(picture)
    sky = 1.0 - step(np.broadcast_to(rows / len(picture), grey.shape), 0.35, 0.8)
    stars = blur(flecks(picture, 0.009, rng), 0.42 * size) * 3.0 * sky
    away = _disc(picture, rng, rng.uniform(7.0, 10.0), (0.1, 0.25))
    bite = rng.uniform(0.0, 0.9) * 7.0 * size
    moon = step(1.1 - away, 0.0, 0.2) * (
        1.0 - step(1.1 - warp(away, 0.25 * bite, bite), 0.0, 0.2) * (bite > 2.5 * size)
    )
    glow = 0.35 * np.exp(-np.clip(away - 1.0, 0.0, 9.0) / 1.2)
    return mix(
        dark + np.clip(stars, 0.0, 1.0)[..., None] + glow[..., None] * rgb("8fa8e0")[0],
        rgb("fdf6d8")[0],
        moon,
    )


def rain(picture: Array, rng: Rng) -> Array:
    """Grey wet air, slanting streaks, drops on the pane."""
    size = unit(picture)
    wet = blur(picture, 0.9 * size)
    dull = saturate(wet, 0.35) * np.array([0.62, 0.7, 0.8], np.float32) * rng.uniform(0.85, 1.0) + 0.03
    slant = np.pi / 2 + rng.uniform(-0.35, 0.35)
    near = smear(flecks(picture, rng.uniform(0.01, 0.02), rng), slant, 9 * size) * 8.0
    far = smear(flecks(picture, 0.04, rng), slant, 5 * size) * 2.5
    _, first, _ = cells(picture, rng.uniform(13, 18), rng, 0.9)
    drop = step(0.2 - first * (0.7 + 0.7 * noise(picture, 14, rng)), 0.0, 0.06)
    bent = warp(picture, 12.0 * size * (first - 0.3), 12.0 * size * (first - 0.3)) * 0.9 + 0.12
    streaks = np.clip(near + far, 0.0, 0.75)[..., None]
    return mix(mix(dull, bent, 0.75 * drop), rgb("dfe8f2")[0], streaks)


def fog(picture: Array, rng: Rng) -> Array:
    """Everything pale and soft behind drifting mist."""
    size = unit(picture)
    soft = saturate(blur(picture, 1.5 * size), 0.4)
    rows, _ = grid(picture)
    height = np.broadcast_to(rows / len(picture), picture.shape[:2])
    drift = fbm(picture, (18, 55), rng)
    bias = rng.uniform(-0.25, 0.25)
    thick = np.clip(rng.uniform(0.48, 0.66) + bias * (height - 0.5) + 0.7 * (drift - 0.5), 0.3, 0.96)
    air = rgb("dfe3e6 cdd3d8 e8e6e1")[rng.integers(3)]
    return mix(soft, np.broadcast_to(air, picture.shape), thick)


def snow(picture: Array, rng: Rng) -> Array:
    """White lies on all that faces up, flakes fall, the light is cold."""
    size = unit(picture)
    grey = levels(blur(luma(picture), size))
    cold = mix(saturate(picture, 0.3), ramp(grey, "3d4a60 8fa0b8 d5e0ec ffffff"), 0.6)
    slope = np.gradient(blur(grey, 2.0 * size))[0] * 12.0 * size
    rows, _ = grid(picture)
    ground = step(
        np.broadcast_to(rows / len(grey), grey.shape) + 0.2 * (noise(picture, 25, rng) - 0.5), 0.8, 0.95
    )
    lies = np.clip(
        step(-slope + grey - 0.3 + 0.5 * (fbm(picture, 8, rng) - 0.5), 0.15, 0.5) + ground, 0.0, 1.0
    )
    lit = 0.93 + 0.07 * np.clip(grain(picture, rng), -1.0, 1.0)
    covered = mix(cold, rgb("f6faff")[0] * lit[..., None], 0.88 * lies)
    return mix(covered, rgb("ffffff")[0], _flakes(picture, rng))


def _flakes(picture: Array, rng: Rng) -> Array:
    """Soft round flakes of three sizes, (H, W) in [0, 1]."""
    total = np.zeros(picture.shape[:2], np.float32)
    for spacing, radius in ((6.0, 0.17), (10.0, 0.17), (18.0, 0.14)):
        labels, first, _ = cells(picture, spacing, rng, 0.9)
        shown = rng.random(int(labels.max()) + 1) < rng.uniform(0.3, 0.55)
        total = np.maximum(total, step(radius - first, 0.0, 0.08) * shown[labels])
    return 0.95 * total


def sunset(picture: Array, rng: Rng) -> Array:
    """The subject darkened against a red and golden sky with a low sun."""
    size = unit(picture)
    rows, _ = grid(picture)
    grey = levels(luma(picture))
    height = np.clip(
        np.broadcast_to(rows / len(picture), grey.shape) + 0.15 * (fbm(picture, (7, 45), rng) - 0.5), 0.0, 1.0
    )
    sky = ramp(
        height, ("2c1a55 7d2a6e e0503f ff9d2e ffd76a", "1d2a5c 93407a f0663f ffb347 ffe08a")[rng.integers(2)]
    )
    away = _disc(picture, rng, rng.uniform(9.0, 13.0), (0.5, 0.75))
    sun = step(1.1 - away, 0.0, 0.15) * (0.25 + 0.75 * step(grey, 0.3, 0.6))
    glow = np.exp(-np.clip(away - 0.9, 0.0, 20.0) / 1.6)
    lit = mix(sky, rgb("fff3b0")[0], np.clip(0.6 * glow + sun, 0.0, 1.0))
    shade = blur(0.1 + 0.95 * grey ** rng.uniform(0.8, 1.1), 0.4 * size)
    return lit * mix(shade, np.ones_like(shade), 0.35 * sun)[..., None] + 0.05 * saturate(picture, 1.5)
