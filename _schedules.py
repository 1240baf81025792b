"""Learning rate schedules: functions from progress t in [0, 1) to a factor of the base rate."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def constant(t: float) -> float:
    """Always the base rate."""
    del t
    return 1.0


def linear(t: float) -> float:
    """A straight line from 1 to 0."""
    return 1 - t


def cosine(t: float, floor: float = 0.0, flat: float = 0.0) -> float:
    """Half a cosine from 1 at t = `flat` to `floor` at t = 1; 1 before that."""
    late = max(0.0, (t - flat) / (1 - flat))
    half = (1 - floor) / 2
    return floor + half + half * math.cos(math.pi * late)


def warm_up(t: float, share: float) -> float:
    """A straight line from `share` to 1 over this fraction of the run, then 1."""
    return min(1.0, t / share + share)


def styleclip(t: float, rampdown: float = 0.25, rampup: float = 0.05) -> float:
    """Linear warm-up over the first 5 % and a cosine over the last 25 %, 0 at t = 0.

    StyleGAN2's projector (Karras et al. 2020, appendix D), which StyleCLIP's optimisation uses as well.
    """
    down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1.0 - t) / rampdown))
    return down * min(1.0, t / rampup)
