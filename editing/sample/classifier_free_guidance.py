"""Classifier-free guidance: what a prior predicts under several weighted conditions and under none, in one answer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...generators.prior.prior import Prior


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance (Ho & Salimans 2022) on predicted latents, by several conditions (Liu et al. 2022).

    predicted = null + scale * sum of weight * (conditioned - null); a negative weight turns away from its condition.

    Args:
        conditions: (B,P,D), of each sample.
        weights: (P,), the same for all.
        scale: 0 leaves only the null prediction; with one condition of weight 1, 1 leaves only the conditioned one.
        rescale: fraction by which the deviation of the result is brought back to that of the conditioned predictions
            (Lin et al. 2024, eq. 15 and 16).
        limit: predictions are kept within this many standard deviations; 0 leaves them.
    """

    prior: Prior
    conditions: Tensor
    weights: Tensor
    scale: float = 1.0
    rescale: float = 0.0
    limit: float = 0.0

    def __call__(self, x: Tensor, time: int) -> Tensor:
        """x (B,G,w_dim) at a step of the diffusion -> the latents without noise."""
        predicted = self._predicted(x, torch.full((len(x),), time, device=x.device))
        return predicted.clamp(-self.limit, self.limit) if self.limit else predicted

    def _predicted(self, x: Tensor, time: Tensor) -> Tensor:
        count = self.conditions.shape[1]
        if self.scale == 0:
            unknown = torch.zeros_like(time, dtype=torch.bool)
            return self.prior.forward(x, time, self.conditions[:, 0], unknown)
        if self.scale == 1 and count == 1 and float(self.weights[0]) == 1:
            return self.prior.forward(x, time, self.conditions[:, 0])
        # One pass for all conditions and none: the first one serves as a place for none.
        conditions = torch.cat([self.conditions, self.conditions[:, :1]], dim=1).transpose(0, 1).flatten(0, 1)
        known = torch.arange(count + 1, device=x.device).repeat_interleave(len(x)) < count
        passes = self.prior.forward(x.repeat(count + 1, 1, 1), time.repeat(count + 1), conditions, known)
        rows = passes.view(count + 1, *x.shape)
        conditioned, null = rows[:count], rows[count:]
        weights = self.weights.to(x).view(-1, 1, 1, 1)
        guided = null[0] + self.scale * (weights * (conditioned - null)).sum(0)
        return self._rescaled(guided, conditioned[weights.flatten() > 0]) if self.rescale else guided

    def _rescaled(self, guided: Tensor, conditioned: Tensor) -> Tensor:
        if not len(conditioned):
            return guided
        wanted = conditioned.std(dim=(2, 3)).mean(0)[:, None, None]
        found = guided.std(dim=(1, 2), keepdim=True).clamp(min=1e-12)
        return torch.lerp(guided, guided * (wanted / found), self.rescale)
