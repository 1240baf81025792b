"""Many drawings as one array, drawn in several processes and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...._arrays import cached_pictures
from ...._base import InputFileError
from .drawings import Drawing, draw, is_visible

# Large enough to see whether anything is shown.
_CHECK_SIZE = 48

_Draw = Callable[[Drawing, int], NDArray[np.uint8]]


def rendered(
    drawings: Sequence[Drawing], folder: Path, name: str, size: int, processes: int | None = None
) -> NDArray[np.uint8]:
    """All drawings, uint8 (N, size, size, 4), RGBA; from `folder` if it has them, else drawn and kept there.

    Args:
        drawings: what to draw.
        folder: where the array is kept, in a file named by `name`, the size and a hash of the drawings, so that
            another list is drawn anew.
        processes: how many at a time; one a core if None.

    Raises:
        InputFileError: a broken SVG (see `drawable`), or the folder cannot be written.
    """
    return _kept(drawings, folder, name, size, processes, draw)


def drawable(
    drawings: Sequence[Drawing], folder: Path, name: str, processes: int | None = None
) -> list[Drawing]:
    """Those drawings that can be drawn and show something, each once; the other arguments as in `rendered`.

    Of pictures of one origin that look the same the first is taken: copies under several names would be taken for
    different things.
    """
    pictures = _kept(drawings, folder, f"{name}-check", _CHECK_SIZE, processes, _draw_or_blank)
    found: dict[tuple[str, bytes], Drawing] = {}
    for each, picture in zip(drawings, pictures, strict=True):
        if is_visible(picture):
            found.setdefault((each.origin, picture.tobytes()), each)
    return list(found.values())


def _kept(
    drawings: Sequence[Drawing], folder: Path, name: str, size: int, processes: int | None, how: _Draw
) -> NDArray[np.uint8]:
    path = folder / f"{name}-{size}px-{_key(drawings)}.npy"
    return cached_pictures(
        path, partial(_at_size, how, size), drawings, (size, size, 4), processes, "pictures"
    )


def _key(drawings: Sequence[Drawing]) -> str:
    total = hashlib.sha256()
    for each in drawings:
        total.update(hashlib.sha256(f"{each.origin}\n{each.svg}".encode("utf-8", "replace")).digest())
    return total.hexdigest()[:16]


def _at_size(how: _Draw, size: int, drawing: Drawing) -> NDArray[np.uint8]:
    return how(drawing, size)


def _draw_or_blank(drawing: Drawing, size: int) -> NDArray[np.uint8]:
    try:
        return draw(drawing, size)
    except InputFileError:
        return np.zeros((size, size, 4), np.uint8)
