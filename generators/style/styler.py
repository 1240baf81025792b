"""The embedded styler: one small network for every style that words name, fast enough for photographs on a CPU.

Like the networks of Ghiasi et al. 2017 and FastCLIPstyler (Suresh et al. 2024) it normalises by a style vector that
comes from the features of a text. It differs in three ways. It works on a quarter of the size, and at the end on half
of it, where it sees the picture's own pixels again. It is told where it is, by waves, so that it can lay a grid of
stitches over a plain sky; the longer ones bend with what is to be seen there, as the lines of an engraving do. And it
has some noise, so that what is plain need not stay so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._base import UsageError
from ..._files import short_hash
from ..._weights import load_network, save_half
from ..base import Latent
from .norm import InstanceNorm
from .transformer import TextToStyle

FACTOR = 4
"""Sides of its pictures are multiples of this."""
# Wave lengths in pixels of the picture, at a quarter and at half of its size, and channels of noise.
_WAVES = {4: (16, 24, 48), 2: (6, 9, 12)}
_NOISES = {4: 4, 2: 2}
# The long waves bend, so that panes and cuts look made by hand: in pixels, by themselves and with how light a place is.
_BENT, _DRIFT, _BEND = 4, 6.0, 14.0
_TILE = 256
_KIND = "styler"


class _Styled(nn.Module):
    """Normalisation with the scale and shift that a style vector asks for."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.norm = InstanceNorm()
        self.ask = nn.Linear(style, 2 * channels)
        nn.init.normal_(self.ask.weight, std=0.05)
        nn.init.zeros_(self.ask.bias)
        with torch.no_grad():
            self.ask.bias[:channels] = 1

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (B,C,H,W), style (B,S) -> (B,C,H,W)."""
        scale, shift = self.ask(style).chunk(2, dim=1)
        styled: Tensor = self.norm(x, scale, shift)
        return styled


class _Block(nn.Module):
    """A convolution in a style, rectified."""

    def __init__(self, before: int, after: int, style: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation)
        self.styled = _Styled(after, style)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (B,C,H,W), style (B,S) -> (B,C',H,W)."""
        return F.relu_(self.styled(self.conv(x), style))


class _Residual(nn.Module):
    def __init__(self, width: int, style: int, dilation: int) -> None:
        super().__init__()
        self.first = _Block(width, width, style, dilation)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.styled = _Styled(width, style)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        made: Tensor = self.styled(self.conv(self.first(x, style)), style)
        return x + made


class Styler(nn.Module):
    """Pictures (B,3,H,W) in [0,1] and style vectors (B,S) -> pictures in [0,1]; H and W are multiples of 4.

    Args:
        features: how many numbers tell a text (`words` are those that it was taught); 0 for a styler of one style,
            which has its vector and no text network.
        width: channels at a quarter of the size. fine: channels at half of it. style: numbers of a style vector.
        dilations: of the residual blocks.
    """

    def __init__(
        self,
        features: int = 256,
        width: int = 48,
        fine: int = 24,
        style: int = 48,
        dilations: Sequence[int] = (1, 2, 4, 1),
    ) -> None:
        super().__init__()
        self.shape = {"features": features, "width": width, "fine": fine, "style": style}
        self.dilations = tuple(dilations)
        self.prompt = ""
        self.words: tuple[str, ...] = ()
        self.vector: Tensor
        if features:
            self.text = TextToStyle((features, 256, 150, style))
        else:
            self.register_buffer("vector", torch.zeros(1, style))
        told = {size: 4 * len(_WAVES[size]) + _NOISES[size] for size in _WAVES}
        self.begin = _Block(3 * 16 + told[4], width, style)
        self.blocks = nn.ModuleList(_Residual(width, style, dilation) for dilation in dilations)
        self.larger = _Block(width, fine, style)
        self.detail = _Block(fine + 3 * 4 + told[2], fine, style)
        self.end = nn.Conv2d(fine, 3 * 4, 3, padding=1)

    def forward(self, images: Tensor, style: Tensor, at: tuple[int, int] = (0, 0)) -> Tensor:
        """See the class.

        Args:
            at: row and column of the whole picture, multiples of 4, where this part of it begins.
        """
        x = self.begin(_with_place(images, 4, at), style)
        for block in self.blocks:
            x = block(x, style)
        x = self.larger(F.interpolate(x, scale_factor=2, mode="nearest"), style)
        x = self.detail(torch.cat([x, _with_place(images, 2, at)], dim=1), style)
        return F.pixel_shuffle(self.end(x), 2).sigmoid()

    def propose(
        self, condition: Tensor, rngs: Sequence[torch.Generator] = (), latent: Latent | None = None
    ) -> Tensor:
        """Style vectors (B,S) for a CLIP's features of words (B,D): a `generators.base.Proposal` without chance."""
        del rngs, latent
        made: Tensor = self.text(condition)
        return made


def _with_place(images: Tensor, size: int, at: tuple[int, int]) -> Tensor:
    """Pixels of squares of `size` as channels, with the waves and the noise of the place."""
    folded = F.pixel_unshuffle(images - 0.5, size) * 2
    where = (*folded.shape[-2:], size, at[0] // size, at[1] // size)
    if size == _BENT:
        seen = F.avg_pool2d(folded.detach().float().mean(1, keepdim=True), 9, 1, 4, count_include_pad=False)
        waves = _waves(_places(*where).to(seen.device) + _BEND * seen, size)
    else:
        waves = _straight(*where)
    told = (each.to(folded).expand(len(images), -1, -1, -1) for each in (waves, _noise(*where)))
    return torch.cat([folded, *told], dim=1)


def _waves(places: Tensor, size: int) -> Tensor:
    """Columns and rows (B,2,H,W) in pixels -> sine and cosine of both for each length, (B,4 per length,H,W)."""
    turns = torch.cat([2 * math.pi / wave * places for wave in _WAVES[size]], dim=1)
    return torch.stack([turns.sin(), turns.cos()], dim=2).flatten(1, 2)


@lru_cache(maxsize=8)
def _places(height: int, width: int, size: int, top: int, left: int) -> Tensor:
    """Column and row of each square in pixels, with their drift: (1,2,H,W)."""
    rows = ((torch.arange(height) + top + 0.5) * size)[:, None].expand(height, width)
    columns = ((torch.arange(width) + left + 0.5) * size)[None].expand(height, width)
    places = torch.stack([columns, rows])
    return (places + _drift(columns, rows) if size == _BENT else places)[None]


@lru_cache(maxsize=8)
def _straight(height: int, width: int, size: int, top: int, left: int) -> Tensor:
    return _waves(_places(height, width, size, top, left), size)


@lru_cache(maxsize=16)
def _noise(height: int, width: int, size: int, top: int, left: int) -> Tensor:
    """The same wherever a picture is cut, (1,C,H,W)."""
    noise = torch.randn(_NOISES[size], _TILE, _TILE, generator=torch.Generator().manual_seed(size))
    down, right = (torch.arange(height) + top) % _TILE, (torch.arange(width) + left) % _TILE
    return noise[None, :, down[:, None], right]


def _drift(columns: Tensor, rows: Tensor) -> Tensor:
    """Smooth distances in pixels, another of columns than of rows, that are the same wherever a picture is cut."""
    rng = torch.Generator().manual_seed(0)
    lengths = 90 + 110 * torch.rand(2, 6, generator=rng)
    headings, begins = 2 * math.pi * torch.rand(2, 2, 6, generator=rng)
    found = []
    for way in range(2):
        waves = [
            torch.sin(2 * math.pi / length * (heading.cos() * columns + heading.sin() * rows) + begin)
            for length, heading, begin in zip(lengths[way], headings[way], begins[way], strict=True)
        ]
        found.append(_DRIFT * torch.stack(waves).sum(0) / len(waves) ** 0.5)
    return torch.stack(found)


@torch.no_grad()
def of_one_style(styler: Styler, vector: Tensor, prompt: str) -> Styler:
    """A styler of one style, with the weights of one that knows many.

    Args:
        vector: (1,S), of the style. prompt: its words, for people.
    """
    made = Styler(**{**styler.shape, "features": 0}, dilations=styler.dilations)
    state = {key: value for key, value in styler.state_dict().items() if not key.startswith("text.")}
    made.load_state_dict({**state, "vector": vector.detach()})
    made.prompt = prompt
    return made.to(vector.device).eval()


def blended(stylers: Sequence[Styler], shares: Sequence[float]) -> Styler:
    """A styler between several of one style each: the mean of their weights, `shares` of each.

    Raises:
        UsageError: they are of different shapes, or their shares add up to nothing.
    """
    first = stylers[0]
    total = sum(shares)
    if any((each.shape, each.dilations) != (first.shape, first.dilations) for each in stylers):
        raise UsageError(
            "stylers of different sizes cannot be mixed; give ones trained with the same settings"
        )
    if total <= 0:
        raise UsageError(f"the weights of mixed stylers add up to {total:g}; give some above 0")
    states = [each.state_dict() for each in stylers]
    parts = {
        key: sum(share / total * state[key] for share, state in zip(shares, states, strict=True))
        for key in states[0]
    }
    made = Styler(**first.shape, dilations=first.dilations)
    made.load_state_dict(parts)
    made.prompt = " and ".join(each.prompt for each in stylers)
    return made.eval()


def save_styler(
    styler: Styler, path: str | Path, metadata: Mapping[str, str] | None = None, base: Path | None = None
) -> None:
    """Write a styler as safetensors.

    Args:
        base: a styler's file; what is the same in both is left out, and the file is of use beside that one only.

    Raises:
        InputFileError: it cannot be written.
    """
    shape = {key: str(value) for key, value in styler.shape.items()}
    dilations = ",".join(map(str, styler.dilations))
    words = "|".join(styler.words)
    header = {"kind": _KIND, **shape, "dilations": dilations, "prompt": styler.prompt, "words": words}
    if base is not None:
        header["base"] = short_hash(base)
    same = load_styler(base).state_dict() if base is not None else None
    save_half(styler, path, {**header, **(metadata or {})}, same)


def load_styler(path: str | Path, base: Path | None = None) -> Styler:
    """A styler that `save_styler` wrote, frozen.

    Args:
        base: the styler beside which a file was written that leaves out what both have.

    Raises:
        InputFileError: not such a file, or written beside another one.
    """

    def rest(header: Mapping[str, str]) -> Mapping[str, Tensor]:
        if "base" not in header:
            return {}
        if base is None or short_hash(base) != header["base"]:
            raise ValueError("it completes another version of the pack's styler")
        return {key: value for key, value in load_styler(base).state_dict().items() if key[:5] != "text."}

    mend = "train one with 'promptbrush train styler'"
    styler = load_network(path, _KIND, _built, "a styler", mend, rest)
    return styler.to(memory_format=torch.contiguous_format)


def _built(header: Mapping[str, str]) -> Styler:
    shape = {key: int(header.get(key, "")) for key in ("features", "width", "fine", "style")}
    if not all(0 <= value <= 4096 for value in shape.values()) or not all(
        shape[key] for key in ("width", "fine", "style")
    ):
        raise ValueError(f"its header asks for a network of {shape}")
    dilations = [int(each) for each in header.get("dilations", "").split(",")]
    if not 0 < len(dilations) <= 64 or not all(0 < each <= 64 for each in dilations):
        raise ValueError(f"its header asks for blocks of dilations {dilations[:5]}")
    styler = Styler(**shape, dilations=dilations)
    styler.prompt = header.get("prompt", "")
    styler.words = tuple(word for word in header.get("words", "").split("|") if word)
    return styler
