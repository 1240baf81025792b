"""Exact part masks: the same drawing in one flat colour a part, without antialiasing."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..._arrays import cached_pictures
from ..parser import PARTS
from .face_set import FaceSet
from .faces import Face, layers, place, rasterise, svg
from .other_faces import other_layers

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
    if face.hand is not None:
        body = "".join(_flat(text, part) for part, text in other_layers(face))
    else:
        drawn = ((_flat(text, part), of_head) for part, text, of_head in layers(face))
        body = '<rect width="768" height="768" fill="#000000"/>' + place(face, drawn)
    picture = rasterise(svg(body, True), size)
    parts: NDArray[np.uint8] = picture[..., 0] // _STEP
    return parts


def load_masks(folder: Path, faces: FaceSet) -> NDArray[np.uint8]:
    """The masks of some faces from `folder`, uint8 (N, size, size), drawn first if they are not there yet.

    Raises:
        InputFileError: the folder holds others, or cannot be written.
    """
    size = faces.images.shape[1]
    path = folder / f"masks-{faces.file}.npy"
    return cached_pictures(path, _mask, [(face, size) for face in faces.faces], (size, size))


def _mask(job: tuple[Face, int]) -> NDArray[np.uint8]:
    return render_mask(*job)
