"""A small network that tells drawn faces apart: identity where the published face network knows only photographs.

Its embedding stays when expression, glasses, hair, clothes and backdrop change.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .._base import MissingError
from .._resize import resize_linear
from .._weights import load_network

KIND = "face features"
SIZE = 128
WIDTH = 128
_GROUPS, _GRID = 8, 4
_WIDTHS = (24, 40, 64, 96)


class _Stage(nn.Module):
    """Halves the side, then x + two convolutions of it."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(before, after, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(_GROUPS, after)
        self.first = nn.Conv2d(after, after, 3, padding=1)
        self.second = nn.Conv2d(after, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(F.gelu(x))
        change: Tensor = self.second(F.gelu(self.first(F.gelu(self.norm(x)))))
        return x + change


class FaceFeatures(nn.Module):
    """Pictures (B,3,H,W) in [0,1] -> unit vectors (B,128), near each other for one drawn person."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _WIDTHS[0], 5, stride=2, padding=2)
        self.stages = nn.ModuleList(_Stage(before, after) for before, after in pairwise(_WIDTHS))
        self.norm = nn.GroupNorm(_GROUPS, _WIDTHS[-1])
        self.head = nn.Linear(_GRID**2 * _WIDTHS[-1], WIDTH)

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        x = self.stem(_sized(images) * 2 - 1)
        for stage in self.stages:
            x = stage(x)
        top = F.gelu(self.norm(x))
        # Where something is tells faces apart as well, so the mean is taken over quarters of the side only.
        pooled = F.adaptive_avg_pool2d(top, _GRID).flatten(1)
        features: Tensor = F.normalize(self.head(pooled).float(), dim=1)
        return features


def _sized(images: Tensor) -> Tensor:
    return resize_linear(images, SIZE, SIZE)


def holds_face_features(path: Path) -> bool:
    """Whether a file's header says that `load_face_features` reads it."""
    try:
        with safe_open(str(path), framework="pt") as file:
            return (file.metadata() or {}).get("kind") == KIND
    except (OSError, SafetensorError):
        return False


def load_face_features(path: str | Path, device: str | torch.device = "cpu") -> FaceFeatures:
    """A network that `promptbrush train features` wrote, frozen, in float32, in eval mode.

    Raises:
        MissingError: no such file. InputFileError: not such a network, or a damaged one.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingError(f"{path}: there is no such file; train one with 'promptbrush train features'")
    mend = "train one with 'promptbrush train features'"
    return load_network(path, KIND, lambda _: FaceFeatures(), "a network of face features", mend).to(device)
