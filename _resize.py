"""All resampling of pictures: by two small matrix products for CLIP, by torch's antialiased filters elsewhere.

The matrix products are exact at every size and deterministic on every device.

A separable filter of an image (H, W) is `rows @ image @ columns.T`, so nothing larger than the image itself
is ever made, gradients repeat bit for bit (CUDA's own antialiased resize adds them in any order), and
padding is part of the matrix: a row that is repeated costs nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

Filter = Literal["bicubic", "bilinear", "box"]
Array = npt.NDArray[np.float64]


def fit(images: Tensor, size: int, kind: Filter = "bicubic") -> Tensor:
    """Scale images so that the longer side is `size` and repeat the edges until they are square.

    The aspect is kept, because a squashed face is another face to CLIP; the edge is repeated, because a
    frame of one colour is read as a frame.

    Args:
        images: (B,C,H,W), floating point, any range.
        size: side of the result.
        kind: bicubic (a = -0.5, as Pillow) and bilinear are widened when the image shrinks; box averages
            the exact area of each target pixel.

    Returns:
        (B,C,size,size), centred, in the dtype of `images`.
    """
    height, width = images.shape[-2:]
    longer = max(height, width)
    rows = _matrix(height, _side(height, longer, size), size, kind).to(images)
    columns = _matrix(width, _side(width, longer, size), size, kind).to(images)
    # The rows first: a channel's (size,H) @ (H,W) shrinks the larger part of the work.
    return rows @ images @ columns.T


def resample(images: Tensor, height: int, width: int, kind: Filter = "bilinear") -> Tensor:
    """Resize each side on its own, as the models do whose published input is squashed.

    Args:
        images: (B,C,H,W), floating point.

    Returns:
        (B,C,height,width).
    """
    rows = _matrix(images.shape[-2], height, height, kind).to(images)
    columns = _matrix(images.shape[-1], width, width, kind).to(images)
    return rows @ images @ columns.T


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Bicubic, antialiased, clamped to [0,1]; images that already have the size are returned as they are.

    Args:
        images: (B,C,H,W) in [0,1].

    Returns:
        (B,C,height,width).
    """
    if images.shape[-2:] == (height, width):
        return images
    last = images.is_contiguous(memory_format=torch.channels_last)
    if last and len(images) == 1 and images.stride(0) != images.numel():
        # Torch keeps this layout, which the last digits of every convolution depend on, only of a picture whose first
        # stride spans it; a picture from a file has another one.
        images = images.as_strided(images.shape, (images.numel(), *images.stride()[1:]))
    return F.interpolate(images, (height, width), mode="bicubic", antialias=True).clamp(0, 1)


def resize_linear(images: Tensor, height: int, width: int) -> Tensor:
    """Bilinear, antialiased, for any range of values; images that already have the size are returned as they are.

    Args:
        images: (B,C,H,W), floating point.

    Returns:
        (B,C,height,width).
    """
    if images.shape[-2:] == (height, width):
        return images
    return F.interpolate(images, (height, width), mode="bilinear", antialias=True)


def stretch(images: Tensor, height: int, width: int) -> Tensor:
    """Bilinear without antialiasing, for maps of numbers that are only ever enlarged.

    Args:
        images: (B,C,H,W), floating point.

    Returns:
        (B,C,height,width).
    """
    return F.interpolate(images, size=(height, width), mode="bilinear", align_corners=False)


def _side(side: int, longer: int, size: int) -> int:
    return max(1, round(side * size / longer))


@functools.lru_cache(maxsize=64)
def _matrix(source: int, target: int, padded: int, kind: Filter) -> Tensor:
    """(padded, source) weights that take `source` pixels to `target`, first and last repeated around them."""
    weights = _box(source, target) if kind == "box" else _kernel_weights(source, target, kind)
    first = (padded - target) // 2
    rows = np.clip(np.arange(padded) - first, 0, target - 1)
    return torch.from_numpy(weights[rows].astype(np.float32))


def _box(source: int, target: int) -> Array:
    """Overlap of each source pixel with each target pixel, as a fraction of the target pixel."""
    # In units of 1/(source*target) all edges are whole numbers, so the overlaps are exact.
    starts = np.arange(target)[:, None] * source
    pixels = np.arange(source)[None, :] * target
    overlap = np.minimum(starts + source, pixels + target) - np.maximum(starts, pixels)
    return np.asarray(np.clip(overlap, 0, None) / source, dtype=np.float64)


def _kernel_weights(source: int, target: int, kind: Filter) -> Array:
    kernel, radius = _KERNELS[kind]
    step = source / target
    widening = max(step, 1.0)
    centres = (np.arange(target)[:, None] + 0.5) * step
    distance = (np.arange(source)[None, :] + 0.5 - centres) / widening
    weights = np.where(np.abs(distance) < radius, kernel(np.abs(distance)), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def _triangle(x: Array) -> Array:
    return 1 - x


def _keys(x: Array) -> Array:
    """Keys' cubic convolution (1981) with a = -0.5."""
    return np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2)


_KERNELS: dict[str, tuple[Callable[[Array], Array], float]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_keys, 2),
}
