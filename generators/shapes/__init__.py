"""Pictures made of a few shapes: what they are, how they are drawn, and their files."""

from .decoding import Limits
from .generator import Shapes
from .kinds import KINDS, kind_of

__all__ = ["KINDS", "Limits", "Shapes", "kind_of"]
