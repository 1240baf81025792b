"""What the embedded CLIP learns from: drawn faces, icons and clip art, and all of them in styles."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..._resize import resize_linear
from ...generators.training.face_captions import attribute_prompt, caption, held_out_pairs
from ...generators.training.face_set import FaceSet
from ...generators.training.faces import CHOICES
from ...generators.training.labels import labels_of_faces
from ...guidance.training.parts import Batch, Pair, Part, Share, batch_of
from ...guidance.training.pictures import (
    DrawingPart,
    StyledPart,
    Subject,
    crops,
    held_out_drawings,
    styled_set,
    training_photographs,
    with_article,
)
from ...guidance.training.sources.classes import PhotoClass, photo_classes
from ...guidance.training.sources.clip_art import clip_art
from ...guidance.training.sources.drawings import Drawing
from ...guidance.training.sources.icons import icons
from ...guidance.training.sources.photographs import Photograph, photographs
from ...guidance.training.sources.rendering import drawable, rendered
from ...guidance.training.views import Views, backgrounds, composed, lit, moved, premultiplied
from ...guidance.training.vocabulary import Names, class_names, photo_caption

SOURCE_SIZE = 128
FACE_VIEWS = Views(zoom=(0.95, 1.1), shift=0.03, light=0.06)
_STYLED_EACH, _CROPS_EACH, _STYLED_FACES, _STYLED_DRAWINGS = 260, 24, 300, 400
_FACE_WORDS = ("a face", "a person", "a cartoon face", "a cartoon person")


def _placed(name: str, value: str) -> tuple[int, int]:
    """An attribute and its value as their places in CHOICES."""
    return list(CHOICES).index(name), list(CHOICES[name]).index(value)


class FacePart:
    """Drawn faces with captions from the grammar; held-out wordings and pairs never occur.

    The questions are the attributes.
    """

    taught = False

    def __init__(self, faces: FaceSet) -> None:
        self.faces = faces
        self.known = [*faces.faces]
        self.labels = labels_of_faces(self.known)
        self.sizes = [len(odds) for odds in CHOICES.values()]
        self.apart: Sequence[Pair] = [
            (_placed(*first), _placed(*second)) for first, second in held_out_pairs()
        ]

    def __len__(self) -> int:
        return len(self.known)

    def images(self, rows: Tensor) -> Tensor:
        """Pictures (B,3,S,S) in [0,1], as they were drawn."""
        return self.faces.pictures(rows) / 2 + 0.5

    def batch(
        self, count: int, captions: int, size: int, rng: torch.Generator, words: random.Random
    ) -> Batch:
        """See `Part`."""
        rows = torch.randint(len(self), (count,), generator=rng)
        images = lit(moved(self.images(rows), size, FACE_VIEWS, rng, "border"), FACE_VIEWS, rng)
        texts = [caption(self.known[int(row)], words) for row in rows[:captions]]
        return batch_of(images, texts, texts, self.labels[rows])

    def wordings(self, question: int, values: list[int], words: random.Random) -> list[str]:
        """See `Part`."""
        name = list(CHOICES)[question]
        return [attribute_prompt(name, list(CHOICES[name])[value], words) for value in values]


@dataclass(frozen=True)
class World:
    """All that the embedded CLIP learns from."""

    faces: FacePart
    drawings: DrawingPart
    styled: StyledPart
    names: Names

    def shares(self, more: Part | None = None) -> list[Share]:
        """The parts: half of a step faces in `learn`; mostly drawings and styles in `harden`, which makes a painter.

        Args:
            more: a part of the second stage alone.
        """
        parts: list[tuple[Part, int, int]] = [
            (self.faces, 72, 20),
            (self.drawings, 36, 48),
            (self.styled, 28, 28),
        ]
        if more is not None:
            parts.append((more, 0, 8))
        return [Share(*each) for each in parts]

    @property
    def facts(self) -> dict[str, str]:
        """Which data it is, in words."""
        styled = f"{len(self.styled.pictures.subjects)} pictures"
        drawings = f"{len(self.drawings.drawings)} drawings"
        return {"faces": self.faces.faces.name, "drawings": drawings, "styled": styled}


@dataclass(frozen=True)
class Sources:
    """What a data folder holds: icons and clip art, and the classes of photographs."""

    drawings: list[Drawing]
    classes: list[PhotoClass]


def read_sources(data: Path) -> Sources:
    """Everything in `data` that the preset `mini` learns from.

    Raises:
        MissingError: a source is not there, or a package of the extra `train` is not installed.
        InputFileError: a source is damaged.
    """
    return Sources([*icons(data), *clip_art(data)], photo_classes(data))


def read_drawings(
    listed: Sequence[Drawing], work: Path, held_out: bool = False
) -> tuple[list[Drawing], np.ndarray[Any, Any]]:
    """Those of some icons and clip art to learn from, with their pictures, uint8 (N,128,128,4); `work` keeps these.

    Args:
        held_out: those that training never sees, instead of all others.

    Raises:
        InputFileError: see `rendered`.
    """
    every = drawable(listed, work, "drawings")
    kept_out = {*held_out_drawings(every)}
    chosen = [index for index in range(len(every)) if (index in kept_out) == held_out]
    drawings = [every[index] for index in chosen]
    return drawings, rendered(drawings, work, "held-out" if held_out else "drawings", SOURCE_SIZE)


def mini_world(faces: FaceSet, sources: Sources, work: Path, seed: int = 0) -> World:
    """Everything that the preset `mini` learns from; drawings and styles are drawn once and kept in `work`.

    Raises:
        MissingError: a package of the extra `train` is not installed.
        InputFileError: `work` cannot be written.
    """
    drawings, images = read_drawings(sources.drawings, work)
    seen = training_photographs(photographs())
    part, known = DrawingPart(drawings, images, _textures(seen)), FacePart(faces)
    subjects = [
        *_photograph_subjects(seen, seed),
        *_face_subjects(known, seed),
        *_drawing_subjects(part, seed),
    ]
    styled = styled_set(work, "styled", subjects, _STYLED_EACH, seed)
    return World(known, part, StyledPart(styled, _plain_caption), class_names(sources.classes))


def _plain_caption(subject: str, words: random.Random) -> str:
    return photo_caption(subject, words) if subject not in _FACE_WORDS else subject


def _textures(known: Sequence[Photograph]) -> Tensor:
    """Photographs to cut backgrounds from, (T,3,160,160) in [0,1]."""
    rng = np.random.default_rng(0)
    cut = [window for each in known for window in crops(each.image, 160, 8, rng)]
    return torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).float() / 255


def _photograph_subjects(known: Sequence[Photograph], seed: int) -> Iterator[Subject]:
    rng = np.random.default_rng(seed)
    for each in known:
        for window in crops(each.image, SOURCE_SIZE, _CROPS_EACH, rng):
            yield Subject(window, each.subject)


def _face_subjects(faces: FacePart, seed: int) -> Iterator[Subject]:
    rng = random.Random(seed)
    for row in rng.sample(range(len(faces)), min(_STYLED_FACES, len(faces))):
        drawn = faces.images(torch.tensor([row]))
        image = resize_linear(drawn, SOURCE_SIZE, SOURCE_SIZE)
        yield Subject(_levels(image), rng.choice(_FACE_WORDS))


def _drawing_subjects(part: DrawingPart, seed: int) -> Iterator[Subject]:
    rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    for row in rng.sample(range(len(part.drawings)), min(_STYLED_DRAWINGS, len(part.drawings))):
        behind = backgrounds(1, SOURCE_SIZE, noise, part.textures)
        image = composed(premultiplied(part.images[row : row + 1]), behind)
        yield Subject(_levels(image), with_article(part.drawings[row].names[0]))


def _levels(image: Tensor) -> np.ndarray[Any, Any]:
    """One picture (1,3,H,W) in [0,1] as uint8 (H,W,3)."""
    return (image[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
