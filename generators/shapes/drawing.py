"""A finished drawing of shapes: its numbers, its picture at any size, and its JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..._base import InputFileError, UsageError
from .decoding import Limits
from .forms import COLOUR, LARGEST, Size
from .generator import Shapes
from .kinds import kind_of

FORMAT = 1
# A drawing is as it is.
_ANY = Limits(opacity=(0.0, 1.0), beyond=100.0)


@dataclass(frozen=True)
class Drawing:
    """Shapes over a background.

    Attributes:
        kind: of all shapes.
        numbers: (N,D) the columns of the kind, then red, green, blue, opacity, as `Shapes` decodes them.
        size: height and width of the canvas that it was made for.
        background: (3,) red, green, blue in [0,1].
    """

    kind: str
    numbers: Tensor
    size: Size
    background: Tensor

    def picture(self, height: int | None = None) -> Tensor:
        """Drawn at another height, with the width that goes with it: (1,3,H,W) in [0,1].

        Raises:
            UsageError: the picture would be larger than 8,192 pixels a side.
        """
        high, wide = self.size
        if height is not None:
            high, wide = height, max(1, round(height * wide / high))
        if max(high, wide) > LARGEST:
            raise UsageError(
                f"a picture of {wide} x {high} is too large; give at most {LARGEST:,} pixels a side"
            )
        generator = Shapes(self.kind, len(self.numbers), (high, wide), limits=_ANY)
        behind = self.background.view(1, 3, 1, 1).expand(1, 3, high, wide)
        with torch.no_grad():
            return generator.decode(self.numbers.cpu().flatten()[None], behind.cpu())

    @property
    def columns(self) -> tuple[str, ...]:
        """What the numbers of a shape are."""
        return (*kind_of(self.kind).columns, *COLOUR)


def drawing_of(generator: Shapes, latent: Tensor, background: Tensor | None = None) -> Drawing:
    """What a generator draws of one latent (N * columns,), with its limits already applied.

    Triangles of mode "pillow" keep their whole corners and colours.
    """
    numbers = latent.detach().reshape(-1, len(generator.columns))
    height, width = generator.size
    if generator.mode == "pillow":
        corners, colours = generator.outlines(latent.detach()[None])
        places = corners[0].flip(-1).float() / torch.tensor([height, width]).to(numbers)
        numbers = torch.cat([places.flatten(1), colours[0].float() / 255], dim=1)
    else:
        numbers = generator.kept(numbers)
    behind = generator.background if background is None else background
    return Drawing(generator.kind.name, numbers.cpu(), generator.size, behind.detach().cpu().clone())


def to_json(drawing: Drawing, **more: Any) -> str:
    """The drawing as JSON text that `from_json` reads; `more` is kept beside it."""
    content = {
        "promptbrush": "shapes",
        "format": FORMAT,
        "kind": drawing.kind,
        "height": drawing.size[0],
        "width": drawing.size[1],
        "background": [round(value, 6) for value in drawing.background.tolist()],
        "columns": drawing.columns,
        "shapes": [[round(value, 6) for value in row] for row in drawing.numbers.tolist()],
        **more,
    }
    return json.dumps(content, indent=1)


def from_json(text: str, where: str) -> Drawing:
    """Read what `to_json` wrote; `where` is named in errors.

    Raises:
        InputFileError: anything else.
    """
    mend = "give a .json that promptbrush wrote"
    try:
        content = json.loads(text)
        if content["promptbrush"] != "shapes" or content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}")
        kind = kind_of(content["kind"])
        size = (int(content["height"]), int(content["width"]))
        numbers = torch.tensor(content["shapes"], dtype=torch.float32)
        background = torch.tensor(content["background"], dtype=torch.float32)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError, UsageError) as error:
        raise InputFileError(f"{where}: not a drawing of shapes ({_reason(error)}); {mend}") from error
    fits = numbers.ndim == 2 and numbers.shape[1:] == (len(kind.columns) + len(COLOUR),) and len(numbers)
    if not fits or background.shape != (3,) or not 1 <= min(size) <= max(size) <= LARGEST:
        raise InputFileError(f"{where}: its shapes do not fit its kind or canvas; {mend}")
    if not all(math.isfinite(value) for value in (*numbers.flatten().tolist(), *background.tolist())):
        raise InputFileError(f"{where}: holds a number that is not finite; {mend}")
    return Drawing(kind.name, numbers, size, background.clamp(0, 1))


def _reason(error: Exception) -> str:
    name = type(error).__name__
    return f"{error} is missing" if isinstance(error, KeyError) else " ".join(str(error).split()) or name
