"""Projection of pictures into W by optimisation, with noise maps (Karras et al. 2020, appendix D)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .generator import StyleGAN2

Features = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ProjectionSettings:
    """The published settings."""

    steps: int = 1000
    lr: float = 0.1
    rampdown: float = 0.25
    rampup: float = 0.05
    noise_scale: float = 0.05
    noise_share: float = 0.75
    regularisation: float = 1e5
    samples: int = 10_000


@dataclass(frozen=True)
class ProjectionStep:
    """State after one step: losses (B,), the result so far as W+ (B,num_ws,w_dim)."""

    index: int
    distance: Tensor
    noise_loss: Tensor
    ws: Tensor


def learning_rate(t: float, settings: ProjectionSettings) -> float:
    """Learning rate at t = step / steps: linear ramp up, cosine ramp down."""
    ramp = min(1.0, (1 - t) / settings.rampdown)
    ramp = 0.5 - 0.5 * math.cos(ramp * math.pi)
    return settings.lr * ramp * min(1.0, t / settings.rampup)


def w_noise_scale(t: float, w_std: float, settings: ProjectionSettings) -> float:
    """Standard deviation of the noise that is added to w at t = step / steps."""
    return w_std * settings.noise_scale * max(0.0, 1 - t / settings.noise_share) ** 2


@torch.no_grad()
def w_statistics(generator: StyleGAN2, samples: int = 10_000, seed: int = 123) -> tuple[Tensor, float]:
    """Mean w (w_dim,), and one standard deviation for all dimensions, of w from NumPy's seeded z."""
    z = np.random.RandomState(seed).randn(samples, generator.z_dim)
    device = generator.w_avg.device
    w = generator.mapping.single(torch.from_numpy(z).to(device=device, dtype=torch.float32))
    mean = w.mean(0)
    return mean, float(((w - mean).square().sum() / samples).sqrt())


def noise_regulariser(maps: list[Tensor]) -> Tensor:
    """Correlation of neighbours in square noise maps (...,S,S) at every scale down to 8: (...) summed over maps.

    Keeps the maps from carrying the picture. The published weight is 1e5.
    """
    total = torch.zeros(maps[0].shape[:-2], device=maps[0].device)
    for noise in maps:
        # Rows and columns may share the mean, so leading dimensions stay apart through the pooling.
        level = noise[None] if noise.ndim == 2 else noise
        while True:
            across = (level * level.roll(1, -1)).mean((-2, -1)).square()
            down = (level * level.roll(1, -2)).mean((-2, -1)).square()
            total = total + (across + down).reshape(total.shape)
            if level.shape[-1] <= 8:
                break
            level = F.avg_pool2d(level, 2)
    return total


@torch.no_grad()
def renormalise(maps: list[Tensor]) -> None:
    """Give every noise map (S,S) mean 0 and root mean square 1, in place."""
    for noise in maps:
        noise -= noise.mean()
        noise *= noise.square().mean().rsqrt()


def project(
    generator: StyleGAN2,
    features: Features,
    target: Tensor,
    rng: torch.Generator,
    settings: ProjectionSettings = ProjectionSettings(),
) -> Iterator[ProjectionStep]:
    """Find the w whose picture has the features of `target`, one yielded step after another.

    Args:
        generator: copied, so that its noise maps stay as they are.
        features: pictures (1,3,h,w) in [0,1] -> (1,D); the squared distance is minimised. Pictures above
            256 px are reduced to 256 px first.
        target: one picture (1,3,H,W) in [0,1] of the generator's size.
        rng: draws the noise maps and the noise on w.
        settings: the published ones by default.
    """
    model = copy.deepcopy(generator).eval().requires_grad_(False)
    mean, w_std = w_statistics(model, settings.samples)
    w = mean[None].clone().requires_grad_()
    maps = [layer.noise_const for layer in model.synthesis.convs()]
    for noise in maps:
        noise.copy_(_draw(noise, rng)).requires_grad_()
    optimiser = torch.optim.Adam([w, *maps], lr=settings.lr, betas=(0.9, 0.999))
    wanted = features(_reduced(target)).detach()
    for index in range(settings.steps):
        t = index / settings.steps
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(t, settings)
        noisy = w + _draw(w, rng) * w_noise_scale(t, w_std, settings)
        # Not clipped: a gradient must reach pixels beyond the range.
        images = model.synthesis(noisy, "const") * 0.5 + 0.5
        distance = (features(_reduced(images)) - wanted).square().sum(1)
        noise_loss = noise_regulariser(maps)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(distance.sum() + settings.regularisation * noise_loss)
        optimiser.step()
        renormalise(maps)
        ws = w.detach().unsqueeze(1).repeat(1, model.num_ws, 1)
        yield ProjectionStep(index, distance.detach(), noise_loss.detach(), ws)


def _draw(like: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=rng, device=rng.device).to(like.device)


def _reduced(images: Tensor) -> Tensor:
    return images if images.shape[-1] <= 256 else F.interpolate(images, size=(256, 256), mode="area")
