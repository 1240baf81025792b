"""Training the redraw network: drawings at 128 px as a generator would draw them, and the same at 512.

Crops of pairs of drawings, one an edit of the other (see `edited_drawings`): the edited one is made small and damaged
as a small generator damages it (see `generated_damage`), and is to be drawn large again, beside the other one or alone.
Colours are changed at random, for the network is to know lines, not palettes. Where there are pictures that a real
generator drew of the edited faces, some of the small ones are mixed with those. Small things count more than flats
(`detail_weight`); gradients count beside colours, so that edges are sharp; and the layers of a network of photographs
compare textures.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..._identity import identity_of
from ..._schedules import cosine
from ..._seeds import seeded
from ..._training import Average, Stage, Trainer, Update
from ..pyramid import Layers, layer_distance
from ..redraw import FACTOR, Redraw
from .generated_damage import generated
from .settings import RedrawSettings

_TRIES = 3  # places of which the busiest is taken: bare backgrounds teach hardly anything
_MOST, _FAINT = 4.0, 0.12


class RedrawTrainer(Trainer):
    """Trains a redraw network; a checkpoint in `folder` is resumed.

    Args:
        pairs: drawings before and after a change, uint8 (N,2,4S,4S,3).
        layers: maps of pictures (B,3,H,W) in [0,1], frozen, e.g. those of a network of photographs.
        made: what a generator draws of the first pairs' second drawings, uint8 (M,S,S,3), M at most N.
        start: weights to begin with in place of random ones.
    """

    def __init__(
        self,
        pairs: NDArray[np.uint8],
        layers: Layers | None,
        folder: Path,
        settings: RedrawSettings,
        seed: int = 0,
        device: str | torch.device = "cpu",
        made: NDArray[np.uint8] | None = None,
        start: Redraw | None = None,
    ) -> None:
        self.pairs, self.layers, self.settings, self.made = pairs, layers, settings, made
        network = start if start is not None else seeded(seed, Redraw)
        self.network = network.to(device, memory_format=torch.channels_last).train().requires_grad_(True)  # type: ignore[call-overload]
        clip = partial(nn.utils.clip_grad_norm_, [*self.network.parameters()], 1.0)
        update = Update(
            torch.optim.Adam(self.network.parameters(), settings.lr, (0.9, 0.99)), self._loss, clip
        )
        schedule = partial(cosine, floor=0.02, flat=settings.flat)
        facts = {"pairs": len(pairs), "made": 0 if made is None else len(made)}
        super().__init__(
            {"network": self.network},
            [Stage("redraw", settings.steps, [update], schedule, warm_up=100)],
            identity_of("redraw", seed, settings.model_dump(), **facts),
            seed,
            folder / "redraw.pt",
            Average.begin(self.network, settings.ema),
        )

    def _loss(self, index: int) -> dict[str, Tensor]:
        settings = self.settings
        small, large, beside, given, trust = (each.to(self.device) for each in self.batch())
        drawn = self.network(small.contiguous(memory_format=torch.channels_last), beside, given)
        terms = {"drawing": drawing_loss(drawn, large, settings.gradients, trust)}
        if (
            self.layers is not None
            and settings.perceptual
            and index >= settings.perceptual_from * settings.steps
        ):
            some = torch.randint(len(small), (1,), generator=self.rng).to(self.device)
            distance = layer_distance(self.layers, drawn[some], large[some])
            terms["layers"] = settings.perceptual * distance
        return terms

    def batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """What a step sees.

        Returns:
            pictures as a generator draws them (B,3,C,C), the drawings (B,3,4C,4C), those that they were made of, which
            of them are shown (B,1,1,1), and how far the drawings are to be followed (B,1,4C,4C).
        """
        rng, count = self.rng, self.processes.part_of(self.settings.batch)
        crops = [self._crop() for _ in range(count)]
        before, after, made, real = (torch.stack(each) for each in zip(*crops, strict=True))
        real = real.view(-1, 1, 1, 1)
        before, after, made = recoloured([before, after, made], rng)
        small = F.avg_pool2d(after, FACTOR)
        # From the drawing with a trace of what the generator made of it, up to that alone.
        made = torch.lerp(small, made, torch.rand(count, 1, 1, 1, generator=rng).pow(0.7))
        trust = torch.where(real, agreement(made, small), torch.ones(()))
        worn = torch.where(real, made, generated(small, F.avg_pool2d(before, FACTOR), rng))
        given = (torch.rand(count, 1, 1, 1, generator=rng) < self.settings.beside).float()
        return worn, after, before, given, F.interpolate(trust, scale_factor=float(FACTOR))

    def _crop(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The same crop of both drawings, (3,4C,4C), and of what a generator drew, (3,C,C), with whether it did."""
        row = self._below(len(self.pairs))
        crop, pair = self.settings.crop, self.pairs[row]
        room = pair.shape[1] // FACTOR - crop + 1
        places = [(self._below(room), self._below(room)) for _ in range(_TRIES)]
        place = max(places, key=lambda each: busy(pair, each, crop))
        # Lines run everywhere, but faces stand upright.
        turns, mirrored = self._below(4) * self._below(2), self._below(2) == 1
        both = [turned(cut(each, place, crop, FACTOR), turns, mirrored) for each in pair]
        real = self.made is not None and row < len(self.made) and self._below(100) < 100 * self.settings.real
        if self.made is None or not real:
            return both[0], both[1], torch.zeros(3, crop, crop), torch.tensor(False)
        return (
            both[0],
            both[1],
            turned(cut(self.made[row], place, crop, 1), turns, mirrored),
            torch.tensor(True),
        )

    def _below(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.rng))


def detail_weight(drawn: Tensor) -> Tensor:
    """How much each pixel of drawings (B,3,H,W) counts, (B,1,H,W).

    What differs from its surroundings counts more, faint freckles nearly as much as black lines: on flats, which are
    most of a drawing, all networks agree.
    """
    small = F.pad(F.avg_pool2d(drawn, FACTOR), (2,) * 4, mode="replicate")
    around = F.interpolate(F.avg_pool2d(small, 5, stride=1), scale_factor=float(FACTOR), mode="bilinear")
    contrast = (drawn - around).abs().amax(1, keepdim=True)
    return 1 + _MOST * contrast / (contrast + _FAINT)


def drawing_loss(drawn: Tensor, target: Tensor, gradients: float, trust: Tensor | None = None) -> Tensor:
    """Weighted L1 of colours and of differences between neighbours: (B,3,H,W) twice -> a scalar.

    Args:
        trust: how far the target is what should be drawn, (B,1,H,W) in [0,1].
    """
    error, weight = drawn - target, detail_weight(target)
    weight = weight / weight.mean()
    weight = weight if trust is None else weight * trust
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    edges = (weight[..., 1:] * across.abs()).mean() + (weight[..., 1:, :] * down.abs()).mean()
    return (weight * error.abs()).mean() + gradients * edges


def recoloured(pictures: Sequence[Tensor], rng: torch.Generator) -> list[Tensor]:
    """Half of the samples with channels swapped, contrast lowered and colours shifted, alike in all of `pictures`.

    Args:
        pictures: (B,3,H,W) in [0,1] each, of any sizes.
    """
    batch = len(pictures[0])
    order = torch.stack([torch.randperm(3, generator=rng) for _ in range(batch)])
    contrast = 1 - 0.7 * torch.rand(batch, 1, 1, 1, generator=rng) * torch.rand(batch, 3, 1, 1, generator=rng)
    floor = (1 - contrast) * torch.rand(batch, 3, 1, 1, generator=rng)
    changed = torch.rand(batch, 1, 1, 1, generator=rng) < 0.5
    rows = torch.arange(batch)[:, None]
    return [torch.where(changed, each[rows, order] * contrast + floor, each) for each in pictures]


def agreement(made: Tensor, drawn: Tensor) -> Tensor:
    """How far what a generator made is of the same shapes as the drawing: (B,3,H,W) twice -> (B,1,H,W) in [0,1].

    Where a silhouette runs elsewhere, the generator is to be followed and not corrected: nothing there says what the
    drawing was.
    """
    apart = F.avg_pool2d(F.pad(made - drawn, (3,) * 4, mode="replicate"), 7, stride=1).abs()
    return 1 / (1 + (apart.amax(1, keepdim=True) / 0.15).square())


def cut(picture: NDArray[np.uint8], place: tuple[int, int], crop: int, scale: int) -> Tensor:
    """A square crop of a picture (S,S,3) as (3, scale * crop, scale * crop) in [0,1]; `place` is its upper left."""
    (y, x), side = (scale * each for each in place), scale * crop
    raw = np.ascontiguousarray(picture[y : y + side, x : x + side])
    return torch.from_numpy(raw).permute(2, 0, 1).float() / 255


def busy(pair: NDArray[np.uint8], place: tuple[int, int], crop: int) -> float:
    """How much a crop of the second drawing (see `cut`) varies, and differs from the first."""
    (y, x), side = (FACTOR * each for each in place), FACTOR * crop
    before, after = pair[:, y : y + side : FACTOR, x : x + side : FACTOR].astype(np.float32)
    return float(after.std((0, 1)).sum() + 2 * np.abs(after - before).mean())


def turned(picture: Tensor, turns: int, mirrored: bool) -> Tensor:
    """(3,S,S) turned by quarters and then mirrored."""
    picture = torch.rot90(picture, turns, (1, 2))
    return picture.flip(2) if mirrored else picture
