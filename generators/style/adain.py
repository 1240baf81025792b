"""The feed-forward styler of CLIPstyler: AdaIN's encoder, frozen, and its decoder, trained for a style.

Networks and checkpoints are those of Huang and Belongie 2017: a VGG19 whose features are normalised, up to relu4_1, and
a mirror of it. There is no step between both: the decoder alone holds the style (Kwon and Ye 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from torch import nn

from .checkpoints import filled, read_state

# Channels between poolings, a convolution each, and how many of them the whole file holds.
_ENCODER = ((64, 64), (128, 128), (256, 256, 256, 256), (512, 512, 512, 512), (512, 512, 512, 512))
_TAKEN = 31
FACTOR = 8
"""Sides of its pictures are multiples of this: three poolings."""
_DECODER = ((512, 256), (256, 256, 256, 256, 128), (128, 128, 64), (64, 64, 3))


def encoder(taken: int = _TAKEN) -> nn.Sequential:
    """Pictures (B,3,H,W) in [0,1] -> relu4_1, (B,512,H/8,W/8): the first `taken` modules of the normalised VGG19."""
    modules: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
    before = 3
    for stage, widths in enumerate(_ENCODER):
        if stage:
            modules.append(nn.MaxPool2d(2, ceil_mode=True))
        for width in widths:
            modules += [nn.ReflectionPad2d(1), nn.Conv2d(before, width, 3), nn.ReLU()]
            before = width
    return nn.Sequential(*modules[:taken])


def decoder() -> nn.Sequential:
    """relu4_1 (B,512,H,W) -> pictures (B,3,8H,8W) in about [0,1]."""
    modules: list[nn.Module] = []
    for stage, widths in enumerate(_DECODER):
        if stage:
            modules.append(nn.Upsample(scale_factor=2, mode="nearest"))
        for before, after in pairwise(widths):
            modules += [nn.ReflectionPad2d(1), nn.Conv2d(before, after, 3), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def load_encoder(path: str | Path) -> nn.Sequential:
    """The frozen encoder of `vgg_normalised.pth`, which holds more modules than are used.

    Raises:
        InputFileError: not such a file.
    """
    return filled(encoder(), read_state(path), path).requires_grad_(False)


def load_decoder(path: str | Path) -> nn.Sequential:
    """The decoder of `decoder.pth`, or of a fine-tuned `clip_decoder_iter_200.pth.tar`.

    Raises:
        InputFileError: not such a file.
    """
    return filled(decoder(), read_state(path), path)


def mixed(decoders: Sequence[nn.Sequential], shares: Sequence[float]) -> nn.Sequential:
    """A decoder whose weights are the mean of several, `shares` of each: the style between theirs."""
    total = sum(shares)
    states = [each.state_dict() for each in decoders]
    made = decoder()
    made.load_state_dict(
        {
            key: sum(share / total * state[key] for share, state in zip(shares, states, strict=True))
            for key in states[0]
        }
    )
    return made
