"""From what a prior draws to what a generator takes, and back: a prior's numbers stand for z or for w.

Every z is a picture of the generator's, and z are alike in all directions, so that a prior of z has nothing to learn
but what a text asks for. A prior of w, as published, also learns which w there are, and mixes faces where it has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ...generators.prior.prior import Prior
from ...generators.stylegan2.layers import normalise

# Random z by which a linear way back from w is found.
_SEEN = 8192
_RIDGE = 10.0


def ridge(rows: Tensor, wanted: Tensor) -> Tensor:
    """The matrix (C,K) that best leads from rows (N,C) to what is wanted (N,K), by ridge regression."""
    square = rows.T @ rows + _RIDGE * torch.eye(rows.shape[1], device=rows.device)
    found: Tensor = torch.linalg.solve(square, rows.T @ wanted)
    return found


@torch.no_grad()
def w_of(generator: Any, z: Tensor, psi: float = 1.0) -> Tensor:
    """The w (B,G,w_dim) of z (B,G,z_dim), on the generator's device.

    Args:
        generator: one with a `LatentSpace`.
        psi: truncation, how far from the mean w they stay; 1 leaves them.
    """
    space = generator.latent_space
    w = space.sample(z.flatten(0, 1))
    return torch.lerp(space.average(1)[0, 0], w, psi).view(*z.shape[:2], -1)


def w_plus(w: Tensor, groups: Sequence[int]) -> Tensor:
    """W+ codes (B,num_ws,w_dim) of w (B,G,w_dim), of which each feeds so many layers, the coarse ones first."""
    return w.repeat_interleave(torch.tensor(tuple(groups), device=w.device), dim=1)


@dataclass(frozen=True)
class WayBack:
    """About the z of w: what is linear in w, by ridge regression on random z.

    Attributes:
        mean, std: (w_dim,), of w. matrix: (w_dim,z_dim), from w in standard deviations to z.
    """

    mean: Tensor
    std: Tensor
    matrix: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, generator: Any) -> WayBack:
        """The way back of a generator's mapping, the same whenever it is found."""
        space, rng = generator.latent_space, torch.Generator().manual_seed(0)
        z = normalise(torch.randn(_SEEN, 1, space.z_dim, generator=rng)).to(space.average(1))
        known = w_of(generator, z)[:, 0]
        mean, std = known.mean(dim=0), known.std(dim=0).clamp(min=1e-6)
        return cls(mean, std, ridge((known - mean) / std, z[:, 0]))

    def __call__(self, w: Tensor) -> Tensor:
        """z (B,G,z_dim) of w (B,G,w_dim)."""
        found: Tensor = ((w - self.mean) / self.std) @ self.matrix
        return found


@dataclass(frozen=True)
class Start:
    """Where variations of a picture start.

    Attributes:
        x: (1,G,K), what the prior would have drawn for it.
        rest: (1,G,w_dim), what the picture's w has beyond that.
    """

    x: Tensor
    rest: Tensor


@dataclass(frozen=True)
class PriorLatents:
    """What a generator takes, of what a prior draws (B,G,K)."""

    prior: Prior
    generator: Any

    def latents(self, x: Tensor, truncation: float = 1.0, rest: Tensor | None = None) -> Tensor:
        """W (B,w_dim) of one group, else W+ (B,num_ws,w_dim).

        Args:
            truncation: how far from the mean they stay, 1 leaves them. rest: (1,G,w_dim), added to w.
        """
        w = self._w(x, truncation)
        w = w if rest is None else w + rest
        return w[:, 0] if len(self.prior.groups) == 1 else w_plus(w, self.prior.groups)

    @torch.no_grad()
    def start(self, codes: Tensor) -> Start:
        """Of W+ codes (1,num_ws,w_dim); each group has its layers' mean."""
        parts = torch.split(codes, list(self.prior.groups), dim=1)
        w = torch.stack([part.mean(dim=1) for part in parts], dim=1)
        x = self._way_back(w) if self.prior.space == "z" else self.prior.normalised(w)
        return Start(x, w - self._w(x))

    @cached_property
    def _way_back(self) -> WayBack:
        return WayBack.of(self.generator)

    def _w(self, x: Tensor, truncation: float = 1.0) -> Tensor:
        if self.prior.space == "z":
            return w_of(self.generator, x, truncation)
        return self.prior.numbers(x, truncation)
