"""The record that gives a picture the same style again."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from ..._files import input_file, readable, short_hash
from ...generators.packs.pack import Pack, load_pack
from ..doctor import resolve_device, resolve_precision
from ..models import ModelChoice, painter_names
from ..named import check_models, check_unchanged, choice_of, made_with, named_files, read_files
from ..recipe import Models, Record
from .settings import StyleSettings
from .stylists import Published, styler_parts

Way = Literal["train", "fast", "styler"]
_PUBLISHED = ("encoder", "transformer", "text_to_style")


class StyleRecipe(Record):
    """The record of a style transfer.

    Attributes:
        way: a network trained for this picture, one pass with words, or one pass of stylers.
        styler: their names or files, with weights. published: files of published networks, by what they are.
        settings: what of them counts depends on the way.
    """

    method: Literal["style"] = "style"
    picture: str
    picture_sha256: str
    mask: str | None = None
    mask_sha256: str | None = None
    way: Way = "train"
    styler: str | None = None
    published: dict[str, str] = Field(default_factory=dict)
    settings: StyleSettings


def recipe_of(
    settings: StyleSettings,
    choice: ModelChoice,
    picture: Path,
    mask: Path | None,
    way: Way,
    styler: str | None,
    published: Published,
) -> StyleRecipe:
    """The record of a style transfer that is about to be made.

    Raises:
        UsageError, InputFileError, MissingError: something named is not there.
    """
    device, pack = resolve_device(choice.device), load_pack(choice.pack)
    files = {name: getattr(published, name) for name in _PUBLISHED if getattr(published, name)}
    return StyleRecipe(
        models=_models(choice, pack, way, styler, published),
        way=way,
        styler=_rooted(styler, pack) if styler else None,
        published={name: readable(Path(path).resolve()) for name, path in files.items()},
        **made_with(settings, device, resolve_precision(choice.precision, device)),
        **read_files({"picture": picture, "mask": mask}),
    )


def _models(choice: ModelChoice, pack: Pack, way: Way, styler: str | None, published: Published) -> Models:
    names = painter_names(choice, pack) if way == "train" else Models(pack=choice.pack, clip=choice.clip)
    own = [] if published.transformer else [("styler", pack.path("styler"))] if pack.styler else []
    files = [(f"styler {part.name}", part.file) for part in styler_parts(styler, pack)] if styler else own
    beside = [(name, input_file(path)) for name in _PUBLISHED if (path := getattr(published, name))]
    hashes = {role: short_hash(path) for role, path in (*files, *beside)}
    return names.model_copy(update={"hashes": {**names.hashes, **hashes}})


def _rooted(styler: str, pack: Pack) -> str:
    """Stylers with their files spelt from the root."""
    known = pack.stylers()
    return ",".join(
        f"{part.name if part.name in known else readable(part.file.resolve())}:{part.share:g}"
        for part in styler_parts(styler, pack)
    )


def published_of(recipe: StyleRecipe) -> Published:
    """The published networks of a recipe."""
    return Published(**{name: Path(path) for name, path in recipe.published.items()})


def check_files(recipe: StyleRecipe) -> None:
    """Whether all that a recipe names is what it was.

    Raises:
        InputFileError: a file that is gone or has changed.
    """
    own = [("picture", recipe.picture, recipe.picture_sha256), ("mask", recipe.mask, recipe.mask_sha256)]
    check_unchanged([*own, *named_files(recipe, recipe.settings.templates)])
    choice = choice_of(recipe)
    found = _models(choice, load_pack(choice.pack), recipe.way, recipe.styler, published_of(recipe))
    check_models(recipe, found.hashes)
