"""Training a classifier of a face's attributes: what the judge and the reader have in common."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..._identity import identity_of
from ..._seeds import seeded
from .face_set import FaceSet
from .labels import labels_of_faces
from .network_trainer import Network, NetworkTrainer
from .settings import JudgeSettings, ReaderSettings


class ClassifierTrainer(NetworkTrainer[Network]):
    """Trains a network on a face set and its labels; a checkpoint in `folder` is resumed.

    Subclasses say in `loss` what a step sees, and in `kind` and `network_type` what is trained.
    """

    kind: str
    network_type: type[Network]

    def __init__(
        self,
        faces: FaceSet,
        folder: Path,
        settings: JudgeSettings | ReaderSettings,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self.faces, self.labels = faces, labels_of_faces(faces.faces)
        network = seeded(seed, self.network_type).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        identity = identity_of(self.kind, seed, settings.model_dump(), faces=faces.name)
        super().__init__(network, len(self.labels), folder, settings, identity, seed)

    def loss(self, pictures: Tensor, labels: Tensor) -> Tensor:
        """The loss, a scalar, of drawn faces (B,3,H,W) in [-1,1] with their labels (B, attributes)."""
        raise NotImplementedError

    def row_loss(self, rows: Tensor) -> Tensor:
        """See `NetworkTrainer`."""
        return self.loss(self.faces.pictures(rows).to(self.device), self.labels[rows].to(self.device))
