"""The StyleGAN2 discriminator in plain PyTorch (Karras et al. 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .config import DiscriminatorConfig
from .layers import Conv, FullyConnected, Mapping, as_block_input, full_precision, runs_in_half
from .resample import downsample2


class DiscriminatorBlock(nn.Module):
    """Two 3x3 convolutions, the second to half the size; `resnet` adds a 1x1 shortcut."""

    def __init__(self, resolution: int, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.resolution, self.config = resolution, config
        inputs, outputs = config.channels[resolution], config.channels[resolution // 2]
        clamp, resnet = config.conv_clamp, config.architecture == "resnet"
        gain = math.sqrt(0.5) if resnet else 1.0
        if resolution == config.resolution or config.architecture == "skip":
            self.fromrgb = Conv(config.img_channels, inputs, 1, clamp=clamp)
        self.conv0 = Conv(inputs, inputs, 3, clamp=clamp)
        self.conv1 = Conv(inputs, outputs, 3, down=True, gain=gain, clamp=clamp)
        if resnet:
            self.skip = Conv(inputs, outputs, 1, bias=False, activate=False, down=True, gain=gain)

    def forward(self, x: Tensor | None, img: Tensor | None) -> tuple[Tensor, Tensor | None]:
        half = runs_in_half(self.config, self.resolution, self.conv0.weight.device)
        if img is not None and hasattr(self, "fromrgb"):
            entry = self.fromrgb(as_block_input(img, half))
            x = entry if x is None else x + entry
            img = downsample2(img) if self.config.architecture == "skip" else None
        if x is None:
            raise ValueError("a block got neither features nor a picture")
        x = as_block_input(x, half)
        out = self.conv1(self.conv0(x))
        if self.config.architecture == "resnet":
            out = self.skip(x) + out
        return out, img


def minibatch_deviation(x: Tensor, group_size: int, channels: int) -> Tensor:
    """x (N,C,H,W) with `channels` maps appended that hold the deviation within groups (Karras et al. 2018).

    Sample i is in group i mod (N / group size). The group size is the largest up to `group_size` that divides N.
    """
    batch, _, height, width = x.shape
    size = next(size for size in range(min(group_size, batch), 0, -1) if batch % size == 0)
    groups = x.reshape(size, batch // size, channels, -1, height, width)
    deviation = (groups - groups.mean(0)).square().mean(0).add(1e-8).sqrt().mean((2, 3, 4))
    maps = deviation.repeat(size, 1)[:, :, None, None].expand(-1, -1, height, width)
    return torch.cat([x, maps], dim=1)


class Epilogue(nn.Module):
    """4x4 features -> logits, in float32."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        width = config.channels[4]
        self.config = config
        if config.architecture == "skip":
            self.fromrgb = Conv(config.img_channels, width, 1)
        self.conv = Conv(width + config.mbstd_channels, width, 3, clamp=config.conv_clamp)
        self.fc = FullyConnected(width * 16, width, activate=True)
        self.out = FullyConnected(width, config.cmap_dim or 1)

    def forward(self, x: Tensor, img: Tensor | None, label: Tensor | None) -> Tensor:
        x = x.float()
        if img is not None and hasattr(self, "fromrgb"):
            x = x + self.fromrgb(img.float())
        if self.config.mbstd_channels > 0:
            x = minibatch_deviation(x, self.config.mbstd_group_size, self.config.mbstd_channels)
        x = self.out(self.fc(self.conv(x).flatten(1)))
        if label is None:
            return x
        # The projection of Miyato and Koyama (2018).
        return (x * label).sum(1, keepdim=True) / math.sqrt(self.config.cmap_dim)


class Discriminator(nn.Module):
    """Pictures in [-1, 1] -> logits; state dict names as in the stylegan2-ada-pytorch checkpoints."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        for resolution in reversed(config.resolutions[1:]):
            self.add_module(f"b{resolution}", DiscriminatorBlock(resolution, config))
        if config.c_dim > 0:
            self.mapping = Mapping(config, 0, config.cmap_dim, None)
        self.b4 = Epilogue(config)

    def forward(self, img: Tensor, labels: Tensor | None = None) -> Tensor:
        """img (B,3,H,W) in [-1,1], labels (B,c_dim) if conditional -> logits (B,1), higher is more real."""
        x: Tensor | None = None
        rest: Tensor | None = img
        for resolution in reversed(self.config.resolutions[1:]):
            x, rest = self.get_submodule(f"b{resolution}")(x, rest)
        label = self.mapping(None, labels) if self.config.c_dim > 0 else None
        with full_precision(img):
            logits: Tensor = self.b4(x, rest, label)
        return logits
