"""Reading what the user put into the data folder; what is missing is answered with the command that brings it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...._base import InputFileError, MissingError

SETS = ("noto", "fluent-emoji-flat", "fluent-emoji", "twemoji")
PACKAGES = " ".join([*(f"@iconify-json/{name}" for name in SETS), "emojibase-data"])


def npm_command(data: Path) -> str:
    """The command that brings the icons."""
    return f"npm install --prefix {data} {PACKAGES}"


def deb_command(data: Path, package: str) -> str:
    """The command that brings a Debian package's files without installing it."""
    return f"(cd {data} && apt-get download {package} && dpkg-deb -x {package}_*.deb .)"


def read_text(path: Path, command: str) -> str:
    """The text of a file of the data folder.

    Raises:
        MissingError: it is not there; the message holds `command`.
        InputFileError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError(f"{path}: not there; get it with: {command}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(f"{path}: cannot be read ({error}); get it again with: {command}") from error


def read_json(path: Path, kind: type, command: str) -> Any:
    """The content of a JSON file, which must be a `kind` (dict or list).

    Raises:
        MissingError, InputFileError: as `read_text`, or it is no JSON of that kind.
    """
    text = read_text(path, command)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputFileError(f"{path}: not JSON ({error}); get it again with: {command}") from error
    if not isinstance(content, kind):
        raise wrong_type(path, f"a {kind.__name__}", content, command)
    return content


def wrong_type(path: Path, wanted: str, value: object, command: str) -> InputFileError:
    """The error for a value of another type than expected."""
    return InputFileError(
        f"{path}: holds a {type(value).__name__}, not {wanted}; get it again with: {command}"
    )
