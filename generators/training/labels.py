"""What is visible in a drawn face, as the numbers that classifiers learn, and how well they name it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .face_set import face_of
from .faces import CHOICES, Face, resolve

HIDDEN = -1


def labels_of(face: Face) -> NDArray[np.int64]:
    """Index of each visible value in the order of CHOICES, HIDDEN where it cannot be seen: (attributes,)."""
    shown = resolve(face)
    found = [
        list(odds).index(shown[name]) if shown[name] in odds else HIDDEN for name, odds in CHOICES.items()
    ]
    return np.array(found)


def labels_of_faces(faces: Sequence[Face]) -> Tensor:
    """`labels_of` each face, (N, attributes)."""
    return torch.from_numpy(np.stack([labels_of(face) for face in faces]))


def labels_of_seeds(seeds: Sequence[int]) -> Tensor:
    """`labels_of` the faces of some seeds, (N, attributes)."""
    return labels_of_faces([face_of(seed) for seed in seeds])


def attribute_loss(logits: dict[str, Tensor], labels: Tensor) -> Tensor:
    """Mean over the attributes of the cross-entropy over visible values; labels (B, attributes)."""
    losses = []
    for (name, each), column in zip(logits.items(), labels.T, strict=True):
        if name in CHOICES and (column != HIDDEN).any():
            losses.append(F.cross_entropy(each, column, ignore_index=HIDDEN))
    return torch.stack(losses).mean()


def accuracy(logits: dict[str, Tensor], labels: Tensor) -> dict[str, float]:
    """Fraction of visible values that the logits name, by attribute."""
    found = {}
    for (name, each), column in zip(logits.items(), labels.T, strict=True):
        seen = column != HIDDEN
        right = each.argmax(1)[seen] == column[seen]
        found[name] = float(right.float().mean()) if seen.any() else float("nan")
    return found
