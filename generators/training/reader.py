"""The reader: a classifier of a face's attributes whose features show what a generator draws wrong.

Pixel losses leave a nose or freckles to the end, since they are a few pixels; to the reader they weigh as much as a
hat. It is trained on pictures moved against it within an L2 ball, so that its gradients are strokes and not noise
(Engstrom et al. 2019). Its stages become the pack's `content`, which guides inversion; it judges nothing, and its
architecture is not the judge's.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._devices import coarse
from ..._files import earlier_state
from ..content import WIDTHS, FaceContent, reading_size
from .classifier_trainer import ClassifierTrainer
from .face_set import FaceSet
from .faces import CHOICES
from .labels import attribute_loss
from .settings import ReaderSettings

_TOP, _SMALLEST = 32, 8


class Reader(FaceContent):
    """Pictures (B,3,S,S) in [-1,1] -> features of all stages, and logits by attribute, (B, values) each."""

    def __init__(self) -> None:
        super().__init__()
        self.top = nn.Sequential(
            nn.BatchNorm2d(WIDTHS[-1]), nn.ReLU(), nn.Conv2d(WIDTHS[-1], _TOP, 1), nn.Flatten(), nn.ReLU()
        )
        self.heads = nn.ModuleDict(
            {name: nn.Linear(_SMALLEST**2 * _TOP, len(odds)) for name, odds in CHOICES.items()}
        )

    def read(self, images: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        """See the class."""
        features = self.features(images)
        top = self.top(features[-1])
        return features, {name: head(top).float() for name, head in self.heads.items()}


def reading_distance(reader: FaceContent, made: Tensor, drawn: Tensor) -> Tensor:
    """How differently the reader sees two sets of pictures (B,3,H,W): a scalar.

    The sum over the stages of the squared distances of the features, normalised over channels (Zhang et al. 2018).
    """
    return _apart(reader, reader.features(made), drawn)


def reading_loss(reader: Reader, made: Tensor, drawn: Tensor, labels: Tensor, naming: float) -> Tensor:
    """`reading_distance`, and `naming` times the cross-entropy of the made pictures' attributes: a scalar."""
    found, logits = reader.read(made)
    return _apart(reader, found, drawn) + naming * attribute_loss(logits, labels)


def _apart(reader: FaceContent, found: list[Tensor], drawn: Tensor) -> Tensor:
    with torch.no_grad():
        wanted = reader.features(drawn)
    stages = [
        (F.normalize(a.float(), dim=1) - F.normalize(b.float(), dim=1)).square().sum(1).mean()
        for a, b in zip(found, wanted, strict=True)
    ]
    return torch.stack(stages).sum()


class ReaderTrainer(ClassifierTrainer[Reader]):
    """Trains a reader on a face set; a checkpoint in `folder` is resumed."""

    kind, network_type = "reader", Reader

    def __init__(
        self,
        faces: FaceSet,
        folder: Path,
        settings: ReaderSettings,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(faces, folder, settings, seed, device)
        self.radius = settings.radius

    def loss(self, pictures: Tensor, labels: Tensor) -> Tensor:
        """See `ClassifierTrainer`."""
        return self._read(self._attacked(reading_size(self.shifted(pictures)), labels), labels)

    def _read(self, images: Tensor, labels: Tensor) -> Tensor:
        with coarse(self.device):
            _, logits = self.network.read(images.contiguous(memory_format=torch.channels_last))
        return attribute_loss(logits, labels)

    def _attacked(self, images: Tensor, labels: Tensor) -> Tensor:
        """One step up the loss, of a random length in [0, radius] for each picture."""
        images = images.detach().requires_grad_()
        (slope,) = torch.autograd.grad(self._read(images, labels), images)
        length = self.radius * torch.rand(len(images), 1, 1, 1, generator=self.rng).to(images)
        return (images + length * F.normalize(slope.flatten(1), dim=1).view_as(slope)).detach()


def load_reader(work: Path) -> Reader:
    """The reader that `train stylegan2` left in its work folder, frozen.

    Raises:
        MissingError: the folder has none.
        InputFileError: its checkpoint is not one.
    """
    command = f"promptbrush train stylegan2 --work {work}"
    reader = Reader()
    with earlier_state(work / "reader.pt", "shows what a generator draws wrong", command) as state:
        reader.load_state_dict(state["modules"]["network"])
    return reader.eval().requires_grad_(False)
