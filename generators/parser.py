"""The face parser: which part of a face each pixel of a picture shows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._resize import resize_linear
from .._weights import load_network, save_half
from .residual import Residual

KIND = "face parser"
PARTS: tuple[str, ...] = (
    "background",
    "skin",
    "hair",
    "beard",
    "eyes",
    "eyebrows",
    "nose",
    "mouth",
    "glasses",
    "hat",
    "earrings",
    "clothes",
)
SIZE = 128
_WIDTHS = (16, 24, 48, 80, 96)


class _Up(nn.Module):
    """The coarse features at twice the side, beside the finer ones of the way down."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(coarse, fine, 1)
        self.mix = nn.Conv2d(fine, fine, 3, padding=1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        raised = F.interpolate(self.narrow(coarse), scale_factor=2.0, mode="bilinear", align_corners=False)
        mixed: Tensor = F.relu(self.mix(F.relu(raised + fine)))
        return mixed


class FaceParser(nn.Module):
    """Pictures (B,3,H,W) in [0,1] -> logits of PARTS, (B,12,128,128), of the picture made square.

    A U-Net (Ronneberger et al. 2015) that adds where the paper concatenates. Pictures of other sizes are resized, and
    the shorter side is first extended by its edges; `parse` undoes both.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _WIDTHS[0], 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(_WIDTHS))
        self.blocks = nn.ModuleList(Residual(width, F.relu) for width in _WIDTHS[1:])
        self.centre = Residual(_WIDTHS[-1], F.relu)
        self.up = nn.ModuleList(_Up(b, a) for a, b in reversed(list(pairwise(_WIDTHS))))
        self.head = nn.Conv2d(_WIDTHS[0], len(PARTS), 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        x = F.relu(self.stem(_sized(images) * 2 - 1))
        finer = []
        for down, block in zip(self.down, self.blocks, strict=True):
            finer.append(x)
            x = block(down(F.relu(x)))
        x = self.centre(x)
        for up in self.up:
            x = up(x, finer.pop())
        logits: Tensor = self.head(x)
        return logits.float()

    @torch.no_grad()
    def parse(self, images: Tensor) -> Tensor:
        """The part that each pixel shows, int64 (B,H,W), indices into PARTS; images (B,3,H,W) in [0,1]."""
        height, width = images.shape[-2:]
        side, logits = max(height, width), self(images)
        if side != SIZE:
            logits = F.interpolate(logits, (side, side), mode="bilinear", align_corners=False)
        top, left = (side - height) // 2, (side - width) // 2
        parts: Tensor = logits[:, :, top : top + height, left : left + width].argmax(1)
        return parts


def _sized(images: Tensor) -> Tensor:
    """Any pictures as (B,3,SIZE,SIZE): extended by their edges to squares, then resized."""
    height, width = images.shape[-2:]
    side = max(height, width)
    if height != width:
        top, left = (side - height) // 2, (side - width) // 2
        margins = (left, side - width - left, top, side - height - top)
        images = F.pad(images, margins, mode="replicate")
    return resize_linear(images, SIZE, SIZE)


def save_parser(parser: FaceParser, path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """Write a parser as fp16 safetensors, in one step; the file is replaced if it exists.

    Args:
        metadata: more entries of the header, e.g. a licence.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    save_half(parser, path, {**(metadata or {}), "kind": KIND, "parts": " ".join(PARTS)})


def load_parser(path: str | Path) -> FaceParser:
    """A parser that `save_parser` wrote, frozen, in float32, in eval mode.

    Raises:
        InputFileError: not such a file, or a damaged one.
    """
    mend = "train one with 'promptbrush train parser'"
    return load_network(path, KIND, _of_header, "a face parser", mend)


def _of_header(header: Mapping[str, str]) -> FaceParser:
    if header.get("parts", "").split() != [*PARTS]:
        raise ValueError("its header names other parts")
    return FaceParser()
