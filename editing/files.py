"""Reading and writing files safely: checked inputs, and outputs that are whole or not there at all."""

from __future__ import annotations

import difflib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .._base import InputFileError


def input_file(path: str | Path) -> Path:
    """The path of a regular file with content, without opening it.

    Raises:
        InputFileError: missing (with the closest name beside it), a folder, a device, empty or unreachable.
    """
    path = Path(path)
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise InputFileError(f"{path}: there is no such file{_closest(path)}; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise InputFileError(f"{path!s:.200}: cannot be reached ({reason(error)}); check the path") from error
    if stat.S_ISDIR(status.st_mode):
        raise InputFileError(f"{path}: this is a folder; name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise InputFileError(f"{path}: this is a device or a pipe; name an ordinary file")
    if status.st_size == 0:
        raise InputFileError(f"{path}: the file is empty (0 bytes); copy or download it again")
    return path


def _closest(path: Path) -> str:
    with suppress(OSError):
        close = difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=1)
        return f" (did you mean '{close[0]}'?)" if close else ""
    return ""


def reason(error: BaseException) -> str:
    """Why something failed, on one line, without the path that an OSError repeats."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def write_error(path: Path, error: BaseException) -> InputFileError:
    """An OSError met while writing, as one line with its mend."""
    return InputFileError(
        f"{path}: cannot be written ({reason(error)}); free some space or choose another output with -o"
    )


def prepare_folder(path: str | Path) -> Path:
    """Create an output folder with its parents if need be, and prove that files can be made in it.

    Call it before the long work starts, so that a wrong output folder costs no time.

    Raises:
        InputFileError: a file stands in the way, or the folder cannot be made or written to.
    """
    folder = Path(path)
    try:
        if folder.exists() and not folder.is_dir():
            raise InputFileError(
                f"{folder}: this is a file, a folder is needed; choose another output with -o"
            )
        folder.mkdir(parents=True, exist_ok=True)
        probe = _temporary(folder / "probe")
        probe.touch(exist_ok=False)
        probe.unlink()
    except (OSError, ValueError) as error:
        raise write_error(folder, error) from error
    return folder


def prove_folder(path: str | Path) -> Path:
    """As `prepare_folder`, but what was made is taken away again: there may never be anything to put in it.

    Raises:
        InputFileError: as `prepare_folder`.
    """
    folder = Path(path)
    try:
        made = [each for each in (folder, *folder.parents) if not each.exists()]
    except (OSError, ValueError) as error:
        raise write_error(folder, error) from error
    prepare_folder(folder)
    with suppress(OSError):  # somebody else has put something in it meanwhile
        for each in made:
            each.rmdir()
    return folder


def refuse_folder(path: Path) -> None:
    """An output file must not have the name of a folder.

    Raises:
        InputFileError: it has, or no file can have this name.
    """
    try:
        if path.is_dir():
            raise InputFileError(f"{path}: this is a folder; add a file name to the output")
    except (OSError, ValueError) as error:
        raise write_error(path, error) from error


class PendingFile:
    """An output under a temporary name in its own folder, until `commit` renames it or `discard` deletes it.

    Attributes:
        temporary: where to write; the suffix is the output's, for writers that choose a format by it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        refuse_folder(self.path)
        self.temporary = _temporary(self.path)
        try:
            # Plain creation rather than tempfile.mkstemp, so that the result gets the user's usual permissions.
            self.temporary.touch(exist_ok=False)
        except (OSError, ValueError) as error:
            raise write_error(self.path, error) from error

    def commit(self) -> None:
        """Put the finished file in its place, in one step."""
        try:
            self.temporary.replace(self.path)
        except OSError as error:
            self.discard()
            raise write_error(self.path, error) from error

    def discard(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):
            self.temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".promptbrush-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes `path` when the block ends well and is deleted otherwise.

    Raises:
        InputFileError: for every OSError on the way: missing or unwritable folder, full disk.
    """
    pending = PendingFile(path)
    try:
        yield pending.temporary
    except BaseException as error:
        pending.discard()
        if isinstance(error, OSError):
            raise write_error(pending.path, error) from error
        raise
    pending.commit()
