"""What a job writes: names that are planned and reserved before the work, and files beside each result."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from pydantic import Field

from .._base import Entry, InputFileError, UsageError, load_target
from .._files import prove_folder, write_error
from .._settings import Settings, extra, setting
from .metadata import FRAME_MARK, read_entry, read_recipe

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
# A preview or a film shows so many steps at most, about.
_MOST_FRAMES = 100


def beside(
    description: str,
    suffix: str,
    *,
    default: bool = False,
    write: str = "",
    watch: str = "",
    gather: str = "",
    more: Sequence[str] = (),
) -> Any:
    """A flag that asks for another file beside each result, or beside all of an input.

    Args:
        suffix: of its name: ".svg" takes the place of the result's, "-strip.png" follows its stem.
        write: "module:function" (result, path), called after the run.
        watch: "module:class" (path, every), a consumer of steps; `every` is the number of steps between two pictures.
        gather: "module:function" (results, path, outputs), called once for all results of an input.
        more: suffixes of further files that come with it.
    """
    known: dict[str, Any] = {
        "panel": "Output",
        "suffix": suffix,
        "write": write,
        "watch": watch,
        "gather": gather,
        "more": list(more),
    }
    return Field(default, description=description, json_schema_extra=known)


def named(description: str, suffix: str, write: str, *, steps: bool = False) -> Any:
    """A flag that names one more file to write, for the only result there is.

    Args:
        suffix: that the file must have.
        write: "module:function" (result, path), called after the run.
        steps: whether it comes of the steps of a run.
    """
    known: dict[str, Any] = {"panel": "Output", "named": suffix, "write": write, "steps": steps}
    return Field(None, description=description, json_schema_extra=known)


class Outputs(Settings):
    """Where results go and what is written beside them."""

    output: Path | None = setting(
        None,
        "file or folder to write; else a new file in the current folder",
        panel="Output",
        flags=("--output", "-o"),
    )
    metadata: bool = setting(True, "embed the recipe in the picture", panel="Output")
    overwrite: bool = setting(False, "replace files that promptbrush did not write", panel="Output")

    @property
    def results(self) -> int:
        """How many results each input has."""
        return int(getattr(self, "count", 1))

    def check(self) -> None:
        """Find out whether everything is installed that the outputs need.

        Raises:
            MissingError: it is not.
        """
        if getattr(self, "mp4", False):
            load_target(Entry("av:open", "video"), "an MP4")

    def of_steps(self) -> list[str]:
        """Names of the given outputs that come of the steps of a run."""
        fields = type(self).model_fields.items()
        of_steps = [name for name, field in fields if extra(field, "watch") or extra(field, "steps")]
        return [name for name in of_steps if getattr(self, name)]

    def named_files(self) -> list[tuple[str, str, Path]]:
        """(field, "module:function", path) of each further file that has a name of its own."""
        fields = [(name, field) for name, field in type(self).model_fields.items() if extra(field, "named")]
        return [
            (name, extra(field, "write"), path) for name, field in fields if (path := getattr(self, name))
        ]

    def beside(self, path: Path) -> list[Path]:
        """The files and folders that are written beside a result."""
        asked = [
            (place, extra(field, "more")) for field, place in self._asked(path) if not extra(field, "gather")
        ]
        return [
            each for place, more in asked for each in (place, *(_beside(path, suffix) for suffix in more))
        ]

    def suffixes(self) -> list[str]:
        """Of the files that stand beside every result: -o may give the name of one of these."""
        fields = type(self).model_fields.items()
        return [
            extra(field, "suffix") for name, field in fields if field.default is True and getattr(self, name)
        ]

    def gathered(self, first: Path) -> list[tuple[str, Path]]:
        """("module:function", path) of the files of all results, whose first one is given."""
        whole = first.with_name(f"{re.sub(r'-0*1$', '', first.stem)}{first.suffix}")
        asked = self._asked(whole)
        return [(gather, place) for field, place in asked if (gather := extra(field, "gather"))]

    def writers(self, path: Path) -> Iterator[tuple[str, Path]]:
        """("module:function", path) of the files that are written after the run."""
        yield from (
            (extra(field, "write"), place) for field, place in self._asked(path) if extra(field, "write")
        )
        yield from ((write, place) for _, write, place in self.named_files())

    def watchers(self, path: Path, steps: int) -> list[Any]:
        """Consumers of a run of so many steps.

        Raises:
            InputFileError: a file that cannot be made.
        """
        every = max(1, steps // _MOST_FRAMES)
        asked = [
            (extra(field, "watch"), place) for field, place in self._asked(path) if extra(field, "watch")
        ]
        # First those that may lack an extra: the others may make files at once.
        asked.sort(key=lambda each: "Mp4" not in each[0])
        return [load_target(Entry(target), "an output")(place, every) for target, place in asked]

    def _asked(self, path: Path) -> Iterator[tuple[Any, Path]]:
        for name, field in type(self).model_fields.items():
            if (suffix := extra(field, "suffix")) and getattr(self, name):
                place = _beside(path, suffix)
                if place != path:  # the result may be a file of this kind itself
                    yield field, place


def _beside(path: Path, suffix: str) -> Path:
    return path.with_suffix(suffix) if suffix.startswith(".") else path.with_name(f"{path.stem}{suffix}")


class Watched(Outputs):
    """Outputs of methods that go step by step."""

    gif: bool = beside("also NAME.gif: how the picture came about", ".gif", watch=".editing.films:Gif")
    mp4: bool = beside("also NAME.mp4; needs promptbrush[video]", ".mp4", watch=".editing.films:Mp4")
    frames: bool = beside(
        "also NAME-frames/: pictures of the steps", "-frames", watch=".editing.films:Frames"
    )
    trace: bool = beside(
        "also NAME.trace.jsonl: the losses of every step", ".trace.jsonl", watch=".editing.consumers:Trace"
    )
    checkpoint: Path | None = Field(
        None,
        description="file that keeps the state of the run; if it exists, the run resumes from it",
        json_schema_extra={"panel": "Output", "steps": True},
    )


class _Reserved:
    """A hidden file that keeps a name from other runs until this one has written it."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f".{path.name}.reserved")
        self.owner = f"{socket.gethostname()} {os.getpid()}"

    def take(self) -> bool:
        """Whether the name is this run's now."""
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            if not self._is_stale():
                return False
            with suppress(OSError):
                self.path.unlink()
            return self.take()
        except OSError as error:
            raise write_error(self.path.parent, error) from error
        with os.fdopen(handle, "w") as file:
            file.write(self.owner)
        return True

    def _is_stale(self) -> bool:
        """Whether the run that took the name ended without giving it back, as `kill -9` does."""
        try:
            host, _, number = self.path.read_text().rpartition(" ")
            if host != socket.gethostname():
                return False
            os.kill(int(number), 0)
        except ProcessLookupError:
            return True
        except (OSError, ValueError):
            return False
        return False

    def give_back(self) -> None:
        """Let others have the name."""
        with suppress(OSError):
            self.path.unlink()


class Plan:
    """The path of every result, reserved until the plan is closed.

    Attributes:
        paths: one list an input, one path a result.
        replaced: results of earlier runs that will be replaced.
    """

    def __init__(self, paths: list[list[Path]], replaced: set[Path], stack: ExitStack) -> None:
        self.paths, self.replaced, self._stack = paths, replaced, stack

    def __enter__(self) -> Plan:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def plan(
    names: Sequence[str],
    word: str,
    outputs: Outputs,
    inputs: Sequence[Path] = (),
    kinds: Sequence[str] = PICTURES,
) -> Plan:
    """Choose and reserve the path of each result; two runs at once in one folder never take the same.

    Without `outputs.output` the results go to the current folder under names that are free. A result that
    promptbrush wrote may be written again with what lies beside it; any other file only with `overwrite`.

    Args:
        names: one an input, e.g. the picture's name without its suffix.
        word: follows the names, e.g. "edit".
        inputs: files that are read; no output takes their place.
        kinds: suffixes that a result may have; the first is that of files which promptbrush names.

    Raises:
        UsageError: one file for several inputs, an unknown suffix, or a file that is read.
        InputFileError: a folder that cannot be written to, a file that would be lost, or one that another run writes.
    """
    folder, stems, suffix = _folder_and_names(names, outputs, word, kinds)
    count = outputs.results
    paths = [[folder / f"{stem}{_number(i, count)}{suffix}" for i in range(count)] for stem in stems]
    made = [each for each in (folder, *folder.parents) if not _is_there(each)]
    prove_folder(folder)
    stack, replaced = ExitStack(), set[Path]()
    try:
        if made:
            stack.callback(_remove_empty, made)
            folder.mkdir(parents=True, exist_ok=True)
        for row in paths:
            for index, path in enumerate(row):
                row[index] = _reserve(path, outputs, stack)
                if _check_loss(row[index], outputs.beside(row[index]), outputs, inputs):
                    replaced.add(row[index])
            for _, place in outputs.gathered(row[0]):
                _check_loss(place, [], outputs, inputs)
        _check_named(outputs, sum(map(len, paths)), inputs)
    except BaseException:
        stack.close()
        raise
    return Plan(paths, replaced, stack)


def _reserve(path: Path, outputs: Outputs, stack: ExitStack) -> Path:
    """The path itself if the user named it, else the first of its names that nobody has."""
    number, candidate, free = 2, path, outputs.output is None
    while True:
        taken = free and any(_is_there(each) for each in (candidate, *outputs.beside(candidate)))
        if not taken:
            reserved = _Reserved(candidate)
            if reserved.take():
                # Another run may have written the file between the look and the reservation.
                if not (free and _is_there(candidate)):
                    stack.callback(reserved.give_back)
                    return candidate
                reserved.give_back()
            elif not free:
                raise InputFileError(f"{path}: another run is writing this file; choose another name with -o")
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1


def _remove_empty(folders: list[Path]) -> None:
    """Folders that were made for results of which none came."""
    with suppress(OSError):
        for each in folders:
            each.rmdir()


def _folder_and_names(
    names: Sequence[str], outputs: Outputs, word: str, kinds: Sequence[str]
) -> tuple[Path, list[str], str]:
    output = outputs.output
    own = [f"{name}-{word}" for name in _distinct(names)]
    if output is None:
        return Path(), own, kinds[0]
    if output.suffix == "" or (_is_there(output) and output.is_dir()):
        return output, own, kinds[0]
    if output.suffix.lower() not in kinds and output.suffix.lower() in outputs.suffixes():
        output = output.with_suffix(kinds[0])
    if output.suffix.lower() not in kinds:
        raise UsageError(
            f"{output}: files of type '{output.suffix}' cannot be written; use {', '.join(kinds)}"
        )
    if len(names) > 1:
        raise UsageError(f"{output}: {len(names)} results need a folder; give -o a name without a suffix")
    return output.parent, [output.stem], output.suffix


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that occur twice, from two folders, get a number that no other has."""
    result: list[str] = []
    for name in names:
        chosen, number = name, 2
        while chosen in result or (chosen != name and chosen in names):
            chosen, number = f"{name}-{number}", number + 1
        result.append(chosen)
    return result


def _number(index: int, count: int) -> str:
    return "" if count == 1 else f"-{index + 1:0{len(str(count))}}"


def _check_loss(path: Path, beside: Sequence[Path], outputs: Outputs, inputs: Sequence[Path]) -> bool:
    """Whether an earlier result of promptbrush will be replaced; refuses to replace anything else."""
    there = [each for each in (path, *beside) if _is_there(each)]
    read = {given.resolve() for given in inputs}
    for each in there:
        if each.resolve() in read:
            raise UsageError(f"{each}: is read by this command; choose another name for the result")
    if not there or outputs.overwrite:
        return False
    if not is_own(path) and not all(map(is_own, there)):
        raise InputFileError(
            f"{there[0]}: exists and was not written by promptbrush; choose another name or give --overwrite"
        )
    return path in there


def _check_named(outputs: Outputs, count: int, inputs: Sequence[Path]) -> None:
    """Files that the user named: of one result, of their kind, and in the place of no other file."""
    for name, _, path in outputs.named_files():
        suffix = extra(type(outputs).model_fields[name], "named")
        if path.suffix != suffix:
            raise UsageError(f"{path}: {name} writes {suffix}; give a name that ends so")
        if count > 1:
            raise UsageError(f"{name} belongs to one result, not to {count}; give one picture with it")
        prove_folder(path.parent)
        _check_loss(path, [], outputs.model_copy(update={"overwrite": True}), inputs)
        if _is_there(path) and not outputs.overwrite:
            raise InputFileError(f"{path}: exists already; choose another name or give --overwrite")


def is_own(path: Path) -> bool:
    """Whether promptbrush wrote a file: a picture with a recipe, a trace, or a folder of frames."""
    with suppress(InputFileError, OSError, ValueError):
        if path.name.endswith(".trace.jsonl"):
            with path.open(encoding="utf-8") as file:
                line = file.readline(100_000)
            return not line or set(json.loads(line)) == {"index", "seconds", "losses"}
        if path.is_dir():
            frames = [each for each in path.iterdir() if not each.name.startswith(".")]
            return all(read_entry(each, FRAME_MARK[0]) == FRAME_MARK[1] for each in frames)
        return bool(read_recipe(path))
    return False


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError) as error:
        raise write_error(path, error) from error
