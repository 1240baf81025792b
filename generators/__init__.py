"""Generators: everything that turns latents into pictures. Nothing here imports torch before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._base import lazy_attributes

if TYPE_CHECKING:
    from .base import GENERATORS, Generator, Latent, LatentSpace, Proposal
    from .opening import open_generator
    from .stylegan2 import import_checkpoint, load_discriminator, load_generator, save_generator

__all__ = [
    "GENERATORS",
    "Generator",
    "Latent",
    "LatentSpace",
    "Proposal",
    "import_checkpoint",
    "load_discriminator",
    "load_generator",
    "open_generator",
    "save_generator",
]

_LAZY = {
    "GENERATORS": ".base",
    "Generator": ".base",
    "Latent": ".base",
    "LatentSpace": ".base",
    "Proposal": ".base",
    "open_generator": ".opening",
    "import_checkpoint": ".stylegan2",
    "load_discriminator": ".stylegan2",
    "load_generator": ".stylegan2",
    "save_generator": ".stylegan2",
}

__getattr__ = lazy_attributes(__name__, _LAZY)
