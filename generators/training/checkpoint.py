"""Checkpoints of trainings: written in one step, read as data only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..._base import InputFileError


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state; a reader sees the old file or the whole new one.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    temporary = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise InputFileError(f"{path}: cannot be written ({error}); free some space") from error


@contextmanager
def loaded_state(path: Path, device: torch.device) -> Iterator[dict[str, Any]]:
    """The state of `path`; what goes wrong while it is read or used becomes one line about the file.

    Raises:
        InputFileError: not a checkpoint of the training that asks for it.
    """
    try:
        yield torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, KeyError, ValueError, TypeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputFileError(f"{path}: not a checkpoint of this training ({reason}); move it away") from error
