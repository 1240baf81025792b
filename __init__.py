"""promptbrush: edit and make pictures with words, and keep control of how."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ._base import InputFileError, MissingError, OutOfMemoryError, PromptbrushError, UsageError

__version__ = "0.1.0"

# Name -> where it is. Methods of the table are functions too, those of other packages included.
_LAZY = {
    "ModelChoice": ".editing.choice",
    "Models": ".editing.models",
    "Record": ".editing.record",
    "Result": ".editing.result",
    "load_generator": ".generators",
    "rerun": ".editing.rerun",
    "score": ".editing.score",
    "train": ".editing.api",
}

__all__ = [
    "InputFileError",
    "MissingError",
    "ModelChoice",
    "Models",
    "OutOfMemoryError",
    "PromptbrushError",
    "Record",
    "Result",
    "UsageError",
    "__version__",
    "edit",
    "invert",
    "load_generator",
    "rerun",
    "sample",
    "score",
    "shapes",
    "style",
    "train",
]


def __getattr__(name: str) -> Any:
    # Lazy, because importing torch takes a second that `promptbrush --help` should not pay.
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .editing.methods import METHODS

    if name in METHODS.names():
        from .editing.api import function

        return function(name)
    # With its name and its object, Python itself says what was meant.
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__]
    )


def __dir__() -> list[str]:
    from .editing.methods import METHODS

    return sorted({*__all__, *METHODS.names()})
