"""A plot of lines, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..pictures import write_picture

_SIZE, _LEFT, _TOP, _RIGHT, _BOTTOM = (640, 400), 70, 24, 20, 40
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")
_GRID = 4


def write_curve(result: Any, path: Path) -> None:
    """The loss of every step of a result.

    Raises:
        InputFileError: it cannot be written.
    """
    losses = [sum(each.values()) for each in result.losses]
    write_picture(plot({"loss of a step": losses}, "step", "loss"), path)


def plot(
    lines: Mapping[str, Sequence[float]],
    across: str,
    up: str,
    at: Mapping[str, Sequence[float]] | None = None,
) -> Tensor:
    """Lines over one pair of axes, (1,3,400,640) in [0,1].

    Args:
        lines: name -> values, in their order.
        across, up: what the axes are.
        at: name -> where the values lie across; their numbers by default.
    """
    places = at or {name: range(len(values)) for name, values in lines.items()}
    frame = _Frame(
        [x for name in lines for x in places[name]] or [0.0],
        [y for each in lines.values() for y in each] or [0.0],
    )
    canvas = Image.new("RGB", _SIZE, "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    frame.draw(pen, font)
    for index, (name, values) in enumerate(lines.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        points = [frame.point(x, y) for x, y in zip(places[name], values, strict=True)]
        if len(points) > 1:
            pen.line(points, fill=colour, width=2)
        pen.text((_SIZE[0] - _RIGHT - 4, _TOP + 4 + 16 * index), name, fill=colour, font=font, anchor="ra")
    pen.text((_SIZE[0] - _RIGHT, _SIZE[1] - 4), across, fill="black", font=font, anchor="rb")
    pen.text((4, 4), up, fill="black", font=font)
    return torch.from_numpy(np.array(canvas)).permute(2, 0, 1)[None].float() / 255


class _Frame:
    """The axes: from numbers to pixels."""

    def __init__(self, x: Sequence[float], y: Sequence[float]) -> None:
        self.x, self.y = min(x), min(y)
        self.wide, self.high = (max(x) - self.x) or 1.0, (max(y) - self.y) or 1.0

    def point(self, x: float, y: float) -> tuple[float, float]:
        across, down = (x - self.x) / self.wide, 1 - (y - self.y) / self.high
        width, height = _SIZE[0] - _LEFT - _RIGHT, _SIZE[1] - _TOP - _BOTTOM
        return _LEFT + across * width, _TOP + down * height

    def draw(self, pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> None:
        for part in range(_GRID + 1):
            x, y = self.x + self.wide * part / _GRID, self.y + self.high * part / _GRID
            pen.line([self.point(self.x, y), self.point(self.x + self.wide, y)], fill="#dddddd")
            pen.text((_LEFT - 6, self.point(x, y)[1]), f"{y:.3g}", fill="black", font=font, anchor="rm")
            below = (self.point(x, y)[0], _SIZE[1] - _BOTTOM + 4)
            pen.text(below, f"{x:.3g}", fill="black", font=font, anchor="mt")
