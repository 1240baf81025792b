"""What a small generator does to a drawing: what a redraw network learns to undo.

Lines wobble and soften, patches smear, the old shape or another's ghost stays behind, flats are tinted and dirty, and
edges that an adversarial finish sharpened overshoot. Each sample is changed by its own random amounts, each kind often
by nothing. Pictures are (B,3,S,S) in [0,1], S a multiple of 8; the random numbers come from a CPU generator.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .degradation import jpeg_rounded

CLEAN = 0.12  # of the pictures stay as they are, so that the network keeps what is already sharp
_WOBBLE = 0.7  # pixels
_GHOST = 0.3


def generated(images: Tensor, ghosts: Tensor, rng: torch.Generator) -> Tensor:
    """Pictures as a small generator may draw them, (B,3,S,S) in [0,1].

    Args:
        ghosts: what may show through, such as the pictures before an edit, (B,3,S,S).
    """
    worn = torch.where(_chosen(len(images), 0.35, rng), ghosted(images, ghosts, rng), images)
    for kind, often in ((wobbled, 0.5), (softened, 0.9), (overshot, 0.35), (tinted, 0.6)):
        worn = torch.where(_chosen(len(images), often, rng), kind(worn, rng), worn)
    worn = torch.where(_chosen(len(images), 0.5, rng), dirty(worn, rng), worn)
    return torch.where(_chosen(len(images), CLEAN, rng), images, worn).clamp(0, 1)


def ghosted(images: Tensor, ghosts: Tensor, rng: torch.Generator) -> Tensor:
    """In patches, other pictures show through by up to _GHOST."""
    fraction = _GHOST * _amount(len(images), rng) * _patches(images, 6, rng)
    return torch.lerp(images, ghosts, fraction.to(images))


def wobbled(images: Tensor, rng: torch.Generator) -> Tensor:
    """Every place moved by up to about _WOBBLE pixels, neighbours alike."""
    batch, _, height, width = images.shape
    rough = torch.randn(batch, 2, max(2, height // 6), max(2, width // 6), generator=rng)
    moves = F.interpolate(rough, (height, width), mode="bicubic", align_corners=False)
    moves = moves * (_WOBBLE * _amount(batch, rng)) * torch.tensor([2 / width, 2 / height]).view(1, 2, 1, 1)
    still = F.affine_grid(torch.eye(2, 3).expand(batch, 2, 3), list(images.shape), align_corners=False)
    grid = (still + moves.permute(0, 2, 3, 1)).to(images)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def softened(images: Tensor, rng: torch.Generator) -> Tensor:
    """Blurred a little as a whole, and in some pictures much in patches."""
    batch = len(images)
    slightly = torch.lerp(images, _smooth(images, 1), _amount(batch, rng).to(images))
    more = torch.lerp(slightly, _smooth(slightly, 1), _amount(batch, rng).square().to(images))
    patches = _patches(images, 10, rng) * _amount(batch, rng) * _chosen(batch, 0.4, rng)
    return torch.lerp(more, _smooth(_smooth(more, 2), 2), patches.to(images))


def overshot(images: Tensor, rng: torch.Generator) -> Tensor:
    """Sharpened beyond the drawing, with light and dark seams at edges."""
    strength = 0.8 * _amount(len(images), rng).to(images)
    return images + strength * (images - _smooth(images, 1))


def tinted(images: Tensor, rng: torch.Generator) -> Tensor:
    """Colours that drift over distances of a few pixels up to a third of the side."""
    drift = torch.zeros_like(images)
    for step in (6, 16):
        drift = drift + _noise(images, step, 3, rng) * (0.025 * _amount(len(images), rng).square()).to(images)
    return images + drift


def dirty(images: Tensor, rng: torch.Generator) -> Tensor:
    """Fine noise, grains of two or three pixels, and what JPEG's rounding leaves."""
    batch = len(images)
    grains = _noise(images, 2, 3, rng) * (0.012 * _amount(batch, rng).square())
    fine = torch.randn(images.shape, generator=rng) * (0.01 * _amount(batch, rng).square())
    strength = 0.4 * (2 * torch.rand(batch, generator=rng) - 1).clamp(min=0)
    return jpeg_rounded(images + (grains + fine).to(images), strength.to(images))


def _amount(batch: int, rng: torch.Generator) -> Tensor:
    """Uniform in [0, 1), (B,1,1,1)."""
    return torch.rand(batch, 1, 1, 1, generator=rng)


def _chosen(batch: int, often: float, rng: torch.Generator) -> Tensor:
    """Which samples something happens to, bool (B,1,1,1)."""
    return torch.rand(batch, 1, 1, 1, generator=rng) < often


def _noise(images: Tensor, step: int, channels: int, rng: torch.Generator) -> Tensor:
    """Smooth normal noise whose grains are `step` pixels apart, (B,channels,H,W)."""
    batch, _, height, width = images.shape
    rough = torch.randn(batch, channels, height // step + 2, width // step + 2, generator=rng)
    return F.interpolate(rough, (height, width), mode="bilinear", align_corners=False)


def _patches(images: Tensor, step: int, rng: torch.Generator) -> Tensor:
    """Soft patches over about half of each picture, (B,1,H,W) in [0,1]."""
    return (2 * _noise(images, step, 1, rng) + 0.5).clamp(0, 1)


def _smooth(images: Tensor, radius: int) -> Tensor:
    """The mean over a square of 2 * radius + 1 pixels, twice, which is nearly a Gaussian."""
    for _ in range(2):
        padded = F.pad(images, (radius,) * 4, mode="replicate")
        images = F.avg_pool2d(padded, 2 * radius + 1, stride=1)
    return images
