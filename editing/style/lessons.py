"""What stylers learn from: photographs, the same drawn in a style, and how textures are compared."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..._base import InputFileError
from ...guidance.training.styles.table import stylise
from ..pictures import read_picture

LICENCE = "CC-BY-4.0"
# Of seeds one for each style, so that a name means one look; this one draws the white marble.
_SEEDS = {"marble": 2}
# Photographs are drawn in a style at this side, so that strokes are always as large.
DRAWN = 384
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def photographs(folder: Path) -> list[Path]:
    """The pictures in a folder and below it, sorted.

    Raises:
        InputFileError: there are none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not found:
        raise InputFileError(f"{folder}: there are no pictures in it; give a folder of photographs")
    return found


def cropped(path: Path, side: int, rng: random.Random, zoom: tuple[float, float]) -> Tensor:
    """A random square of a photograph at a side in pixels, (1,3,side,side)."""
    image = read_picture(path).image
    high, wide = image.shape[-2:]
    part = max(1, round(min(high, wide) * rng.uniform(*zoom)))
    top, left = rng.randint(0, high - part), rng.randint(0, wide - part)
    square = image[..., top : top + part, left : left + part]
    if rng.random() < 0.5:
        square = square.flip(-1)
    return F.interpolate(square, (side, side), mode="bicubic", antialias=True).clamp(0, 1)


def drawn(photo: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """A photograph (H,W,3) in [0,1] as the style of that name is always drawn."""
    return stylise(photo, name, np.random.default_rng(_SEEDS.get(name, 0)))


def gram(features: Tensor) -> Tensor:
    """Which features (B,C,H,W) go together, wherever they are, (B,C,C) (Gatys et al. 2016)."""
    rows = features.flatten(2)
    return rows @ rows.transpose(1, 2) / rows.shape[2]


def relative(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance in shares of what is wanted, the mean over pictures."""
    apart, whole = ((each**2).flatten(1).sum(1) for each in (found - wanted, wanted))
    return (apart / whole).mean()


def pixels(levels: NDArray[np.uint8]) -> Tensor:
    """uint8 (...,H,W,3) -> (...,3,H,W) in [0,1]."""
    return torch.from_numpy(np.ascontiguousarray(levels)).movedim(-1, -3).float() / 255


def told_now_and_then(steps: Iterator[tuple[int, float]], total_steps: int) -> Iterator[str]:
    """A line every so often."""
    every, mean = max(1, min(100, total_steps // 10)), 0.0
    for done, loss in steps:
        mean = loss if done == 1 or not mean else mean + 0.02 * (loss - mean)
        if done % every == 0 or done == total_steps:
            yield f"{done}/{total_steps}  loss {mean:.4f}"
