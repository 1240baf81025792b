"""Who watches an edit: progress, previews, trace and films, all consumers of one iterator of steps."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from .._files import prepare_folder, prove_folder, refuse_folder, write_error
from .callbacks import Consumer, Latest, Step, Watcher, watch
from .films import Frames, Gif, Mp4

__all__ = [
    "Consumer",
    "Frames",
    "Gif",
    "Latest",
    "Mp4",
    "Progress",
    "Step",
    "Trace",
    "Watcher",
    "watch",
]


class Progress(Watcher):
    """A progress bar with the mean of each loss, on the terminal.

    Args:
        description: what is being done, in a word or two.
        console: where to draw; standard error by default, so that standard output stays clean.
    """

    _SECONDS_BETWEEN = 0.1  # reading the losses makes a GPU wait, so not at every step

    def __init__(self, description: str = "editing", console: Console | None = None) -> None:
        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}", markup=False),
            console=console or Console(stderr=True),
        )
        self._description = description
        self._task: TaskID | None = None
        self._read = -math.inf

    def see(self, step: Step) -> None:
        """Move the bar."""
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task(self._description, total=step.total, losses="")
        shown: dict[str, Any] = {}
        if step.index + 1 == step.total or time.monotonic() - self._read >= self._SECONDS_BETWEEN:
            self._read = time.monotonic()
            shown["losses"] = _losses_text(step.losses)
        self._bar.update(self._task, completed=step.index + 1, **shown)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()


def _losses_text(losses: Mapping[str, torch.Tensor]) -> str:
    return " · ".join(f"{name} {float(value.float().mean()):.4g}" for name, value in losses.items())


class Trace(Watcher):
    """One JSON line a step: index, seconds since the start, and each loss per sample (null for NaN).

    Lines are written whole and at once, so that the file can be followed while the edit runs. It is made with
    the first of them, so that an edit without a step leaves nothing.

    Raises:
        InputFileError: the file cannot be written.
    """

    def __init__(self, path: str | Path, every: int = 1) -> None:  # noqa: ARG002 (only of pictures are there too many)
        self._path = Path(path)
        prove_folder(self._path.parent)
        refuse_folder(self._path)
        self._file: IO[str] | None = None
        self._start = time.perf_counter()

    def see(self, step: Step) -> None:
        """Write a line."""
        losses = {name: [_number(x) for x in value.tolist()] for name, value in step.losses.items()}
        seconds = round(time.perf_counter() - self._start, 4)
        line = json.dumps({"index": step.index, "seconds": seconds, "losses": losses})
        try:
            if self._file is None:
                self._file = self._opened()
            self._file.write(line + "\n")
        except OSError as error:
            raise write_error(self._path, error) from error

    def _opened(self) -> IO[str]:
        prepare_folder(self._path.parent)
        return self._path.open("w", encoding="utf-8", buffering=1)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with suppress(OSError):  # what could not be flushed was already reported by see
                self._file.close()


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
