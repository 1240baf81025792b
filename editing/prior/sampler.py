"""Drawing latents: each sample from its own seed, whatever else is drawn beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...generators.prior.prior import Prior
from ...guidance.cutouts import step_seed
from .guide import Guide
from .schedules import walk_of
from .settings import SampleSettings

# On the CPU a sample at a time costs no more; elsewhere batches are filled up to one size. Kernels of other sizes
# round otherwise, so that what is drawn beside a sample would change its last digits.
_BATCH = 16


def chunk_size(device: torch.device) -> int:
    """Samples that are drawn at a time so that each is the same whatever is drawn beside it."""
    return 1 if device.type == "cpu" else _BATCH


@torch.no_grad()
def draw_latents(
    prior: Prior,
    conditions: Tensor,
    weights: Tensor,
    seeds: Sequence[int],
    settings: SampleSettings,
    start: Tensor | None = None,
    chunk: int | None = None,
) -> Tensor:
    """Latents for conditions, in standard deviations of w.

    Args:
        conditions: (B,P,D), what the prior is told for each sample. weights: (P,).
        seeds: B, one a sample.
        start: (B,G,w_dim) in standard deviations, from which `settings.strength` below 1 sets out.
        chunk: how many at a time; by default as `chunk_size`.

    Returns:
        (B,G,w_dim).
    """
    size = chunk or chunk_size(conditions.device)
    parts = []
    for at in range(0, len(seeds), size):
        own = list(range(at, min(at + size, len(seeds))))
        rows = own + own[-1:] * (size - len(own))
        scale = settings.guided(prior.space)
        guide = Guide(prior, conditions[rows], weights, scale, settings.rescale, settings.limit)
        begun = None if start is None else start[rows]
        parts.append(_drawn(guide, [seeds[row] for row in rows], settings, begun)[: len(own)])
    return torch.cat(parts)


def _drawn(guide: Guide, seeds: Sequence[int], settings: SampleSettings, start: Tensor | None) -> Tensor:
    prior, device = guide.prior, guide.conditions.device
    walk = walk_of(settings.scheduler, prior.steps, settings.steps, device, settings.variance)
    rngs = [torch.Generator().manual_seed(seed) for seed in seeds]
    noise = torch.stack([torch.randn(prior.shape, generator=rng) for rng in rngs]).to(device)
    first = 0
    if settings.strength == 1:
        start = None
    if start is not None:
        above = [index for index, time in enumerate(walk.times) if time < settings.strength * prior.steps]
        if not above or settings.strength == 0:
            return start
        first = above[0]
    x = walk.begin(noise, start, first)
    for index in range(first, len(walk.times)):
        predicted = guide(walk.scaled(x, index), walk.times[index])
        x = walk.step(predicted, index, x, rngs)
    return x


def candidate_seeds(seed: int, rank: int) -> list[int]:
    """Seeds of the candidates for the picture of a seed; the first is its own."""
    return [seed, *(step_seed(seed, index) for index in range(1, rank))]


def between_conditions(first: Tensor, last: Tensor, count: int) -> Tensor:
    """`count` unit vectors on the arc from one (D,) to another, both included; in the middle if it is one.

    Lengths go from one to the other along a straight line.
    """
    shares = torch.linspace(0, 1, count) if count > 1 else torch.tensor([0.5])
    shares = shares.to(first)[:, None]
    one, other = F.normalize(first, dim=0), F.normalize(last, dim=0)
    angle = torch.arccos((one @ other).clamp(-1, 1))
    if float(angle.sin()) < 1e-6:
        arc = F.normalize(torch.lerp(one, other, shares), dim=1)
    else:
        arc = (((1 - shares) * angle).sin() * one + (shares * angle).sin() * other) / angle.sin()
    return arc * torch.lerp(first.norm(), last.norm(), shares)
