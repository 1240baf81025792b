"""Prompts of the grammar of drawn faces, with what each of them names: some words and pairs no model has met."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from faces import NAMES
from promptbrush.generators.training.face_captions import held_out_pairs, held_out_synonyms, named_prompt
from promptbrush.generators.training.faces import CHOICES, Face, resolve, sample_face
from torch import Tensor

# What people ask for; noses, eyebrows and heads are nearly alike in the drawings.
ASKED = (
    *(
        "hair_colour",
        "hair_style",
        "hair_length",
        "skin",
        "beard",
        "glasses",
        "hat",
        "hat_colour",
        "earrings",
    ),
    *("mouth", "eyes", "clothes", "clothes_colour", "background", "background_colour", "freckles", "age"),
)
# What naming an attribute decides as well.
ENTAILED = {
    "hair_style": {"hair_style", "hair_length", "hair_colour", "hat", "hat_colour"},
    "hair_length": {"hair_style", "hair_length"},
    "hair_colour": {"hair_style"},
    "hat": {"hair_style", "hat_colour"},
    "hat_colour": {"hat", "hair_style"},
    "glasses": {"eyes"},
    "eyes": {"glasses"},
    "beard": {"mouth"},
}
_PLAIN = ("none", "no", "plain")


@dataclass(frozen=True)
class Asked:
    """A prompt.

    Attributes:
        values: what it names. kind: "pair" with a pair of values that no caption for training has, "synonym" with words
            that none has, or "plain".
    """

    text: str
    values: Mapping[str, str]
    kind: str

    @property
    def decided(self) -> set[str]:
        """Attributes that it names, and those that follow."""
        return {*self.values, *(name for each in self.values for name in ENTAILED.get(each, ()))}


def prompts(count: int, seed: int) -> list[Asked]:
    """Half with held-out pairs, a quarter with held-out words; a third each of one, two and three values, nearly."""
    rng = random.Random(seed)
    kinds = [("pair", 2 + index % 2) for index in range(count // 2)]
    singles = round(count / 3)
    rest = [1 if index < singles else 2 + index % 2 for index in range(count - count // 2)]
    rng.shuffle(rest)
    kinds += [("synonym" if index < count // 4 else "plain", size) for index, size in enumerate(rest)]
    return [_asked(kind, size, rng) for kind, size in kinds]


def _asked(kind: str, size: int, rng: random.Random) -> Asked:
    pair = dict(rng.choice(held_out_pairs())) if kind == "pair" else {}
    while True:
        face = sample_face(rng)
        face = replace(face, choices={**face.choices, **pair})
        values = _named(face, pair, size, kind == "synonym", rng)
        if values is not None:
            return Asked(named_prompt(values, rng, kind == "synonym"), values, kind)


def _named(
    face: Face, pair: Mapping[str, str], size: int, spare: bool, rng: random.Random
) -> dict[str, str] | None:
    """What a prompt says of a face; None if the pair is hidden, or there is too little to say."""
    shown = resolve(face)
    if any(shown[name] != value for name, value in pair.items()):
        return None
    words = held_out_synonyms()
    names = [
        name
        for name in ASKED
        if name not in pair and shown[name] not in _PLAIN and (not spare or shown[name] in words[name])
    ]
    decided = {each for name in pair for each in ENTAILED.get(name, ())}
    names = [name for name in names if name not in decided]
    rng.shuffle(names)
    chosen: list[str] = []
    for name in names:
        if len(chosen) + len(pair) < size and not any(name in ENTAILED.get(each, ()) for each in chosen):
            chosen.append(name)
    return {**pair, **{name: shown[name] for name in chosen}} if len(pair) + len(chosen) == size else None


def named_in(values: Tensor, asked: Sequence[Asked], each: int) -> Tensor:
    """Which pictures show all that their prompt names, (prompts, each); judged values (prompts*each, attributes)."""
    rows = values.view(len(asked), each, -1)
    shown = [
        torch.stack(
            [
                row[:, NAMES.index(name)] == list(CHOICES[name]).index(value)
                for name, value in one.values.items()
            ]
        ).all(0)
        for one, row in zip(asked, rows, strict=True)
    ]
    return torch.stack(shown)
