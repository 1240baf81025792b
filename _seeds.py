"""Seeds: those of the steps of a run follow from the run's seed and the number of the step alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

Built = TypeVar("Built")
_MASK = (1 << 64) - 1


def step_seed(seed: int, step: int) -> int:
    """The seed of one step of a run with this seed, unrelated to those of its neighbours (splitmix64)."""
    value = (seed + (step + 1) * 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return (value ^ (value >> 31)) >> 1


def seeded(seed: int, build: Callable[[], Built]) -> Built:
    """What a function builds while torch's global generator has this seed; afterwards it is as it was."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return build()
