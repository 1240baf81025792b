"""Long runs that can be stopped: consumers watch them, Ctrl-C ends them early, a file keeps their state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from .._base import InputFileError, PromptbrushError
from .._files import Autosave, loaded_state, save_state
from .watching import Consumer, Step, Watcher, watch

_SAVE_SECONDS = 30.0


class Run(Protocol):
    """What goes on step by step."""

    @property
    def done(self) -> int:
        """Steps taken."""

    @property
    def end(self) -> int:
        """How many will be taken."""

    @property
    def settings_json(self) -> str:
        """What it was asked for: a state is of the same run if this is the same."""

    def run(self) -> Iterator[Step]:
        """All steps that are left."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on to the same bits."""

    def load_state_dict(self, state: Any) -> None:
        """Go on from `state_dict`."""


def run_to_end(
    task: Run, consumers: Sequence[Consumer] = (), checkpoint: Path | None = None
) -> tuple[bool, PromptbrushError | None]:
    """Take all steps; Ctrl-C ends them early, where there is something to keep.

    Args:
        checkpoint: a file that keeps the state; where it exists already, the run goes on from it.

    Returns:
        Whether it was stopped, and the first failure of a consumer.

    Raises:
        KeyboardInterrupt: before the first step.
        InputFileError: the checkpoint is of another run or cannot be written.
    """
    saver = Autosave(lambda: _save(task, checkpoint), _SAVE_SECONDS) if checkpoint else None
    if checkpoint and checkpoint.exists():
        _restore(task, checkpoint)
    interrupted, failure = False, None
    try:
        if task.done < task.end:
            watch(task.run(), [*consumers, *([_Saver(saver)] if saver else [])])
    except KeyboardInterrupt:
        if not task.done:
            raise
        interrupted = True
    except PromptbrushError as error:
        # `watch` goes on without a consumer that failed; what failed before the end is the run's.
        if task.done < task.end:
            raise
        failure = error
    if checkpoint:
        _save(task, checkpoint)
    return interrupted, failure


class _Saver(Watcher):
    def __init__(self, save: Callable[[], None]) -> None:
        self._save = save

    def see(self, step: Any) -> None:  # noqa: ARG002
        self._save()


def _save(task: Run, path: Path | None) -> None:
    if path:
        save_state(path, {"settings": task.settings_json, "run": task.state_dict()})


def _restore(task: Run, path: Path) -> None:
    with loaded_state(path, torch.device("cpu")) as state:
        if state["settings"] != task.settings_json:
            raise InputFileError(
                f"{path}: this checkpoint is of other settings; give the same ones, or another file"
            )
        task.load_state_dict(state["run"])
