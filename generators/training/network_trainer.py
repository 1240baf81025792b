"""Training one network on random rows of a set, with a learning rate that falls linearly to 0."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._schedules import linear
from ..._training import Stage, Trainer, Update

_SHIFT = 2
Network = TypeVar("Network", bound=nn.Module)


class _Settings(Protocol):
    @property
    def steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def lr(self) -> float: ...


class NetworkTrainer(Trainer, Generic[Network]):
    """Trains a network; subclasses say in `row_loss` what a step sees.

    Args:
        network: on the device of the training.
        rows: size of the set.
        identity: see `Trainer`; its kind is also the name of the checkpoint in `folder`.
    """

    def __init__(
        self,
        network: Network,
        rows: int,
        folder: Path,
        settings: _Settings,
        identity: Mapping[str, str],
        seed: int,
    ) -> None:
        self.network, self.rows, self.steps, self.name = network, rows, settings.steps, identity["kind"]
        self.batch = settings.batch
        update = Update(torch.optim.Adam(network.parameters(), settings.lr), self._loss)
        stages = [Stage(self.name, settings.steps, [update], linear)]
        super().__init__({"network": network}, stages, identity, seed, folder / f"{self.name}.pt")

    def row_loss(self, rows: Tensor) -> Tensor:
        """The loss, a scalar, of some rows, int64 (B,)."""
        raise NotImplementedError

    def _loss(self, _index: int) -> Tensor:
        count = self.processes.part_of(self.batch)
        return self.row_loss(torch.randint(self.rows, (count,), generator=self.rng))

    def shifted(self, images: Tensor) -> Tensor:
        """All pictures moved by the same two pixels at most: a generator's faces do not sit on the drawn ones' grid."""
        dy, dx = torch.randint(0, 2 * _SHIFT + 1, (2,), generator=self.rng).tolist()
        padded = F.pad(images, (_SHIFT,) * 4, mode="replicate")
        return padded[:, :, dy : dy + images.shape[2], dx : dx + images.shape[3]]
