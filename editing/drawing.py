"""From latents to pictures that people see: drawn by the generator in full precision, and redrawn large and sharp."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .._resize import resize

if TYPE_CHECKING:
    from .drivers import Latent
    from .models import Models


def decoder(models: Models) -> Callable[[Latent], Tensor]:
    """latent -> pictures (B,3,R,R) in [0,1], in the models' precision: for the search."""

    def decode(latent: Latent) -> Tensor:
        with torch.autocast(models.device.type, models.precision, models.precision != torch.float32):
            images: Tensor = models.generator.decode(latent).float()
        return images

    return decode


@torch.no_grad()
def drawn(models: Models, latent: Latent) -> Tensor:
    """The pictures of latents in float32 (B,3,R,R): a result is the same whatever the search computed in."""
    with torch.autocast(models.device.type, enabled=False):
        images: Tensor = models.generator.decode(latent).float()
    return images


@torch.no_grad()
def redrawn(models: Models, images: Tensor) -> Tensor:
    """Pictures that the generator drew, (B,3,R,R), large and sharp, (B,3,4R,4R); as they are if the pack cannot."""
    if models.redraw is None:
        return images
    with torch.autocast(models.device.type, enabled=False):
        return models.redraw.redrawn(images)


def saved_form(models: Models, images: Tensor, redraw: bool, size: int | None) -> Tensor:
    """What the generator drew as it is saved: redrawn if it is wanted, unless a smaller side is."""
    if redraw and (size is None or size > images.shape[-1]):
        images = redrawn(models, images)
    return images if size in (None, images.shape[-1]) else resize(images, size, size)
