"""Reading and writing files safely: checked inputs, hashes, states of long runs, and outputs that are written whole
or not at all.

Every file that promptbrush writes goes through `atomic_file` (or a function built on it). Importing this module does
not import torch.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import pickle
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._base import InputFileError, MissingError, OutOfMemoryError

if TYPE_CHECKING:
    import torch

_DIGITS = 16
_NO_MEMORY = "out of memory|allocate memory|not enough memory"
OUTPUT_MEND = "free some space or choose another output with -o"
FOLDER_MEND = "free some space or choose another folder"


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


def readable(path: Path) -> str:
    """A path as text that any file can hold: bytes that are not UTF-8 become question marks."""
    return os.fsencode(path).decode("utf-8", "replace")


def read_text(path: Path, most_bytes: int, what: str) -> str:
    """A text file in UTF-8, unless it is larger than any honest one.

    Args:
        what: it should be, for errors, e.g. "a recipe".

    Raises:
        InputFileError: too large, unreadable, or not UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise InputFileError(
                f"{path}: {size:,} bytes are too many for {what} (at most {most_bytes:,}); give a smaller file"
            )
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(
            f"{path}: is not a text file in UTF-8 ({reason(error)}); give another file"
        ) from error


def memory_ran_out(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, says that there is not enough memory."""
    while error is not None:
        told = isinstance(error, RuntimeError) and re.search(_NO_MEMORY, str(error))
        if told or isinstance(error, MemoryError):
            return True
        error = error.__cause__
    return False


@contextmanager
def room_to_read(path: str | Path) -> Iterator[None]:
    """Tells memory that ran out from a damaged file that asks for absurdly much, which decoders call by the same name.

    Raises:
        OutOfMemoryError: instead of what was raised, where memory for three times the file cannot be had.
    """
    try:
        yield
    except (InputFileError, MemoryError, RuntimeError) as error:
        if not memory_ran_out(error):
            raise
        size = Path(path).stat().st_size
        if _to_be_had(3 * size):
            raise
        raise OutOfMemoryError(
            f"{path}: memory ran out while its {size / 2**20:,.0f} MiB were read; close other programs, or take a "
            "smaller model"
        ) from error


def _to_be_had(size: int) -> bool:
    try:
        bytearray(size)
    except MemoryError:
        return False
    return True


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, 64 hex digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def short_hash(path: Path) -> str:
    """The first 16 hex digits of a file's SHA-256, as recipes keep them.

    Raises:
        InputFileError: it cannot be read.
    """
    try:
        return sha256_of(path)[:_DIGITS]
    except OSError as error:
        raise InputFileError(f"{path}: cannot be read ({reason(error)}); check its permissions") from error


def write_error(path: Path, error: BaseException, mend: str = OUTPUT_MEND) -> InputFileError:
    """An error met while writing, as one line with its mend."""
    return InputFileError(f"{path!s:.300}: cannot be written ({reason(error)}); {mend}")


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

    Args:
        mend: what the user can do if it cannot be written.

    Attributes:
        temporary: where to write: hidden, and like no other file's name; the suffix is the output's, for writers that
            choose a format by it.

    Raises:
        InputFileError: nothing can be written there.
    """

    def __init__(self, path: str | Path, mend: str = OUTPUT_MEND) -> None:
        self.path, self._mend = Path(path), mend
        refuse_folder(self.path)
        self.temporary = _temporary(self.path)
        try:
            # Plain creation rather than tempfile.mkstemp, so that the result gets the user's usual permissions.
            self.temporary.touch(exist_ok=False)
        except (OSError, ValueError) as error:
            raise write_error(self.path, error, mend) from error

    def commit(self) -> None:
        """Put the finished file in its place, in one step.

        Raises:
            InputFileError: it cannot be renamed.
        """
        try:
            self.temporary.replace(self.path)
        except OSError as error:
            self.discard()
            raise write_error(self.path, error, self._mend) from error

    def discard(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):
            self.temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".promptbrush-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")


@contextmanager
def atomic_file(path: str | Path, mend: str = OUTPUT_MEND) -> Iterator[Path]:
    """A temporary path to write to; it becomes `path` when the block ends well and is deleted otherwise.

    Args:
        mend: what the user can do if it cannot be written.

    Raises:
        InputFileError: for every OSError on the way: missing or unwritable folder, full disk.
    """
    pending = PendingFile(path, mend)
    try:
        yield pending.temporary
    except BaseException as error:
        pending.discard()
        if isinstance(error, OSError):
            raise write_error(pending.path, error, mend) from error
        raise
    pending.commit()


@contextmanager
def atomic_files(folder: str | Path, mend: str = FOLDER_MEND) -> Iterator[Path]:
    """A hidden folder to write several files to; they move into `folder` together when the block ends well.

    Raises:
        InputFileError: for every OSError on the way.
    """
    target = Path(folder)
    draft = _temporary(target / "draft")
    try:
        draft.mkdir(parents=True)
        yield draft
        for part in sorted(draft.iterdir()):
            part.replace(target / part.name)
    except OSError as error:
        raise write_error(target, error, mend) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def save_tensors(
    path: str | Path,
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str] | None = None,
    mend: str = FOLDER_MEND,
) -> None:
    """Write tensors as safetensors; a reader sees the old file or the whole new one.

    Args:
        tensors: each contiguous, on the CPU, and sharing no memory with another.
        metadata: texts for the header.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with atomic_file(path, mend) as temporary:
        usual = stat.S_IMODE(temporary.stat().st_mode)
        try:
            save_file(dict(tensors), temporary, metadata=dict(metadata or {}))
        except SafetensorError as error:
            raise write_error(Path(path), error, mend) from error
        temporary.chmod(usual)  # safetensors makes files private


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write the state of a long run; a reader sees the old file or the whole new one.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    import torch

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error, FOLDER_MEND) from error
    with atomic_file(path, FOLDER_MEND) as temporary:
        try:
            torch.save(state, temporary)
        except RuntimeError as error:  # as torch says that the disk is full
            raise write_error(path, error, FOLDER_MEND) from error


class Autosave:
    """Saves a long run now and then: call it after every step.

    Args:
        save: writes the whole state.
        seconds: at least this long between two saves.
    """

    def __init__(self, save: Callable[[], None], seconds: float) -> None:
        self.save, self.seconds, self.saved = save, seconds, time.monotonic()

    def __call__(self) -> None:
        """Save if it is time."""
        if time.monotonic() - self.saved > self.seconds:
            self.save()
            self.saved = time.monotonic()


@contextmanager
def loaded_state(path: Path, device: torch.device) -> Iterator[dict[str, Any]]:
    """The state of `path`; what goes wrong while it is read or used becomes one line about the file.

    Raises:
        InputFileError: not a checkpoint of the training that asks for it.
    """
    import torch

    try:
        yield torch.load(path, map_location=device, weights_only=True)
    except (
        RuntimeError,
        LookupError,
        ValueError,
        TypeError,
        OSError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputFileError(f"{path}: not a checkpoint of this training ({why}); move it away") from error


@contextmanager
def earlier_state(path: Path, holds: str, command: str) -> Iterator[dict[str, Any]]:
    """`loaded_state`, on the CPU, of a training that another one builds on.

    Args:
        holds: what the checkpoint is needed for, after "it".
        command: makes it.

    Raises:
        MissingError: there is none yet.
        InputFileError: see `loaded_state`.
    """
    import torch

    if not path.exists():
        raise MissingError(f"{path}: not there, and it {holds}; run '{command}' first")
    with loaded_state(path, torch.device("cpu")) as state:
        yield state
