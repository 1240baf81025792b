"""One network for every style: a style vector of 100 numbers, or a text, says what its normalisations do.

The transformer is that of Ghiasi et al. 2017; FastCLIPstyler and EdgeCLIPstyler (Suresh et al. 2024) put a network
before it that turns the features of a text into style vectors. The names of parameters are those of their checkpoints.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from .checkpoints import filled, read_state
from .norm import InstanceNorm

STYLE = 100
FACTOR = 4
"""Sides of its pictures are multiples of this."""
_TEXT = {
    "clip": (512, 256, 256, 150, 150, STYLE),
    "albert": (768, 512, 256, 256, 150, 150, STYLE),
}


class _Plain(nn.Module):
    """A convolution with reflected borders, normalised alike for all styles."""

    def __init__(self, before: int, after: int, size: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, size, stride, size // 2, padding_mode="reflect")
        self.norm = InstanceNorm()

    def forward(self, x: Tensor, _style: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1, padding_mode="reflect")
        self.fc_beta1, self.fc_gamma1 = nn.Linear(STYLE, width), nn.Linear(STYLE, width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, padding_mode="reflect")
        self.fc_beta2, self.fc_gamma2 = nn.Linear(STYLE, width), nn.Linear(STYLE, width)
        self.norm1, self.norm2 = InstanceNorm(), InstanceNorm()

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        made = F.relu(self.norm1(self.conv1(x), self.fc_gamma1(style), self.fc_beta1(style)))
        styled: Tensor = self.norm2(self.conv2(made), self.fc_gamma2(style), self.fc_beta2(style))
        return x + styled


class _Enlarging(nn.Module):
    """A convolution with the scale and shift of a style, at twice the size if it enlarges."""

    def __init__(self, before: int, after: int, size: int, times: int, last: bool = False) -> None:
        super().__init__()
        self.times, self.last = times, last
        self.conv = nn.Conv2d(before, after, size, 1, size // 2, padding_mode="reflect")
        self.fc_beta = nn.Linear(STYLE, after)
        self.fc_gamma = nn.Linear(STYLE, after)
        self.norm = InstanceNorm()

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        larger = F.interpolate(x, scale_factor=self.times, mode="nearest") if self.times > 1 else x
        made: Tensor = self.norm(self.conv(larger), self.fc_gamma(style), self.fc_beta(style))
        return made if self.last else F.relu(made)


class StyleTransformer(nn.Module):
    """Pictures (B,3,H,W) in [0,1] and style vectors (B,100) -> pictures in [0,1]; H and W are multiples of 4."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                _Plain(3, 32, 9, 1),
                _Plain(32, 64, 3, 2),
                _Plain(64, 128, 3, 2),
                *(_Residual(128) for _ in range(5)),
                _Enlarging(128, 64, 3, 2),
                _Enlarging(64, 32, 3, 2),
                _Enlarging(32, 3, 9, 1, last=True),
            ]
        )

    def forward(self, images: Tensor, style: Tensor) -> Tensor:
        """See the class."""
        x = images
        for layer in self.layers:
            x = layer(x, style)
        return x.sigmoid()


class TextToStyle(nn.Module):
    """Unit features of texts (B,D) -> style vectors (B,100) in (-1,1).

    Args:
        widths: of all layers, from the features' to the style's.
    """

    def __init__(self, widths: tuple[int, ...] = _TEXT["clip"]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        self.model = nn.Sequential(*layers[:-1], nn.Tanh())

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        style: Tensor = self.model(features)
        return style


def load_transformer(path: str | Path) -> StyleTransformer:
    """The transformer of a published checkpoint, frozen; it may lie under the key `state_dict_ghiasi`.

    Raises:
        InputFileError: not such a file.
    """
    state = read_state(path)
    inner = state.get("state_dict_ghiasi", state)
    return filled(StyleTransformer(), inner, path).requires_grad_(False)


def load_text_to_style(path: str | Path) -> TextToStyle:
    """The network from texts to styles of a published checkpoint, of CLIP's or of ALBERT's features, frozen.

    Raises:
        InputFileError: not such a file.
    """
    state = read_state(path)
    weights = [value for key, value in state.items() if key.endswith("weight") and isinstance(value, Tensor)]
    widths = (*(int(value.shape[1]) for value in weights), STYLE)
    known = widths if widths in _TEXT.values() else _TEXT["clip"]
    return filled(TextToStyle(known), state, path).requires_grad_(False)
