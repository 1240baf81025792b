"""StyleGAN2 in plain PyTorch: networks, safe loading of published checkpoints, projection, training losses."""

from __future__ import annotations

from .config import DiscriminatorConfig, StyleGAN2Config, default_channels
from .discriminator import Discriminator
from .generator import StyleGAN2
from .loading import import_checkpoint, load_discriminator, load_generator
from .storage import read_metadata, save_generator

__all__ = [
    "Discriminator",
    "DiscriminatorConfig",
    "StyleGAN2",
    "StyleGAN2Config",
    "default_channels",
    "import_checkpoint",
    "load_discriminator",
    "load_generator",
    "read_metadata",
    "save_generator",
]
