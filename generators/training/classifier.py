"""Training a classifier of a face's attributes: what the judge and the reader have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from .face_set import FaceSet
from .labels import labels_of_seeds
from .network import Network, NetworkSettings, NetworkTrainer


class ClassifierTrainer(NetworkTrainer[Network]):
    """Trains a network on a face set and its labels; a checkpoint in `folder` is continued.

    Subclasses say in `loss` what a step sees.

    Args:
        name, build: see `NetworkTrainer`.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], Network],
        faces: FaceSet,
        folder: Path,
        settings: NetworkSettings,
        seed: int,
    ) -> None:
        self.faces, self.labels = faces, labels_of_seeds(faces.seeds)
        super().__init__(name, build, len(self.labels), folder, settings, seed)

    def loss(self, pictures: Tensor, labels: Tensor) -> Tensor:
        """The loss, a scalar, of drawn faces (B,3,H,W) in [-1,1] with their labels (B, attributes)."""
        raise NotImplementedError

    def row_loss(self, rows: Tensor) -> Tensor:
        """See `NetworkTrainer`."""
        return self.loss(self.faces.pictures(rows), self.labels[rows])
