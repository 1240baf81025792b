"""What pictures are judged by: CLIP, prompts, cutouts and the objectives made of them.

Names load lazily, so that listing the objectives does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .perceptor import AnyPerceptor, Ensemble, Perceptor, load_ensemble, load_perceptor

__all__ = ["AnyPerceptor", "Ensemble", "Perceptor", "load_ensemble", "load_perceptor"]

_LAZY = {
    "AnyPerceptor": ".perceptor",
    "Ensemble": ".perceptor",
    "Perceptor": ".perceptor",
    "load_ensemble": ".perceptor",
    "load_perceptor": ".perceptor",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
