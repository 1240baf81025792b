"""Redrawing small pictures large: what a generator draws at 128 px leaves with the lines of a drawing at 512.

A generator's steps are cheap at 128 px, and its lines are soft there. This network has learnt what drawings look like
that were softened, tinted, smeared and ghosted as generators do it, and draws them anew at four times the side. An
edited picture is redrawn beside the one that it was made of: what is the same in both is taken over from there, with
its own lines and colours, and only what differs is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._resize import resize
from .._weights import load_network, save_half

KIND = "redraw network"
FACTOR = 4
_FINE, _COARSE, _LARGE = 32, 80, 24
# A picture, another at four times its side folded into channels, and whether there is one.
_INPUTS = 3 + 3 * FACTOR**2 + 1


class _Block(nn.Module):
    """x (B,C,H,W) + two convolutions of it. There is no norm: it would take the picture's contrast away."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.kaiming_normal_(self.first.weight, 0.2)
        nn.init.kaiming_normal_(self.second.weight, 0.2)
        with torch.no_grad():
            self.second.weight.mul_(0.2)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(F.leaky_relu(self.first(x), 0.2))
        return x + change


class Redraw(nn.Module):
    """Pictures (B,3,H,W) in [0,1] -> the same redrawn, (B,3,4H,4W) in about [0,1]; H and W even.

    Residual convolutions at the picture's size, most of them at half of it, where a line and what it bounds are seen
    together; then two pixel shuffles (Shi et al. 2016) onto the picture made larger by interpolation. Where there is a
    picture to look at beside it, a fourth channel says how much of that one is taken over. It is trained at 128 px;
    lines much wider or narrower than a drawing's are not what it knows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(_INPUTS, _FINE, 3, padding=1)
        self.before = _Block(_FINE)
        self.down = nn.Conv2d(_FINE, _COARSE, 4, stride=2, padding=1)
        self.coarse = nn.Sequential(*(_Block(_COARSE) for _ in range(3)))
        self.up = nn.Conv2d(_COARSE, 4 * _FINE, 1)
        self.after = nn.Sequential(_Block(_FINE), _Block(_FINE))
        self.widen = nn.Conv2d(_FINE, 4 * _LARGE, 3, padding=1)
        self.paint = nn.Conv2d(_LARGE, 16, 3, padding=1)
        for layer in (self.stem, self.down, self.up, self.widen):
            nn.init.kaiming_normal_(layer.weight, 0.2)
        with torch.no_grad():
            self.paint.weight.mul_(0.2)

    def forward(self, images: Tensor, beside: Tensor | None = None, given: Tensor | None = None) -> Tensor:
        """See the class.

        Args:
            beside: pictures (B,3,4H,4W) in [0,1] that the others were made of; None if there are none.
            given: which samples have one, (B,1,1,1) of 0 and 1; all if None.
        """
        batch, _, height, width = images.shape
        grown = F.interpolate(images, scale_factor=float(FACTOR), mode="bilinear", align_corners=False)
        if beside is None:
            beside, given = torch.zeros_like(grown), images.new_zeros(batch, 1, 1, 1)
        elif given is None:
            given = images.new_ones(batch, 1, 1, 1)
        seen = given * F.pixel_unshuffle(beside * 2 - 1, FACTOR)
        change = self._change(torch.cat([images * 2 - 1, seen, given.expand(-1, -1, height, width)], dim=1))
        taken = given * torch.sigmoid(change[:, 3:])
        return torch.lerp(grown + change[:, :3], beside, taken)

    def _change(self, seen: Tensor) -> Tensor:
        fine = self.before(self.stem(seen))
        coarse = self.coarse(F.leaky_relu(self.down(fine), 0.2))
        fine = self.after(fine + F.pixel_shuffle(self.up(coarse), 2))
        large = F.leaky_relu(F.pixel_shuffle(self.widen(F.leaky_relu(fine, 0.2)), 2), 0.2)
        return F.pixel_shuffle(self.paint(large), 2)

    @torch.no_grad()
    def redrawn(self, images: Tensor, beside: Tensor | None = None) -> Tensor:
        """Pictures (B,3,S,S) in [0,1], S even, at four times the side, in [0,1].

        Args:
            beside: the pictures (B,3,R,R) that they were made of, of any size.
        """
        side = FACTOR * images.shape[-1]
        if beside is not None:
            beside = resize(beside, side, side)
        drawn: Tensor = self(images, beside).clamp(0, 1)
        return drawn


def save_redraw(network: nn.Module, path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """Write a network as fp16 safetensors, in one step; the file is replaced if it exists.

    Args:
        metadata: more entries of the header, e.g. a licence.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    save_half(network, path, {**(metadata or {}), "kind": KIND, "factor": str(FACTOR)})


def load_redraw(path: str | Path) -> Redraw:
    """A network that `save_redraw` wrote, frozen, in float32, in eval mode.

    Raises:
        InputFileError: not such a file, or a damaged one.
    """
    mend = "train one with 'promptbrush train redraw'"
    return load_network(path, KIND, _of_header, "a redraw network", mend)


def _of_header(header: Mapping[str, str]) -> Redraw:
    if header.get("factor") != str(FACTOR):
        raise ValueError(f"its header names another factor than {FACTOR}")
    return Redraw()
