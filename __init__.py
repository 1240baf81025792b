"""promptbrush: edit and make pictures with words, and keep control of how."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._base import InputFileError, MissingError, OutOfMemoryError, PromptbrushError, UsageError

if TYPE_CHECKING:
    from .editing.editor import Result, edit
    from .editing.models import load_models
    from .editing.prior.method import SampleResult, sample
    from .editing.recipe import Recipe
    from .editing.shapes.method import ShapesResult, shapes
    from .editing.style.method import StyleResult, style
    from .generators import load_generator

__version__ = "0.1.0"

__all__ = [
    "InputFileError",
    "MissingError",
    "OutOfMemoryError",
    "PromptbrushError",
    "Recipe",
    "Result",
    "SampleResult",
    "ShapesResult",
    "StyleResult",
    "UsageError",
    "__version__",
    "edit",
    "load_generator",
    "load_models",
    "sample",
    "shapes",
    "style",
]

_LAZY = {
    "Recipe": ".editing.recipe",
    "Result": ".editing.editor",
    "SampleResult": ".editing.prior.method",
    "ShapesResult": ".editing.shapes.method",
    "StyleResult": ".editing.style.method",
    "edit": ".editing.editor",
    "load_generator": ".generators",
    "load_models": ".editing.models",
    "sample": ".editing.prior.method",
    "shapes": ".editing.shapes.method",
    "style": ".editing.style.method",
}


def __getattr__(name: str) -> Any:
    # Lazy, because importing torch takes a second that `promptbrush --help` should not pay.
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
