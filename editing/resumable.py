"""Runs that can be stopped: consumers watch them, Ctrl-C ends them early, a checkpoint keeps their state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from .._base import InputFileError, PromptbrushError
from .._files import Autosave, loaded_state, save_state
from .callbacks import Consumer, Watcher, watch
from .edit import Edit

_SAVE_SECONDS = 30.0


def run_to_end(
    edit: Edit,
    consumers: Sequence[Consumer] = (),
    checkpoint: Path | None = None,
    identity: Mapping[str, str] | None = None,
    end: int | None = None,
) -> tuple[bool, PromptbrushError | None]:
    """Take all steps; Ctrl-C ends them early, where there is something to keep.

    Args:
        checkpoint: a file that keeps the state; if it exists, the run resumes from it.
        identity: what the run is; a checkpoint of another one is refused.
        end: stop after this many steps, as Ctrl-C once did.

    Returns:
        Whether it was stopped, and the first failure of a consumer that outlived the run.

    Raises:
        KeyboardInterrupt: before the first step.
        InputFileError: the checkpoint is of another run or cannot be written.
    """
    saver = _Saver(edit, checkpoint, identity or {}) if checkpoint else None
    if saver:
        saver.restore()
    interrupted, failure = False, None
    wanted = min(end or edit.total, edit.total)
    try:
        if edit.done < wanted:
            watch(edit.run(end), [*consumers, *([saver] if saver else [])])
    except KeyboardInterrupt:
        if not edit.done:
            raise
        interrupted = True
    except PromptbrushError as error:
        # `watch` goes on without a consumer that failed; what failed before the end is the run's.
        if edit.done < wanted and not edit.settled(edit.totals):
            raise
        failure = error
    if saver:
        saver.save()
    return interrupted, failure


class _Saver(Watcher):
    """Writes the state of a run now and then."""

    def __init__(self, edit: Edit, path: Path, identity: Mapping[str, str]) -> None:
        self.edit, self.path, self.identity = edit, path, dict(identity)
        self._autosave = Autosave(self.save, _SAVE_SECONDS)

    def see(self, step: Any) -> None:  # noqa: ARG002
        """Save if it is time."""
        self._autosave()

    def save(self) -> None:
        """Write the state in one step."""
        save_state(self.path, {"identity": self.identity, "run": self.edit.state_dict()})

    def restore(self) -> None:
        """Resume, if there is something to resume from.

        Raises:
            InputFileError: the file is not a checkpoint, or one of another run.
        """
        if not self.path.exists():
            return
        with loaded_state(self.path, torch.device("cpu")) as state:
            found = state["identity"]
            for name in sorted({*found, *self.identity}):
                if found.get(name) != self.identity.get(name):
                    raise InputFileError(
                        f"{self.path}: a checkpoint of another run ({name} is {_short(found.get(name))}, here "
                        f"{_short(self.identity.get(name))}); give another --checkpoint, or the same settings"
                    )
            self.edit.load_state_dict(state["run"])


def _short(value: object) -> str:
    text = "missing" if value is None else f"'{value}'"
    return text if len(text) <= 60 else f"{text[:57]}..."
