"""Objectives that a user adds to a method's own, by name: --loss NAME:weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .._base import UsageError
from ..guidance import OBJECTIVES
from .settings import Settings

if TYPE_CHECKING:
    from ..guidance.objective import Objective, Start


def parse_loss(text: str) -> tuple[str, float]:
    """The name and weight of "NAME:weight"; the weight is 1 if it is left out.

    Raises:
        UsageError: a weight that is not a finite number.
    """
    name, colon, weight = text.partition(":")
    try:
        value = float(weight) if colon else 1.0
    except ValueError:
        value = math.nan
    if not name or not math.isfinite(value):
        raise UsageError(f"loss is '{text[:40]}'; write NAME:weight, such as tv:0.1")
    return name, value


def check_losses(settings: Settings) -> None:
    """Whether all objectives that settings add exist, without importing torch.

    Raises:
        UsageError: an unknown name, or a weight that is not a finite number.
    """
    for field in settings.with_role("losses"):
        for text in getattr(settings, field):
            OBJECTIVES.check(parse_loss(text)[0])


def added_losses(losses: Sequence[str], start: Start) -> list[Objective]:
    """The objectives of `--loss`.

    Raises:
        UsageError: an unknown name, or an objective that needs what this method does not have.
    """
    parsed = [parse_loss(text) for text in losses]
    return [OBJECTIVES.load(name)({}, start) * weight for name, weight in parsed]
