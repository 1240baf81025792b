"""What the benchmarks share: unseen drawn faces, and what the judge sees in pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from promptbrush.editing.framing import letterbox
from promptbrush.generators.training.face_set import face_of
from promptbrush.generators.training.faces import CHOICES, Face, render
from promptbrush.generators.training.judge import Judge
from promptbrush.generators.training.labels import HIDDEN, labels_of_faces
from torch import Tensor

JUDGE = Path(__file__).with_name("judge.safetensors")
PICTURE = 256
NAMES = [*CHOICES]


@dataclass(frozen=True)
class Faces:
    """Drawn faces.

    Attributes:
        pictures: (N,3,PICTURE,PICTURE) in [0,1].
        labels: (N, attributes) in the order of NAMES, HIDDEN where it cannot be seen.
    """

    pictures: Tensor
    labels: Tensor

    @property
    def visible(self) -> Tensor:
        """(N, attributes)."""
        return self.labels != HIDDEN


def drawn(faces: list[Face]) -> Faces:
    """Pictures and labels of faces."""
    pictures = [torch.from_numpy(render(face, PICTURE).copy()) for face in faces]
    labels = labels_of_faces(faces)
    return Faces(torch.stack(pictures).permute(0, 3, 1, 2).float() / 255, labels)


def unseen(count: int, first_seed: int) -> Faces:
    """The faces of `count` seeds in a row."""
    return drawn([face_of(seed) for seed in range(first_seed, first_seed + count)])


@torch.no_grad()
def judged(judge: Judge, pictures: Tensor) -> Tensor:
    """The value that the judge sees of every attribute, (N, attributes)."""
    logits = judge(letterbox(pictures, 64)[0])
    return torch.stack([logits[name].argmax(1) for name in NAMES], dim=1)
