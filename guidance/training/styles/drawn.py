"""Styles of lines and ink on paper: pencil, charcoal, chalk, crayon, prints."""

from __future__ import annotations

import numpy as np

from .canvas import (
    Array,
    Rng,
    blur,
    contours,
    flat,
    flow,
    grid,
    ink,
    levels,
    luma,
    mix,
    outlines,
    ramp,
    rgb,
    saturate,
    smear,
    smooth,
    step,
    turned,
    unit,
    vivid,
)
from .noise import fbm, grain, noise, stripes


def pencil(picture: Array, rng: Rng) -> Array:
    """Thin grey lines and hatching on white paper."""
    grey, size = levels(luma(picture)), unit(picture)
    lines = outlines(grey, size * rng.uniform(0.6, 0.9), 16.0)
    angle = rng.uniform(-1.1, -0.5)
    hatch, cross = (step(smear(grain(picture, rng), turn, 6 * size), -0.2, 0.45) for turn in (angle, -angle))
    dark = 1.0 - grey
    shade = rng.uniform(0.45, 0.6) * hatch * step(dark, 0.15, 0.75) + 0.35 * cross * step(dark, 0.55, 0.95)
    coverage = np.clip(0.85 * lines + shade + 0.1 * dark, 0.0, 0.95) * (1.0 + 0.12 * grain(picture, rng))
    return ink(np.clip(coverage, 0.0, 1.0), rgb("33343a")[0], rgb("fbfaf7")[0] - rng.uniform(0.0, 0.03))


def charcoal(picture: Array, rng: Rng) -> Array:
    """Black smudges and broad lines on the tooth of rough grey paper."""
    grey, size = levels(blur(luma(picture), unit(picture))), unit(picture)
    angle = rng.uniform(0.4, 1.2)
    strokes = smear(grain(picture, rng), angle, 4 * size)
    lines = blur(outlines(grey, size * rng.uniform(1.4, 1.9), 18.0), 0.5 * size)
    tone = 1.15 * (1.0 - grey) ** rng.uniform(1.0, 1.4) + lines
    coverage = 0.97 * step(tone + 0.3 * strokes + 0.12 * grain(picture, rng), 0.1, 1.3)
    paper = rgb("cfc8bb")[0] * rng.uniform(0.92, 1.08) + 0.03 * grain(picture, rng)[..., None]
    return ink(coverage, rgb("141210")[0], paper)


def ink_wash(picture: Array, rng: Rng) -> Array:
    """Few watery greys that bleed into rice paper, dark brush lines, mostly a red seal."""
    size = unit(picture)
    grey = levels(luma(smooth(picture, 2 * size)))
    bleed = 0.22 * (fbm(picture, 22, rng) - 0.5)
    wash = np.zeros_like(grey)
    for low, depth in ((0.72, 0.16), (0.5, 0.22), (0.28, 0.34)):
        area = step(low - grey + bleed, -0.03, 0.05)
        rim = np.clip(area - blur(area, 2.0 * size), 0.0, 1.0)
        wash += depth * (0.7 * area + 0.9 * rim)
    brush = step(
        outlines(blur(grey, 0.7 * size), 1.2 * size, 18.0) * (0.6 + noise(picture, 12, rng)), 0.3, 0.7
    )
    dry = 0.85 + 0.5 * (fbm(picture, 12, rng) - 0.5)
    paper = rgb("f3eddd")[0] + 0.012 * grain(picture, rng, 1.0)[..., None]
    drawn = ink(np.clip(wash * dry + 0.8 * brush, 0.0, 0.97), rgb("16181d")[0], paper)
    return _seal(drawn, rng) if rng.random() < 0.7 else drawn


def _seal(picture: Array, rng: Rng) -> Array:
    """A small red stamp in a lower corner."""
    height, width = picture.shape[:2]
    side = max(round(11 * unit(picture)), 3)
    top, left = height - round(1.5 * side), round(0.5 * side)
    if rng.random() < 0.5:
        left = width - round(1.5 * side)
    stamped = np.array(picture)
    marks = noise(picture, 2.5, rng)[top : top + side, left : left + side, None]
    stamped[top : top + side, left : left + side] = np.where(marks > 0.55, rgb("f0dccb"), rgb("b3271e"))
    return stamped


def woodcut(picture: Array, rng: Rng) -> Array:
    """Black carved lines whose width follows the shading, on cream paper."""
    size = unit(picture)
    grey = levels(blur(luma(picture), 1.2 * size))
    angle = rng.uniform(-0.25, 0.25)
    wobble = 0.8 * noise(picture, 30, rng) + 0.8 * grey
    lines = stripes(picture, rng.uniform(4.2, 5.6), angle, wobble)
    carved = step(lines - (1.25 * grey - 0.1), -0.12, 0.12)
    coverage = np.maximum(carved, step(outlines(grey, 1.3 * size, 16.0), 0.2, 0.6))
    worn = step(grain(picture, rng) + 3.2, 0.9, 1.6)
    return ink(coverage * worn, rgb("15100c")[0], ramp(noise(picture, (2, 40), rng), "e3d2ab f3e7c9"))


def linocut(picture: Array, rng: Rng) -> Array:
    """Two flat tones in one coloured ink, the cut-away parts with left-over ridges."""
    size = unit(picture)
    grey = levels(blur(luma(picture), 1.2 * size)) + 0.1 * (noise(picture, 5, rng) - 0.5)
    cut = step(grey, 0.46, 0.52)
    direction = flow(grey, 5 * size) + 0.5 * (noise(picture, 30, rng) - 0.5)
    ridges = step(smear(grain(picture, rng), direction, 5 * size), 0.42, 0.6)
    gouges = step(smear(grain(picture, rng), direction, 5 * size), 0.42, 0.6)
    lines = step(contours(grey, 1.2 * size), 0.55, 0.8)
    dark = np.maximum(
        (1.0 - cut) * (1.0 - gouges * step(grey, 0.25, 0.35)), cut * ridges * step(0.93 - grey, 0.0, 0.1)
    )
    coverage = np.where(
        grey > 0.49, np.maximum(dark, 0.9 * lines * cut), dark * (1.0 - 0.9 * lines * (grey < 0.3))
    )
    colour = rgb("12304f 7c1d1d 14452f 3a1c52 8a3b0c")[rng.integers(5)] * rng.uniform(0.8, 1.15)
    print_grain = 0.94 - 0.06 * np.clip(grain(picture, rng), 0.0, 3.0)
    return ink(np.clip(coverage, 0.0, 1.0) * print_grain, colour, rgb("f4efe2")[0])


def blueprint(picture: Array, rng: Rng) -> Array:
    """White lines and a fine grid on blue paper."""
    size = unit(picture)
    grey = levels(luma(blur(picture, 0.6 * size)))
    lines = step(outlines(grey, rng.uniform(0.6, 0.85) * size, 24.0), 0.2, 0.7)
    rows, columns = grid(picture)
    pitch = max(rng.uniform(7, 11) * size, 4.0)
    fine = np.maximum(rows % pitch < 1.0, columns % pitch < 1.0)
    coarse = np.maximum(rows % (4 * pitch) < 1.2 * size, columns % (4 * pitch) < 1.2 * size)
    coverage = np.maximum.reduce([0.92 * lines, 0.14 * fine, 0.28 * coarse]) + 0.1 * grey
    paper = rgb("123f8c 0f4aa0 17356f 1b55ad")[rng.integers(4)]
    mottled = paper * (0.85 + 0.3 * fbm(picture, 50, rng))[..., None]
    return ink(np.clip(coverage, 0.0, 1.0), rgb("eef4ff")[0], mottled)


def chalk(picture: Array, rng: Rng) -> Array:
    """Powdery pale lines and rubbed areas on a dark, wiped board."""
    size = unit(picture)
    grey = levels(luma(picture))
    strokes = smear(grain(picture, rng), rng.uniform(0.5, 1.0), 5 * size)
    rubbed = step(grey + 0.4 * strokes, 0.55, 1.25) * rng.uniform(0.45, 0.65)
    lines = step(contours(grey, 1.2 * size) + 0.12 * grain(picture, rng), 0.35, 0.8)
    coverage = np.clip(0.9 * lines + rubbed, 0.0, 1.0) * np.clip(0.85 + 0.22 * grain(picture, rng), 0.0, 1.0)
    chalks = mix(rgb("f5f3ea")[0], np.clip(saturate(blur(picture, 2 * size), 1.8) + 0.35, 0.0, 1.0), 0.55)
    board = rgb("1f3d33 22262b 1d2f3a 2a4438")[rng.integers(4)]
    wiped = board + 0.16 * (smear(fbm(picture, 14, rng), 0.15, 10 * size) - 0.45)[..., None]
    return mix(wiped, chalks, coverage)


def crayon(picture: Array, rng: Rng) -> Array:
    """Waxy coloured scribbles that leave white paper between them, with a darker outline."""
    size = unit(picture)
    labels, colours = flat(picture, int(rng.integers(7, 11)), 3 * size)
    angles = rng.uniform(-1.0, -0.5) + rng.uniform(-0.35, 0.35, len(colours))
    wobble = 0.8 * noise(picture, 30, rng)
    scribble = stripes(picture, rng.uniform(4.0, 5.2), float(angles[0]), wobble)
    for label, angle in enumerate(angles[1:], 1):
        scribble = np.where(labels == label, stripes(picture, rng.uniform(4.0, 5.2), angle, wobble), scribble)
    tooth = grain(picture, rng, 0.55)
    wax = saturate(colours[labels], rng.uniform(1.8, 2.3))
    strength = 0.45 + 0.5 * (1.0 - luma(wax))
    coverage = 0.95 * step(0.75 * scribble + 0.13 * tooth + strength, 0.4, 1.0)
    drawn = mix(rgb("fdfcf8")[0], np.clip(wax * 1.05, 0.0, 1.0), coverage)
    lines = step(outlines(luma(blur(picture, 0.8 * size)), 1.1 * size, 24.0) + 0.15 * tooth, 0.3, 0.75)
    return mix(drawn, wax * 0.35, 0.8 * lines)


def halftone(picture: Array, rng: Rng) -> Array:
    """Dots of one ink, or of the four of a press, whose size follows the tone."""
    size = unit(picture)
    spacing = rng.uniform(4.6, 6.4)
    if rng.random() < 0.55:
        ink_colour = rgb("111111 111111 16336e 8d1024 5a1672")[rng.integers(5)]
        dots = _dots(picture, levels(blur(luma(picture), 0.6 * size)), spacing, rng.uniform(0.5, 1.0))
        return ink(dots, ink_colour, rgb("fbf8f0")[0])
    printed = np.ones_like(picture)
    vibrant = saturate(blur(picture, 0.6 * size), 1.5)
    for channel, angle in enumerate((0.26, 1.31, 0.0)):
        dots = _dots(picture, vibrant[..., channel], spacing, angle)
        printed[..., channel] *= 1.0 - 0.92 * dots
    return printed


def _dots(picture: Array, tone: Array, spacing: float, angle: float) -> Array:
    """Round dots on a turned lattice, covering 1 - tone."""
    along, across = turned(picture, angle)
    turns = 2.0 * np.pi / (spacing * unit(picture))
    lattice = 0.5 + 0.25 * (np.cos(along * turns) + np.cos(across * turns))
    return step(lattice - tone, -0.08, 0.08)


def duotone(picture: Array, rng: Rng) -> Array:
    """Two vivid inks: every tone a mixture of a dark and a light colour."""
    hue = rng.uniform(0.45, 1.0)
    dark, bright = vivid(hue, 0.9, 0.35), vivid(hue + rng.uniform(0.3, 0.6), 0.65, 1.0)
    tone = np.clip(0.5 + rng.uniform(1.0, 1.4) * (levels(luma(picture)) - 0.5), 0.0, 1.0)
    return ramp(tone, np.stack([dark, bright]))
