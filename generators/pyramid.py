"""How far pictures are apart at every scale: the losses of fits, encoders and inversions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Layers = Callable[[Tensor], Sequence[Tensor]]
WEIGHTS = (4.0, 2.0, 1.0, 1.0)


def laplacian_loss(
    made: Tensor, target: Tensor, weights: tuple[float, ...] = WEIGHTS, focus: Tensor | None = None
) -> Tensor:
    """Mean L1 of each level of a Laplacian pyramid, finest first, weighted (as in Bojanowski et al. 2018).

    Args:
        made, target: pictures (B,3,H,W) of any range; a coarser level is made while both sides are even.
        weights: of the levels; the last is that of the remainder, however far it was halved.
        focus: how much each pixel counts, (1,1,H,W); all the same if None.

    Returns:
        (B,), 0 only for equal pictures.
    """
    difference, loss = made - target, made.new_zeros(len(made))
    counts = made.new_ones(1, 1, *made.shape[2:]) if focus is None else focus.to(made)
    for weight in weights[:-1]:
        if min(difference.shape[2:]) < 2 or difference.shape[2] % 2 or difference.shape[3] % 2:
            break
        half = F.avg_pool2d(difference, 2)
        detail = difference - F.interpolate(half, scale_factor=2, mode="bilinear", align_corners=False)
        loss = loss + weight * (counts * detail.abs()).mean((1, 2, 3))
        difference, counts = half, F.avg_pool2d(counts, 2)
    return loss + weights[-1] * (counts * difference.abs()).mean((1, 2, 3))


def reconstruction_loss(made: Tensor, target: Tensor) -> Tensor:
    """Laplacian pyramid L1 plus plain L1, which the pyramid alone would weigh little: (B,3,H,W) twice -> (B,)."""
    return laplacian_loss(made, target) + (made - target).abs().mean((1, 2, 3))


def layer_distance(layers: Layers, made: Tensor, target: Tensor) -> Tensor:
    """The sum over a network's maps of the L1 distance relative to the target's mean: a scalar."""
    with torch.no_grad():
        wanted = layers(target)
    found = layers(made)
    parts = [
        (a - b).abs().mean() / b.abs().mean().clamp(min=1e-3) for a, b in zip(found, wanted, strict=True)
    ]
    return torch.stack(parts).sum()
