"""Arrays of pictures that are drawn once, by as many processes as there are cores, and then read from a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ._base import InputFileError
from ._files import atomic_file, write_error

Job = TypeVar("Job")
_CHUNK = 16
_MEND = "free some space or choose another --work folder"


def cached_pictures(
    path: Path,
    draw: Callable[[Job], NDArray[np.uint8]],
    jobs: Sequence[Job],
    shape: tuple[int, ...],
    processes: int | None = None,
    what: str = "drawings",
) -> NDArray[np.uint8]:
    """What `draw` makes of each job, uint8 (len(jobs), *shape), made once and then read from `path` as it is needed.

    Args:
        path: a .npy file, written first if it is not there yet.
        draw: a function of a module, so that other processes find it.
        processes: how many at a time; one a core if None.
        what: what a damaged file should have held.

    Raises:
        InputFileError: the file holds another array, or cannot be written.
    """
    whole = (len(jobs), *shape)
    if not path.exists():
        _write_array(path, whole, _drawn(draw, jobs, processes))
    try:
        found: NDArray[np.uint8] = np.load(path, mmap_mode="r" if jobs else None)
    except (OSError, ValueError, EOFError) as error:
        raise InputFileError(f"{path}: not an array of {what} ({error}); delete it") from error
    if found.dtype != np.uint8:
        raise InputFileError(f"{path}: holds {found.dtype} {found.shape}, not uint8 {whole}; delete it")
    if found.shape != whole:
        raise InputFileError(f"{path}: holds {found.shape}, not {whole}; delete it")
    return found


def _write_array(path: Path, whole: tuple[int, ...], pictures: Iterator[NDArray[np.uint8]]) -> None:
    """Write the pictures to a temporary file, then give it its name; two runs side by side each draw their own."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error, _MEND) from error
    with atomic_file(path, _MEND) as temporary:
        _fill(temporary, whole, pictures)


def _fill(path: Path, whole: tuple[int, ...], pictures: Iterator[NDArray[np.uint8]]) -> None:
    # Not through a mapped file, which ends the process with a signal where the disk is full.
    header = {"descr": "|u1", "fortran_order": False, "shape": whole}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for picture in pictures:
            file.write(np.ascontiguousarray(picture, np.uint8).reshape(whole[1:]).tobytes())


def _drawn(
    draw: Callable[[Job], NDArray[np.uint8]], jobs: Sequence[Job], processes: int | None
) -> Iterator[NDArray[np.uint8]]:
    if processes == 1 or len(jobs) <= _CHUNK:
        yield from map(draw, jobs)
        return
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(draw, jobs, chunksize=_CHUNK)
