"""Learning rate schedules: functions from progress t in [0, 1) to a share of the base rate."""

from __future__ import annotations

import math


def constant(t: float) -> float:
    """Always the base rate."""
    del t
    return 1.0


def styleclip(t: float, rampdown: float = 0.25, rampup: float = 0.05) -> float:
    """Linear warm-up over the first 5 % and a cosine over the last 25 %, 0 at t = 0.

    StyleGAN2's projector (Karras et al. 2020, appendix D), which StyleCLIP's optimisation uses as well.
    """
    down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1.0 - t) / rampdown))
    return down * min(1.0, t / rampup)
