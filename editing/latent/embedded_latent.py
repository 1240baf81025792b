"""The latent inside a picture: what a generator drew can be edited from its own latent, without looking for it."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from ..._base import InputFileError
from ..drawing import drawn, redrawn
from ..framing import letterbox
from ..metadata import read_entry

if TYPE_CHECKING:
    from ..models import Models
    from ..pictures import Picture

KEY = "promptbrush-latent"
# Mean difference of the picture from what the generator draws of the latent: JPEG's is a tenth of this.
_MOST_APART = 0.02
_MOST_TEXT = 1 << 20


def embed_latent(latent: Tensor, generator: str) -> dict[str, str]:
    """The metadata that carries a latent W (1,w_dim) or W+ (1,num_ws,w_dim) in a picture.

    Args:
        generator: the first digits of the SHA-256 of the generator's file.
    """
    packed = safetensors.torch.save({"latent": latent.detach().cpu().float().contiguous()})
    return {KEY: f"{generator} {base64.b64encode(packed).decode()}"}


def embedded_latent(models: Models, picture: Picture) -> Tensor | None:
    """The latent that a picture carries, if the picture is still what the models' generator draws of it.

    Returns:
        W (1,w_dim) or W+ (1,num_ws,w_dim) on the models' device; None without one, for another generator, or where
        the picture was changed since.
    """
    if picture.path is None:
        return None
    latent = _read(picture, models)
    if latent is None:
        return None
    own = drawn(models, latent).cpu()
    square, _ = letterbox(picture.image, models.generator.resolution)
    if _apart(own, square) < _MOST_APART:
        return latent
    sharp, _ = letterbox(redrawn(models, own.to(models.device)).cpu(), models.generator.resolution)
    return latent if _apart(sharp, square) < _MOST_APART else None


def _apart(drawn: Tensor, seen: Tensor) -> float:
    return float((drawn - seen).abs().mean())


def _read(picture: Picture, models: Models) -> Tensor | None:
    generator = models.generator
    try:
        text = read_entry(picture.path, KEY) if picture.path else ""
        digest, _, packed = text.partition(" ")
        if not packed or len(packed) > _MOST_TEXT or digest != models.hashes.get("generator"):
            return None
        latent = safetensors.torch.load(base64.b64decode(packed, validate=True))["latent"]
    except (InputFileError, binascii.Error, SafetensorError, KeyError, ValueError):
        return None  # foreign or damaged: the picture is looked at instead, as any other
    try:
        generator.latent_space.check(latent)
    except ValueError:
        return None
    if not bool(latent.isfinite().all()):
        return None
    return latent.float().to(models.device)
