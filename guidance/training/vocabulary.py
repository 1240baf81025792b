"""Texts that name the classes of photographs, each with the classes that it may mean."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .pictures import with_article
from .sources.classes import PhotoClass, held_out_names

_PHOTO_OF = (
    "a photo of {}",
    "a photo of {}",
    "{}",
    "a photograph of {}",
    "a picture of {}",
    "a close-up of {}",
)


@dataclass(frozen=True)
class Names:
    """Texts and classes; a text such as "dog" means many classes alike.

    Args:
        texts: the names.
        classes: for each its classes.
        count: how many classes there are.
    """

    texts: list[str]
    classes: list[list[int]]
    count: int

    def sample(self, count: int, words: random.Random) -> tuple[list[str], Tensor]:
        """Random names in random sentences, and the probabilities of their classes (count, classes)."""
        rows = [words.randrange(len(self.texts)) for _ in range(count)]
        chances = torch.zeros(count, self.count)
        for place, row in enumerate(rows):
            chances[place, self.classes[row]] = 1 / len(self.classes[row])
        return [photo_caption(self.texts[row], words) for row in rows], chances


def photo_caption(name: str, words: random.Random) -> str:
    """Such as "a photo of a tabby cat"."""
    template = words.choice(_PHOTO_OF)
    return template.format(
        with_article(name) if template != "{}" else words.choice((name, with_article(name)))
    )


def class_names(classes: Sequence[PhotoClass]) -> Names:
    """Main names, synonyms and broader words of all classes but the synonyms that are held out."""
    held_out = {*held_out_names(classes).values()}
    found: dict[str, list[int]] = {}
    for index, each in enumerate(classes):
        for name in dict.fromkeys((*each.names, *each.broader)):
            if name not in held_out:
                found.setdefault(name, []).append(index)
    return Names(list(found), list(found.values()), len(classes))
