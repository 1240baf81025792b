"""The record that makes the same drawing again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ...generators.packs.pack import load_pack
from ..doctor import resolve_device, resolve_precision
from ..models import ModelChoice, painter_names
from ..named import check_models, check_unchanged, choice_of, made_with, named_files, read_files
from ..recipe import Models, Record
from .settings import ShapesSettings


class ShapesRecipe(Record):
    """The record of a drawing.

    Attributes:
        target, start: files that it came from; height: of the picture in pixels.
    """

    method: Literal["shapes"] = "shapes"
    target: str | None = None
    target_sha256: str | None = None
    start: str | None = None
    start_sha256: str | None = None
    height: int | None = None
    settings: ShapesSettings


def recipe_of(
    settings: ShapesSettings,
    choice: ModelChoice,
    files: Mapping[str, Path | None],
    height: int | None,
) -> ShapesRecipe:
    """The record of a drawing that is about to be made.

    Args:
        files: "target" and "start", where there are such.

    Raises:
        UsageError, InputFileError, MissingError: something named is not there.
    """
    device = resolve_device(choice.device)
    models = painter_names(choice, load_pack(choice.pack)) if settings.prompt else Models(pack=choice.pack)
    return ShapesRecipe(
        models=models,
        height=height,
        **made_with(settings, device, resolve_precision(choice.precision, device)),
        **read_files(files),
    )


def check_files(recipe: ShapesRecipe) -> None:
    """Whether all that a recipe names is what it was.

    Raises:
        InputFileError: a file that is gone or has changed.
    """
    settings = recipe.settings
    drawn = [
        ("target", recipe.target, recipe.target_sha256),
        ("drawing to go on with", recipe.start, recipe.start_sha256),
    ]
    check_unchanged([*drawn, *named_files(recipe, settings.templates)])
    if settings.prompt:
        choice = choice_of(recipe)
        check_models(recipe, painter_names(choice, load_pack(choice.pack)).hashes)
