"""The driver `Wander`: random steps from the best latent so far, for objectives without gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from promptbrush.guidance.objective import total
from torch import Tensor


class Wander:
    """Moves latents (B,...) by chance; each sample keeps its own best."""

    def __init__(self, latent: Tensor, reach: float = 0.1, seed: int = 0) -> None:
        self.best, self.tried, self.reach = latent.clone(), latent.clone(), reach
        self.lowest = torch.full((len(latent),), torch.inf)
        self.rng = torch.Generator().manual_seed(seed)

    def ask(self) -> Tensor:
        """The latent to draw next."""
        return self.tried

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        """The losses, (B,) each, of what `ask` gave."""
        now = total(losses).detach().cpu()
        better = now < self.lowest
        self.best[better], self.lowest[better] = self.tried[better], now[better]
        step = torch.randn(self.best.shape, generator=self.rng)
        self.tried = self.best + self.reach * step.to(self.best)

    def state_dict(self) -> dict[str, Any]:
        """All that a checkpoint needs."""
        return {"best": self.best, "tried": self.tried, "lowest": self.lowest, "rng": self.rng.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from `state_dict`."""
        self.best, self.tried, self.lowest = state["best"], state["tried"], state["lowest"]
        self.rng.set_state(state["rng"])
