"""What decays and how fast the towers learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import nn


def decaying(parameters: Sequence[nn.Parameter], lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: matrices and filters decay, vectors do not."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "lr": lr, "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "lr": lr, "weight_decay": 0.0},
    ]


def schedule(index: int, total: int, longest_warm_up: int) -> float:
    """Share of the learning rate: warm-up over a twentieth of the steps at most, cosine to a fiftieth."""
    warm = min(1.0, (index + 1) / min(longest_warm_up, max(1, total // 20)))
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * index / total)))
