"""What stylers learn from: photographs, and the same photographs drawn in a style."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..._base import InputFileError
from ..._resize import resize
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


def photographs_name(photos: Sequence[Path]) -> str:
    """Which photographs they are, for a checkpoint's identity: their number, and a hash of names and sizes."""
    listed = "\n".join(f"{path.name} {path.stat().st_size}" for path in photos)
    return f"{len(photos)} photographs {hashlib.sha256(listed.encode()).hexdigest()[:12]}"


def cropped(path: Path, side: int, rng: random.Random, zoom: tuple[float, float]) -> Tensor:
    """A random square of a photograph at a side in pixels, (1,3,side,side)."""
    image = read_picture(path).image
    high, wide = image.shape[-2:]
    part = max(1, round(min(high, wide) * rng.uniform(*zoom)))
    top, left = rng.randint(0, high - part), rng.randint(0, wide - part)
    square = image[..., top : top + part, left : left + part]
    if rng.random() < 0.5:
        square = square.flip(-1)
    return resize(square, side, side)


def drawn(photo: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """A photograph (H,W,3) in [0,1] as the style of that name is always drawn."""
    return stylise(photo, name, np.random.default_rng(_SEEDS.get(name, 0)))


def gram(features: Tensor) -> Tensor:
    """Which features (B,C,H,W) go together, wherever they are, (B,C,C) (Gatys et al. 2016)."""
    rows = features.flatten(2)
    return rows @ rows.transpose(1, 2) / rows.shape[2]


def relative(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance relative to what is wanted, the mean over pictures."""
    apart, whole = ((each**2).flatten(1).sum(1) for each in (found - wanted, wanted))
    return (apart / whole).mean()


def pixels(levels: NDArray[np.uint8]) -> Tensor:
    """uint8 (...,H,W,3) -> (...,3,H,W) in [0,1]."""
    return torch.from_numpy(np.array(levels)).movedim(-1, -3).float() / 255
