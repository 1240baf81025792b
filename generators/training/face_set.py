"""A set of drawn faces on disk: pictures, what determines them, and the choices behind them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..._arrays import cached_pictures
from .face_captions import is_held_out
from .faces import CHOICES, CONTINUOUS, Face, face_vector, render, sample_face

Job = tuple[int, int]  # a seed and a size


@dataclass(frozen=True)
class FaceSet:
    """Faces that random.Random(seed) draws for each of `seeds`; row i of every array is face i.

    Args:
        seeds: the seeds, so that captions and masks can be made again.
        images: uint8 (N, size, size, 3).
        vectors: float32 (N, D), see `face_vector`.
        choices: int64 (N, attributes), the index of each raw choice in the order of CHOICES.
        continuous: float32 (N, values) in [-1, 1], in the order of CONTINUOUS.
    """

    seeds: range
    images: NDArray[np.uint8]
    vectors: NDArray[np.float32]
    choices: NDArray[np.int64]
    continuous: NDArray[np.float32]

    @property
    def name(self) -> str:
        """Which faces they are, in words."""
        return f"{self.seeds.start} to {self.seeds.stop - 1} at {self.images.shape[1]} px"

    def pictures(self, rows: torch.Tensor) -> torch.Tensor:
        """The faces of some rows, (B,3,size,size) float32 in [-1,1]."""
        raw = torch.from_numpy(self.images[rows.numpy()])
        return raw.permute(0, 3, 1, 2).float() / 127.5 - 1


def face_of(seed: int, held_out_pairs: bool = False) -> Face:
    """The face of a seed; faces that show a held-out pair are passed over unless they are wanted."""
    rng = random.Random(seed)
    face = sample_face(rng)
    while not held_out_pairs and is_held_out(face):
        face = sample_face(rng)
    return face


def vectors_of(faces: Sequence[Face]) -> NDArray[np.float32]:
    """`face_vector` of each face, (N, D)."""
    return np.stack([face_vector(face) for face in faces])


def load_faces(folder: Path, count: int, size: int, first_seed: int = 0) -> FaceSet:
    """The set from `folder`, drawn first if it is not there yet.

    Raises:
        InputFileError: the folder holds another set, or cannot be written.
    """
    seeds = range(first_seed, first_seed + count)
    path = folder / f"faces-{size}px-{first_seed}-{count}.npy"
    images = cached_pictures(path, _render_seed, [(seed, size) for seed in seeds], (size, size, 3))
    faces = [face_of(seed) for seed in seeds]
    index = {name: {value: i for i, value in enumerate(odds)} for name, odds in CHOICES.items()}
    return FaceSet(
        seeds,
        images,
        vectors_of(faces),
        np.array([[index[name][face.choices[name]] for name in CHOICES] for face in faces]),
        np.array([[face.continuous[name] for name in CONTINUOUS] for face in faces], np.float32),
    )


def _render_seed(job: Job) -> NDArray[np.uint8]:
    seed, size = job
    return render(face_of(seed), size)
