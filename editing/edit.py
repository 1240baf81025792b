"""One edit: a generator draws a latent, an objective judges the pictures, a driver moves the latent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from .._base import UsageError
from ..guidance.cutouts import step_seed
from ..guidance.objective import Context, total
from .drivers import Latent, clone

Losses = Mapping[str, Tensor]
Judge = Callable[[Tensor, Context], dict[str, Tensor]]


class Driver(Protocol):
    """Moves a latent; see `drivers`."""

    def ask(self) -> Latent:
        """The latent to draw."""

    def tell(self, losses: Losses) -> None:
        """What became of it."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""


@dataclass(frozen=True)
class Step:
    """What one step drew, before the driver moved on.

    Args:
        index: from 0.
        total: how many steps there are.
        losses: name -> (B,).
        best: (B,) index of the step with the lowest total loss so far, for each sample.
        latent: what was drawn, detached.
        images: (B,3,H,W) in [0,1], detached.
    """

    index: int
    total: int
    losses: Losses
    best: Tensor
    latent: Latent
    images: Tensor

    def image(self) -> Tensor:
        """The pictures, (B,3,H,W) in [0,1]."""
        return self.images


@dataclass
class Edit:
    """A composition of the nouns; `run` yields a Step for each time the latent was drawn.

    Args:
        decode: latent -> pictures (B,3,H,W) in [0,1].
        objective: any `Objective`, or a function with the same call.
        driver: moves the latent.
        steps: how often to draw.
        seeds: one number a sample, for objectives that look at random views; each step derives its own.
    """

    decode: Callable[[Latent], Tensor]
    objective: Judge
    driver: Driver
    steps: int
    seeds: Sequence[int] = ()

    def run(self) -> Iterator[Step]:
        """Draw, judge, yield, move. Stopping early is just not asking for the next step.

        Raises:
            UsageError: the first step's loss is not finite, so that no step could better it.
        """
        lowest: Tensor | None = None
        best = torch.zeros(0, dtype=torch.long)
        for index in range(self.steps):
            latent = self.driver.ask()
            images = self.decode(latent)
            losses = self.objective(images, self._context(latent, index))
            now = total(losses).detach()
            if lowest is None:
                check_finite(now, losses)
                lowest, best = now, torch.zeros_like(now, dtype=torch.long)
            better = now < lowest
            lowest, best = torch.where(better, now, lowest), best.masked_fill(better, index)
            shown = {name: value.detach() for name, value in losses.items()}
            yield Step(index, self.steps, shown, best, clone(latent), images.detach())
            self.driver.tell(losses)

    def _context(self, latent: Latent, index: int) -> Context:
        seeds = [step_seed(seed, index) for seed in self.seeds] or None
        return Context(latent, seeds)


def check_finite(now: Tensor, losses: Losses) -> None:
    """Raises UsageError for a first step that no later one could better."""
    if bool(now.isfinite().all()):
        return
    wrong = [name for name, value in losses.items() if not bool(value.isfinite().all())]
    raise UsageError(
        f"the loss of the first step is not finite ({', '.join(wrong) or 'its sum'}); "
        "give smaller weights, --precision float32 or another model"
    )
