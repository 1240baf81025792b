"""Pictures made of a few shapes: what they are, how they are drawn, and their files."""

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
