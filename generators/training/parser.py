"""Training the face parser on drawn faces and their exact masks, and how well it finds each part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..._devices import coarse
from ..._identity import identity_of
from ..._seeds import seeded
from ..parser import PARTS, FaceParser
from .degradation import degraded
from .face_masks import load_masks
from .face_set import FaceSet
from .network_trainer import NetworkTrainer
from .settings import ParserSettings

_LIGHT = 0.12
_COUNTED = 256  # masks from which the size of the parts is estimated


class ParserTrainer(NetworkTrainer[FaceParser]):
    """Trains a parser on a face set; masks are drawn once into `folder`, a checkpoint there is resumed.

    Small parts weigh more at first, so that they are found at all; to the end all pixels weigh the same, so that
    edges come to lie where they are likeliest.
    """

    def __init__(
        self,
        faces: FaceSet,
        folder: Path,
        settings: ParserSettings,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self.faces = faces
        self.masks = load_masks(folder, faces)
        self.weights = part_weights(self.masks[:_COUNTED], settings.evenness).to(device)
        network = seeded(seed, FaceParser).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        identity = identity_of("parser", seed, settings.model_dump(), faces=faces.name)
        super().__init__(network, len(self.masks), folder, settings, identity, seed)

    def row_loss(self, rows: Tensor) -> Tensor:
        """See `NetworkTrainer`."""
        masks = torch.from_numpy(self.masks[rows.numpy()]).float()
        both = torch.cat([self.faces.pictures(rows) / 2 + 0.5, masks[:, None]], dim=1).to(self.device)
        both = self.shifted(both)
        pictures, true = self._seen(both[:, :3]), both[:, 3].long()
        with coarse(self.device):
            logits = self.network(pictures.contiguous(memory_format=torch.channels_last))
        fading = 1 - self.done[self.name] / self.steps
        return F.cross_entropy(logits, true, self.weights**fading)

    def _seen(self, pictures: Tensor) -> Tensor:
        """Pictures in [0,1] brighter or darker, and as soft, blocky and noisy as files and generators make them."""
        amounts = torch.rand(2, len(pictures), 1, 1, 1, generator=self.rng).to(pictures)
        gain, shift = 1 + _LIGHT * (2 * amounts - 1)
        return degraded((pictures * gain + shift - 1).clamp(0, 1), self.rng)


def part_weights(masks: NDArray[np.uint8], evenness: float) -> Tensor:
    """A weight for each part, (12,), higher for smaller ones; over all pixels of the masks their mean is 1."""
    counts = np.bincount(masks.ravel(), minlength=len(PARTS))
    fractions = torch.from_numpy(counts / counts.sum()).float()
    weights = fractions.clamp(min=1e-4) ** -evenness
    return weights / (weights * fractions).sum()


def overlaps(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels of each part in both masks and in either of them, (12,) each; masks are integers (B,H,W)."""
    found = torch.bincount((true.long() * len(PARTS) + predicted.long()).flatten(), minlength=len(PARTS) ** 2)
    table = found.view(len(PARTS), len(PARTS))
    both = table.diagonal()
    return both, table.sum(0) + table.sum(1) - both


def mean_iou(predicted: Tensor, true: Tensor) -> dict[str, float]:
    """Intersection over union of each part, over all pixels of masks (B,H,W) at once; nan for parts in neither."""
    both, either = overlaps(predicted, true)
    return dict(zip(PARTS, (both / either).tolist(), strict=True))
