"""What every package shares: errors with their exit codes, and tables of names that load lazily.

Importing it does not import torch, so that listing names and printing help stay fast.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


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


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """The line that answers a name of nothing: with the closest known one, and all of them."""
    names = list(known)
    return f"no {kind} is called '{name}'{did_you_mean(name, names)}; known: {', '.join(names)}"


def lazy_attributes(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__` by which names are imported when they are first used: torch takes a second.

    Args:
        package: its `__name__`. modules: name -> ".module" of the package that holds it.
    """

    def get(name: str) -> Any:
        if name in modules:
            return getattr(importlib.import_module(modules[name], package), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get


def check_utf8(text: str, what: str) -> None:
    """Texts go into recipes, which are UTF-8; a terminal with another encoding hands over what no file can hold.

    Args:
        what: the text is, for the error.

    Raises:
        UsageError: the text holds bytes that are not UTF-8.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        shown = text.encode("utf-8", "replace").decode()
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise UsageError(
            f"{what} '{shown}' is not UTF-8; type it in a terminal that uses UTF-8, and rename a file of such a name"
        ) from None


@dataclass(frozen=True)
class Entry:
    """Where a name leads: "module:attribute" below promptbrush, or absolute, the extra it needs, and what it is."""

    target: str
    extra: str | None = None
    about: str = ""


@dataclass
class NameTable:
    """Names of one kind of thing, looked up lazily; other packages join through entry points.

    Args:
        kind: what the names stand for, for messages, e.g. "objective".
        entries: name -> Entry; targets starting with "." are relative to promptbrush.
        group: entry point group that third-party packages use to add names.
        accepts: (name, object) -> whether another package's object is one of this kind.
    """

    kind: str
    entries: dict[str, Entry]
    group: str = field(default="")
    accepts: Callable[[str, Any], bool] = field(default=lambda name, found: True)
    _added: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, found: Any) -> None:
        """Give an object a name in this process, for things that are written in a script.

        Raises:
            UsageError: the name is taken, or the object is not of this kind.
        """
        if name in self.names() and name not in self._added:
            raise UsageError(f"there is a {self.kind} '{name}' already; choose another name")
        if not self.accepts(name, found):
            raise UsageError(f"{found!r:.60} is no {self.kind} '{name}'; see docs/extending.md")
        self._added[name] = found

    def names(self) -> list[str]:
        """All names, sorted, without importing anything behind them."""
        return sorted({*self.entries, *self._added, *self._plugins()})

    def load(self, name: str) -> Any:
        """The object behind a name.

        Raises:
            UsageError: no such name (with the closest one).
            MissingError: the module behind it needs an extra that is not installed, or another package's is broken.
        """
        self.check(name)
        if name in self._added:
            return self._added[name]
        if name in self.entries:
            return load_target(self.entries[name], f"{self.kind} '{name}'")
        return _load_plugin(
            self._plugins()[name], f"{self.kind} '{name}'", lambda found: self.accepts(name, found)
        )

    def check(self, name: str) -> None:
        """Whether there is such a name, without importing anything behind it.

        Raises:
            UsageError: there is none (with the closest one).
        """
        if name not in self.names():
            raise UsageError(unknown_name(self.kind, name, self.names()))

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


def _load_plugin(point: importlib.metadata.EntryPoint, what: str, accepts: Callable[[Any], bool]) -> Any:
    package = point.dist.name if point.dist else point.value
    try:
        found = point.load()
        if not accepts(found):
            raise TypeError(f"{point.value} is not what this name should be")
    except DECODER_ERRORS as error:  # a broken package raises no others
        why = " ".join(str(error).split()) or type(error).__name__
        raise MissingError(
            f"{what} of the package {package} cannot be loaded ({why}); install that package again, or remove it"
        ) from error
    return found
