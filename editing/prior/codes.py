"""From what a prior draws to what a generator takes, and back: a prior's numbers stand for z or for w.

Every z is a picture of the generator's, and z are alike in all directions, so that a prior of z has nothing to learn
but what a text asks for. A prior of w, as published, also learns which w there are, and mixes faces where it has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...generators.prior.prior import Prior
from ...generators.stylegan2 import StyleGAN2
from ...generators.stylegan2.layers import normalise
from ..exploration import mapped
from .statistics import ridge

# Random z by which a linear way back from w is found.
_SEEN = 8192


@torch.no_grad()
def w_of(generator: StyleGAN2, z: Tensor, psi: float = 1.0) -> Tensor:
    """The w (B,G,w_dim) of z (B,G,z_dim), on the generator's device.

    Args:
        psi: truncation, how far from the mean w they stay; 1 leaves them.
    """
    w = mapped(generator, z.flatten(0, 1))
    return torch.lerp(generator.w_avg, w, psi).view(*z.shape[:2], -1)


def w_plus(w: Tensor, groups: Sequence[int]) -> Tensor:
    """W+ codes (B,num_ws,w_dim) of w (B,G,w_dim), of which each feeds so many layers, the coarse ones first."""
    return w.repeat_interleave(torch.tensor(tuple(groups), device=w.device), dim=1)


@torch.no_grad()
def z_of(generator: StyleGAN2, w: Tensor) -> Tensor:
    """About the z (B,G,z_dim) of w (B,G,w_dim): what is linear in w, by ridge regression on random z."""
    rng = torch.Generator().manual_seed(0)
    z = normalise(torch.randn(_SEEN, 1, generator.z_dim, generator=rng)).to(w)
    known = w_of(generator, z)[:, 0]
    mean, std = known.mean(dim=0), known.std(dim=0).clamp(min=1e-6)
    rows = (known - mean) / std
    found: Tensor = ((w - mean) / std) @ ridge(rows, z[:, 0])
    return found


@dataclass(frozen=True)
class Start:
    """Where variations of a picture set out.

    Attributes:
        x: (1,G,K), what the prior would have drawn for it.
        rest: (1,G,w_dim), what the picture's w has beyond that.
    """

    x: Tensor
    rest: Tensor


@dataclass(frozen=True)
class Codes:
    """What a generator takes, of what a prior draws (B,G,K)."""

    prior: Prior
    generator: StyleGAN2

    def latents(self, x: Tensor, truncation: float = 1.0, rest: Tensor | None = None) -> Tensor:
        """W (B,w_dim) of one group, else W+ (B,num_ws,w_dim).

        Args:
            truncation: how far from the mean they stay, 1 leaves them. rest: (1,G,w_dim), added to w.
        """
        w = self._w(x, truncation)
        w = w if rest is None else w + rest
        return w[:, 0] if len(self.prior.groups) == 1 else w_plus(w, self.prior.groups)

    def start(self, codes: Tensor) -> Start:
        """Of W+ codes (1,num_ws,w_dim); each group has its layers' mean."""
        parts = torch.split(codes, list(self.prior.groups), dim=1)
        w = torch.stack([part.mean(dim=1) for part in parts], dim=1)
        x = z_of(self.generator, w) if self.prior.space == "z" else self.prior.normalised(w)
        return Start(x, w - self._w(x))

    def _w(self, x: Tensor, truncation: float = 1.0) -> Tensor:
        if self.prior.space == "z":
            return w_of(self.generator, x, truncation)
        return self.prior.numbers(x, truncation)
