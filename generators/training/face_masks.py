"""Exact part masks: the same drawing in one flat colour a part, without antialiasing."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from .faces import Face, layers, place, rasterise, svg

PARTS: tuple[str, ...] = (
    "background",
    "skin",
    "hair",
    "beard",
    "eyes",
    "eyebrows",
    "nose",
    "mouth",
    "glasses",
    "hat",
    "earrings",
    "clothes",
)

_PAINT = re.compile(r'(fill|stroke)="(?!none)[^"]*"')
_SEE_THROUGH = re.compile(r' (?:fill-|stroke-)?opacity="[^"]*"')
_STEP = 20  # grey levels between two parts: an edge that was blended anyway would not look like a part


def _flat(text: str, part: str) -> str:
    grey = f"{PARTS.index(part) * _STEP:02x}" * 3
    return _SEE_THROUGH.sub("", _PAINT.sub(rf'\1="#{grey}"', text))


def render_mask(face: Face, size: int) -> NDArray[np.uint8]:
    """The part that each pixel of a face shows: uint8 (size, size), indices into PARTS."""
    drawn = ((_flat(text, part), of_head) for part, text, of_head in layers(face))
    picture = rasterise(
        svg('<rect width="768" height="768" fill="#000000"/>' + place(face, drawn), True), size
    )
    parts: NDArray[np.uint8] = picture[..., 0] // _STEP
    return parts
