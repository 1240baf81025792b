"""The record that makes the same drawing again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from ... import __version__
from ...generators.packs.pack import load_pack
from ..doctor import resolve_device, resolve_precision
from ..files import input_file
from ..models import ModelChoice, painter_names, readable, sha256
from ..named import check_models, check_unchanged, from_root, image_hashes, named_files, templates_hash
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
    named: dict[str, Any] = {}
    for role, path in files.items():
        if path is not None:
            named |= {role: readable(path.resolve()), f"{role}_sha256": sha256(input_file(path))}
    models = painter_names(choice, load_pack(choice.pack)) if settings.prompt else Models(pack=choice.pack)
    return ShapesRecipe(
        promptbrush=__version__,
        torch=torch.__version__,
        device=str(device),
        precision=str(resolve_precision(choice.precision, device)).removeprefix("torch."),
        images=image_hashes(settings) or None,
        templates_sha256=templates_hash(settings),
        models=models,
        settings=from_root(settings),
        height=height,
        **named,
    )


def choice_of(recipe: ShapesRecipe, device: str | None = None) -> ModelChoice:
    """The models of a recipe, on its device or another one."""
    other = device is not None and device != recipe.device
    return ModelChoice(
        pack=recipe.models.pack,
        clip=recipe.models.clip,
        device=device if device is not None else recipe.device,
        precision="auto" if other else recipe.precision,
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
