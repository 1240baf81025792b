"""Pivotal tuning (Roich et al. 2021): a generator learns to draw one picture from its latent, and hardly anything else.

What an inversion cannot draw, such as another hand's lines, is learnt by the weights of the finer layers. Pictures of
other latents are held where they are (the paper's locality regularization), so that edits go on as before.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from ..._base import UsageError
from ..._devices import coarse
from ..._schedules import cosine, warm_up
from ...generators.pyramid import Layers, laplacian_loss, layer_distance

_LARGEST_GRADIENT = 1.0
_WARM_UP = 0.1


class TuningSettings(BaseModel):
    """How a generator is tuned to a picture."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: int = Field(default=70, ge=1, le=100_000, description="steps of Adam")
    lr: float = Field(
        default=4e-3, gt=0, le=1, description="learning rate, which rises and falls in one cycle"
    )
    layers: float = Field(
        default=0.2, ge=0, description="weight of the distance in the maps of a network of photographs"
    )
    locality: float = Field(default=0.5, ge=0, description="weight of other latents' pictures")
    others: int = Field(default=6, ge=1, le=1000, description="how many other latents are held")
    every: int = Field(default=3, ge=1, description="steps between two looks at one of these")


def tune(
    generator: Any,
    latent: Tensor,
    target: Tensor,
    settings: TuningSettings | None = None,
    layers: Layers | None = None,
) -> dict[str, Tensor]:
    """What to add to a generator's weights so that it draws `target` from `latent`.

    Args:
        generator: with `tunable`, the names of the weights that may change, and `latent_space`; it stays as it is.
        latent: W+ (1,L,D).
        target: (1,3,R,R) in [0,1].
        layers: maps of pictures (B,3,R,R) in [0,1]; EfficientNet-Lite0's if None.

    Returns:
        name -> difference, in float16.

    Raises:
        UsageError: a generator that cannot be tuned.
    """
    settings = settings or TuningSettings()
    tuned = _trainable(generator)
    weights = [weight for weight in tuned.parameters() if weight.requires_grad]
    layers = layers if layers is not None else _photo_layers(target.device)
    codes, pictures = _others(generator, latent, settings.others)
    optimizer = torch.optim.Adam(weights, settings.lr, betas=(0.9, 0.99))
    for index in range(settings.steps):
        t = index / settings.steps
        for group in optimizer.param_groups:
            group["lr"] = settings.lr * warm_up(t, _WARM_UP) * cosine(t, floor=0.0, flat=_WARM_UP)
        optimizer.zero_grad()
        with torch.enable_grad(), coarse(target.device):
            loss = _distance(tuned.decode(latent), target, layers, settings.layers)
            if index % settings.every == 0 and settings.locality:
                k = index // settings.every % len(codes)
                apart = _apart(tuned.decode(codes[k : k + 1]), pictures[k : k + 1])
                loss = loss + settings.locality * apart
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, _LARGEST_GRADIENT)
        optimizer.step()
    own = dict(generator.named_parameters())
    return {
        name: (weight.detach() - own[name].detach()).half()
        for name, weight in tuned.named_parameters()
        if weight.requires_grad
    }


def tuned_generator(generator: Any, weights: Mapping[str, Tensor]) -> Any:
    """A copy of a generator with differences added to its weights, frozen.

    Raises:
        ValueError: they are not this generator's.
    """
    made = copy.deepcopy(generator).requires_grad_(False)
    own = dict(made.named_parameters())
    for name, difference in weights.items():
        if name not in own or own[name].shape != difference.shape:
            raise ValueError(f"its tuned weight {name} is not of this generator")
        own[name].add_(difference.to(own[name]))
    return made


def _trainable(generator: Any) -> Any:
    if not hasattr(generator, "tunable"):
        raise UsageError("this generator cannot be tuned to a picture; give --fidelity refined")
    tuned, names = copy.deepcopy(generator).requires_grad_(False), set(generator.tunable())
    for name, weight in tuned.named_parameters():
        weight.requires_grad_(name in names)
    return tuned


def _distance(made: Tensor, target: Tensor, layers: Layers, weight: float) -> Tensor:
    apart = _apart(made, target)
    return apart + weight * layer_distance(layers, made, target) if weight else apart


def _apart(made: Tensor, target: Tensor) -> Tensor:
    return laplacian_loss(made.float() * 2 - 1, target * 2 - 1).mean()


@torch.no_grad()
def _others(generator: Any, latent: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Codes from a third of the way to random ones up to these, and what the generator draws of them."""
    space = generator.latent_space
    z = torch.randn(count, space.z_dim, generator=torch.Generator().manual_seed(0))
    random = space.start(space.sample(z), "w+")
    way = torch.linspace(1 / 3, 1, count, device=latent.device).view(-1, 1, 1)
    codes = torch.lerp(latent.expand_as(random), random, way)
    return codes, generator.decode(codes).float()


def _photo_layers(device: torch.device) -> Layers:
    from ...guidance.content import LiteLayers

    return LiteLayers().to(device)
