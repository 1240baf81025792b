"""The cosine schedule of noise (Nichol & Dhariwal 2021, eq. 17), and the noising of latents."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

_OFFSET, _MOST = 0.008, 0.999


@lru_cache(maxsize=8)
def cosine_betas(steps: int) -> tuple[float, ...]:
    """The share of noise that each of `steps` steps adds, from the cleanest to the noisiest; in (0, 0.999]."""

    def kept(share: float) -> float:
        return math.cos((share + _OFFSET) / (1 + _OFFSET) * math.pi / 2) ** 2

    shares = [each / steps for each in range(steps + 1)]
    return tuple(min(1 - kept(after) / kept(before), _MOST) for before, after in pairwise(shares))


@lru_cache(maxsize=8)
def kept_signal(steps: int) -> Tensor:
    """How much of the variance is still signal at each step, "alpha bar", (steps,) float32."""
    return torch.from_numpy(np.cumprod(1 - np.array(cosine_betas(steps)))).float()


def noised(clean: Tensor, noise: Tensor, step: Tensor, kept: Tensor) -> Tensor:
    """Latents (B,G,D) at steps (B,), of which `kept` (steps,) says how much signal there is (Ho et al. 2020, eq. 4)."""
    share = kept.to(clean)[step][:, None, None]
    return share.sqrt() * clean + (1 - share).sqrt() * noise
