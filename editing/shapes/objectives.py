"""How good a drawing is: how near to a picture, or how well CLIP sees in it what words say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models._meta import _IMAGENET_CATEGORIES

from ..._resize import resize
from ...generators.shapes import Shapes
from ...guidance.objective import Context, Objective, seeds_of
from ...guidance.perceptor import Perceptor
from ...guidance.prompts import PromptFeatures
from .views import centred_view, random_views, shared_crop

# What else a drawing might show: every tenth of ImageNet's classes.
OTHERS = tuple(_IMAGENET_CATEGORIES[::10])
# Views over which finished drawings are compared, and the scale of the similarities there.
_LOOKS, _SHARP = 16, 40.0
# Evolution draws at most this many pixels at once.
_PIXELS = 2**25


class DrawingObjective(Objective):
    """Judges drawings of a generator, which may be smaller than the canvas.

    Attributes:
        shared: whether what is random is the same for all candidates of a step.
    """

    def __init__(self, name: str, generator: Shapes, shared: bool) -> None:
        super().__init__(name)
        self.generator, self.shared = generator, shared

    def losses(self, latents: Tensor, seed: int) -> Tensor:
        """Of latents (P,M) -> (P,); what is random follows the seed."""
        images = self.generator.decode(latents) if self.needs_images else latents.new_empty(0)
        return self.loss(images, Context(latents, [seed]))

    @property
    def most(self) -> int:
        """The number of drawings that are judged at once at most."""
        height, width = self.generator.size
        return max(1, _PIXELS // (3 * height * width))

    def faults(self, latent: Tensor) -> Tensor:
        """Where the drawing of one latent (M,) is worst, (H,W) of the generator's canvas, at least 0."""
        raise NotImplementedError

    def colours_at(self, rows: Tensor, columns: Tensor) -> Tensor | None:
        """The colours (N,3) that drawings should have at N pixels; None if any may be right."""
        raise NotImplementedError

    def doubts(self, latents: Tensor, seed: int) -> Tensor:
        """What decides between finished drawings (P,M): (P,), lower is better."""
        raise NotImplementedError

    def still(self) -> DrawingObjective:
        """The same without chance, so that drawings which hardly differ can be compared."""
        raise NotImplementedError


class Likeness(DrawingObjective):
    """Distance to a picture.

    Args:
        target: (1,3,H,W) in [0,1], of the generator's canvas.
        norm: "l2" or "l1", the mean over pixels and channels.
        noise: number of backgrounds of random noise, the same for all candidates, on which drawings lie; 0: they lie
            on the generator's own colour.
    """

    def __init__(self, generator: Shapes, target: Tensor, norm: str = "l2", noise: int = 0) -> None:
        super().__init__(norm, generator, shared=True)
        self.target, self.norm, self.noise = target, norm, noise
        # Drawings on noise are made here: backgrounds are new in each step.
        self.needs_images = not noise

    def loss(self, images: Tensor, context: Context) -> Tensor:
        """As `Objective`."""
        if not self.noise:
            return self._distance(images)
        if not isinstance(context.latent, Tensor):
            raise TypeError("the latent of a drawing is a tensor")
        return self._on_noise(context.latent, seeds_of(context, self.name)[0])

    def _on_noise(self, latents: Tensor, seed: int) -> Tensor:
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

    def _distance(self, images: Tensor) -> Tensor:
        away = images - self.target
        return (away.square() if self.norm == "l2" else away.abs()).flatten(1).mean(1)

    @torch.no_grad()
    def faults(self, latent: Tensor) -> Tensor:
        """As `DrawingObjective`."""
        away = (self.generator.decode(latent[None]) - self.target)[0].square().sum(0)
        return F.avg_pool2d(away[None, None], 5, 1, 2)[0, 0]

    def colours_at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """As `DrawingObjective`."""
        return self.target[0].cpu()[:, rows, columns].T

    @torch.no_grad()
    def doubts(self, latents: Tensor, seed: int) -> Tensor:
        """As `DrawingObjective`: the distance itself."""
        return self.losses(latents, seed)

    def still(self) -> Likeness:
        """As `DrawingObjective`."""
        return Likeness(self.generator, self.target, self.norm)

    def at(self, scale: float) -> Likeness:
        """The same on a canvas whose sides are scaled."""
        height, width = (max(1, round(side * scale)) for side in self.generator.size)
        smaller = resize(self.target, height, width)
        return Likeness(self.generator.at((height, width)), smaller, self.norm, self.noise)


@dataclass(frozen=True)
class Guide:
    """A CLIP, the features of what it should see, and its weight."""

    perceptor: Perceptor
    features: PromptFeatures
    weight: float = 1.0


class Legibility(DrawingObjective):
    """How far CLIP is from seeing what prompts say: the negative similarity over random views.

    Each candidate has views of its own: what all see alike from one view need not be there from another. `shared`
    is the published way, in which all candidates of a step are seen by one crop.

    Args:
        guides: CLIP models with their prompts.
        views: of each candidate; those of several guides are divided among them by their weights.
        shared: as published.
        calm: whether all are seen by one view, whole and in the middle.
    """

    def __init__(
        self,
        generator: Shapes,
        guides: Sequence[Guide],
        views: int = 4,
        shared: bool = False,
        calm: bool = False,
    ) -> None:
        super().__init__("clip", generator, shared)
        self.guides, self.views, self.calm = tuple(guides), views, calm

    def loss(self, images: Tensor, context: Context) -> Tensor:
        """As `Objective`; views follow the first seed."""
        side = self.guides[0].perceptor.image_size
        background = self.generator.background.view(1, 3, 1, 1)
        if self.shared:
            return self._scored(shared_crop(images, side, seeds_of(context, self.name)[0]), 1)
        if self.calm:
            return self._scored(centred_view(images, background, side), 1)
        seen = random_views(images, background, side, self.views, seeds_of(context, self.name)[0])
        return self._scored(seen, self.views)

    @torch.no_grad()
    def doubts(self, latents: Tensor, seed: int) -> Tensor:
        """As `DrawingObjective`: how likely other things than the prompts are, to CLIP and over many views."""
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
        for guide, looks in zip(self.guides, self._divided(views), strict=True):
            its = by_picture[:, looks].flatten(0, 1)
            cosines = guide.perceptor.encode_image(its) @ guide.features.features.T
            weights = guide.features.weights / guide.features.weights.abs().sum()
            found = found - guide.weight * (cosines @ weights).view(-1, looks.stop - looks.start).mean(1)
        return found / sum(guide.weight for guide in self.guides)

    def _divided(self, views: int) -> list[slice]:
        """Which views each guide looks at: in proportion to its weight, so that several cost no more than one."""
        if self.shared or views < len(self.guides):
            return [slice(0, views)] * len(self.guides)
        total, ends, seen = sum(guide.weight for guide in self.guides), [0], 0.0
        for index, guide in enumerate(self.guides):
            seen += guide.weight
            left = len(self.guides) - index - 1
            ends.append(min(max(round(views * seen / total), ends[-1] + 1), views - left))
        return [slice(*pair) for pair in pairwise(ends)]

    def faults(self, latent: Tensor) -> Tensor:
        """As `DrawingObjective`: words name no place, so all are alike."""
        return torch.ones(self.generator.size, device=latent.device)

    def colours_at(self, rows: Tensor, columns: Tensor) -> None:  # noqa: ARG002
        """As `DrawingObjective`: words ask for no colour."""

    def still(self) -> Legibility:
        """As `DrawingObjective`."""
        return Legibility(self.generator, self.guides, self.views, self.shared, calm=True)
