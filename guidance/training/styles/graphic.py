"""Styles of design, print and screen: comic, pop art, pixels, neon, photographs' tones."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .canvas import (
    Array,
    Rng,
    blur,
    contours,
    flat,
    from_image,
    grid,
    levels,
    luma,
    mix,
    outlines,
    ramp,
    rgb,
    saturate,
    smooth,
    step,
    to_image,
    turned,
    unit,
    vivid,
)
from .noise import flecks, grain, noise, stripes


def comic(picture: Array, rng: Rng) -> Array:
    """Few bright flat colours, printed dots in the half-tones, fat black outlines."""
    size = unit(picture)
    labels, colours = flat(picture, int(rng.integers(6, 9)), 4 * size)
    bright = np.clip(saturate(colours, rng.uniform(1.9, 2.4)) * 1.15 + 0.03, 0.0, 1.0)
    printed = bright[labels]
    grey = levels(luma(picture))
    along, across = turned(picture, 0.8)
    turns = 2.0 * np.pi / (rng.uniform(4.0, 5.0) * size)
    dots = step(np.cos(along * turns) + np.cos(across * turns), 0.5, 0.9)
    middle = step(grey, 0.3, 0.4) * step(0.75 - grey, 0.0, 0.1)
    printed = mix(printed, printed * 0.72, dots * middle)
    shadow = step(0.2 - grey, 0.0, 0.06)
    lines = step(outlines(blur(grey, 0.8 * size), 1.5 * size, 20.0), 0.3, 0.6)
    drawn = mix(printed, rgb("0a0a10")[0], np.maximum(lines, shadow))
    return _framed(drawn, rgb("ffffff 0a0a10"), size) if rng.random() < 0.4 else drawn


def _framed(picture: Array, colours: Array, size: float) -> Array:
    """Nested borders, the first colour outermost."""
    rows, columns = grid(picture)
    height, width = picture.shape[:2]
    inset = np.minimum(np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns))
    band = np.floor(inset / max(2.2 * size, 1.0)).astype(np.intp)
    return np.where((band < len(colours))[..., None], colours[np.minimum(band, len(colours) - 1)], picture)


_POP = (
    "1b1464 ff2d95 ffe600",
    "d0006f 00b7eb fff200",
    "3a0ca3 f72585 4cf0d0",
    "b80c09 ff9f1c 2ec4f6",
    "005f73 ff4d00 ffe9a0",
    "111111 e4002b 9be564",
    "5f0f40 fb8b24 36f1cd",
)


def pop_art(picture: Array, rng: Rng) -> Array:
    """The picture four times in loud flat colours."""
    height, width = picture.shape[:2]
    grey = levels(blur(luma(picture), unit(picture)))
    palettes = rng.permutation(len(_POP))
    low, high = rng.uniform(0.28, 0.36), rng.uniform(0.58, 0.68)
    result = np.empty_like(picture)
    halves = (
        (slice(0, height // 2), slice(height // 2, height)),
        (slice(0, width // 2), slice(width // 2, width)),
    )
    for number, (down, across) in enumerate((d, a) for d in halves[0] for a in halves[1]):
        size = (across.stop - across.start, down.stop - down.start)
        small = np.asarray(Image.fromarray(grey.astype(np.float32)).resize(size, Image.Resampling.BOX))
        tone = 0.5 * step(small, low - 0.04, low + 0.04) + 0.5 * step(small, high - 0.04, high + 0.04)
        result[down, across] = ramp(tone, _POP[palettes[number]])
    return result


def pixel_art(picture: Array, rng: Rng) -> Array:
    """Large square pixels of few colours."""
    height, width = picture.shape[:2]
    cell = max(rng.uniform(3.2, 5.4) * unit(picture), 2.0)
    few = (max(round(width / cell), 4), max(round(height / cell), 4))
    small = to_image(saturate(picture, 1.3)).resize(few, Image.Resampling.BOX)
    reduced = small.quantize(int(rng.integers(8, 17)), dither=Image.Dither.NONE).convert("RGB")
    return from_image(reduced.resize((width, height), Image.Resampling.NEAREST))


def neon(picture: Array, rng: Rng) -> Array:
    """Glowing coloured tubes along the edges, in the dark."""
    size = unit(picture)
    grey = levels(luma(smooth(picture, 2 * size)))
    tubes = step(contours(grey, 0.9 * size), 0.4, 0.85)
    hue = rng.random() + rng.uniform(0.3, 0.7) * noise(picture, 60, rng)
    colours = ramp(hue % 1.0, np.stack([vivid(turn / 6, 0.9, 1.0) for turn in range(7)]))
    glow = blur(colours * tubes[..., None], 1.5 * size) + 1.6 * blur(colours * tubes[..., None], 5 * size)
    night = 0.05 + 0.1 * grey[..., None] * rgb("5030a0")[0]
    return np.asarray(
        night + rng.uniform(0.8, 1.1) * glow + 0.75 * tubes[..., None] * (0.45 + 0.55 * colours)
    )


def sepia(picture: Array, rng: Rng) -> Array:
    """An old brown photograph with a darkened border."""
    grey = luma(picture)
    tone = np.clip(0.5 + rng.uniform(0.8, 1.0) * (levels(grey) - 0.5) + 0.03 * grain(picture, rng), 0.0, 1.0)
    toned = ramp(tone, "24160c 70502f b8935f ecd9ae")
    rows, columns = (2.0 * axis / axis.max() - 1.0 for axis in grid(picture))
    vignette = 1.0 - rng.uniform(0.15, 0.4) * np.clip(rows**2 + columns**2 - 0.4, 0.0, 1.6) / 1.6
    return np.asarray(toned * vignette[..., None])


def black_and_white(picture: Array, rng: Rng) -> Array:
    """A photograph in neutral greys with a little film grain."""
    weights = rng.dirichlet((4.0, 6.0, 2.0)).astype(np.float32)
    tone = 0.5 + rng.uniform(0.9, 1.25) * (levels(picture @ weights) - 0.5) + 0.02 * grain(picture, rng)
    return np.repeat(np.clip(tone, 0.0, 1.0)[..., None], 3, -1)


def thermal(picture: Array, rng: Rng) -> Array:
    """A thermal camera's false colours, from cold blue to white heat."""
    size = unit(picture)
    heat = levels(blur(luma(picture), rng.uniform(1.0, 2.0) * size))
    heat = np.clip(heat + 0.15 * (noise(picture, 40, rng) - 0.5), 0.0, 1.0)
    return ramp(heat, "05003a 3b00a8 a0109a e8413c ff9a00 ffe53b ffffff")


def xray(picture: Array, rng: Rng) -> Array:
    """Glowing bluish white through black: tones turned over, edges bright."""
    size = unit(picture)
    grey = levels(blur(luma(picture), size))
    dense = (1.0 - grey) ** rng.uniform(1.2, 1.6) * 0.65 + 0.5 * contours(grey, 1.5 * size)
    glow = np.clip(0.7 * dense + 0.4 * blur(dense, 4 * size) + 0.02 * grain(picture, rng), 0.0, 1.0)
    return ramp(glow, "02060b 0f2b3a 5f90a3 c8e8f0 ffffff")


def glitch(picture: Array, rng: Rng) -> Array:
    """Torn rows, split colours, wrong blocks and scan lines."""
    size, height, width = unit(picture), *picture.shape[:2]
    rows = np.arange(height)
    shift = np.zeros(height, np.intp)
    for _ in range(int(rng.integers(5, 9))):
        top, tall = rng.integers(height), max(rng.integers(2, 14) * size, 1.0)
        shift[(rows >= top) & (rows < top + tall)] = round(rng.normal(0.0, 16.0) * size)
    split = max(round(rng.uniform(2.5, 5.5) * size), 1)
    torn = np.empty_like(picture)
    for channel, extra in enumerate((-split, 0, split)):
        columns = (np.arange(width)[None, :] + shift[:, None] + extra) % width
        torn[..., channel] = picture[rows[:, None], columns, channel]
    for _ in range(int(rng.integers(3, 7))):
        top, left = rng.integers(height), rng.integers(width)
        part = (slice(top, top + max(round(rng.uniform(2, 7) * size), 1)), slice(left, left + width // 3))
        torn[part] = 1.0 - torn[part] if rng.random() < 0.4 else torn[part][..., rng.permutation(3)] + 0.15
    lines = 1.0 - 0.3 * (rows // max(round(size), 1) % 2)[:, None, None]
    return saturate(torn, 1.4) * lines


def art_deco(picture: Array, rng: Rng) -> Array:
    """Black, gold and one deep colour: sun rays behind flat shapes with gold lines, in a stepped frame."""
    size, height, width = unit(picture), *picture.shape[:2]
    grey = levels(luma(smooth(blur(picture, size), 5 * size)))
    deep = rgb("0d4f4f 123a63 5a1030 0f4a2e")[rng.integers(4)]
    shades = np.stack([rgb("0b0b0d")[0], deep, mix(deep, rgb("d8b45a")[0], 0.55), rgb("f1e3b8")[0]])
    drawn = shades[np.digitize(grey, (0.25, 0.5, 0.75))]
    rows, columns = grid(picture)
    angle = np.arctan2(height * rng.uniform(0.95, 1.2) - rows, columns - width / 2)
    rays = step(np.cos(angle * 2.0 * rng.integers(9, 14)), -0.2, 0.2)
    drawn = mix(drawn, drawn * 0.62, rays * step(grey, 0.2, 0.3))
    lines = step(outlines(grey, 1.1 * size, 20.0), 0.35, 0.7)
    drawn = mix(drawn, rgb("e2b84a")[0], lines)
    return _framed(drawn, rgb("0b0b0d d9ae45 0b0b0d d9ae45"), size)


def ukiyo_e(picture: Array, rng: Rng) -> Array:
    """Muted flat colours, fine dark contours, a shaded band of sky and a red cartouche."""
    size, height, width = unit(picture), *picture.shape[:2]
    labels, colours = flat(picture, 7, 4 * size, 7)
    inks = rgb("22304f 3f6a86 b4513a 86a58a 6e4a33 d9b777 e8c39a a9bcc0 f0e2c0 2b2622")
    inks = np.clip(inks + rng.normal(0.0, 0.04, inks.shape), 0.0, 1.0)
    known = saturate(colours, 1.3)[:, None] - inks
    inks = inks[np.square(known).sum(-1).argmin(1)]
    drawn = inks[labels] + 0.05 * (noise(picture, (1.5, 30), rng) - 0.5)[..., None]
    rows, _ = grid(picture)
    band = step(1.0 - rows / (height * rng.uniform(0.25, 0.4)), 0.0, 1.0) * (luma(inks[labels]) > 0.5)
    drawn = mix(drawn, rgb("2b4f7d")[0], 0.8 * band)
    lines = step(outlines(luma(blur(picture, 0.7 * size)), 0.9 * size, 26.0), 0.25, 0.7)
    drawn = mix(drawn, rgb("1a2030")[0], 0.9 * lines)
    top, left = round(5 * size), round(5 * size) if rng.random() < 0.5 else width - round(14 * size)
    drawn[top : top + round(26 * size), left : left + round(9 * size)] = rgb("b23a2a")
    marks = noise(picture, 2.5, rng) > 0.62
    marks[: top + 1], marks[top + round(25 * size) :] = False, False
    marks[:, : left + 1], marks[:, left + round(8 * size) :] = False, False
    drawn[marks] = rgb("efe0bd")
    return drawn


def cut_paper(picture: Array, rng: Rng) -> Array:
    """Sheets of coloured paper, cut and stacked, each with its shadow."""
    size = unit(picture)
    grey = levels(blur(luma(picture), 2.2 * size))
    hue, spread = rng.random(), rng.uniform(0.12, 0.4)
    sheets = int(rng.integers(4, 6))
    angle, reach = rng.uniform(0.4, 1.2), 2.6 * size
    shift = (round(reach * np.sin(angle)), round(reach * np.cos(angle)))
    stack = np.broadcast_to(vivid(hue, 0.75, 0.35), picture.shape)
    for number in range(1, sheets):
        share = number / (sheets - 1)
        sheet = np.where(grey > number / sheets, 1.0, 0.0).astype(np.float32)
        shadow = blur(np.roll(sheet, shift, (0, 1)), 1.3 * size)
        colour = vivid(hue + spread * share, 0.75 - 0.55 * share, 0.45 + 0.52 * share)
        fibre = colour + 0.02 * grain(picture, rng, 0.8)[..., None]
        stack = mix(stack * (1.0 - 0.6 * shadow * (1.0 - sheet))[..., None], fibre, blur(sheet, 0.5 * size))
    return stack


def vaporwave(picture: Array, rng: Rng) -> Array:
    """Pink, violet and turquoise tones over a glowing grid and sun stripes."""
    size, height, _ = unit(picture), *picture.shape[:2]
    grey = levels(luma(picture))
    toned = ramp(grey, "1a0b3d 6a1fb0 ff4fc3 ff9ee0 7df9ff")
    rows, columns = grid(picture)
    below = np.clip(rows / height - rng.uniform(0.6, 0.7), 1e-3, 1.0)
    middle = picture.shape[1] / 2
    lattice = np.maximum(
        np.abs(((columns - middle) / (below * 60 * size)) % 1.0 - 0.5) > 0.44,
        np.abs((1.0 / (below + 0.03)) % 1.0 - 0.5) > 0.42,
    )
    drawn = mix(toned, rgb("3df5ff")[0], 0.75 * lattice * step(below, 0.01, 0.03))
    bands = stripes(picture, 6, 0.0) * step(0.5 - rows / height, 0.0, 0.5)
    return mix(drawn, rgb("ff6ad5")[0], 0.3 * bands) + 0.1 * flecks(picture, 0.01, rng)[..., None]
