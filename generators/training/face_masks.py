"""Exact part masks: the same drawing in one flat colour a part, without antialiasing."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..._arrays import cached_pictures
from ..parser import PARTS
from .face_set import Job, face_of
from .faces import Face, layers, place, rasterise, svg

_PAINT = re.compile(r'(fill|stroke)="(?!none)[^"]*"')
_SEE_THROUGH = re.compile(r' (?:fill-|stroke-)?opacity="[^"]*"')
_STEP = 20  # grey levels between two parts: an edge that was blended anyway would not look like a part


def _flat(text: str, part: str) -> str:
    grey = f"{PARTS.index(part) * _STEP:02x}" * 3
    return _SEE_THROUGH.sub("", _PAINT.sub(rf'\1="#{grey}"', text))


def render_mask(face: Face, size: int) -> NDArray[np.uint8]:
    """The part that each pixel of a face shows: uint8 (size, size), indices into PARTS.

    Freckles and the lines of age are skin, stubble is beard; through clear lenses the eyes show, so only the frame is
    glasses, while dark ones are glasses as a whole.
    """
    drawn = ((_flat(text, part), of_head) for part, text, of_head in layers(face))
    picture = rasterise(
        svg('<rect width="768" height="768" fill="#000000"/>' + place(face, drawn), True), size
    )
    parts: NDArray[np.uint8] = picture[..., 0] // _STEP
    return parts


def load_masks(folder: Path, seeds: range, size: int) -> NDArray[np.uint8]:
    """The masks of the faces of `seeds` from `folder`, uint8 (N, size, size), drawn first if they are not there yet.

    Raises:
        InputFileError: the folder holds others, or cannot be written.
    """
    path = folder / f"masks-{size}px-{seeds.start}-{len(seeds)}.npy"
    return cached_pictures(path, _mask_of_seed, [(seed, size) for seed in seeds], (size, size))


def _mask_of_seed(job: Job) -> NDArray[np.uint8]:
    seed, size = job
    return render_mask(face_of(seed), size)
