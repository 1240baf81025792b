"""What stands on the command line before the flags, and the flags that all methods have."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._base import InputFileError, UsageError
from .._files import readable, reason
from .._settings import Settings, printable, setting
from .methods import Method

# Of the pictures in a folder; a file of another name can be given by itself.
READ = frozenset(
    (
        ".png",
        ".jpg",
        ".jpeg",
        ".webp",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".avif",
        ".ppm",
        ".jp2",
        ".tga",
        ".ico",
    )
)


class Common(Settings):
    """Flags of every method that are no settings of it."""

    preset: str = setting("default", "default, or another named set of values, such as paper: as published")
    quiet: bool = setting(False, "print results alone", panel="Output", flags=("--quiet", "-q"))
    as_json: bool = setting(
        False, "print each result as an object of JSON", panel="Output", flags=("--json",)
    )


def metavar(method: Method) -> str:
    """How the arguments are called in the help."""
    takes = method.takes
    prompt = {"required": "PROMPT", "optional": "[PROMPT]", "none": ""}[takes.prompt]
    return " ".join(filter(None, (f"{takes.what}..." if takes.pictures == "many" else "", prompt)))


def split_arguments(
    method: Method, arguments: Sequence[str], given: Mapping[str, Any]
) -> tuple[tuple[Path, ...], dict[str, Any]]:
    """The pictures and the prompt among the arguments.

    Args:
        given: the flags, some of which take the place of the prompt.

    Raises:
        UsageError: the prompt is missing, or there is an argument too many. InputFileError: a folder without pictures.
    """
    takes = method.takes
    without = takes.prompt == "none" or any(given.get(name) for name in takes.instead)
    if not without and takes.prompt == "required" and takes.pictures == "many" and len(arguments) == 1:
        _check_prompt(takes.what, arguments[0])
    words = {} if without or not arguments else {"prompt": arguments[-1]}
    files = arguments if without else arguments[:-1]
    if takes.pictures == "none" and files:
        raise UsageError(
            f"'{printable(files[0])}' is one argument too many; put a prompt of several words in quotes"
        )
    return tuple(path for text in files for path in pictures_in(text, method.converts)), words


def _check_prompt(what: str, argument: str) -> None:
    """The only argument cannot be the prompt if it is a file."""
    path = Path(argument)
    try:
        there = path.is_dir() or (path.suffix != "" and path.is_file())
    except (OSError, ValueError):
        return
    if there:
        raise UsageError(
            f"PROMPT is missing ({what} is '{printable(argument)}'); write it as the last argument"
        )


def pictures_in(text: str, converts: Mapping[str, str] | None = None) -> list[Path]:
    """The files that an argument stands for: itself, the pictures of a folder, or what a pattern such as *.png finds.

    Args:
        converts: suffixes of files that a method takes besides pictures.

    Raises:
        InputFileError: a folder or a pattern without a picture.
    """
    path = Path(text)
    try:
        folder = path.is_dir()
        pattern = not folder and glob.has_magic(text) and not path.exists()
    except (OSError, ValueError):  # as `input_file` says
        return [path]
    if not text or not (folder or pattern):
        return [path]
    try:
        found = list(path.iterdir()) if folder else list(map(Path, glob.glob(text, recursive=True)))  # noqa: PTH207
    except OSError as error:
        raise InputFileError(
            f"{readable(path)}: cannot be read ({reason(error)}); check its permissions"
        ) from error
    known = {*READ, *(converts or {})}
    pictures = sorted(
        each for each in found if each.suffix.lower() in known and each.is_file() and each.name[0] != "."
    )
    if not pictures:
        raise InputFileError(
            f"{readable(path)}: no picture is {'in this folder' if folder else 'found'}; check the path"
        )
    return pictures
