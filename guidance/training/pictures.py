"""The parts of a CLIP's training besides faces: icons and clip art, and pictures in styles and of materials."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..._arrays import cached_pictures
from .parts import Batch, Pair, batch_of
from .sources.drawings import CLIP_ART, Drawing
from .sources.photographs import Photograph
from .styles.table import STYLES, style_caption, stylise
from .views import Views, backgrounds, composed, lit, moved, premultiplied

Pictures = NDArray[np.uint8]

_DRAWING_VIEWS = Views(zoom=(0.55, 1.15), shift=0.14, turn=20.0, light=0.15, mirror=False)
_STYLE_VIEWS = Views(zoom=(1.0, 1.5), shift=0.08, turn=6.0, light=0.12, mirror=True)
_DRAWN_AS = (
    "{}", "{}", "{}", "{a}", "{a}", "a picture of {a}", "a drawing of {a}", "an icon of {a}", "an emoji of {a}",
    "an illustration of {a}", "clip art of {a}", "{a} on a background", "a cartoon of {a}", "an image of {a}",
)  # fmt: skip
_HELD_OUT_CONCEPTS = 300


def with_article(name: str) -> str:
    """ "a cat", "an owl"; plurals and names with an article of their own stay."""
    first = name.split(" ")[0]
    if first in ("a", "an", "the", "no", "some") or name.endswith("s"):
        return name
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def held_out_drawings(drawings: Sequence[Drawing]) -> list[int]:
    """Drawings to keep out of training: of some concepts that four sets drew, the one of a random set."""
    by_concept: dict[str, list[int]] = {}
    for index, drawing in enumerate(drawings):
        if drawing.origin != CLIP_ART:
            by_concept.setdefault(drawing.concept, []).append(index)
    full = [each for each in by_concept.values() if len({drawings[i].origin for i in each}) == 4]
    rng = random.Random(0)
    chosen = rng.sample(full, min(_HELD_OUT_CONCEPTS, len(full) // 2))
    return sorted(rng.choice(each) for each in chosen)


class DrawingPart:
    """Icons and clip art on random backgrounds; the one question is which concept an icon shows.

    Args:
        drawings: those to learn from.
        images: uint8 (N,S,S,4), RGBA with straight alpha.
        textures: see `backgrounds`.
    """

    taught = True
    apart: Sequence[Pair] = ()

    def __init__(self, drawings: Sequence[Drawing], images: Pictures, textures: Tensor) -> None:
        self.drawings, self.images, self.textures = list(drawings), images, textures
        icons = [each.concept for each in self.drawings if each.origin != CLIP_ART]
        self.concepts = {concept: index for index, concept in enumerate(dict.fromkeys(icons))}
        self.names = [self._names_of(concept) for concept in self.concepts]
        self.sizes = [len(self.concepts)]

    def _names_of(self, concept: str) -> list[str]:
        every = [name for each in self.drawings if each.concept == concept for name in each.names]
        return list(dict.fromkeys(every))

    def batch(
        self, count: int, captions: int, size: int, rng: torch.Generator, words: random.Random
    ) -> Batch:
        """See `Part`."""
        rows = torch.randint(len(self.drawings), (count,), generator=rng)
        raw = premultiplied(self.images[np.sort(rows.numpy())])
        rows = rows.sort().values
        order = torch.randperm(count, generator=rng)
        raw, rows = raw[order], rows[order]
        images = self._composed(raw, size, rng)
        keys = [_name(self.drawings[int(row)].names, words) for row in rows[:captions]]
        texts = [_filled(words.choice(_DRAWN_AS), key) for key in keys]
        answers = [self.concepts.get(self.drawings[int(row)].concept, -1) for row in rows]
        return batch_of(images, texts, keys, torch.tensor(answers)[:, None])

    def _composed(self, raw: Tensor, size: int, rng: torch.Generator) -> Tensor:
        shown = moved(raw, size, _DRAWING_VIEWS, rng)
        behind = backgrounds(len(raw), size, rng, self.textures)
        return lit(composed(shown, behind), _DRAWING_VIEWS, rng)

    def wordings(self, _question: int, values: list[int], words: random.Random) -> list[str]:
        """See `Part`."""
        return [_filled(words.choice(_DRAWN_AS), _name(self.names[value], words)) for value in values]


def _name(names: Sequence[str], words: random.Random) -> str:
    """The first name half of the time, else any."""
    return names[0] if words.random() < 0.5 else words.choice(names)


def _filled(template: str, name: str) -> str:
    return template.format(name, a=with_article(name))


@dataclass(frozen=True)
class Subject:
    """A picture to be put into styles: uint8 (S,S,3), and words for what it shows."""

    image: Pictures
    words: str


@dataclass(frozen=True)
class StyledSet:
    """Pictures in styles.

    Args:
        images: uint8 (N,S,S,3).
        styles: index of each in STYLES, -1 for a picture that is as it was.
        subjects: words for what each shows.
    """

    images: Pictures
    styles: NDArray[np.int64]
    subjects: list[str]


def styled_set(folder: Path, name: str, subjects: Sequence[Subject], each: int, seed: int = 0) -> StyledSet:
    """Every style on `each` random subjects, and as many subjects as they are; drawn once and kept in `folder`.

    Raises:
        InputFileError: the folder holds something else under the name, or cannot be written.
    """
    plan = _plan(len(subjects), each, seed)
    jobs = [(subjects[index].image, style, own) for style, index, own in plan]
    images = cached_pictures(folder / f"{name}-{len(plan)}.npy", _apply, jobs, subjects[0].image.shape)
    return StyledSet(
        images, np.array([style for style, _, _ in plan]), [subjects[i].words for _, i, _ in plan]
    )


def _plan(subjects: int, each: int, seed: int) -> list[tuple[int, int, int]]:
    """(style, subject, seed) of every picture."""
    rng = random.Random(seed)
    styles = [style for style in (*range(len(STYLES)), -1) for _ in range(each)]
    return [(style, rng.randrange(subjects), index) for index, style in enumerate(styles)]


def _apply(job: tuple[Pictures, int, int]) -> Pictures:
    image, style, seed = job
    if style < 0:
        return image
    name, rng = list(STYLES)[style], np.random.default_rng(seed)
    made = stylise((image / 255).astype(np.float32), name, rng)
    levels: Pictures = (made * 255).round().astype(np.uint8)
    return levels


class StyledPart:
    """Pictures in styles; the one question is which style.

    Args:
        pictures: to learn from.
        plain: a caption of an unstyled picture, from its words.
    """

    taught = True
    apart: Sequence[Pair] = ()

    def __init__(self, pictures: StyledSet, plain: Callable[[str, random.Random], str]) -> None:
        self.pictures, self.plain = pictures, plain
        self.names = list(STYLES)
        self.sizes = [len(self.names)]

    def batch(
        self, count: int, captions: int, size: int, rng: torch.Generator, words: random.Random
    ) -> Batch:
        """See `Part`."""
        rows = torch.randint(len(self.pictures.subjects), (count,), generator=rng)
        raw = torch.from_numpy(self.pictures.images[rows.numpy()]).permute(0, 3, 1, 2).float() / 255
        images = lit(moved(raw, size, _STYLE_VIEWS, rng, padding="reflection"), _STYLE_VIEWS, rng)
        texts = [self._caption(int(row), words) for row in rows[:captions]]
        return batch_of(images, texts, texts, torch.from_numpy(self.pictures.styles[rows.numpy()])[:, None])

    def _caption(self, row: int, words: random.Random) -> str:
        style, subject = int(self.pictures.styles[row]), self.pictures.subjects[row]
        if style < 0:
            return self.plain(subject, words)
        shown = subject if words.random() < 0.7 else None
        return style_caption(STYLES[self.names[style]], shown, words)

    def wordings(self, _question: int, values: list[int], words: random.Random) -> list[str]:
        """See `Part`."""
        return [style_caption(STYLES[self.names[value]], None, words) for value in values]


def held_out_photographs(photographs: Sequence[Photograph]) -> list[Photograph]:
    """Those that no training sees, in no style either: the ones that a class of ImageNet names."""
    return [each for each in photographs if each.class_names]


def training_photographs(photographs: Sequence[Photograph]) -> list[Photograph]:
    """All others."""
    return [each for each in photographs if not each.class_names]


def crops(image: Pictures, size: int, count: int, rng: np.random.Generator) -> list[Pictures]:
    """Random square windows of a photograph (H,W,3), resized to (size,size,3)."""
    from PIL import Image

    height, width = image.shape[:2]
    found = []
    for _ in range(count):
        side = int(min(height, width) * rng.uniform(0.45, 1.0))
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        window = Image.fromarray(image[top : top + side, left : left + side])
        found.append(np.asarray(window.resize((size, size), Image.Resampling.LANCZOS)))
    return found
