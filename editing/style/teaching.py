"""Teaching one styler all drawn styles by their words."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..._arrays import cached_pictures
from ..._base import UsageError
from ...generators.packs.pack import load_pack
from ...generators.style.styler import Styler, load_styler, save_styler
from ...guidance.content import LiteLayers
from ...guidance.naming import Names
from ...guidance.perceptor import AnyPerceptor, Perceptor, load_perceptor
from ...guidance.training.styles.table import STYLES
from ..models import ModelChoice, load_painters
from .lessons import (
    DRAWN,
    LICENCE,
    Course,
    cropped,
    drawn,
    gram,
    photographs,
    pixels,
    relative,
    told_now_and_then,
)

# Frames and borders that some styles have are cut off.
_BORDER = 40
_SHOWN = DRAWN - 2 * _BORDER
# Looks that are taught less often: they move or cover what a picture shows, or lie over it as weather does.
_SELDOM = frozenset(
    "pop art|art deco|glitch|vaporwave|cubist facets|clouds|sunset|fog|rain|sand|rust|leaves|grass|lava|fur|water|"
    "low poly".split("|")
)
_SELDOM_SHARE, _PLAIN_SHARE = 0.35, 0.02
_SENTENCES = ("{}", "{}", "a picture: {}", "{} style")
# Pictures of each style by which it is found out how far a styler's are from being named by it.
_TRIED = 6
_PLAIN = ("a photo", "a photograph", "a Photo", "a picture", "an image")


@dataclass(frozen=True)
class TeachingSettings:
    """How the styler of all styles is taught.

    Args:
        each: pictures drawn of every style. crop: side of what a step sees of them.
        gram: weight of textures, feature: of what is seen where, low: of colours, glow: of their squares, which a few
            spots that please a CLIP raise more, pixel: of pixels, mesh: of single rows and columns being lighter than
            their neighbours, naming: of CLIP naming the style. With the last, styles that are far from it at first are
            taught more often.
        image_share: how often a picture's features stand for its style in place of words.
        noise: length of what is added to the features, so that near texts mean near styles.
    """

    steps: int = 7000
    batch: int = 8
    lr: float = 3e-3
    each: int = 60
    crop: int = 128
    gram: float = 1.0
    feature: float = 0.5
    low: float = 4.0
    glow: float = 15.0
    pixel: float = 0.5
    mesh: float = 8.0
    naming: float = 0.0
    image_share: float = 0.25
    noise: float = 0.15
    save_seconds: float = 120.0


# A style's name, a photograph and the number of the pair.
_PairJob = tuple[str, str, int]


def drawn_pair(job: _PairJob) -> NDArray[np.uint8]:
    """A photograph and the same in a style, uint8 (2,side,side,3)."""
    name, path, number = job
    rng = random.Random(number)
    photo = cropped(Path(path), DRAWN, rng, (0.5, 1.0))[0].permute(1, 2, 0).numpy()
    photo = (photo ** rng.uniform(0.8, 1.25)).astype(np.float32)
    both = np.stack([photo, drawn(photo, name)])[:, _BORDER:-_BORDER, _BORDER:-_BORDER]
    made: NDArray[np.uint8] = np.rint(255 * both).astype(np.uint8)
    return made


def drawn_pairs(photos: Sequence[Path], folder: Path, each: int) -> NDArray[np.uint8]:
    """Pairs of all styles, `each` of every one in turn, drawn first if `folder` has them not yet: (N,2,S,S,3)."""
    jobs = [
        (name, str(photos[(index + 7 * number) % len(photos)]), each * number + index)
        for number, name in enumerate(STYLES)
        for index in range(each)
    ]
    return cached_pictures(folder / f"styled-{each}.npy", drawn_pair, jobs, (2, _SHOWN, _SHOWN, 3))


def words_of_styles() -> tuple[str, ...]:
    """All that drawn styles are called."""
    return tuple(word for name, style in STYLES.items() for word in (name, *style.synonyms))


class TeachingLoss(nn.Module):
    """How far pictures are from drawn ones: in texture, in what is seen where, in colours and pixels."""

    def __init__(self, settings: TeachingSettings) -> None:
        super().__init__()
        self.settings, self.layers = settings, LiteLayers()

    def forward(self, images: Tensor, wanted: Tensor) -> Tensor:
        """Pictures (B,3,H,W) in [0,1] each -> a scalar."""
        found = self.layers(images)
        with torch.no_grad():
            goals = self.layers(wanted)
        settings = self.settings
        textures = torch.stack([relative(gram(a), gram(b)) for a, b in zip(found, goals, strict=True)])
        deep = list(zip(found, goals, strict=True))[2:]
        places = torch.stack([relative(a, b) for a, b in deep])
        apart = images - wanted
        low = F.avg_pool2d(apart, 8)
        pixels = apart.abs().mean()
        return (
            settings.gram * textures.mean()
            + settings.feature * places.mean()
            + settings.low * low.abs().mean()
            + settings.glow * low.square().mean()
            + settings.pixel * pixels
            + settings.mesh * mesh(apart)
        )


def mesh(images: Tensor) -> Tensor:
    """How much single rows and columns of each four differ, over squares of 16 pixels, as a network may leave them.

    Pictures (B,3,H,W) -> a scalar, the mean distance from what they have in common.
    """
    high, wide = (side // 4 * 4 for side in images.shape[-2:])
    squares = F.avg_pool2d(F.pixel_unshuffle(images[..., :high, :wide], 4), 4)
    phases = squares.view(len(images), 3, 16, -1)
    apart: Tensor = (phases - phases.mean(2, keepdim=True)).abs().mean()
    return apart


class Teaching(Course):
    """Teaches a styler all drawn styles by their words; a checkpoint in `folder` is continued.

    Args:
        photos: that styles are drawn of.
        perceptor: whose features tell the styler a text.
        painters: that should name the style, where `naming` has a weight.
        begin: a styler of all styles to go on with, instead of fresh weights.
    """

    def __init__(
        self,
        photos: Sequence[Path],
        perceptor: Perceptor,
        folder: Path,
        settings: TeachingSettings,
        seed: int,
        begin: Path | None = None,
        painters: AnyPerceptor | None = None,
    ) -> None:
        self.settings = settings
        self.pairs = drawn_pairs(photos, folder, settings.each)
        self.perceptor, self.pictures = perceptor, dict[int, Tensor]()
        self.texts = self._told()
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            styler = load_styler(begin) if begin else Styler(self.texts[0].shape[1])
        styler.train().requires_grad_()
        if styler.shape["features"] != self.texts[0].shape[1]:
            raise UsageError(
                f"{begin}: is a styler for another CLIP, or of one style; give one of all styles"
            )
        styler.words = words_of_styles()
        self.lesson = TeachingLoss(settings)
        optimiser = torch.optim.Adam(styler.parameters(), settings.lr, betas=(0.9, 0.99))
        self.shares = [_SELDOM_SHARE if name in _SELDOM else 1.0 for name in STYLES]
        self.names = None
        if settings.naming and painters is not None:
            self.names = Names(painters, [(name, *style.synonyms) for name, style in STYLES.items()])
            lacking = self._not_named(styler, self.names)
            self.shares = [share * lack for share, lack in zip(self.shares, lacking, strict=True)]
        super().__init__(styler, optimiser, settings, seed, folder / "fast-styler.pt", longest=1.0)

    @torch.no_grad()
    def _not_named(self, styler: Styler, names: Names) -> list[float]:
        """How far pictures of each style are from being named by it."""
        tried, found = min(_TRIED, self.settings.each), []
        for style in range(len(STYLES)):
            photos = pixels(self.pairs[self.settings.each * style :][:tried, 0])
            made = styler(photos, styler.text(self.texts[style][:1].expand(tried, -1)))
            found.append(float(names(made, torch.full((tried,), style), range(tried)).mean()))
        return found

    @torch.no_grad()
    def _told(self) -> list[Tensor]:
        """Features of the words of each style, the plain photograph last."""
        texts = [[name, name, *style.synonyms] for name, style in STYLES.items()]
        sentences = [[form.format(word) for word in words for form in _SENTENCES] for words in texts]
        return [self.perceptor.encode_text(each).float() for each in (*sentences, list(_PLAIN))]

    @torch.no_grad()
    def _seen(self, row: int) -> Tensor:
        """Features of a drawn picture."""
        if row not in self.pictures:
            self.pictures[row] = self.perceptor.encode_image(pixels(self.pairs[row, 1])[None]).float()[0]
        return self.pictures[row]

    def rate(self, index: int) -> float:
        """See `Course`: a short rise, then the fall of a cosine."""
        fall = 0.02 + 0.49 * (1 + math.cos(math.pi * index / self.settings.steps))
        return fall * min(1.0, (index + 1) / 50)

    def loss(self) -> Tensor:
        """See `Course`."""
        rows = [self._row() for _ in range(self.settings.batch)]
        photos, wanted, features = (torch.stack([row[0][k] for row in rows]) for k in range(3))
        at = (4 * self.rng.randrange(64), 4 * self.rng.randrange(64))
        made = self.styler(photos, self.styler.text(features), at)
        loss: Tensor = self.lesson(made, wanted)
        styled = [(number, style) for number, (_, style) in enumerate(rows) if style is not None]
        if self.names is not None and styled:
            numbers, styles = zip(*styled, strict=True)
            seeds = [self.rng.getrandbits(40) for _ in styled]
            names = self.names(made[list(numbers)], torch.tensor(styles), seeds)
            loss = loss + self.settings.naming * names.mean()
        return loss

    def _row(self) -> tuple[tuple[Tensor, Tensor, Tensor], int | None]:
        """A photograph, what should become of it, the features that say so, and the style's number, if it has one."""
        settings = self.settings
        plain = self.rng.random() < _PLAIN_SHARE
        style = self.rng.choices(range(len(STYLES)), self.shares)[0]
        row = settings.each * style + self.rng.randrange(settings.each)
        top, left = (self.rng.randrange(_SHOWN - settings.crop + 1) for _ in range(2))
        pair = pixels(self.pairs[row, :, top : top + settings.crop, left : left + settings.crop])
        if plain:
            feature = self.rng.choice(list(self.texts[-1]))
        elif self.rng.random() < settings.image_share:
            feature = self._seen(settings.each * style + self.rng.randrange(settings.each))
        else:
            feature = self.rng.choice(list(self.texts[style]))
        noise = torch.randn(feature.shape, generator=torch.Generator().manual_seed(self.rng.getrandbits(40)))
        noisy = F.normalize(feature + settings.noise * noise / len(feature) ** 0.5, dim=0)
        return (pair[0], pair[0] if plain else pair[1], noisy), None if plain else style


def teach(
    photos: Path,
    pack_name: str,
    work: Path,
    output: Path,
    settings: TeachingSettings,
    seed: int,
    begin: Path | None = None,
) -> Iterator[str]:
    """Teach a styler all drawn styles, with the features of a pack's CLIP; a stopped training goes on.

    Raises:
        InputFileError: no photographs, or files that cannot be read or written.
    """
    pack = load_pack(pack_name)
    perceptor, painters = load_perceptor(pack.clip_spec), None
    if settings.naming:
        painters = load_painters(ModelChoice(), pack, perceptor.device, perceptor.dtype)
    teaching = Teaching(photographs(photos), perceptor, work, settings, seed, begin, painters)
    yield from told_now_and_then(teaching.run(), settings.steps)
    save_styler(teaching.styler, output, {"licence": LICENCE, "seed": str(seed)})
    yield f"{output}: {settings.steps} steps on {len(teaching.pairs)} drawn pictures of {len(STYLES)} styles"
