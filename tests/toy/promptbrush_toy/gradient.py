"""The generator `gradient`: two colours that run into each other, drawn from eight numbers."""

from __future__ import annotations

from pathlib import Path

import torch
from promptbrush.generators.codes import CodeSpace
from torch import Tensor, nn


class Gradient(nn.Module):
    """A latent (B,8) or (B,1,8): three numbers for each colour, and two for the direction from one to the other."""

    differentiable = True
    resolution = 64

    def __init__(self) -> None:
        super().__init__()
        side = torch.linspace(-1, 1, self.resolution)
        self.register_buffer("place", torch.stack(torch.meshgrid(side, side, indexing="xy")))

    @property
    def latent_space(self) -> CodeSpace:
        """With it, `promptbrush edit` and `promptbrush invert` work."""
        return CodeSpace(code_dim=8, device=self.place.device)

    def init(self, batch: int, rng: torch.Generator) -> Tensor:
        """Latents (B,8); one at a time, so that a picture does not depend on how many there are."""
        return torch.stack([torch.randn(8, generator=rng) for _ in range(batch)]).to(self.place)

    def decode(self, latent: Tensor) -> Tensor:
        """Pictures (B,3,64,64) in [0,1]."""
        first, second, direction = latent.reshape(-1, 8).split([3, 3, 2], dim=1)
        blend = torch.einsum("bd,dhw->bhw", direction, self.place).sigmoid()[:, None]
        return torch.lerp(first.sigmoid()[..., None, None], second.sigmoid()[..., None, None], blend)


def load(path: Path | None = None, device: str | torch.device = "cpu") -> Gradient:
    """What the table calls; this generator needs no file."""
    return Gradient().to(device)
