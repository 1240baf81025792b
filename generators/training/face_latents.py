"""Gaussian z that stand for faces: the link through which a mapping network learns what faces there are.

Each categorical attribute is a binary tree over its values in their order, split so that both sides are about as
likely. Every fork owns one entry of z and goes right above its threshold, so plain normal z draw faces from the right
distribution. Each continuous value is a single entry.

What jumps at a threshold can only be learnt as a slope, and a z on a slope is a mixture of two faces; with twenty
attributes, most z are on one. So the mapping's first two layers are set by hand: a pair of units with steep slopes
makes each fork's step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

import torch
from torch import Tensor

from ..stylegan2.layers import SQRT2, FullyConnected, Mapping, normalise
from .faces import CHOICES, CONTINUOUS, Face

MAPPING_WIDTH = 256
# One in how many deviations of z a fork's step takes.
_STEEPNESS = 64.0
_LEAK = 0.2


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


def read_z(z: Tensor) -> tuple[Tensor, Tensor]:
    """The faces that z (B, Z_DIM) stand for: choices (B, attributes) and continuous (B, values)."""
    uniform = torch.special.ndtr(z.double())
    columns = []
    for tree, share in zip(_trees(), torch.split(uniform[:, : sum(_SIZES)], _SIZES, dim=1), strict=True):
        turns = torch.where(share < tree.below, -1.0, 1.0).double()
        # Only the value whose way has all these turns reaches its own length.
        columns.append((turns @ tree.sides.T - tree.sides.abs().sum(1)).argmax(1))
    return torch.stack(columns, dim=1), (2 * uniform[:, sum(_SIZES) :] - 1).float()


def faces_of_z(z: Tensor) -> list[Face]:
    """The faces that z (B, Z_DIM) stand for, as a mapping network sees them: with root mean square 1 in each row."""
    choices, continuous = read_z(normalise(z))
    names = [(name, list(odds)) for name, odds in CHOICES.items()]
    return [
        Face(
            {name: values[index] for (name, values), index in zip(names, row, strict=True)},
            dict(zip(CONTINUOUS, numbers, strict=True)),
        )
        for row, numbers in zip(choices.tolist(), continuous.tolist(), strict=True)
    ]


@torch.no_grad()
def set_first_layers(mapping: Mapping) -> None:
    """Set the first two layers of a mapping network of MAPPING_WIDTH, so that they show which way each fork goes.

    After them the first entries are about 1.4 where a fork goes right and -0.3 where it goes left, the next ones the
    positive and negative parts of the continuous values' entries of z.
    """
    thresholds = torch.special.ndtri(torch.cat([tree.below for tree in _trees()])).float()
    forks, count = len(thresholds), len(CONTINUOUS)
    first, second = (_cleared(mapping, name) for name in ("fc0", "fc1"))
    entry, pair = torch.arange(forks), 2 * torch.arange(forks)
    for offset, shift in ((0, 0.5), (1, -0.5)):
        first.weight[pair + offset, entry] = _STEEPNESS / first.weight_gain
        first.bias[pair + offset] = shift - _STEEPNESS * thresholds
    # Leaky units' difference is _LEAK below the step and 1 above it.
    scale = 2 / ((1 - _LEAK) * SQRT2)
    for offset, sign in ((0, 1.0), (1, -1.0)):
        second.weight[entry, pair + offset] = sign * scale / second.weight_gain
    second.bias[:forks] = -(1 + _LEAK) / (1 - _LEAK)
    value, start = torch.arange(count), 2 * forks
    for offset, sign in ((0, 1.0), (count, -1.0)):
        first.weight[start + offset + value, forks + value] = sign / first.weight_gain
        for source, part in ((0, 1.0), (count, -1.0)):
            back = sign * part / ((1 + _LEAK) * SQRT2 * second.weight_gain)
            second.weight[forks + offset + value, start + source + value] = back


def _cleared(mapping: Mapping, name: str) -> FullyConnected:
    layer = cast(FullyConnected, mapping.get_submodule(name))
    layer.weight.zero_()
    layer.bias.zero_()
    return layer
