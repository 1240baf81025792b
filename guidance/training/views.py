"""How pictures vary from step to step: moved, turned and scaled, on other backgrounds, brighter or darker."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Views:
    """How far a picture may be changed.

    Args:
        zoom: least and most of the scale; 1 fills the frame as before.
        shift: as a fraction of the side.
        turn: in degrees.
        light: how far brightness and contrast go from 1.
        mirror: whether half of the pictures are mirrored.
    """

    zoom: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    turn: float = 0.0
    light: float = 0.0
    mirror: bool = False


def moved(images: Tensor, size: int, views: Views, rng: torch.Generator, padding: str = "zeros") -> Tensor:
    """Each picture (B,C,H,W) scaled, turned, mirrored and shifted by its own random amounts: (B,C,size,size)."""
    count = len(images)
    low, high = views.zoom
    scale = low * (high / low) ** torch.rand(count, generator=rng)
    angle = (torch.rand(count, generator=rng) * 2 - 1) * math.radians(views.turn)
    flip = torch.where((torch.rand(count, generator=rng) < 0.5) & views.mirror, -1.0, 1.0)
    shift = (torch.rand(count, 2, generator=rng) * 2 - 1) * 2 * views.shift
    cos, sin = angle.cos() / scale, angle.sin() / scale
    rows = torch.stack([cos * flip, -sin, shift[:, 0], sin * flip, cos, shift[:, 1]], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(rows, [count, images.shape[1], size, size], align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def lit(images: Tensor, views: Views, rng: torch.Generator) -> Tensor:
    """Pictures (B,3,H,W) in [0,1] with their own random brightness and contrast."""
    if views.light == 0:
        return images
    gain, contrast = ((torch.rand(2, len(images), 1, 1, 1, generator=rng) * 2 - 1) * views.light + 1).unbind()
    mean = images.mean((1, 2, 3), keepdim=True)
    return (((images - mean) * contrast + mean) * gain).clamp(0, 1)


def backgrounds(count: int, size: int, rng: torch.Generator, textures: Tensor | None = None) -> Tensor:
    """Random backgrounds (count,3,size,size) in [0,1]: white, one colour, a gradient, soft noise, or a texture.

    Args:
        textures: pictures (T,3,H,W) in [0,1], H and W at least `size`, of which windows are cut.
    """
    kind = torch.rand(count, generator=rng)
    colour, other = torch.rand(2, count, 3, 1, 1, generator=rng)
    ramp = torch.linspace(0, 1, size).view(1, 1, size, 1)
    ramp = torch.where(torch.rand(count, 1, 1, 1, generator=rng) < 0.5, ramp, ramp.transpose(2, 3))
    noise = torch.rand(count, 3, 4, 4, generator=rng)
    soft = F.interpolate(noise, size=(size, size), mode="bicubic", align_corners=False).clamp(0, 1)
    made: Tensor = colour.expand(-1, -1, size, size).clone()
    steps = (
        (0.0, 0.25, torch.ones_like(made)),
        (0.6, 0.75, torch.lerp(colour, other, ramp)),
        (0.75, 0.87, soft),
    )
    for low, high, choice in steps:
        made = torch.where(((kind >= low) & (kind < high))[:, None, None, None], choice, made)
    if textures is not None:
        for row in (kind >= 0.87).nonzero()[:, 0].tolist():
            made[row] = _window(textures, size, rng)
    return made


def _window(textures: Tensor, size: int, rng: torch.Generator) -> Tensor:
    which = int(torch.randint(len(textures), (1,), generator=rng))
    height, width = int(textures.shape[2]), int(textures.shape[3])
    top, left = (int(torch.randint(side - size + 1, (1,), generator=rng)) for side in (height, width))
    window: Tensor = textures[which, :, top : top + size, left : left + size]
    return window


def composed(drawings: Tensor, behind: Tensor) -> Tensor:
    """Drawings (B,4,H,W) in [0,1], premultiplied by their alpha, on backgrounds (B,3,H,W)."""
    return drawings[:, :3] + behind * (1 - drawings[:, 3:])


def premultiplied(images: NDArray[np.uint8]) -> Tensor:
    """Drawings (B,4,H,W) in [0,1] from uint8 (B,H,W,4) with straight alpha."""
    raw = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 255
    return torch.cat([raw[:, :3] * raw[:, 3:], raw[:, 3:]], dim=1)
