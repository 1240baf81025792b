"""Drawings in pairs, one made of the other by a change: what a redraw network learns from."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from ..._arrays import cached_pictures
from .face_set import face_of
from .faces import CHOICES, Face, render, widened
from .other_drawings import render_other

# Of the pairs; the others are drawings in other hands, of which a part is another one's.
_FACES = 0.7
# What edits ask for most is changed most.
_CHANGED = {
    **dict.fromkeys(CHOICES, 1.0),
    **dict.fromkeys(("hair_style", "hair_length", "hair_colour", "beard", "glasses", "hat"), 3.0),
    **dict.fromkeys(("earrings", "mouth", "eyes", "clothes", "background"), 2.0),
}


def edited(face: Face, rng: random.Random) -> Face:
    """The same face with one to three of its choices changed, colours of what is added as well."""
    choices, added = dict(face.choices), dict(face.added)
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choices(list(_CHANGED), list(_CHANGED.values()))[0]
        choices[name] = rng.choice([value for value in CHOICES[name] if value != choices[name]])
        added.pop(name, None)
    return replace(face, choices=choices, added=added)


def render_pair(job: tuple[int, int]) -> NDArray[np.uint8]:
    """The pair of a (seed, size): before and after, uint8 (2, size, size, 3)."""
    seed, size = job
    rng = random.Random(f"pair {seed}")
    if rng.random() < _FACES:
        before = widened(face_of(seed), rng)
        return np.stack([render(before, size), render(edited(before, rng), size)])
    first, second = render_other(seed, size), render_other(seed + 1, size)
    where = np.asarray(_blob(rng, size))[..., None] > 127
    return np.stack([first, np.where(where, second, first)])


def _blob(rng: random.Random, size: int) -> Image.Image:
    """A few ovals run together, white on black."""
    mask = Image.new("L", (size, size))
    draw = ImageDraw.Draw(mask)
    for _ in range(rng.randint(1, 4)):
        x, y, across, down = (rng.uniform(a, b) * size for a, b in ((0, 1), (0, 1), (0.06, 0.3), (0.06, 0.3)))
        draw.ellipse((x - across, y - down, x + across, y + down), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(size / 64))


def load_pairs(folder: Path, count: int, size: int, first_seed: int = 0) -> NDArray[np.uint8]:
    """Pairs of drawings, uint8 (N, 2, size, size, 3), read from the disk as needed; drawn first if not there yet.

    Raises:
        InputFileError: the folder holds others, or cannot be written.
    """
    path = folder / f"pairs-{size}px-{first_seed}-{count}.npy"
    jobs = [(seed, size) for seed in range(first_seed, first_seed + count)]
    return cached_pictures(path, render_pair, jobs, (2, size, size, 3))
