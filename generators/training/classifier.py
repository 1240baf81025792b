"""Training a classifier of a face's attributes: what the judge and the reader have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._base import Autosave, loaded_state, save_state
from .face_set import FaceSet
from .labels import labels_of_seeds

_SHIFT = 2
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class ClassifierSettings:
    """Adam with a linear fall of the rate to 0."""

    steps: int
    batch: int
    lr: float
    save_seconds: float = 120.0


class ClassifierTrainer(Generic[Network]):
    """Trains a network on a face set; a checkpoint in `folder` is continued.

    Subclasses say in `loss` what a step sees.

    Args:
        name: of the checkpoint, and of the network in it.
        build: makes the network.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], Network],
        faces: FaceSet,
        folder: Path,
        settings: ClassifierSettings,
        seed: int,
    ) -> None:
        self.name, self.faces, self.settings = name, faces, settings
        self.labels = labels_of_seeds(faces.seeds)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.network = build().to(memory_format=torch.channels_last)
        self.rng = torch.Generator().manual_seed(seed)
        self.optimiser = torch.optim.Adam(self.network.parameters(), settings.lr)
        self.path, self.done = folder / f"{name}.pt", 0
        if self.path.exists():
            self._load()

    def loss(self, pictures: Tensor, labels: Tensor) -> Tensor:
        """The loss, a scalar, of drawn faces (B,3,H,W) in [-1,1] with their labels (B, attributes)."""
        raise NotImplementedError

    def run(self) -> Iterator[tuple[int, float]]:
        """(steps done, loss) after each step; finished steps are not repeated."""
        autosave, total = Autosave(self.save, self.settings.save_seconds), self.settings.steps
        for index in range(self.done, total):
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.lr * (1 - index / total)
            rows = torch.randint(len(self.labels), (self.settings.batch,), generator=self.rng)
            loss = self.loss(self.faces.pictures(rows), self.labels[rows])
            self.optimiser.zero_grad()
            torch.autograd.backward(loss)
            self.optimiser.step()
            self.done = index + 1
            autosave()
            yield self.done, float(loss.detach())
        self.save()

    def shifted(self, images: Tensor) -> Tensor:
        """All pictures moved by the same two pixels at most: a generator's faces do not sit on the drawn ones' grid."""
        dy, dx = torch.randint(0, 2 * _SHIFT + 1, (2,), generator=self.rng).tolist()
        padded = F.pad(images, (_SHIFT,) * 4, mode="replicate")
        return padded[:, :, dy : dy + images.shape[2], dx : dx + images.shape[3]]

    def save(self) -> None:
        """Write the whole state in one step."""
        state = {self.name: self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        save_state(self.path, {**state, "rng": self.rng.get_state(), "done": self.done})

    def _load(self) -> None:
        with loaded_state(self.path, torch.device("cpu")) as state:
            self.network.load_state_dict(state[self.name])
            self.optimiser.load_state_dict(state["optimiser"])
            self.rng.set_state(state["rng"])
            self.done = state["done"]
