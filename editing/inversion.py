"""From a picture to the latent that draws it: an encoder's guess, then a few steps on the picture itself."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import islice
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from .._base import UsageError
from .._resize import resize
from ..generators.base import LatentSpace
from ..generators.encoder import Encoder
from ..generators.pyramid import reconstruction_loss
from ..guidance.identity import FeatureDistance
from ..guidance.objective import Context, Function, Objective, Sum
from .drivers import Gradient, Latent
from .edit import Edit, Step
from .framing import Placement, letterbox

_LARGEST_COMPARED = 256
_SPREAD_SAMPLES, _SMALLEST_SPREAD = 1000, 1e-3


class InversionSettings(BaseModel):
    """How a picture is inverted; latents are measured in standard deviations of each entry of w."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    space: Literal["w", "w+"] = Field(default="w+", description="one w for all layers, or one for each")
    steps: int = Field(default=20, ge=0, le=100_000, description="steps on the picture after the first guess")
    lr: float = Field(default=0.1, gt=0, le=100, description="learning rate of these steps")
    anchor: float = Field(default=0.02, ge=0, description="weight of the square of what all layers moved")
    own: float = Field(
        default=0.5, ge=0, description="weight of the square of what each layer moved on its own"
    )
    content: float = Field(
        default=1.0,
        ge=0,
        description="weight of the distance of features, where a network of features is given",
    )
    search_steps: int = Field(
        default=200, ge=0, le=100_000, description="steps in W where no encoder guesses"
    )
    search_lr: float = Field(default=0.1, gt=0, le=100, description="learning rate of these")
    search_anchor: float = Field(
        default=0.1, ge=0, description="weight of the square of their way from w's average"
    )


@dataclass(frozen=True)
class Inversion:
    """A picture as a latent.

    Attributes:
        latent: codes (B,L,D), such as W+, on the generator's device.
        image: what it draws, (B,3,R,R) in [0,1].
        target: the pictures as they were compared, (B,3,R,R) in [0,1].
        placement: where the pictures lie in these squares, for `paste_back`.
        distance: (B,) of image and target, Laplacian pyramid L1 plus L1.
        steps: how often the latent was moved.
    """

    latent: Tensor
    image: Tensor
    target: Tensor
    placement: Placement
    distance: Tensor
    steps: int


def invert(
    generator: Any,
    encoder: Encoder | None,
    image: Tensor,
    settings: InversionSettings | None = None,
    see: Callable[[Step], None] | None = None,
    content: nn.Module | None = None,
) -> Inversion:
    """Find the latent of each picture; pictures of a batch do not influence each other.

    The encoder's latent is moved so that its picture comes nearer. What all layers move together is nearly free,
    what each moves on its own is dear: far from W pictures match but edits no longer behave (Tov et al. 2021).
    Without an encoder the first guess is the average w, moved in W (Karras et al. 2020, appendix D, without its
    noise maps).

    Args:
        generator: of any size, unchanged.
        encoder: of this generator, or None.
        image: (B,3,H,W) in [0,1]; other shapes than the generator's square are letterboxed.
        settings: the defaults if None.
        see: is shown every step; its latents are the offsets 'shared' and 'own' from the guess.
        content: pictures (B,3,H,W) in [0,1] to features (B,...): pixels leave a nose or freckles to the end, since
            they are a few of them; features see them as they see a hat.

    Raises:
        UsageError: not RGB pictures, or an encoder of another generator.
    """
    settings = settings or InversionSettings()
    if image.ndim != 4 or image.shape[1] != 3 or image.numel() == 0:
        raise UsageError(f"pictures (B,3,H,W) can be inverted, not {tuple(image.shape)}")
    model, space = _frozen(generator), generator.latent_space
    device = space.average(1).device
    target, placement = letterbox(image.detach().to(device, torch.float32), generator.resolution)
    terms: list[Objective] = []
    if content is not None and settings.content > 0:
        terms = [FeatureDistance(content, target, name="content") * settings.content]
    descent = _Descent(model, target, _spread(model, encoder), see, terms)
    if encoder is None:
        average = space.average(len(target))
        start = descent.run(
            average, settings.search_steps, settings.search_lr, settings.search_anchor, None
        ).latent
    else:
        start = _encoded(encoder, model, target)
    if settings.space == "w":
        start = start.mean(1, keepdim=True).repeat(1, space.layers, 1)
    own = None if settings.space == "w" else settings.own
    found = descent.run(start, settings.steps, settings.lr, settings.anchor, own)
    moved = settings.steps + (settings.search_steps if encoder is None else 0)
    return Inversion(found.latent, found.images, target, placement, found.distance, moved)


@dataclass(frozen=True)
class _Found:
    """The best of a descent, for each sample: the latent, its pictures and their distance (B,)."""

    latent: Tensor
    images: Tensor
    distance: Tensor


@dataclass(frozen=True)
class _Descent:
    """Moves latents so that their pictures come nearer to `target`.

    What moves are offsets in units of `spread`, so that a learning rate means the same for every generator: one
    that all layers share, and in W+ another of each layer's own on top of it.
    """

    model: Any
    target: Tensor
    spread: Tensor
    see: Callable[[Step], None] | None
    terms: Sequence[Objective]

    def run(self, start: Tensor, steps: int, lr: float, anchor: float, own: float | None) -> _Found:
        """Move W+ codes; 0 steps give them back with their pictures. Without `own`, all layers move together."""
        offsets = {"shared": torch.zeros_like(start[:, :1])}
        if own is not None:
            offsets["own"] = torch.zeros_like(start)
        driver = Gradient(offsets, max(1, steps), lr, _falling)
        decode = partial(self._draw, start)
        edit = Edit(decode, self._objective(anchor, own), driver, steps + 1)
        found = _Found(start, self.target, torch.full((len(start),), torch.inf, device=start.device))
        # The last draw is not followed by a move, because nobody asks for the step after it.
        for step in islice(edit.run(), steps + 1):
            found = self._better(found, step, start)
            if self.see is not None:
                self.see(step)
        return found

    def _objective(self, anchor: float, own: float | None) -> Objective:
        near = {"shared": anchor} if own is None else {"shared": anchor, "own": own}
        tied = [_Near(part) * weight for part, weight in near.items() if weight > 0]
        return Sum([Function(self._distance, "picture"), *self.terms, *tied])

    def _draw(self, start: Tensor, offsets: Latent) -> Tensor:
        drawn: Tensor = self.model.decode(self._moved(start, offsets))
        return drawn

    def _moved(self, start: Tensor, offsets: Latent) -> Tensor:
        return start + self.spread * reduce(torch.add, _named(offsets).values())

    def _distance(self, images: Tensor) -> Tensor:
        return reconstruction_loss(_reduced(images), _reduced(self.target))

    def _better(self, found: _Found, step: Step, start: Tensor) -> _Found:
        """Take over the samples whose best step is this one."""
        taken = step.best == step.index
        return _Found(
            torch.where(taken.view(-1, 1, 1), self._moved(start, step.latent), found.latent),
            torch.where(taken.view(-1, 1, 1, 1), step.images, found.images),
            torch.where(taken, step.losses["picture"], found.distance),
        )


class _Near(Objective):
    """Mean square of a named part of the latent."""

    def loss(self, images: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        return _named(context.latent)[self.name].square().mean((1, 2))


def _named(latent: object) -> Mapping[str, Tensor]:
    if not isinstance(latent, Mapping):
        raise UsageError("an inversion moves the offsets 'shared' and 'own', not a single tensor")
    return latent


def _falling(t: float) -> float:
    """Cosine from 1 to 0: the first guess is good, so there is nothing to warm up for."""
    return 0.5 + 0.5 * math.cos(math.pi * t)


def _frozen(generator: Any) -> Any:
    """The generator, or a copy if gradients would gather in its weights."""
    weights = generator.parameters() if isinstance(generator, nn.Module) else ()
    if not any(parameter.requires_grad for parameter in weights):
        return generator
    return copy.deepcopy(generator).requires_grad_(False)


@torch.no_grad()
def _encoded(encoder: Encoder, model: Any, target: Tensor) -> Tensor:
    """The encoder's W+ latents of squares of the generator's size."""
    made, wanted = (encoder.num_ws, encoder.w_dim), (model.latent_space.layers, model.latent_space.code_dim)
    if made != wanted:
        raise UsageError(
            f"the encoder makes W+ latents {made}, the generator takes {wanted}; use this generator's own"
        )
    seen = resize(target, encoder.resolution, encoder.resolution).to(encoder.w_avg.device)
    return torch.as_tensor(encoder.propose(seen)).to(target.device)


@torch.no_grad()
def _spread(model: Any, encoder: Encoder | None) -> Tensor:
    """Standard deviation of each entry of w, (w_dim,)."""
    space: LatentSpace = model.latent_space
    device = space.average(1).device
    if encoder is not None and encoder.w_dim == space.code_dim:
        return encoder.w_scale.detach().to(device)
    rng = torch.Generator().manual_seed(0)
    codes = space.sample(torch.randn(_SPREAD_SAMPLES, space.z_dim, generator=rng))
    return codes.std(0).clamp(min=_SMALLEST_SPREAD)


def _reduced(images: Tensor) -> Tensor:
    """Pictures whose sides are powers of two, at most 256 px: finer detail costs time and is not in the latent."""
    factor = images.shape[-1] // _LARGEST_COMPARED
    return images if factor < 2 else F.avg_pool2d(images, factor)
