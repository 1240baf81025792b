"""What every package shares: errors with their exit codes, tables of names that load lazily, checkpoints of trainings,
and arrays of pictures that are drawn once.

Importing it does not import torch, so that listing names and printing help stay fast.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.metadata
import os
import pickle
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

Job = TypeVar("Job")
_CHUNK = 16


class PromptbrushError(Exception):
    """A mistake that the user can mend; its text is one line that names the value and the mend."""

    exit_code = 1


class UsageError(PromptbrushError):
    """A wrong option, prompt or value."""

    exit_code = 2


class InputFileError(PromptbrushError):
    """A file that cannot be read or written, or does not hold what it should."""

    exit_code = 3


class MissingError(PromptbrushError):
    """A model, an extra or a device that is not here."""

    exit_code = 4


class OutOfMemoryError(PromptbrushError):
    """The device's memory ran out; the text names the settings that lower the need."""

    exit_code = 5


# What decoders of damaged or hostile files were seen to raise, by flipping bits of files of every kind.
DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
# Of files that tell themselves how much memory they need; pictures are measured before they are decoded.
DAMAGE_ERRORS = (*DECODER_ERRORS, MemoryError)


def did_you_mean(name: str, known: Iterator[str] | list[str]) -> str:
    """A hint " (did you mean 'x'?)" with the closest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


@dataclass(frozen=True)
class Entry:
    """Where a name leads: "module:attribute" below promptbrush, or absolute, and the extra that it needs."""

    target: str
    extra: str | None = None


@dataclass
class NameTable:
    """Names of one kind of thing, looked up lazily; other packages join through entry points.

    Args:
        kind: what the names stand for, for messages, e.g. "objective".
        entries: name -> Entry; targets starting with "." are relative to promptbrush.
        group: entry point group that third-party packages use to add names.
    """

    kind: str
    entries: dict[str, Entry]
    group: str = field(default="")

    def names(self) -> list[str]:
        """All names, sorted, without importing anything behind them."""
        return sorted({*self.entries, *self._plugins()})

    def load(self, name: str) -> Any:
        """The object behind a name.

        Raises:
            UsageError: no such name (with the closest one).
            MissingError: the module behind it needs an extra that is not installed, or another package's is broken.
        """
        plugins = self._plugins()
        if name not in self.entries and name in plugins:
            return _load_plugin(plugins[name], f"{self.kind} '{name}'")
        if name not in self.entries:
            hint = did_you_mean(name, self.names())
            raise UsageError(f"no {self.kind} is called '{name}'{hint}; known: {', '.join(self.names())}")
        return load_target(self.entries[name], f"{self.kind} '{name}'")

    def _plugins(self) -> dict[str, importlib.metadata.EntryPoint]:
        if not self.group:
            return {}
        return {point.name: point for point in importlib.metadata.entry_points(group=self.group)}


def load_target(entry: Entry, what: str) -> Any:
    """Import what an entry names; a missing extra becomes a MissingError with the install command."""
    module, _, attribute = entry.target.partition(":")
    try:
        return getattr(importlib.import_module(module, package=__package__), attribute)
    except ModuleNotFoundError as error:
        if entry.extra is None or (error.name or "").startswith("promptbrush"):
            raise
        command = f"pip install 'promptbrush[{entry.extra}]'"
        raise MissingError(f"{what} needs {error.name}, which is not installed: {command}") from error


def _load_plugin(point: importlib.metadata.EntryPoint, what: str) -> Any:
    try:
        return point.load()
    except DECODER_ERRORS as error:  # a broken package raises no others
        package = point.dist.name if point.dist else point.value
        why = " ".join(str(error).split()) or type(error).__name__
        raise MissingError(
            f"{what} of the package {package} cannot be loaded ({why}); install that package again, or remove it"
        ) from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state; a reader sees the old file or the whole new one.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    import torch

    temporary = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise InputFileError(f"{path}: cannot be written ({error}); free some space") from error


class Autosave:
    """Saves a training now and then: call it after every step.

    Args:
        save: writes the whole state.
        seconds: at least so long between two saves.
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
        KeyError,
        ValueError,
        TypeError,
        OSError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputFileError(f"{path}: not a checkpoint of this training ({reason}); move it away") from error


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


def kept(
    path: Path,
    draw: Callable[[Job], NDArray[np.uint8]],
    jobs: Sequence[Job],
    shape: tuple[int, ...],
    processes: int | None = None,
    what: str = "drawings",
) -> NDArray[np.uint8]:
    """What `draw` makes of each job, uint8 (len(jobs), *shape), made once and then read from `path` as it is needed.

    Args:
        path: a .npy file, written first if it is not there yet.
        draw: a function of a module, so that other processes find it.
        processes: how many at a time; one a core if None.
        what: what a damaged file should have held.

    Raises:
        InputFileError: the file holds another array, or cannot be written.
    """
    import numpy as np

    whole = (len(jobs), *shape)
    if not path.exists():
        _write_array(path, whole, _drawn(draw, jobs, processes))
    try:
        found: NDArray[np.uint8] = np.load(path, mmap_mode="r" if jobs else None)
    except (OSError, ValueError, EOFError) as error:
        raise InputFileError(f"{path}: not an array of {what} ({error}); delete it") from error
    if found.dtype != np.uint8:
        raise InputFileError(f"{path}: holds {found.dtype} {found.shape}, not uint8 {whole}; delete it")
    if found.shape != whole:
        raise InputFileError(f"{path}: holds {found.shape}, not {whole}; delete it")
    return found


def _write_array(path: Path, whole: tuple[int, ...], pictures: Iterator[NDArray[np.uint8]]) -> None:
    """Write the pictures to a temporary file, then give it its name."""
    # Two trainings that start side by side each draw their own.
    temporary = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _fill(temporary, whole, pictures)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputFileError(f"{path}: cannot be written ({error}); choose another --work folder") from error


def _fill(path: Path, whole: tuple[int, ...], pictures: Iterator[NDArray[np.uint8]]) -> None:
    import numpy as np

    if not whole[0]:  # nothing to map
        with path.open("wb") as file:
            np.save(file, np.zeros(whole, np.uint8))
        return
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=whole)
    for i, picture in enumerate(pictures):
        images[i] = picture
    images.flush()


def _drawn(
    draw: Callable[[Job], NDArray[np.uint8]], jobs: Sequence[Job], processes: int | None
) -> Iterator[NDArray[np.uint8]]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    if processes == 1 or len(jobs) <= _CHUNK:
        yield from map(draw, jobs)
        return
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(draw, jobs, chunksize=_CHUNK)
