"""Drawings in files: read from SVG and JSON, and written so beside their picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..._base import InputFileError
from ..._files import atomic_file, input_file, read_text
from ...generators.shapes import Drawing, from_json, from_svg, to_json, to_svg
from ..edit import Source
from .settings import OWN_OPTIMIZERS, ShapesSettings

_MOST_BYTES = 2**25


def read_drawing(path: str | Path) -> Drawing:
    """The shapes of an .svg or .json that promptbrush wrote.

    Raises:
        InputFileError: anything else.
    """
    path = input_file(path)
    if path.suffix.lower() not in (".svg", ".json"):
        raise InputFileError(f"{path}: shapes are read from .svg or .json; give one that promptbrush wrote")
    text = read_text(path, _MOST_BYTES, "a drawing")
    return (from_svg if path.suffix.lower() == ".svg" else from_json)(text, str(path))


def check(settings: ShapesSettings, source: Source) -> None:  # noqa: ARG001
    """Whether the shapes to start from can be read, and the optimizer is known.

    Raises:
        UsageError, InputFileError: they cannot, or it is not.
    """
    if settings.from_svg is not None:
        read_drawing(settings.from_svg)
    if settings.optimizer not in OWN_OPTIMIZERS:
        from ..evolution import optimizer_of

        optimizer_of(settings.optimizer)


def write_svg(result: Any, path: Path) -> None:
    """The drawing of a result, for vector programs.

    Raises:
        InputFileError: it cannot be written.
    """
    _write_text(path, to_svg(result.output.drawing))


def write_json(result: Any, path: Path) -> None:
    """The numbers of a result's shapes, with the settings that made them.

    Raises:
        InputFileError: they cannot be written.
    """
    settings = result.recipe.settings
    paths = {*settings.with_role("picture", "file")}  # where files lie is nobody else's concern
    kept = settings.model_dump(mode="json", exclude_none=True, exclude=paths)
    _write_text(path, to_json(result.output.drawing, settings=kept))


def _write_text(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
