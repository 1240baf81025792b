"""Arrays of drawings that are made once, with one process a core, and kept on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..._base import InputFileError

_CHUNK = 64
Job = tuple[int, int]
Draw = Callable[[Job], NDArray[np.uint8]]


def kept(path: Path, draw: Draw, jobs: Sequence[Job], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """What `draw` makes of each job, uint8 (len(jobs), *shape), read from `path` as it is needed.

    Args:
        path: a .npy file, written first if it is not there yet.
        draw: a function of a module, so that other processes find it.
        jobs: a seed and a size each.

    Raises:
        InputFileError: the file holds another array, or cannot be written.
    """
    whole = (len(jobs), *shape)
    if not path.exists():
        _write(path, draw, jobs, whole)
    try:
        found: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise InputFileError(f"{path}: not an array of drawings ({error}); delete it") from error
    if found.shape != whole:
        raise InputFileError(f"{path}: holds {found.shape}, not {whole}; delete it")
    return found


def _write(path: Path, draw: Draw, jobs: Sequence[Job], whole: tuple[int, ...]) -> None:
    """Write the drawings to a temporary file, then give it its name."""
    # Two trainings that start side by side each draw their own.
    temporary = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            images = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=whole)
            for i, image in enumerate(_drawn(draw, jobs)):
                images[i] = image
            images.flush()
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputFileError(f"{path}: cannot be written ({error}); choose another --work folder") from error


def _drawn(draw: Draw, jobs: Sequence[Job]) -> Iterator[NDArray[np.uint8]]:
    if len(jobs) <= _CHUNK:
        yield from map(draw, jobs)
        return
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(draw, jobs, chunksize=_CHUNK)
