"""What a picture of a face shows, as features: noses, freckles and wrinkles weigh in them as much as hats do.

They are the stages of the reader, a classifier of attributes; see `training.reader` for how it learns.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._weights import load_network, save_half

KIND = "face content"
SIZE, WIDTHS = 64, (24, 48, 96, 160)


class _Stage(nn.Module):
    """Halves the side, then one residual block."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(before, after, 3, stride=2, padding=1)
        self.block = nn.Sequential(
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        made: Tensor = x + self.block(x)
        return made


class FaceContent(nn.Module):
    """Pictures (B,3,S,S) in [0,1] -> one unit vector each, whose cosine distance is that of all features.

    At every place the features have one length, and all stages weigh the same (after Zhang et al. 2018), so that the
    distance is the mean over stages and places. Larger pictures are read at 64 px, where everything can be told that
    a drawn face has.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, WIDTHS[0], 3, padding=1), nn.ReLU())
        self.stages = nn.ModuleList(_Stage(before, after) for before, after in pairwise(WIDTHS))

    def features(self, images: Tensor) -> list[Tensor]:
        """The features of all stages, (B,C,S,S) each, from half the size down; images are in [-1,1]."""
        x, found = self.stem(reading_size(images)), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        maps = [F.normalize(each.float(), dim=1).flatten(1) for each in self.features(images * 2 - 1)]
        return torch.cat([F.normalize(each, dim=1) for each in maps], dim=1) / math.sqrt(len(maps))


def reading_size(images: Tensor) -> Tensor:
    """Pictures (B,3,S,S) in the size in which they are read."""
    return images if images.shape[3] <= SIZE else F.adaptive_avg_pool2d(images, SIZE)


def save_content(network: FaceContent, path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """Write the stages as fp16 safetensors, in one step; the file is replaced if it exists.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    stages = FaceContent()
    stages.load_state_dict(network.state_dict(), strict=False)
    save_half(stages, path, {**(metadata or {}), "kind": KIND})


def load_content(path: str | Path) -> FaceContent:
    """The stages that `save_content` wrote, frozen, in float32, in eval mode.

    Raises:
        InputFileError: not such a file, or a damaged one.
    """
    mend = "'promptbrush train stylegan2' writes one"
    return load_network(path, KIND, lambda _: FaceContent(), "a network of a face's content", mend)
