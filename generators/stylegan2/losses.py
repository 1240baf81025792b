"""Training StyleGAN2: the adversarial loss and its regularisers.

Losses are per sample, (B,). Regularisers are meant to be lazy (Karras et al. 2020, section 3.1): computed every
k-th step, multiplied by k, with the optimizer settings of `lazy_adam`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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

    noise is N(0,1) in the shape of the pictures, divided by sqrt(H*W). Differentiable.
    """
    (gradient,) = torch.autograd.grad((images * noise).sum(), ws, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def lazy_adam(lr: float, interval: int | None, betas: tuple[float, float] = (0.0, 0.99)) -> dict[str, Any]:
    """Adam's settings for a regulariser every `interval` steps (None: no regulariser): 4 for G, 16 for D."""
    share = 1.0 if interval is None else interval / (interval + 1)
    return {"lr": lr * share, "betas": (betas[0] ** share, betas[1] ** share), "eps": 1e-8}


def clean_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Gradients before a step: NaN becomes 0, infinities become +-1e5."""
    for parameter in parameters:
        if parameter.grad is not None:
            torch.nan_to_num_(parameter.grad, nan=0.0, posinf=1e5, neginf=-1e5)
