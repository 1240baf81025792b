"""The picture that tests of shapes draw."""

from __future__ import annotations

import torch
from torch import Tensor


def target(height: int = 48, width: int = 60) -> Tensor:
    """A red disk on a blue ground."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    inside = (x.square() + y.square() < 0.4).float()
    return torch.stack([inside, 0.2 * torch.ones_like(inside), 1 - inside])[None]
