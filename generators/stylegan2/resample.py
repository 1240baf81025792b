"""Resampling by 2 with the filter [1, 3, 3, 1] (Karras et al. 2020, after StyleGAN), zeros beyond the border.

The filter is symmetric and separable, so every operation here is, up to a factor, the gradient of another one.
Saying so makes second derivatives (R1, path length) as cheap as first ones: PyTorch's own second derivative of
a depthwise convolution loops over the channels, and its first one is slow with stride 2 in bfloat16 on CPUs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

TAPS = (1.0, 3.0, 3.0, 1.0)


class _Blur(torch.autograd.Function):
    """The filter at the same scale: padding p turns H into H + 2p - 3; its gradient has padding 3 - p."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, padding: int, gain: float) -> Tensor:
        ctx.settings = (padding, gain)
        return _depthwise(x, padding, gain, 1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        padding, gain = ctx.settings
        return _Blur.apply(grad, 3 - padding, gain), None, None


class _Resize(torch.autograd.Function):
    """Half or twice the size; the gradient of one is the other, times 1/4 or 4."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, up: bool) -> Tensor:
        ctx.up = up
        return _bilinear(x) if up else _depthwise(x, 1, 1.0, 2)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Resize.apply(grad, not ctx.up) * (4.0 if ctx.up else 0.25), None


def _depthwise(x: Tensor, padding: int, gain: float, stride: int) -> Tensor:
    """Two short passes beat one in float32, one pass beats two in 16 bits (measured on CPU, channels_last)."""
    taps = torch.tensor(TAPS, dtype=x.dtype).to(x.device, non_blocking=True) * (gain**0.5 / 8)
    channels = x.shape[1]
    if x.dtype != torch.float32:
        kernel = torch.outer(taps, taps).expand(channels, 1, 4, 4)
        return F.conv2d(x, kernel, padding=padding, stride=stride, groups=channels)
    column, row = taps.view(1, 1, 4, 1), taps.view(1, 1, 1, 4)
    x = F.conv2d(x, column.expand(channels, 1, 4, 1), None, (stride, 1), (padding, 0), groups=channels)
    return F.conv2d(x, row.expand(channels, 1, 1, 4), None, (1, stride), (0, padding), groups=channels)


def _bilinear(x: Tensor) -> Tensor:
    """Zeros between the pixels, then the filter with gain 4: bilinear interpolation with a border of zeros."""
    padded = F.pad(x, (1, 1, 1, 1))
    return F.interpolate(padded, scale_factor=2, mode="bilinear", align_corners=False)[:, :, 2:-2, 2:-2]


def _autocast(x: Tensor) -> Tensor:
    """x in the type that autocast gives to convolutions, if it is on."""
    device = x.device.type
    return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Convolve each channel of x (N,C,H,W) with outer([1,3,3,1]) * gain / 64 -> (N,C,H+2p-3,W+2p-3)."""
    out: Tensor = _Blur.apply(_autocast(x), padding, gain)
    return out


def upsample2(x: Tensor) -> Tensor:
    """Twice the size, (N,C,H,W) -> (N,C,2H,2W)."""
    out: Tensor = _Resize.apply(x, True)
    return out


def downsample2(x: Tensor) -> Tensor:
    """Half the size, (N,C,H,W) with even H, W -> (N,C,H/2,W/2)."""
    out: Tensor = _Resize.apply(_autocast(x), False)
    return out


def conv_up2(x: Tensor, weight: Tensor, groups: int = 1) -> Tensor:
    """3x3 convolution to twice the size: transposed with stride 2 (gives 2H+1), then the filter (gives 2H).

    weight (O,I/groups,3,3) is laid out as for conv2d; it is not flipped.
    """
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    if groups > 1:
        weight = weight.view(groups, outputs, inputs, 3, 3).transpose(1, 2).reshape(-1, outputs, 3, 3)
    else:
        weight = weight.transpose(0, 1)
    return blur(F.conv_transpose2d(x, weight, stride=2, groups=groups), padding=1, gain=4)


def conv_down2(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """3x3 or 1x1 convolution to half the size, after the filter."""
    if weight.shape[-1] == 1:
        return F.conv2d(downsample2(x), weight, bias)
    return F.conv2d(blur(x, padding=2), weight, bias, stride=2)
