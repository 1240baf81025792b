"""What the steps of a CLIP's training learn from: pictures of all parts, and everything in words as tokens.

A step's data follow from the seed, the stage and the step's number alone, so that a training that was stopped resumes
as if it had not been, and several processes can prepare steps ahead of a fast device.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .clip_settings import STAGES, ClipSettings
from .parts import Batch, Part
from .vocabulary import Names

# Steps that a process prepares ahead.
_AHEAD = 3


@dataclass(frozen=True)
class AskedQuestion:
    """A question of a part, in words for some of its values."""

    part: int
    index: int
    values: list[int]


@dataclass(frozen=True)
class StepData:
    """All that a step learns from.

    Args:
        batches: one of each part, with pictures in float16.
        tokens: int64 (T,context), texts one after the other: captions, values of each question, names of classes.
        asked: the questions.
        classes: (N,classes), probabilities of the classes that each name may mean.
    """

    batches: list[Batch]
    tokens: Tensor
    asked: list[AskedQuestion]
    classes: Tensor

    @property
    def keys(self) -> list[str]:
        """What each caption is about."""
        return [key for batch in self.batches for key in batch.keys]

    @property
    def sizes(self) -> list[int]:
        """How many texts there are of captions, of each question, and of names."""
        return [len(self.keys), *(len(each.values) for each in self.asked), len(self.classes)]


@dataclass(frozen=True)
class StepDataset(Dataset[StepData]):
    """The data of every step of a stage.

    Args:
        parts: with how many of their pictures a step has.
        names: of classes of photographs; None if nothing of them is learnt.
        size: of the pictures; `early_size`, if not None, that of the first ones, as many as the settings say.
    """

    parts: Sequence[tuple[Part, int]]
    names: Names | None
    tokenizer: SimpleTokenizer
    settings: ClipSettings
    stage: str
    seed: int
    size: int
    early_size: int | None = None

    def __len__(self) -> int:
        """How many steps there are."""
        return (self.settings.steps, self.settings.harden_steps)[STAGES.index(self.stage)]

    def __getitem__(self, index: int) -> StepData:
        words = random.Random(f"{self.seed} {self.stage} {index}")
        rng = torch.Generator().manual_seed(words.getrandbits(62))
        early = self.early_size is not None and index < self.settings.early * len(self)
        size = self.early_size if early and self.early_size else self.size
        batches = [self._batch(part, count, size, rng, words) for part, count in self.parts]
        asked = [each for place in range(len(batches)) for each in self._asked(place, batches[place], words)]
        texts = [text for batch in batches for text in batch.captions]
        for each in asked:
            texts += self.parts[each.part][0].wordings(each.index, each.values, words)
        names, classes = self.names.sample(self.settings.names, words) if self.names else ([], torch.zeros(0))
        return StepData(batches, self.tokenizer([*texts, *names]), asked, classes)

    def _batch(self, part: Part, count: int, size: int, rng: torch.Generator, words: random.Random) -> Batch:
        count *= self.settings.times
        batch = part.batch(count, round(count * self.settings.captions), size, rng, words)
        # Finer than the eight bits that the pictures had, and half as much to hand on.
        return replace(batch, images=batch.images.half())

    def _asked(self, place: int, batch: Batch, words: random.Random) -> Iterator[AskedQuestion]:
        """Some questions of a part, with the values of the batch and some others."""
        sizes = self.parts[place][0].sizes
        for question in sorted(words.sample(range(len(sizes)), min(self.settings.questions, len(sizes)))):
            size = sizes[question]
            true = {*batch.answers[:, question].tolist(), *batch.others[:, question].tolist()} - {-1}
            spare = words.sample(range(size), min(size, self.settings.values))
            chosen = sorted({*true, *spare} if size > self.settings.values else range(size))
            yield AskedQuestion(place, question, chosen)

    def steps(self, done: int, workers: int = 0) -> Iterable[StepData]:
        """The data of all steps after the first `done`, prepared ahead in `workers` processes."""
        order = range(done, len(self))
        ahead = _AHEAD if workers else None
        loader: DataLoader[StepData] = DataLoader(
            self, None, sampler=order, num_workers=workers, prefetch_factor=ahead, collate_fn=_as_it_is
        )
        return loader


def _as_it_is(data: Any) -> Any:
    return data
