"""StyleGAN2 in plain PyTorch: networks, safe loading of published checkpoints, projection and training losses."""

from __future__ import annotations

from .config import DiscriminatorConfig, StyleGAN2Config, default_channels
from .discriminator import Discriminator
from .generator import StyleGAN2

__all__ = ["Discriminator", "DiscriminatorConfig", "StyleGAN2", "StyleGAN2Config", "default_channels"]
