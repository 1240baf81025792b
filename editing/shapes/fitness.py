"""How good a drawing is: near a picture, or what words say. Losses, one a candidate, lower is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models._meta import _IMAGENET_CATEGORIES
from torchvision.transforms import RandomResizedCrop

from ..._resize import resize
from ...generators.shapes import Shapes
from ...guidance.perceptor import Perceptor
from ...guidance.prompts import PromptFeatures

# Of random views of a drawing: how large it is drawn, how far from the middle, by how many degrees turned.
ZOOM, SHIFT, TURN, GRAIN = (0.7, 1.05), 0.08, 8.0, 0.03
# The published crops: their area as a share of the picture.
CROP_AREA = (0.7, 0.9)


# What else a drawing might show: every tenth of ImageNet's classes.
OTHERS = tuple(_IMAGENET_CATEGORIES[::10])
# Over so many views doubts are counted, at this scale of the cosines.
_LOOKS, _SHARP = 16, 40.0


class Fitness(Protocol):
    """Judges latents of its generator."""

    @property
    def generator(self) -> Shapes:
        """What draws the latents that it judges."""

    @property
    def name(self) -> str:
        """As a column of a trace."""

    @property
    def shared(self) -> bool:
        """Whether what is random is the same for all candidates of a step."""

    def losses(self, latents: Tensor, seed: int) -> Tensor:
        """Of latents (P,M) -> (P,); what is random follows the seed."""

    def faults(self, latent: Tensor) -> Tensor:
        """Where the drawing of one latent (M,) is worst, (H,W) of the canvas, at least 0."""

    def doubts(self, latents: Tensor, seed: int) -> Tensor:
        """What decides between finished drawings (P,M): (P,), lower is better."""

    def still(self) -> Fitness:
        """The same without chance, so that drawings which hardly differ can be compared."""


@dataclass(frozen=True)
class TargetFitness:
    """Distance to a picture.

    Attributes:
        target: (1,3,H,W) in [0,1], of the generator's canvas.
        norm: "l2" or "l1", the mean over pixels and channels.
        noise: whether drawings lie on so many backgrounds of random noise, the same for all candidates; 0: on the
            generator's own colour.
    """

    generator: Shapes
    target: Tensor
    norm: str = "l2"
    noise: int = 0
    shared: bool = True

    @property
    def name(self) -> str:
        """As a column of a trace."""
        return self.norm

    def losses(self, latents: Tensor, seed: int) -> Tensor:
        """As `Fitness`."""
        if not self.noise:
            return self._distance(self.generator.decode(latents))
        rng = torch.Generator().manual_seed(seed)
        # As published: 255 times a number below 1, cut off.
        levels = torch.randint(0, 255, (self.noise, *self.target.shape[1:]), generator=rng, dtype=torch.uint8)
        levels = levels.to(self.target.device)
        if self.generator.mode == "pillow":
            whole = (self.target[0] * 255).round().byte()
            return self.generator.errors(latents, levels, whole, self.norm == "l1")
        found = [
            self._distance(self.generator.decode(latents, each.expand(len(latents), -1, -1, -1)))
            for each in levels.float() / 255
        ]
        return torch.stack(found).mean(0)

    def _distance(self, pictures: Tensor) -> Tensor:
        away = pictures - self.target
        return (away.square() if self.norm == "l2" else away.abs()).flatten(1).mean(1)

    @torch.no_grad()
    def faults(self, latent: Tensor) -> Tensor:
        """As `Fitness`."""
        away = (self.generator.decode(latent[None]) - self.target)[0].square().sum(0)
        return F.avg_pool2d(away[None, None], 5, 1, 2)[0, 0]

    @torch.no_grad()
    def doubts(self, latents: Tensor, seed: int) -> Tensor:
        """As `Fitness`: the distance itself."""
        return self.losses(latents, seed)

    def still(self) -> TargetFitness:
        """As `Fitness`."""
        return replace(self, noise=0)

    def at(self, share: float) -> TargetFitness:
        """The same on a canvas of a share of the sides."""
        height, width = (max(1, round(side * share)) for side in self.generator.size)
        smaller = resize(self.target, height, width)
        return replace(self, generator=self.generator.at((height, width)), target=smaller)


@dataclass(frozen=True)
class Guide:
    """A CLIP, what it should see, and how much it counts."""

    perceptor: Perceptor
    features: PromptFeatures
    weight: float = 1.0


@dataclass(frozen=True)
class TextFitness:
    """How far CLIP is from seeing what prompts say, over random views.

    Each candidate has views of its own: what all see alike from one view need not be there from another. `shared`
    is the published way, in which all candidates of a step and their repeats are seen by one crop.

    Attributes:
        guides: CLIP models with their prompts.
        views: of each candidate.
        shared: as published.
        calm: whether all are seen by one view, whole and in the middle.
    """

    generator: Shapes
    guides: Sequence[Guide]
    views: int = 4
    shared: bool = False
    name: str = "clip"
    calm: bool = False

    def losses(self, latents: Tensor, seed: int) -> Tensor:
        """As `Fitness`."""
        pictures = self.generator.decode(latents)
        side = self.guides[0].perceptor.image_size
        if self.shared:
            return self._scored(one_crop(pictures, side, seed), 1)
        background = self.generator.background.view(1, 3, 1, 1)
        if self.calm:
            middle = torch.full((len(pictures),), math.sqrt(ZOOM[0] * ZOOM[1]))
            return self._scored(moved(pictures, background, side, middle), 1)
        seen = random_views(pictures, background, side, self.views, seed)
        return self._scored(seen, self.views)

    @torch.no_grad()
    def doubts(self, latents: Tensor, seed: int) -> Tensor:
        """As `Fitness`: how likely other things than the prompts are, to CLIP and over many views."""
        pictures, background = self.generator.decode(latents), self.generator.background.view(1, 3, 1, 1)
        side, found = self.guides[0].perceptor.image_size, torch.zeros(len(latents), device=latents.device)
        seen = random_views(pictures, background, side, _LOOKS, seed)
        for guide in self.guides:
            images = guide.perceptor.encode_image(seen)
            own = images @ guide.features.features.T @ guide.features.weights
            own = own / guide.features.weights.abs().sum()
            others = images @ guide.perceptor.encode_text(list(OTHERS)).T
            both = torch.cat([own[:, None], others], dim=1) * _SHARP
            found = found - guide.weight * both.log_softmax(1)[:, 0].view(-1, _LOOKS).mean(1)
        return found

    def _scored(self, seen: Tensor, views: int) -> Tensor:
        found = torch.zeros(len(seen) // views, device=seen.device)
        by_picture = seen.view(-1, views, *seen.shape[1:])
        for guide, looks in zip(self.guides, self._shared_out(views), strict=True):
            its = by_picture[:, looks].flatten(0, 1)
            cosines = guide.perceptor.encode_image(its) @ guide.features.features.T
            weights = guide.features.weights / guide.features.weights.abs().sum()
            found = found - guide.weight * (cosines @ weights).view(-1, looks.stop - looks.start).mean(1)
        return found / sum(guide.weight for guide in self.guides)

    def _shared_out(self, views: int) -> list[slice]:
        """Which views each guide looks at: as many as its weight is of all, so that several cost no more than one."""
        if self.shared or views < len(self.guides):
            return [slice(0, views)] * len(self.guides)
        total, ends, seen = sum(guide.weight for guide in self.guides), [0], 0.0
        for index, guide in enumerate(self.guides):
            seen += guide.weight
            left = len(self.guides) - index - 1
            ends.append(min(max(round(views * seen / total), ends[-1] + 1), views - left))
        return [slice(*pair) for pair in pairwise(ends)]

    def faults(self, latent: Tensor) -> Tensor:
        """As `Fitness`: words name no place, so all are alike."""
        return torch.ones(self.generator.size, device=latent.device)

    def still(self) -> TextFitness:
        """As `Fitness`."""
        return replace(self, calm=True)


def random_views(pictures: Tensor, background: Tensor, side: int, count: int, seed: int) -> Tensor:
    """Each picture (P,3,H,W) whole, smaller, shifted and turned on its background: (P*count,3,side,side).

    Nothing is cut off: a drawing should be what it is as a whole, and not only where a crop may fall.
    """
    rng = torch.Generator().manual_seed(seed)
    total, (low, high) = len(pictures) * count, ZOOM
    zoom = low * (high / low) ** torch.rand(total, generator=rng)
    angle = (torch.rand(total, generator=rng) * 2 - 1) * (TURN * math.pi / 180)
    shift = (torch.rand(total, 2, generator=rng) * 2 - 1) * 2 * SHIFT
    seen = moved(pictures.repeat_interleave(count, 0), background, side, zoom, angle, shift)
    return seen + GRAIN * torch.randn(seen.shape, generator=rng).to(seen)


def moved(
    pictures: Tensor,
    background: Tensor,
    side: int,
    zoom: Tensor,
    angle: Tensor | None = None,
    shift: Tensor | None = None,
) -> Tensor:
    """Pictures (B,3,H,W) in squares of their background: their longer side `zoom` (B,) of it, turned, shifted.

    Args:
        angle: (B,) in radians. shift: (B,2) of the square, from -1 to 1; both 0 by default.
    """
    height, width = pictures.shape[-2:]
    angle = torch.zeros(len(pictures)) if angle is None else angle
    shift = torch.zeros(len(pictures), 2) if shift is None else shift
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    across, down = max(height, width) / width, max(height, width) / height
    rows = [cosine * across, -sine * across, shift[:, 0], sine * down, cosine * down, shift[:, 1]]
    table = torch.stack(rows, dim=1).view(-1, 2, 3).to(pictures)
    grid = F.affine_grid(table, [len(pictures), 3, side, side], align_corners=False)
    # What lies outside is 0, so that the background's own colour goes off first and comes back after.
    seen = F.grid_sample(
        pictures - background, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return background + seen


def one_crop(pictures: Tensor, side: int, seed: int) -> Tensor:
    """All pictures by one random crop, as published: (P,3,side,side)."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        cropped: Tensor = RandomResizedCrop(side, scale=CROP_AREA)(pictures)
    return cropped
