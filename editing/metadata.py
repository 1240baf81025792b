"""The recipe inside a picture: a text chunk of a PNG, or the EXIF user comment of a JPEG or WebP."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from .._base import DECODER_ERRORS, InputFileError
from .._files import input_file, read_text, reason

KEY = "promptbrush"
# What the pictures of a run's steps carry: (key, text).
FRAME_MARK = ("Software", "promptbrush frames")
_EXIF_IFD = 0x8769
_USER_COMMENT = 0x9286
_ASCII = b"ASCII\0\0\0"  # the character code that EXIF puts in front of a user comment
_MAX_RECIPE_BYTES = 1 << 20


def embed(recipe: str) -> dict[str, str]:
    """The metadata that carries a recipe (TOML text) in a picture; pass it to `pictures.write_picture`."""
    return {KEY: recipe}


def read_recipe(path: str | Path) -> str:
    """The recipe text (TOML) of a picture that promptbrush wrote, or of a recipe file ending in .toml.

    Raises:
        InputFileError: not a readable picture, or it holds no recipe.
    """
    path = input_file(path)
    if path.suffix.lower() == ".toml":
        return read_text(path, _MAX_RECIPE_BYTES, "a recipe")
    recipe = read_entry(path, KEY)
    if not recipe.strip():
        raise InputFileError(
            f"{path}: holds no recipe; it was made with --no-metadata or by another program, "
            "or saved again without it"
        )
    return recipe


def read_entry(path: Path, key: str) -> str:
    """What a picture carries under a key; empty without it.

    Raises:
        InputFileError: not a readable picture.
    """
    try:
        found = _stored(path).get(key)
    except (*DECODER_ERRORS, Image.DecompressionBombError) as error:
        raise InputFileError(
            f"{path}: no recipe can be read from it ({reason(error)}); give a picture that promptbrush wrote"
        ) from error
    return found if isinstance(found, str) else ""


def _stored(path: Path) -> Mapping[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd EXIF and of large pictures, which are not decoded here
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as image:
            if KEY not in image.info and isinstance(image, PngImagePlugin.PngImageFile):
                return image.text  # reads on to chunks behind the pixels, where some programs move the text
            return image.info if KEY in image.info else from_exif(image.getexif())


def png_text(metadata: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    """PNG text chunks (tEXt for Latin-1 texts, iTXt in UTF-8 for others)."""
    info = PngImagePlugin.PngInfo()
    for key, text in metadata.items():
        info.add_text(key, text)
    return info


def to_exif(metadata: Mapping[str, str]) -> Image.Exif:
    """EXIF with the metadata as a JSON object in the user comment."""
    exif = Image.Exif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = _ASCII + json.dumps(dict(metadata)).encode("ascii")
    return exif


def from_exif(exif: Image.Exif) -> dict[str, Any]:
    """What `to_exif` wrote; empty for the user comments of other programs."""
    comment = exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    if not isinstance(comment, bytes) or not comment.startswith(_ASCII):
        return {}
    try:
        stored = json.loads(comment[len(_ASCII) :].rstrip(b"\0"))
    except ValueError:
        return {}
    return stored if isinstance(stored, dict) else {}
