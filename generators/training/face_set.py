"""A set of drawn faces on disk: pictures, what determines them, and the choices behind them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..._arrays import cached_pictures
from .face_captions import is_held_out
from .faces import CHOICES, CONTINUOUS, PLAIN_ENTRIES, Face, face_vector, render, sample_face, widened

WORLDS = ("plain", "widened", "hands")


@dataclass(frozen=True)
class FaceSet:
    """Faces that follow from their seeds; row i of every array is face i.

    Args:
        faces: what is drawn.
        seeds: from which they follow.
        world: which faces: "plain", those that z stands for; "widened" (see `faces.widened`); or "hands", of which half
            are also drawn in other hands.
        images: uint8 (N, size, size, 3).
        vectors: float32 (N, D), see `face_vector`; of plain faces without the entries that are 0 in all of them.
        choices: int64 (N, attributes), the index of each raw choice in the order of CHOICES.
        continuous: float32 (N, values) in [-1, 1], in the order of CONTINUOUS.
    """

    faces: Sequence[Face]
    seeds: range
    world: str
    images: NDArray[np.uint8]
    vectors: NDArray[np.float32]
    choices: NDArray[np.int64]
    continuous: NDArray[np.float32]

    @property
    def name(self) -> str:
        """Which faces they are, in words."""
        kind = "" if self.world == "plain" else f"{self.world} "
        return f"{kind}{self.seeds.start} to {self.seeds.stop - 1} at {self.images.shape[1]} px"

    @property
    def file(self) -> str:
        """The same, for names of files."""
        return _file(self.seeds, self.images.shape[1], self.world)

    def pictures(self, rows: torch.Tensor) -> torch.Tensor:
        """The faces of some rows, (B,3,size,size) float32 in [-1,1]."""
        raw = torch.from_numpy(self.images[rows.numpy()])
        return raw.permute(0, 3, 1, 2).float() / 127.5 - 1


def face_of(seed: int, held_out_pairs: bool = False, world: str = "plain") -> Face:
    """The face of a seed; faces that show a held-out pair are passed over unless they are wanted.

    Args:
        world: see `FaceSet`.
    """
    rng = random.Random(seed)
    face = sample_face(rng)
    while not held_out_pairs and is_held_out(face):
        face = sample_face(rng)
    if world == "plain":
        return face
    face = widened(face, rng)
    return replace(face, hand=seed) if world == "hands" and rng.random() < 0.5 else face


def vectors_of(faces: Sequence[Face]) -> NDArray[np.float32]:
    """`face_vector` of each face, (N, D)."""
    return np.stack([face_vector(face) for face in faces])


def load_faces(folder: Path, count: int, size: int, first_seed: int = 0, world: str = "plain") -> FaceSet:
    """The set from `folder`, drawn first if it is not there yet.

    Raises:
        InputFileError: the folder holds another set, or cannot be written.
    """
    seeds = range(first_seed, first_seed + count)
    faces = [face_of(seed, world=world) for seed in seeds]
    path = folder / f"faces-{_file(seeds, size, world)}.npy"
    images = cached_pictures(path, _render, [(face, size) for face in faces], (size, size, 3))
    index = {name: {value: i for i, value in enumerate(odds)} for name, odds in CHOICES.items()}
    return FaceSet(
        faces,
        seeds,
        world,
        images,
        vectors_of(faces)[:, : PLAIN_ENTRIES if world == "plain" else None],
        np.array([[index[name][face.choices[name]] for name in CHOICES] for face in faces]),
        np.array([[face.continuous[name] for name in CONTINUOUS] for face in faces], np.float32),
    )


def _file(seeds: range, size: int, world: str) -> str:
    return f"{'' if world == 'plain' else f'{world}-'}{size}px-{seeds.start}-{len(seeds)}"


def _render(job: tuple[Face, int]) -> NDArray[np.uint8]:
    return render(*job)
