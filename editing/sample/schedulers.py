"""Diffusion samplers by name: diffusers' schedulers, for predicted latents without noise and the cosine schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from ..._base import Entry, load_target
from ...generators.prior.noise import cosine_betas
from .ancestral import Ancestral
from .scheduler_names import PAPER, SCHEDULERS


class Scheduler(Protocol):
    """From noise to latents, step by step; one scheduler serves one batch."""

    @property
    def times(self) -> Sequence[int]:
        """Of each step: how noisy its latents are, 0 to steps-1, falling."""

    def begin(self, noise: Tensor, clean: Tensor | None, first: int) -> Tensor:
        """The latents at step `first`: noise, laid over `clean` if it is given."""

    def scaled(self, x: Tensor, index: int) -> Tensor:
        """Latents as the network takes them, whose variance is 1."""

    def step(self, predicted: Tensor, index: int, x: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        """The latents of the next step; fresh noise for each sample comes from its own generator."""


class DiffusersScheduler:
    """See `Scheduler`.

    Args:
        total: steps of the diffusion that was learned. steps: how many to take of it.
    """

    def __init__(self, name: str, total: int, steps: int, device: torch.device) -> None:
        spec = SCHEDULERS[name]
        made = load_target(Entry(f"diffusers:{spec.name}"), f"scheduler '{name}'")
        self._noisy = spec.noisy
        self._scheduler = made(
            total, trained_betas=list(cosine_betas(total)), prediction_type="sample", **spec.options
        )
        self._scheduler.set_timesteps(min(steps, total), device=device)
        self.times = [round(float(each)) for each in self._scheduler.timesteps]

    def begin(self, noise: Tensor, clean: Tensor | None, first: int) -> Tensor:
        """See `Scheduler`."""
        if hasattr(self._scheduler, "set_begin_index"):
            self._scheduler.set_begin_index(first)
        if clean is None:
            return noise * float(self._scheduler.init_noise_sigma)
        time = self._scheduler.timesteps[first : first + 1].expand(len(noise))
        if not hasattr(self._scheduler, "set_begin_index"):
            time = time.long()
        laid: Tensor = self._scheduler.add_noise(clean, noise, time)
        return laid

    def scaled(self, x: Tensor, index: int) -> Tensor:
        """See `Scheduler`."""
        taken: Tensor = self._scheduler.scale_model_input(x, self._scheduler.timesteps[index])
        return taken

    def step(self, predicted: Tensor, index: int, x: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        """See `Scheduler`."""
        own = {"generator": list(rngs)} if self._noisy else {}
        made = self._scheduler.step(predicted, self._scheduler.timesteps[index], x, return_dict=False, **own)
        following: Tensor = made[0]
        return following


def scheduler_of(
    name: str, total: int, steps: int, device: torch.device, variance: str = "published"
) -> Scheduler:
    """A scheduler by its name, or `paper`.

    Raises:
        ValueError: no such name.
    """
    if name == PAPER:
        return Ancestral(total, max(1, total // steps), variance)
    return DiffusersScheduler(name, total, steps, device)
