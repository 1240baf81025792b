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

from ..._base import UsageError, kept
from ...generators.packs.pack import load_pack
from ...generators.style.styler import Styler, load_styler, save_styler
from ...guidance.content import LiteLayers
from ...guidance.perceptor import Perceptor, load_perceptor
from ...guidance.training.styles.table import STYLES
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
_PLAIN = ("a photo", "a photograph", "a Photo", "a picture", "an image")


@dataclass(frozen=True)
class TeachingSettings:
    """How the styler of all styles is taught.

    Args:
        each: pictures drawn of every style. crop: side of what a step sees of them.
        gram: weight of textures, feature: of what is seen where, low: of colours, pixel: of pixels.
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
    pixel: float = 0.5
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
    return kept(folder / f"styled-{each}.npy", drawn_pair, jobs, (2, _SHOWN, _SHOWN, 3))


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
        low = (F.avg_pool2d(images, 8) - F.avg_pool2d(wanted, 8)).abs().mean()
        pixels = (images - wanted).abs().mean()
        return (
            settings.gram * textures.mean()
            + settings.feature * places.mean()
            + settings.low * low
            + settings.pixel * pixels
        )


class Teaching(Course):
    """Teaches a styler all drawn styles by their words; a checkpoint in `folder` is continued.

    Args:
        photos: that styles are drawn of.
        perceptor: whose features tell the styler a text.
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
    ) -> None:
        self.settings = settings
        self.pairs = drawn_pairs(photos, folder, settings.each)
        self.texts, self.pictures = self._features(perceptor)
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
        super().__init__(styler, optimiser, settings, seed, folder / "fast-styler.pt", longest=1.0)

    @torch.no_grad()
    def _features(self, perceptor: Perceptor) -> tuple[list[Tensor], Tensor]:
        """Of the words of each style, the plain photograph last; and of every drawn picture."""
        texts = [[name, name, *style.synonyms] for name, style in STYLES.items()]
        sentences = [[form.format(word) for word in words for form in _SENTENCES] for words in texts]
        told_by = [perceptor.encode_text(each).float() for each in (*sentences, list(_PLAIN))]
        seen = [
            perceptor.encode_image(pixels(self.pairs[at : at + 8, 1])).float()
            for at in range(0, len(self.pairs), 8)
        ]
        return told_by, torch.cat(seen)

    def rate(self, index: int) -> float:
        """See `Course`: a short rise, then the fall of a cosine."""
        fall = 0.02 + 0.49 * (1 + math.cos(math.pi * index / self.settings.steps))
        return fall * min(1.0, (index + 1) / 50)

    def loss(self) -> Tensor:
        """See `Course`."""
        rows = [self._row() for _ in range(self.settings.batch)]
        photos, wanted, features = (torch.stack(each) for each in zip(*rows, strict=True))
        at = (4 * self.rng.randrange(64), 4 * self.rng.randrange(64))
        loss: Tensor = self.lesson(self.styler(photos, self.styler.text(features), at), wanted)
        return loss

    def _row(self) -> tuple[Tensor, Tensor, Tensor]:
        """A photograph, what should become of it, and the features that say so."""
        names, settings = list(STYLES), self.settings
        plain = self.rng.random() < _PLAIN_SHARE
        shares = [_SELDOM_SHARE if name in _SELDOM else 1.0 for name in names]
        style = self.rng.choices(range(len(names)), shares)[0]
        row = settings.each * style + self.rng.randrange(settings.each)
        top, left = (self.rng.randrange(_SHOWN - settings.crop + 1) for _ in range(2))
        pair = pixels(self.pairs[row, :, top : top + settings.crop, left : left + settings.crop])
        if plain:
            feature = self.rng.choice(list(self.texts[-1]))
        elif self.rng.random() < settings.image_share:
            feature = self.pictures[settings.each * style + self.rng.randrange(settings.each)]
        else:
            feature = self.rng.choice(list(self.texts[style]))
        noise = torch.randn(feature.shape, generator=torch.Generator().manual_seed(self.rng.getrandbits(40)))
        noisy = F.normalize(feature + settings.noise * noise / len(feature) ** 0.5, dim=0)
        return pair[0], pair[0] if plain else pair[1], noisy


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
    perceptor = load_perceptor(load_pack(pack_name).clip_spec)
    teaching = Teaching(photographs(photos), perceptor, work, settings, seed, begin)
    yield from told_now_and_then(teaching.run(), settings.steps)
    save_styler(teaching.styler, output, {"licence": LICENCE, "seed": str(seed)})
    yield f"{output}: {settings.steps} steps on {len(teaching.pairs)} drawn pictures of {len(STYLES)} styles"
