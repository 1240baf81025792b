"""Pictures made of a few shapes: what they are, how they are drawn, and their files.

Names load lazily, so that the settings of `promptbrush shapes` can be read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._base import lazy_attributes

if TYPE_CHECKING:
    from .decoding import Limits
    from .drawing import Drawing, drawing_of, from_json, to_json
    from .generator import Shapes
    from .kinds import KINDS, kind_of
    from .svg import from_svg, to_svg

__all__ = [
    "KINDS",
    "Drawing",
    "Limits",
    "Shapes",
    "drawing_of",
    "from_json",
    "from_svg",
    "kind_of",
    "to_json",
    "to_svg",
]

_LAZY = {
    "KINDS": ".kinds",
    "Drawing": ".drawing",
    "Limits": ".decoding",
    "Shapes": ".generator",
    "drawing_of": ".drawing",
    "from_json": ".drawing",
    "from_svg": ".svg",
    "kind_of": ".kinds",
    "to_json": ".drawing",
    "to_svg": ".svg",
}

__getattr__ = lazy_attributes(__name__, _LAZY)
