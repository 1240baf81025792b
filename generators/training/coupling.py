"""Gaussian z that stand for faces: the link that lets a generator be fitted to (z, picture) pairs.

Each categorical attribute owns one entry of z a value, each continuous one a single entry. With
g_k = -log(-log Phi(z_k)) + log p_k, argmax_k g_k has probabilities p (the Gumbel-max trick), so plain normal z
draw faces from the right distribution, and for a given face z can be drawn from the exact posterior.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .faces import CHOICES, CONTINUOUS

_TINY = 1e-7
_ENDS = np.cumsum([0, *(len(odds) for odds in CHOICES.values())]).tolist()
Z_DIM = _ENDS[-1] + len(CONTINUOUS)


def _log_odds() -> list[Tensor]:
    return [torch.tensor(list(odds.values()), dtype=torch.float64).log() for odds in CHOICES.values()]


def _gumbel(uniform: Tensor) -> Tensor:
    return -torch.log(-torch.log(uniform.clamp(_TINY, 1 - _TINY)))


def draw_z(choices: Tensor, continuous: Tensor, rng: torch.Generator) -> Tensor:
    """z (B, Z_DIM) from the posterior of the given faces.

    Args:
        choices: (B, attributes) indices in the order of CHOICES.
        continuous: (B, values) in [-1, 1].
        rng: CPU generator; every call draws other z for the same faces.
    """
    batch = len(choices)
    parts = []
    for column, log_odds in zip(choices.T, _log_odds(), strict=True):
        best = _gumbel(torch.rand(batch, 1, generator=rng, dtype=torch.float64))
        free = _gumbel(torch.rand(batch, len(log_odds), generator=rng, dtype=torch.float64)) + log_odds
        # Gumbels given that they stay below the best (Maddison et al. 2014, top-down construction).
        below = -torch.log(torch.exp(-best) + torch.exp(-free))
        found = below.scatter(1, column[:, None], best) - log_odds
        parts.append(torch.exp(-torch.exp(-found)))
    parts.append((continuous.double() + 1) / 2)
    uniform = torch.cat(parts, dim=1).clamp(_TINY, 1 - _TINY)
    z: Tensor = torch.special.ndtri(uniform)
    return z.float()


def read_z(z: Tensor) -> tuple[Tensor, Tensor]:
    """The faces that z (B, Z_DIM) stand for: choices (B, attributes) and continuous (B, values)."""
    uniform = torch.special.ndtr(z.double())
    columns = [
        (_gumbel(uniform[:, start:end]) + log_odds).argmax(1)
        for (start, end), log_odds in zip(pairwise(_ENDS), _log_odds(), strict=True)
    ]
    return torch.stack(columns, dim=1), (2 * uniform[:, _ENDS[-1] :] - 1).float()
