"""What pairs are like as a whole: how w vary, and how what CLIP sees and reads does."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...generators.prior.prior import Spread
from ..sample.prior_latents import ridge
from .shards import Pairs

# Components of w, and of features, whose deviation is below this fraction of the largest one's: noise of the mapping
# network, and what no text tells apart.
_SMALLEST_COMPONENT, _SMALLEST_FEATURE = 0.01, 0.1
_SEEN = 20_000


def statistics(w: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and unbiased standard deviation (G,w_dim) of w (N,G,w_dim); numbers that never change get 1."""
    std = w.std(dim=0)
    return w.mean(dim=0), torch.where(std > 1e-6, std, torch.ones_like(std))


def plain_spread(w: Tensor) -> Spread:
    """Each number of w (N,G,w_dim) by its own deviation, as published."""
    return Spread(*statistics(w))


def spread_of(w: Tensor) -> Spread:
    """The principal components of each group of w (N,G,w_dim) that count, as many for every group."""
    mean, std = statistics(w)
    rows = ((w - mean) / std).transpose(0, 1)
    parts = [torch.linalg.svd(row, full_matrices=False) for row in rows]
    lengths = torch.stack([part.S for part in parts]) / len(w) ** 0.5
    kept = int((lengths >= _SMALLEST_COMPONENT * lengths[:, :1]).sum(dim=1).max())
    axes = torch.stack([part.Vh[:kept] for part in parts])
    return Spread(mean, std, axes, lengths[:, :kept].clamp(min=1e-6))


def normalised(w: Tensor, spread: Spread) -> Tensor:
    """w (N,G,w_dim) along the axes of a spread, (N,G,K), in standard deviations."""
    plain = (w - spread.mean) / spread.std
    if spread.axes is None or spread.lengths is None:
        return plain
    return torch.einsum("ngd,gkd->ngk", plain, spread.axes) / spread.lengths


@dataclass(frozen=True)
class Whitening:
    """Features made alike in all directions, so that a network sees the small differences as well.

    Attributes:
        mean: (D,). matrix: (D,D).
    """

    mean: Tensor
    matrix: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """(B,D) -> (B,D)."""
        return (features - self.mean) @ self.matrix.T

    @torch.no_grad()
    def fold(self, layer: nn.Linear) -> None:
        """Let a layer that was told whitened features be told plain ones."""
        layer.weight.copy_(layer.weight @ self.matrix)
        layer.bias.sub_(layer.weight @ self.mean)


@torch.no_grad()
def set_guess(layer: nn.Linear, told: Tensor, x: Tensor) -> None:
    """Set a layer to what conditions (N,D) say of latents (N,G,K), by ridge regression."""
    rows = torch.cat([told, torch.ones(len(told), 1)], dim=1)
    found = ridge(rows, x.flatten(1))
    layer.weight.copy_(found[:-1].T)
    layer.bias.copy_(found[-1])


def whitening_of(pairs: Pairs, captions: Pairs | None) -> Whitening:
    """Of what is seen and what is read together, as much of the one as of the other."""
    features = pairs.features[:_SEEN]
    if captions is not None:
        count = min(len(features), len(captions))
        features = torch.cat([features[:count], captions.features[:count]])
    mean = features.mean(dim=0)
    _, lengths, axes = torch.linalg.svd(features - mean, full_matrices=False)
    lengths = lengths / len(features) ** 0.5
    scale = 1 / lengths.clamp(min=_SMALLEST_FEATURE * float(lengths[0]))
    return Whitening(mean, axes.T @ (scale[:, None] * axes))
