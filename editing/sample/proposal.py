"""Drawing latents: a prior as a `Proposal`, each sample from its own generator, whatever else is drawn beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...generators.base import Latent
from ...generators.prior.prior import Prior
from ...guidance.cutouts import step_seed
from .classifier_free_guidance import Guidance
from .prior_latents import PriorLatents
from .schedulers import scheduler_of
from .settings import SampleSettings

# On the CPU a sample at a time costs no more; elsewhere batches are filled up to one size. Kernels of other sizes
# round otherwise, so that what is drawn beside a sample would change its last digits.
_BATCH = 16


def chunk_size(device: torch.device) -> int:
    """Samples that are drawn at a time so that each is the same whatever is drawn beside it."""
    return 1 if device.type == "cpu" else _BATCH


def seeded(seeds: Sequence[int]) -> list[torch.Generator]:
    """A generator of random numbers for each seed."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def candidate_seeds(seed: int, rank: int) -> list[int]:
    """Seeds of the candidates for the picture of a seed; the first is its own."""
    return [seed, *(step_seed(seed, index) for index in range(1, rank))]


@dataclass(frozen=True)
class PriorProposal:
    """See `generators.base.Proposal`: what a prior draws for conditions, as its generator takes it.

    Attributes:
        latents: the prior with its generator.
        weights: (P,), of the conditions of each sample.
    """

    latents: PriorLatents
    weights: Tensor
    settings: SampleSettings

    def propose(
        self, condition: Tensor, rngs: Sequence[torch.Generator] = (), latent: Latent | None = None
    ) -> Tensor:
        """W (B,w_dim) of one group, else W+ (B,num_ws,w_dim).

        Args:
            condition: (B,P,D), features on which the prior is conditioned.
            rngs: B, one a sample.
            latent: W+ (1,num_ws,w_dim), from which `settings.strength` below 1 starts.
        """
        settings, start = self.settings, None
        if isinstance(latent, Tensor) and settings.strength < 1:
            start = self.latents.start(latent)
        first = None if start is None else start.x.expand(len(rngs), -1, -1)
        x = draw_latents(self.latents.prior, condition, self.weights, rngs, settings, first)
        # What the prior cannot draw of the picture stays by as much as the picture does.
        rest = None if start is None else (1 - settings.strength) * start.rest
        return self.latents.latents(x, settings.truncation, rest)


@torch.no_grad()
def draw_latents(
    prior: Prior,
    conditions: Tensor,
    weights: Tensor,
    rngs: Sequence[torch.Generator],
    settings: SampleSettings,
    start: Tensor | None = None,
    chunk: int | None = None,
) -> Tensor:
    """Latents for conditions, in standard deviations of z or w.

    Args:
        conditions: (B,P,D), features on which the prior is conditioned. weights: (P,).
        rngs: B, one a sample.
        start: (B,G,K) in standard deviations, from which `settings.strength` below 1 starts.
        chunk: how many at a time; by default as `chunk_size`.

    Returns:
        (B,G,K).
    """
    size = chunk or chunk_size(conditions.device)
    parts = []
    for at in range(0, len(rngs), size):
        own = list(range(at, min(at + size, len(rngs))))
        rows = own + own[-1:] * (size - len(own))
        filled = [rngs[row] for row in own] + seeded(range(size - len(own)))
        scale = settings.guided(prior.space)
        guidance = Guidance(prior, conditions[rows], weights, scale, settings.rescale, settings.limit)
        begun = None if start is None else start[rows]
        parts.append(_drawn(guidance, filled, settings, begun)[: len(own)])
    return torch.cat(parts)


def _drawn(
    guidance: Guidance, rngs: Sequence[torch.Generator], settings: SampleSettings, start: Tensor | None
) -> Tensor:
    prior, device = guidance.prior, guidance.conditions.device
    scheduler = scheduler_of(settings.scheduler, prior.steps, settings.steps, device, settings.variance)
    noise = torch.stack([torch.randn(prior.shape, generator=rng) for rng in rngs]).to(device)
    first = 0
    if settings.strength == 1:
        start = None
    if start is not None:
        times = scheduler.times
        below = [index for index, time in enumerate(times) if time < settings.strength * prior.steps]
        if not below or settings.strength == 0:
            return start
        first = below[0]
    x = scheduler.begin(noise, start, first)
    for index in range(first, len(scheduler.times)):
        predicted = guidance(scheduler.scaled(x, index), scheduler.times[index])
        x = scheduler.step(predicted, index, x, rngs)
    return x
