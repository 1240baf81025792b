"""StyleNet: the U-Net that CLIPstyler trains anew for one picture and one style (Kwon and Ye 2022)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .norm import InstanceNorm

FACTOR = 8
"""Sides of its pictures are multiples of this."""


class _Block(nn.Module):
    """Two convolutions with instance normalisation, beside a convolution of one pixel."""

    def __init__(self, before: int, after: int, halves: bool = False) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1),
            InstanceNorm(),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1),
            InstanceNorm(),
            nn.ReLU(),
        )
        self.skip = nn.Conv2d(before, after, 1)
        if halves:
            self.downsample = nn.Conv2d(after, after, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.conv(x) + self.skip(x)
        return made


class StyleNet(nn.Module):
    """Pictures (B,3,H,W) in [0,1] -> pictures of the same size in [0,1]; H and W are multiples of 8.

    The names of its parameters are those of the published checkpoints.

    Args:
        width: channels at the whole size; 16 as published.
        sigmoid: whether the result is squeezed into [0,1].
    """

    def __init__(self, width: int = 16, sigmoid: bool = True) -> None:
        super().__init__()
        self.sigmoid = sigmoid
        one, two, four, eight = (width * times for times in (1, 2, 4, 8))
        self.conv_init = nn.Conv2d(3, one, 1)
        self.init = _Block(one, one)
        self.down1 = _Block(one, one, halves=True)
        self.down2 = _Block(one, two, halves=True)
        self.down3 = _Block(two, four, halves=True)
        self.encoding = _Block(four, eight)
        self.up3 = _Block(eight + four, four)
        self.up2 = _Block(four + two, two)
        self.up1 = _Block(two + one, one)
        self.out = _Block(two, one)
        self.conv_fin = nn.Conv2d(one, 3, 1)

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        first = x = self.init(self.conv_init(images))
        kept = []
        for down in (self.down1, self.down2, self.down3):
            x = down(x)
            kept.append(x)
            x = down.downsample(x)
        x = self.encoding(x)
        for up, same in zip((self.up3, self.up2, self.up1), reversed(kept), strict=True):
            larger = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = up(torch.cat([larger, same], dim=1))
        made: Tensor = self.conv_fin(self.out(torch.cat([x, first], dim=1)))
        return made.sigmoid() if self.sigmoid else made
