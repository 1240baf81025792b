"""The shapes of the small CLIPs, as open_clip's configurations."""

from __future__ import annotations

from typing import Any

from .photos import ARCHITECTURE

IMAGE_SIZE = 96


def photo_config(vocab_size: int, image_size: int = IMAGE_SIZE) -> dict[str, Any]:
    """The embedded model as open_clip's configuration: EfficientNet-Lite0 and a small text transformer."""
    vision = {
        "image_size": image_size,
        "timm_model_name": ARCHITECTURE,
        "timm_pool": "",
        "timm_proj": "linear",
    }
    return {"embed_dim": 256, "vision_cfg": vision, "text_cfg": _text_config(vocab_size)}


def resnet_config(vocab_size: int, image_size: int = IMAGE_SIZE) -> dict[str, Any]:
    """A small ResNet and the same text transformer: the shape of the CLIP that judges and never guides."""
    vision = {"image_size": image_size, "layers": [1, 2, 2, 1], "width": 24, "head_width": 32}
    return {"embed_dim": 256, "vision_cfg": vision, "text_cfg": _text_config(vocab_size)}


def _text_config(vocab_size: int) -> dict[str, Any]:
    return {"context_length": 40, "vocab_size": vocab_size, "width": 192, "heads": 4, "layers": 4}
