"""Bases of settings for methods; see `_settings`, which trainings of the lower layers use too."""

from .._settings import (
    MAX_SEED,
    MAX_STEPS,
    TEMPLATES,
    Except,
    InMemory,
    PictureFile,
    Settings,
    chosen,
    extra,
    first_problem,
    paths_in,
    printable,
    setting,
    spelt,
    tomllib,
    without_memory,
)

__all__ = [
    "MAX_SEED",
    "MAX_STEPS",
    "TEMPLATES",
    "Except",
    "InMemory",
    "PictureFile",
    "Settings",
    "chosen",
    "extra",
    "first_problem",
    "paths_in",
    "printable",
    "setting",
    "spelt",
    "tomllib",
    "without_memory",
]
