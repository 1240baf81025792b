"""Drawings are made once, in order, and a file that holds others is named."""

from pathlib import Path

import numpy as np
import pytest
from promptbrush import InputFileError
from promptbrush._arrays import cached_pictures

Job = tuple[int, int]


def picture(job: Job) -> np.ndarray:
    seed, size = job
    return np.full((size, size), seed, np.uint8)


def never(job: Job) -> np.ndarray:
    raise AssertionError(f"{job} was drawn again")


def test_drawn_once_in_order(tmp_path: Path) -> None:
    path, jobs = tmp_path / "deep" / "x.npy", [(seed, 2) for seed in range(5)]
    made = cached_pictures(path, picture, jobs, (2, 2))
    assert made.shape == (5, 2, 2)
    assert made[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(cached_pictures(path, never, jobs, (2, 2)), made)
    assert [each.name for each in path.parent.iterdir()] == ["x.npy"]


def test_wrong_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    cached_pictures(path, picture, [(1, 2)], (2, 2))
    with pytest.raises(InputFileError, match=r"x\.npy: holds \(1, 2, 2\).*delete it"):
        cached_pictures(path, never, [(1, 2), (2, 2)], (2, 2))
    for damage in (b"", b"text", path.read_bytes()[:-1]):
        path.write_bytes(damage)
        with pytest.raises(InputFileError, match=r"x\.npy: not an array of drawings"):
            cached_pictures(path, never, [(1, 2)], (2, 2))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputFileError, match=r"choose another --work"):
        cached_pictures(tmp_path / "file" / "x.npy", picture, [(1, 2)], (2, 2))
