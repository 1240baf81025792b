"""The sampling of the published code: every k-th step of the diffusion, in the manner of Ho et al. 2020."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..._base import UsageError
from ...generators.prior.noise import cosine_betas, kept_signal

_LEAST_VARIANCE = 1e-20


class Posterior:
    """Of x at one step given the latents without noise and x at the step before it (Ho et al. 2020, eq. 7).

    Args:
        total: steps of the diffusion.
        skip: how many of them each step stands for, with the published rounding to float32 on the way; None
            for the diffusion itself.

    Attributes:
        variance, log_variance: of the posterior; clean, noisy: what its mean takes of the latents without noise and
            of the noisy ones; all (total/skip,) float32, from the cleanest step on.
    """

    def __init__(self, total: int, skip: int | None = None) -> None:
        kept = 1 - torch.tensor(cosine_betas(total), dtype=torch.float64)
        kept = kept.cumprod(dim=0)
        if skip is not None:
            kept = kept[::skip].float()
        alpha = kept / _before(kept)
        # Once more from the rounded steps, as published: near the clean end the last digits of both count.
        kept = alpha.cumprod(dim=0)
        before = _before(kept)
        variance = (1 - alpha) * (1 - before) / (1 - kept)
        self.variance = variance.float()
        self.log_variance = variance.clamp(min=_LEAST_VARIANCE).log().float()
        self.clean = ((1 - alpha) * before.sqrt() / (1 - kept)).float()
        self.noisy = ((1 - before) * alpha.sqrt() / (1 - kept)).float()


def _before(kept: Tensor) -> Tensor:
    """The signal that is left one step nearer to the clean end, where all of it is."""
    return torch.cat([kept.new_ones(1), kept[:-1]])


class Ancestral:
    """See `Scheduler`.

    Args:
        skip: must divide `total`.
        variance: "respaced", or "published": the original adds as much noise at a step as it would without skipping,
            which is too little at most of them, and its checkpoints are used with that.

    Raises:
        UsageError: skip does not divide total.
    """

    def __init__(self, total: int, skip: int, variance: str = "published") -> None:
        if total % skip:
            raise UsageError(f"skip is {skip}, which does not divide the {total} steps; take one that does")
        self.times = list(range(total - skip, -1, -skip))
        self._posterior = Posterior(total, skip)
        whole = Posterior(total).log_variance[::skip]
        self.log_variance = self._posterior.log_variance if variance == "respaced" else whole
        self._kept = kept_signal(total)

    def begin(self, noise: Tensor, clean: Tensor | None, first: int) -> Tensor:
        """See `Scheduler`."""
        if clean is None:
            return noise
        kept = self._kept[self.times[first]]
        return kept.sqrt() * clean + (1 - kept).sqrt() * noise

    def scaled(self, x: Tensor, index: int) -> Tensor:  # noqa: ARG002
        """See `Scheduler`."""
        return x

    def step(self, predicted: Tensor, index: int, x: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        """See `Scheduler`."""
        # The posterior counts from the cleanest step.
        place = len(self.times) - 1 - index
        mean = self._posterior.clean[place] * predicted + self._posterior.noisy[place] * x
        if place == 0:
            return mean
        noise = torch.stack([torch.randn(x.shape[1:], generator=rng) for rng in rngs]).to(x)
        return mean + (0.5 * self.log_variance[place]).exp() * noise
