"""What happens to pictures on the way to a user's file: other framing and light, blur, JPEG, noise.

Each sample is changed by its own random amounts, often by nothing. Pictures are (B,3,S,S) in [0,1], S a
multiple of 8; the random numbers come from a CPU generator.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 0.06
ZOOM = 0.12
LIGHT = 0.15
NOISE = 0.03


def reframed(images: Tensor, rng: torch.Generator) -> Tensor:
    """Shifted by up to SHIFT of the side, scaled by up to ZOOM, brighter or darker; edges repeat.

    A generator that fits these pictures must draw another latent for them, so they are targets as well.
    """
    batch = len(images)
    zoom = 1 + ZOOM * _either_side(rng, batch)
    moves = torch.zeros(batch, 2, 3)
    moves[:, 0, 0] = moves[:, 1, 1] = zoom
    moves[:, :, 2] = 2 * SHIFT * _either_side(rng, batch, 2)
    grid = F.affine_grid(moves, list(images.shape), align_corners=False).to(images)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    gain = 1 + LIGHT * _either_side(rng, batch, 1, 1, 1) + LIGHT / 3 * _either_side(rng, batch, 3, 1, 1)
    shift = LIGHT / 3 * _either_side(rng, batch, 1, 1, 1)
    return (moved * gain.to(images) + shift.to(images)).clamp(0, 1)


def degraded(images: Tensor, rng: torch.Generator) -> Tensor:
    """About half of the pictures blurred, half through JPEG's rounding, all with noise of up to NOISE.

    What is lost here is not to be drawn, so the picture before it stays the target.
    """
    batch = len(images)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    blurred = torch.lerp(images, soft, _either_side(rng, batch, 1, 1, 1).clamp(min=0).to(images))
    rounded = jpeg_rounded(blurred, _either_side(rng, batch).clamp(min=0).to(images))
    amount = NOISE * torch.rand(batch, 1, 1, 1, generator=rng).square()
    return rounded + (amount * torch.randn(images.shape, generator=rng)).to(images)


def jpeg_rounded(images: Tensor, strength: Tensor) -> Tensor:
    """Round the cosine coefficients of 8x8 blocks, high frequencies more coarsely, as JPEG does.

    Args:
        images: (B,3,S,S) in [0,1].
        strength: (B,); 0 changes nothing, at 1 the steps are about those of JPEG quality 50.
    """
    basis = _cosines().to(images)
    rows, columns = images.shape[2] // 8, images.shape[3] // 8
    blocks = images.reshape(-1, 3, rows, 8, columns, 8).transpose(3, 4)
    found = basis @ blocks @ basis.T
    frequency = torch.arange(8).to(images)
    table = (16 + 6 * (frequency[:, None] + frequency)) / 255
    step = strength.view(-1, 1, 1, 1, 1, 1).clamp(min=1e-4) * table
    rounded = basis.T @ ((found / step).round() * step) @ basis
    return rounded.transpose(3, 4).reshape(images.shape)


def _cosines() -> Tensor:
    """The orthonormal cosine transform of 8 values, (8,8)."""
    index = torch.arange(8, dtype=torch.float32)
    basis = torch.cos(math.pi / 8 * (index + 0.5) * index[:, None]) / 2
    basis[0] /= math.sqrt(2)
    return basis


def _either_side(rng: torch.Generator, *shape: int) -> Tensor:
    """Uniform in [-1, 1)."""
    return torch.rand(shape, generator=rng) * 2 - 1
