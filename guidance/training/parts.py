"""What a CLIP learns from: parts of different worlds (faces, drawings, styles), each with pictures and words."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Pictures with what is known of them.

    Args:
        images: (B,3,H,W) in [0,1].
        captions: of the first pictures, C of them.
        keys: what each caption is about; captions with the same key are not held against each other.
        answers, others: int64 (B,Q): the true value of each question, -1 where there is none; `others` differs from
            `answers` in pictures that lie between two.
        share: (B,) in [0,1], the weight of the others.
    """

    images: Tensor
    captions: list[str]
    keys: list[str]
    answers: Tensor
    others: Tensor
    share: Tensor


def batch_of(images: Tensor, captions: list[str], keys: list[str], answers: Tensor) -> Batch:
    """A batch of pictures that lie between no two."""
    return Batch(images, captions, keys, answers, answers, torch.zeros(len(images)))


Pair = tuple[tuple[int, int], tuple[int, int]]
"""Two values of two questions, each as (question, value)."""


def unasked(batch: Batch, question: int, values: int, apart: Sequence[Pair]) -> Tensor:
    """Values (B, values) of a question that pictures cannot have as long as these pairs are kept apart: bool.

    To hold them against a picture would teach that one value of a pair excludes the other.
    """
    found = torch.zeros(len(batch.images), values, dtype=torch.bool)
    own = torch.stack([batch.answers, batch.others])
    for pair in apart:
        for (here, value), (there, given) in (pair, pair[::-1]):
            if here == question:
                found[:, value] |= (own[:, :, there] == given).any(0) & (own[:, :, here] != value).all(0)
    return found


class Part(Protocol):
    """One world. Its pictures may differ at every call."""

    taught: bool
    """Whether what a network of photographs takes these pictures for counts."""

    sizes: list[int]
    """How many values each of its questions has."""

    apart: Sequence[Pair]
    """Values that training keeps apart, so that their meeting can be asked about afterwards."""

    def batch(
        self, count: int, captions: int, size: int, rng: torch.Generator, words: random.Random, /
    ) -> Batch:
        """Random pictures of (size,size), the first of them with captions."""

    def wordings(self, question: int, values: list[int], words: random.Random, /) -> list[str]:
        """A text for each of these values of a question."""


@dataclass(frozen=True)
class Share:
    """A part, and how many of its pictures a step of each stage has."""

    part: Part
    learn: int
    harden: int

    def count(self, hard: bool) -> int:
        """Pictures a step."""
        return self.harden if hard else self.learn
