"""A small network for priors that are trained here: a residual perceptron, told the step and the condition.

A w is one vector without places, so that there is nothing for a transformer to attend to. The step and the condition
ask each layer for a scale and a shift (Perez et al. 2018; Peebles & Xie 2023). Inside, the network predicts the
velocity (Salimans & Ho 2022), whose target is of the same size at every step, beyond a linear guess from the condition;
outside, it gives the latents without noise, as published.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .noise import kept_signal

_WAVES = 64


class _Block(nn.Module):
    """x + a perceptron of its norm, scaled and shifted as `told` asks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ask = nn.Linear(width, 2 * width)
        self.first, self.last = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.zeros_(self.ask.weight)
        nn.init.zeros_(self.ask.bias)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """x, told (B,width) -> (B,width)."""
        scale, shift = self.ask(told).chunk(2, dim=1)
        asked = F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift
        out: Tensor = x + self.last(F.silu(self.first(asked)))
        return out


class MiniPrior(nn.Module):
    """Noisy latents, their step and a condition -> the latents without noise.

    Args:
        dim: numbers of a latent. latents: how many a sample has.
        condition_dim: of what it is told.
        width, depth: of the residual perceptron. steps: of the diffusion.
    """

    def __init__(
        self,
        dim: int,
        condition_dim: int,
        width: int = 256,
        depth: int = 3,
        steps: int = 1000,
        latents: int = 1,
    ) -> None:
        super().__init__()
        self.dim, self.condition_dim, self.latents, self.steps = dim, condition_dim, latents, steps
        self.width, self.depth = width, depth
        self.time = nn.Linear(2 * _WAVES, width)
        self.condition, self.read = nn.Linear(condition_dim, width), nn.Linear(width, width)
        self.null = nn.Parameter(torch.zeros(width))
        self.told = nn.Linear(width, width)
        # What a condition says of the latents is mostly linear in it; a training sets this layer by least squares.
        self.guess, self.better = nn.Linear(condition_dim, latents * dim), nn.Linear(width, latents * dim)
        self.no_guess = nn.Parameter(torch.zeros(latents * dim))
        for layer in (self.guess, self.better):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.begin = nn.Linear(2 * latents * dim, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(depth))
        self.end = nn.Linear(width, latents * dim)
        nn.init.zeros_(self.end.weight)
        nn.init.zeros_(self.end.bias)

    def guessed(self, condition: Tensor) -> Tensor:
        """The mean latents of conditions (B,condition_dim), (B,G,dim)."""
        return self._guessed(condition, F.silu(self.condition(condition))).view(-1, self.latents, self.dim)

    def _guessed(self, condition: Tensor, seen: Tensor) -> Tensor:
        """Of conditions, and what the first layer makes of them (B,width), (B,G*dim)."""
        found: Tensor = self.guess(condition) + self.better(seen)
        return found

    def forward(self, x: Tensor, step: Tensor, condition: Tensor, known: Tensor | None = None) -> Tensor:
        """x (B,G,dim) noisy latents, step (B,) in 0..steps-1, condition (B,condition_dim) -> (B,G,dim).

        Args:
            known: (B,) bool, False where the condition is masked; all True if None.
        """
        seen = F.silu(self.condition(condition))
        wanted, guess = self.read(seen), self._guessed(condition, seen)
        if known is not None:
            wanted = torch.where(known[:, None], wanted, self.null)
            guess = torch.where(known[:, None], guess, self.no_guess)
        told = F.silu(self.told(F.silu(self.time(_waves(step / self.steps)) + wanted)))
        hidden = self.begin(torch.cat([x.flatten(1), guess], dim=1))
        for block in self.blocks:
            hidden = block(hidden, told)
        velocity = self.end(F.layer_norm(hidden, hidden.shape[-1:])).view_as(x)
        kept = kept_signal(self.steps).to(x)[step][:, None, None]
        clean: Tensor = kept.sqrt() * x + (1 - kept) * guess.view_as(x) - (1 - kept).sqrt() * velocity
        return clean


def _waves(share: Tensor) -> Tensor:
    """Places (B,) in [0,1) as sines and cosines of growing frequency, (B,2*_WAVES)."""
    rates = torch.exp(torch.linspace(0, math.log(1000), _WAVES, device=share.device))
    angles = share[:, None].float() * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
