"""Training a network that distinguishes drawn faces: one identity, drawn several times with everything else changed.

The network is an argument: it belongs to what guides edits, which the generators do not know.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..._arrays import cached_pictures
from ..._devices import coarse
from ..._identity import identity_of
from ..._seeds import seeded
from .degradation import degraded, reframed
from .face_captions import is_held_out
from .faces import CHOICES, Face, render, sample_face
from .labels import HIDDEN, labels_of_faces
from .network_trainer import NetworkTrainer
from .settings import FeaturesSettings

VARIANTS = 3
SIZE = 128
# What edits leave alone; the mouth and the state of the eyes are expression.
IDENTITY = ("skin", "head_shape", "nose", "eyebrows", "freckles", "age")
_IDENTITY_VALUES = ("skin_r", "skin_g", "skin_b")


def with_identity(other: Face, face: Face) -> Face:
    """`other` with the identity of `face`."""
    choices = {name: face.choices[name] for name in IDENTITY}
    values = {name: face.continuous[name] for name in _IDENTITY_VALUES}
    return Face({**other.choices, **choices}, {**other.continuous, **values})


def variants(seed: int, count: int = VARIANTS) -> list[Face]:
    """Faces of one identity with everything else changed; none shows a held-out pair."""
    rng = random.Random(seed)
    face, found = sample_face(rng), list[Face]()
    while len(found) < count:
        if not is_held_out(made := with_identity(sample_face(rng), face)):
            found.append(made)
    return found


def load_variants(folder: Path, count: int, first_seed: int = 0, size: int = SIZE) -> NDArray[np.uint8]:
    """Pictures of `count` identities, uint8 (N,VARIANTS,size,size,3), drawn first if `folder` has them not yet.

    Raises:
        InputFileError: the folder holds others, or cannot be written.
    """
    path = folder / f"identities-{size}px-{first_seed}-{count}.npy"
    jobs = [(seed, size) for seed in range(first_seed, first_seed + count)]
    return cached_pictures(path, _draw_variants, jobs, (VARIANTS, size, size, 3))


def _draw_variants(job: tuple[int, int]) -> NDArray[np.uint8]:
    seed, size = job
    return np.stack([render(face, size) for face in variants(seed)])


def variant_labels(count: int, first_seed: int = 0) -> Tensor:
    """What shows of the identities of `load_variants`, in the order of IDENTITY: (N,VARIANTS,6), else HIDDEN."""
    columns = [list(CHOICES).index(name) for name in IDENTITY]
    faces = [face for seed in range(first_seed, first_seed + count) for face in variants(seed)]
    return labels_of_faces(faces)[:, columns].view(count, VARIANTS, len(columns))


class Named(nn.Module):
    """A network of features, and heads that name from them what an identity consists of."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        with torch.no_grad():
            width = network(torch.zeros(1, 3, SIZE, SIZE)).shape[1]
        self.heads = nn.ModuleList(nn.Linear(width, len(CHOICES[name])) for name in IDENTITY)

    def forward(self, images: Tensor) -> Tensor:
        """Pictures (B,3,H,W) in [0,1] -> unit features (B,D)."""
        found: Tensor = self.network(images)
        return found

    def naming_loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy of the labels (B,6) that are not HIDDEN, a scalar."""
        # Unit vectors would need long weights to say anything for sure.
        scaled = features * features.shape[1] ** 0.5
        each = [
            F.cross_entropy(head(scaled), column, ignore_index=HIDDEN, reduction="sum")
            for head, column in zip(self.heads, labels.T, strict=True)
        ]
        return torch.stack(each).sum() / (labels != HIDDEN).sum().clamp(min=1)


class FeaturesTrainer(NetworkTrainer[Named]):
    """Trains a network of features; a checkpoint in `folder` is resumed.

    Args:
        pictures: see `load_variants`.
        labels: see `variant_labels`.
        build: makes the network, pictures (B,3,H,W) in [0,1] to unit vectors (B,D).
    """

    def __init__(
        self,
        pictures: NDArray[np.uint8],
        labels: Tensor,
        build: Callable[[], nn.Module],
        folder: Path,
        settings: FeaturesSettings,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self.pictures, self.labels = pictures, labels
        self.temperature, self.naming_weight = settings.temperature, settings.naming_weight
        network = seeded(seed, lambda: Named(build())).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        identities = f"{len(pictures)} identities at {pictures.shape[2]} px"
        identity = identity_of("features", seed, settings.model_dump(), faces=identities)
        super().__init__(network, len(pictures), folder, settings, identity, seed)

    def row_loss(self, rows: Tensor) -> Tensor:
        """See `NetworkTrainer`."""
        shown = self._two()
        images = torch.cat([self._views(rows, which) for which in shown])
        with coarse(self.device):
            features = self.network(images.contiguous(memory_format=torch.channels_last))
        labels = torch.cat([self.labels[rows, which] for which in shown]).to(self.device)
        contrast = identity_loss(features.float(), rows.repeat(2).to(self.device), self.temperature)
        return contrast + self.naming_weight * self.network.naming_loss(features.float(), labels)

    def _two(self) -> list[int]:
        chosen: list[int] = torch.randperm(VARIANTS, generator=self.rng)[:2].tolist()
        return chosen

    def _views(self, rows: Tensor, variant: int) -> Tensor:
        """One variant of each identity as a file or a generator may show it, (B,3,H,W) in [0,1]."""
        raw = torch.from_numpy(self.pictures[rows.numpy(), variant])
        shown = raw.to(self.device).permute(0, 3, 1, 2).float() / 255
        return degraded(reframed(shown, self.rng), self.rng)


def identity_loss(features: Tensor, identities: Tensor, temperature: float) -> Tensor:
    """The supervised contrastive loss (Khosla et al. 2020, eq. 2): one's other pictures against all pictures.

    Args:
        features: unit vectors (B,D).
        identities: int64 (B,); each occurs at least twice.
    """
    alone = torch.eye(len(features), dtype=torch.bool, device=features.device)
    logits = (features @ features.T / temperature).masked_fill(alone, float("-inf"))
    same = (identities[:, None] == identities) & ~alone
    chances = F.log_softmax(logits, dim=1).masked_fill(~same, 0.0)
    return -(chances.sum(1) / same.sum(1)).mean()


@torch.no_grad()
def recognised(features: Tensor, identities: Tensor) -> float:
    """Share of the pictures whose nearest other one shows the same identity; features are unit vectors (B,D)."""
    nearness = (features @ features.T).fill_diagonal_(-2.0)
    return float((identities[nearness.argmax(1)] == identities).float().mean())
