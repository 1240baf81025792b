"""Training one network on the rows of a set, step by step, with a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._files import Autosave, loaded_state, save_state

_SHIFT = 2
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class NetworkSettings:
    """Adam with a linear fall of the rate to 0."""

    steps: int
    batch: int
    lr: float
    save_seconds: float = 120.0


class NetworkTrainer(Generic[Network]):
    """Trains a network; a checkpoint in `folder` is continued.

    Subclasses say in `row_loss` what a step sees.

    Args:
        name: of the checkpoint, and of the network in it.
        build: makes the network.
        rows: how many there are to learn from.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], Network],
        rows: int,
        folder: Path,
        settings: NetworkSettings,
        seed: int,
    ) -> None:
        self.name, self.rows, self.settings = name, rows, settings
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.network = build().to(memory_format=torch.channels_last)
        self.rng = torch.Generator().manual_seed(seed)
        self.optimiser = torch.optim.Adam(self.network.parameters(), settings.lr)
        self.path, self.done = folder / f"{name}.pt", 0
        if self.path.exists():
            self._load()

    def row_loss(self, rows: Tensor) -> Tensor:
        """The loss, a scalar, of some rows, int64 (B,)."""
        raise NotImplementedError

    def run(self) -> Iterator[tuple[int, float]]:
        """(steps done, loss) after each step; finished steps are not repeated."""
        autosave, total = Autosave(self.save, self.settings.save_seconds), self.settings.steps
        for index in range(self.done, total):
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.lr * (1 - index / total)
            loss = self.row_loss(torch.randint(self.rows, (self.settings.batch,), generator=self.rng))
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
