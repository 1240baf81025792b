"""The objective `warmth`: how much more blue than red a picture is; the lower, the warmer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptbrush.guidance.objective import Function, Objective, Start
from torch import Tensor


def blue_over_red(images: Tensor) -> Tensor:
    """Pictures (B,3,H,W) in [0,1] -> one loss each, (B,), from -1 to 1."""
    red, _, blue = images.mean(dim=(2, 3)).unbind(dim=1)
    return blue - red


def warmth(settings: Mapping[str, Any], start: Start) -> Objective:
    """A factory, as the table wants it: terms that compare with the start find it in `start`."""
    return Function(blue_over_red, "warmth")
