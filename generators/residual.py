"""The residual block of the small convolutional networks."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

GROUPS = 8


class Residual(nn.Module):
    """x (B,C,H,W) + two convolutions of it; the second starts at 0.

    Args:
        channels: a multiple of 8.
        activate: between the layers.
    """

    def __init__(self, channels: int, activate: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.activate = activate
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        change: Tensor = self.second(self.activate(self.first(self.activate(self.norm(x)))))
        return x + change
