"""Training StyleGAN2: the adversarial loss, its regularisers, style mixing and the average of the weights.

Losses are per sample, (B,). Regularisers are meant to be lazy (Karras et al. 2020, section 3.1): computed every
k-th step, multiplied by k, with the optimiser settings of `lazy_adam`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .generator import StyleGAN2


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator (Goodfellow et al. 2014): logits (B,1) -> (B,)."""
    return F.softplus(-fake_logits).flatten()


def discriminator_loss(fake_logits: Tensor, real_logits: Tensor) -> Tensor:
    """Logistic loss of the discriminator: two sets of logits (B,1) -> (B,)."""
    return (F.softplus(fake_logits) + F.softplus(-real_logits)).flatten()


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """Squared norm of the logit's gradient at real pictures (B,3,H,W) -> (B,) (Mescheder et al. 2018).

    Differentiable; the loss is gamma / 2 times this. For a conditional network pass a lambda that has the labels.
    """
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3))


def path_lengths(images: Tensor, ws: Tensor, noise: Tensor) -> Tensor:
    """Length of J^T y for pictures (B,3,H,W) of ws (B,num_ws,w_dim) -> (B,) (Karras et al. 2020, eq. 4).

    noise is N(0,1) in the shape of the pictures, divided by sqrt(H*W), as `path_noise` draws it. Differentiable.
    """
    (gradient,) = torch.autograd.grad((images * noise).sum(), ws, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def path_noise(images: Tensor, rng: torch.Generator) -> Tensor:
    """The random direction that `path_lengths` takes."""
    noise = torch.randn(images.shape, generator=rng, device=rng.device, dtype=images.dtype)
    return noise.to(images.device) / math.sqrt(images.shape[2] * images.shape[3])


class PathLength(nn.Module):
    """Path length regulariser: squared distance of the lengths from their running mean."""

    mean: Tensor

    def __init__(self, decay: float = 0.01) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros([]))

    def forward(self, images: Tensor, ws: Tensor, rng: torch.Generator) -> Tensor:
        """Pictures of ws, which require gradients -> (B,); moves the running mean. The published weight is 2."""
        lengths = path_lengths(images, ws, path_noise(images, rng))
        self.mean.lerp_(lengths.detach().mean(), self.decay)
        return (lengths - self.mean).square()


def mix_styles(ws: Tensor, other: Tensor, rng: torch.Generator, probability: float = 0.9) -> Tensor:
    """With `probability`, replace the later vectors of ws (B,num_ws,w_dim) by those of `other`.

    The crossover is uniform in 1..num_ws-1 and the same for the batch (Karras et al. 2019, section 3.1).
    """
    count = ws.shape[1]
    if float(torch.rand([], generator=rng, device=rng.device)) >= probability:
        return ws
    cutoff = int(torch.randint(1, count, [], generator=rng, device=rng.device))
    return torch.cat([ws[:, :cutoff], other[:, cutoff:]], dim=1)


def training_ws(
    generator: StyleGAN2,
    z: Tensor,
    other_z: Tensor,
    rng: torch.Generator,
    labels: Tensor | None = None,
    mixing: float = 0.9,
    track: bool = True,
) -> Tensor:
    """W+ codes for a training step: maps z, lets the running average of w follow, mixes with other_z."""
    ws: Tensor = generator.mapping(z, labels)
    if track:
        generator.mapping.track(ws[:, 0])
    if mixing <= 0:
        return ws
    return mix_styles(ws, generator.mapping(other_z, labels), rng, mixing)


def ema_beta(batch: int, kimg: float, seen: int, rampup: float | None = None) -> float:
    """Decay of the averaged weights for one step, with a half-life of `kimg` thousand pictures.

    With a rampup (0.05 is the published value) the half-life is at most that share of the `seen` pictures.
    """
    half_life = kimg * 1000
    if rampup is not None:
        half_life = min(half_life, seen * rampup)
    return float(0.5 ** (batch / max(half_life, 1e-8)))


@torch.no_grad()
def update_ema(average: nn.Module, model: nn.Module, beta: float) -> None:
    """average <- beta * average + (1 - beta) * model for parameters; buffers are copied."""
    for mean, new in zip(average.parameters(), model.parameters(), strict=True):
        mean.copy_(torch.lerp(new, mean, beta))
    for old, buffer in zip(average.buffers(), model.buffers(), strict=True):
        old.copy_(buffer)


def lazy_adam(lr: float, interval: int | None, betas: tuple[float, float] = (0.0, 0.99)) -> dict[str, Any]:
    """Adam's settings for a regulariser every `interval` steps (None: no regulariser): 4 for G, 16 for D."""
    share = 1.0 if interval is None else interval / (interval + 1)
    return {"lr": lr * share, "betas": (betas[0] ** share, betas[1] ** share), "eps": 1e-8}


def clean_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Gradients before a step: NaN becomes 0, infinities become +-1e5."""
    for parameter in parameters:
        if parameter.grad is not None:
            torch.nan_to_num_(parameter.grad, nan=0.0, posinf=1e5, neginf=-1e5)
