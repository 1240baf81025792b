"""Gaussian z that stand for faces: the link that lets a generator be fitted to (z, picture) pairs.

Each categorical attribute is a binary tree over its values in their order, split so that both sides are about as
likely. Every fork owns one entry of z and goes right above its threshold, so plain normal z draw faces from the right
distribution, and for a given face z can be drawn from the exact posterior: entries of the forks on its way are
cut normals, the others free. A step along one axis is what a small mapping network learns best. Each continuous
value is a single entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from .faces import CHOICES, CONTINUOUS

_TINY = 1e-7


@dataclass(frozen=True)
class _Forks:
    """The forks of one attribute.

    Attributes:
        below: (forks,) the probability of the left side.
        sides: (values, forks) -1 where the way to a value goes left, 1 right, 0 where it does not pass.
    """

    below: Tensor
    sides: Tensor


def _split(odds: Sequence[float], first: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(first, middle, end) of every fork over the values first..end-1."""
    if end - first < 2:
        return
    middle = min(range(first + 1, end), key=lambda m: abs(sum(odds[first:m]) - sum(odds[m:end])))
    yield first, middle, end
    yield from _split(odds, first, middle)
    yield from _split(odds, middle, end)


def _forks(odds: Sequence[float]) -> _Forks:
    splits = [*_split(odds, 0, len(odds))]
    sides = torch.zeros(len(odds), len(splits), dtype=torch.float64)
    below = []
    for column, (first, middle, end) in enumerate(splits):
        sides[first:middle, column], sides[middle:end, column] = -1, 1
        below.append(sum(odds[first:middle]) / sum(odds[first:end]))
    return _Forks(torch.tensor(below, dtype=torch.float64), sides)


@cache
def _trees() -> tuple[_Forks, ...]:
    return tuple(_forks([*odds.values()]) for odds in CHOICES.values())


_SIZES = [len(odds) - 1 for odds in CHOICES.values()]
Z_DIM = sum(_SIZES) + len(CONTINUOUS)


def draw_z(choices: Tensor, continuous: Tensor, rng: torch.Generator) -> Tensor:
    """z (B, Z_DIM) from the posterior of the given faces.

    Args:
        choices: (B, attributes) indices in the order of CHOICES.
        continuous: (B, values) in [-1, 1].
        rng: CPU generator; every call draws other z for the same faces.
    """
    free = torch.rand(len(choices), sum(_SIZES), generator=rng, dtype=torch.float64)
    parts = []
    for column, tree, share in zip(choices.T, _trees(), torch.split(free, _SIZES, dim=1), strict=True):
        side = tree.sides[column]
        right = tree.below + share * (1 - tree.below)
        parts.append(torch.where(side < 0, share * tree.below, torch.where(side > 0, right, share)))
    parts.append((continuous.double() + 1) / 2)
    uniform = torch.cat(parts, dim=1).clamp(_TINY, 1 - _TINY)
    z: Tensor = torch.special.ndtri(uniform)
    return z.float()


def read_z(z: Tensor) -> tuple[Tensor, Tensor]:
    """The faces that z (B, Z_DIM) stand for: choices (B, attributes) and continuous (B, values)."""
    uniform = torch.special.ndtr(z.double())
    columns = []
    for tree, share in zip(_trees(), torch.split(uniform[:, : sum(_SIZES)], _SIZES, dim=1), strict=True):
        turns = torch.where(share < tree.below, -1.0, 1.0).double()
        # Only the value whose way has all these turns reaches its own length.
        columns.append((turns @ tree.sides.T - tree.sides.abs().sum(1)).argmax(1))
    return torch.stack(columns, dim=1), (2 * uniform[:, sum(_SIZES) :] - 1).float()
