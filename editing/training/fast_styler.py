"""Training one styler on all drawn styles by their words."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..._arrays import cached_pictures
from ..._base import UsageError
from ..._devices import memory_checked
from ..._files import short_hash
from ..._identity import digest_of, identity_of
from ..._schedules import cosine
from ..._seeds import seeded
from ..._training import Stage, Trainer, Update
from ...generators.packs.pack import load_pack
from ...generators.style.styler import Styler, load_styler, save_styler
from ...guidance.content import LiteLayers
from ...guidance.naming import Names
from ...guidance.perceptor import AnyPerceptor, Perceptor, load_perceptor
from ...guidance.training.styles.table import STYLES
from ..choice import ModelChoice
from ..doctor import resolve_device
from ..models import Models
from .generator import LICENCE
from .options import FastStylerOptions, part_of
from .settings import FastStylerSettings
from .styled_photos import (
    DRAWN,
    cropped,
    drawn,
    gram,
    photographs,
    photographs_name,
    pixels,
    relative,
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


class DrawnStyleLoss(nn.Module):
    """How far pictures are from drawn ones: in texture, in what is seen where, in colours and pixels."""

    def __init__(self, settings: FastStylerSettings) -> None:
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


@dataclass(frozen=True)
class Guides:
    """What guides the training.

    Args:
        perceptor: whose features of words are the conditions.
        painters: which should name the style, where `naming` has a weight.
        start: a styler of all styles to begin with, instead of fresh weights.
    """

    perceptor: Perceptor
    painters: AnyPerceptor | None = None
    start: Path | None = None


class FastStylerTrainer(Trainer):
    """Trains a styler on all drawn styles by their words; a checkpoint in `folder` is resumed.

    Args:
        photos: drawn in every style.
    """

    def __init__(
        self,
        photos: Sequence[Path],
        guides: Guides,
        folder: Path,
        settings: FastStylerSettings,
        seed: int,
        device: str | torch.device = "cpu",
    ) -> None:
        self.settings, self.perceptor = settings, guides.perceptor
        self.pairs = drawn_pairs(photos, folder, settings.each)
        self.pictures = dict[int, Tensor]()
        self.texts = self._encoded()
        width, start = self.texts[0].shape[1], guides.start
        self.styler = seeded(seed, lambda: load_styler(start) if start else Styler(width))
        if self.styler.shape["features"] != width:
            raise UsageError(
                f"{start}: is a styler for another CLIP, or of one style; give one of all styles"
            )
        self.styler.to(device).train().requires_grad_()
        self.styler.words = words_of_styles()
        self.criterion = DrawnStyleLoss(settings).to(device)
        self.odds = [_SELDOM_SHARE if name in _SELDOM else 1.0 for name in STYLES]
        self.names = None
        if settings.naming and guides.painters is not None:
            self.names = Names(guides.painters, [(name, *style.synonyms) for name, style in STYLES.items()])
            lacking = self._not_named(self.styler, self.names)
            self.odds = [odds * lack for odds, lack in zip(self.odds, lacking, strict=True)]
        parameters = [*self.styler.parameters()]
        update = Update(
            torch.optim.Adam(parameters, settings.lr, betas=(0.9, 0.99)),
            self.loss,
            partial(nn.utils.clip_grad_norm_, parameters, 1.0),
        )
        stage = Stage("fast-styler", settings.steps, [update], partial(cosine, floor=0.02), warm_up=50)
        facts = {
            "photos": photographs_name(photos),
            "conditions": digest_of({str(place): each for place, each in enumerate(self.texts)}),
            "start": short_hash(start) if start else "none",
        }
        identity = identity_of("fast-styler", seed, settings.model_dump(), **facts)
        super().__init__({"styler": self.styler}, [stage], identity, seed, folder / "fast-styler.pt")

    @torch.no_grad()
    def _not_named(self, styler: Styler, names: Names) -> list[float]:
        """How far pictures of each style are from being named by it."""
        tried, found = min(_TRIED, self.settings.each), []
        device = next(styler.parameters()).device
        for style in range(len(STYLES)):
            photos = pixels(self.pairs[self.settings.each * style :][:tried, 0]).to(device)
            made = styler(photos, styler.text(self.texts[style][:1].expand(tried, -1).to(device)))
            wanted = torch.full((tried,), style, device=device)
            found.append(float(names(made, wanted, range(tried)).mean()))
        return found

    @torch.no_grad()
    def _encoded(self) -> list[Tensor]:
        """Features of the words of each style, the plain photograph last."""
        texts = [[name, name, *style.synonyms] for name, style in STYLES.items()]
        sentences = [[form.format(word) for word in words for form in _SENTENCES] for words in texts]
        return [self.perceptor.encode_text(each).float().cpu() for each in (*sentences, list(_PLAIN))]

    @torch.no_grad()
    def _seen(self, row: int) -> Tensor:
        """Features of a drawn picture."""
        if row not in self.pictures:
            image = pixels(self.pairs[row, 1])[None].to(self.device)
            self.pictures[row] = self.perceptor.encode_image(image).float().cpu()[0]
        return self.pictures[row]

    def loss(self, _index: int) -> Tensor:
        """The loss of a step, a scalar."""
        rows = [self._row() for _ in range(self.processes.part_of(self.settings.batch))]
        photos, wanted, features = (
            torch.stack([row[0][place] for row in rows]).to(self.device) for place in range(3)
        )
        at = (4 * self.random.randrange(64), 4 * self.random.randrange(64))
        made = self.styler(photos, self.styler.text(features), at)
        loss: Tensor = self.criterion(made, wanted)
        styled = [(number, style) for number, (_, style) in enumerate(rows) if style is not None]
        if self.names is not None and styled:
            numbers, styles = zip(*styled, strict=True)
            seeds = [self.random.getrandbits(40) for _ in styled]
            names = self.names(made[list(numbers)], torch.tensor(styles, device=self.device), seeds)
            loss = loss + self.settings.naming * names.mean()
        return loss

    def _row(self) -> tuple[tuple[Tensor, Tensor, Tensor], int | None]:
        """A photograph, what should become of it, the features that say so, and the style's number, if it has one."""
        settings = self.settings
        plain = self.random.random() < _PLAIN_SHARE
        style = self.random.choices(range(len(STYLES)), self.odds)[0]
        row = settings.each * style + self.random.randrange(settings.each)
        top, left = (self.random.randrange(_SHOWN - settings.crop + 1) for _ in range(2))
        pair = pixels(self.pairs[row, :, top : top + settings.crop, left : left + settings.crop])
        if plain:
            feature = self.random.choice(list(self.texts[-1]))
        elif self.random.random() < settings.image_share:
            feature = self._seen(settings.each * style + self.random.randrange(settings.each))
        else:
            feature = self.random.choice(list(self.texts[style]))
        rng = torch.Generator().manual_seed(self.random.getrandbits(40))
        noise = torch.randn(feature.shape, generator=rng)
        noisy = F.normalize(feature + settings.noise * noise / len(feature) ** 0.5, dim=0)
        return (pair[0], pair[0] if plain else pair[1], noisy), None if plain else style


@memory_checked("a smaller --batch or --crop, or --device cpu")
def train_fast_styler(options: FastStylerOptions) -> Iterator[str]:
    """Train a styler on all drawn styles, conditioned on the features of a pack's CLIP.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    device, settings = resolve_device(options.device), part_of(FastStylerSettings, options)
    pack = load_pack(options.pack)
    perceptor, painters = load_perceptor(pack.clip_spec, device), None
    if settings.naming:
        precision = str(perceptor.dtype).removeprefix("torch.")
        choice = ModelChoice(pack=options.pack, device=str(device), precision=precision)
        painters = Models(choice).painters
    guides, photos = Guides(perceptor, painters, options.start), photographs(options.photos)
    trainer = FastStylerTrainer(photos, guides, options.work, settings, options.seed, device)
    yield from trainer.lines()
    if trainer.processes.is_main:
        save_styler(trainer.styler, options.output, {"licence": LICENCE, "seed": str(options.seed)})
        count = len(trainer.pairs)
        yield f"{options.output}: {settings.steps} steps on {count} drawn pictures of {len(STYLES)} styles"
