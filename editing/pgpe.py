"""PGPE with ClipUp: evolution strategies that move the centre of a normal distribution along an estimated gradient.

Parameter-exploring policy gradients (Sehnke et al. 2010) with symmetric samples; ClipUp (Toklu et al. 2020, arXiv
2008.02387) takes steps of one length, so that its settings mean the same for all losses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .._base import UsageError, did_you_mean
from ..guidance.objective import total

CENTRE_OPTIMIZERS = ("clipup", "adam", "plain")


@dataclass(frozen=True)
class PGPESettings:
    """How PGPE moves; the defaults are those that ES-CLIP published (Tian & Ha 2021, arXiv 2109.08857).

    Attributes:
        population: candidates a step, an even number.
        sigma: standard deviation that every number starts with.
        lr: of the centre; for "clipup" the length of a step before momentum.
        sigma_lr: of the standard deviations.
        optimizer: "clipup", "adam" or "plain" (along the gradient), for the centre.
        momentum, max_speed: of ClipUp; the centre moves at most so far a step, over all numbers.
        max_sigma_change: a deviation changes by at most this fraction of itself a step; None for any.
        ranking: whether losses count by their rank alone.
    """

    population: int = 256
    sigma: float = 0.1
    lr: float = 0.15
    sigma_lr: float = 0.1
    optimizer: str = "clipup"
    momentum: float = 0.9
    max_speed: float = 0.15
    max_sigma_change: float | None = 0.2
    ranking: bool = True

    def __post_init__(self) -> None:
        if self.population < 2 or self.population % 2:
            raise UsageError(f"population is {self.population}; PGPE samples in pairs, give an even number")
        if self.optimizer not in CENTRE_OPTIMIZERS:
            known = ", ".join(CENTRE_OPTIMIZERS)
            hint = did_you_mean(self.optimizer, [*CENTRE_OPTIMIZERS])
            raise UsageError(f"optimizer '{self.optimizer}' is not known to PGPE{hint}; known: {known}")
        for name in ("sigma", "lr", "max_speed"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}; give a number above 0")


class PGPE:
    """A driver whose latents are a population: `ask` gives (P,D), `tell` takes losses (P,).

    Candidates come in pairs, +0, -0, +1, -1 and so on. A loss that is no number counts as the worst.

    Args:
        centre: (D,) where to start.
        settings: how to move.
        seed: of the samples, which are the same on every device.
    """

    def __init__(self, centre: Tensor, settings: PGPESettings | None = None, seed: int = 0) -> None:
        self.settings = settings or PGPESettings()
        self.centre = centre.detach().float().clone()
        self.sigma = torch.full_like(self.centre, self.settings.sigma)
        self.velocity, self.square = torch.zeros_like(self.centre), torch.zeros_like(self.centre)
        self.done = 0
        self._rng = torch.Generator().manual_seed(seed)
        self._noise: Tensor | None = None

    def noise(self, count: int) -> Tensor:
        """New unit normal directions (count,D), on the CPU."""
        return torch.randn(count, len(self.centre), generator=self._rng)

    def ask(self) -> Tensor:
        """The population (P,D); the same one until `tell`."""
        if self._noise is None:
            self._noise = self.noise(self.settings.population // 2)
        away = self.sigma * self._noise.to(self.centre)
        return torch.stack([self.centre + away, self.centre - away], dim=1).flatten(0, 1)

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        """Take the losses, (P,) each, of what `ask` gave, and move.

        Raises:
            UsageError: there are more or fewer losses than candidates that were asked for.
        """
        now = total(losses).detach()
        if self._noise is None or len(now) != self.settings.population:
            asked = 0 if self._noise is None else self.settings.population
            raise UsageError(f"{len(now)} losses were given where {asked} candidates were asked for")
        self.move(self.sigma * self._noise.to(self.centre), now)
        self._noise = None

    @torch.no_grad()
    def move(self, away: Tensor, losses: Tensor) -> None:
        """Move by the losses (2K,) of candidates at the centre plus and minus `away` (K,D), pair after pair."""
        worth = self._worth(losses).to(self.centre)
        plus, minus = worth[0::2, None], worth[1::2, None]
        slope = (away * (plus - minus) / 2).mean(0)
        beyond = ((plus + minus) / 2 - worth.mean()) * (away.square() - self.sigma.square()) / self.sigma
        self._move_centre(slope)
        self._move_sigma(beyond.mean(0))
        self.done += 1

    def _worth(self, losses: Tensor) -> Tensor:
        """What each candidate counts: higher is better."""
        fitness = -losses.double().cpu()
        bad = ~fitness.isfinite()
        if bool(bad.any()):
            finite = fitness[~bad]
            fitness = fitness.masked_fill(bad, float(finite.min()) if len(finite) else 0.0)
        return centred_ranks(fitness) if self.settings.ranking else fitness

    def _move_centre(self, slope: Tensor) -> None:
        set_ = self.settings
        if set_.optimizer == "plain":
            self.centre += set_.lr * slope
            return
        if set_.optimizer == "adam":
            self.velocity.lerp_(slope, 0.1)
            self.square.lerp_(slope.square(), 0.001)
            # Both moments begin at nothing: this makes up for it (Kingma & Ba 2015, end of section 2).
            rate = set_.lr * math.sqrt(1 - 0.999 ** (self.done + 1)) / (1 - 0.9 ** (self.done + 1))
            self.centre += rate * self.velocity / (self.square.sqrt() + 1e-8)
            return
        self.velocity *= set_.momentum
        length = float(slope.norm())
        if length > 0:
            self.velocity += slope * (set_.lr / length)
        speed = float(self.velocity.norm())
        if speed > set_.max_speed:
            self.velocity *= set_.max_speed / speed
        self.centre += self.velocity

    def _move_sigma(self, slope: Tensor) -> None:
        wanted, change = self.sigma + self.settings.sigma_lr * slope, self.settings.max_sigma_change
        if change is not None:
            wanted = torch.minimum(
                torch.maximum(wanted, self.sigma * (1 - change)), self.sigma * (1 + change)
            )
        # Raw losses without a bound on the change may lead below 0, where nothing is sampled.
        self.sigma = wanted.clamp(min=1e-8)

    def recommend(self) -> Tensor:
        """The centre (D,), which is the method's answer."""
        return self.centre.clone()

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to resume to the same bits."""
        return {
            "centre": self.centre.clone(),
            "sigma": self.sigma.clone(),
            "velocity": self.velocity.clone(),
            "square": self.square.clone(),
            "done": self.done,
            "rng": self._rng.get_state(),
            "noise": self._noise if self._noise is None else self._noise.clone(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from `state_dict`.

        Raises:
            UsageError: it is of another number of dimensions.
        """
        if state["centre"].shape != self.centre.shape:
            raise UsageError(
                f"the state holds {len(state['centre'])} numbers, the search {len(self.centre)}; "
                "resume with the same shapes and count"
            )
        for name in ("centre", "sigma", "velocity", "square"):
            setattr(self, name, state[name].to(self.centre).clone())
        self.done, self._noise = state["done"], state["noise"]
        self._rng.set_state(state["rng"].cpu())


def centred_ranks(fitness: Tensor) -> Tensor:
    """Ranks of (P,) from -0.5 for the lowest to 0.5 for the highest; equal ones in their order."""
    ranks = torch.empty_like(fitness, dtype=torch.float64)
    order = fitness.argsort(stable=True)
    ranks[order] = torch.arange(len(fitness), dtype=torch.float64, device=fitness.device)
    return ranks / max(len(fitness) - 1, 1) - 0.5
