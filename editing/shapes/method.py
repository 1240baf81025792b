"""Drawings of shapes from a prompt or a picture: run a search, keep its state, give the drawing (ES-CLIP)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..._base import PromptbrushError
from ...generators.shapes import Drawing
from ..models import ModelChoice
from ..pictures import read_picture
from ..running import run_to_end
from ..watching import Consumer
from .settings import ShapesSettings, shapes_settings
from .task import Task, task_of


@dataclass(frozen=True)
class ShapesResult:
    """A drawing.

    Attributes:
        drawing: the shapes. image: (1,3,H,W) in [0,1], on the canvas.
        losses: the lowest of every step. loss: of the answer, by the same measure.
        settings: that made it.
        interrupted: stopped early. failure: of a consumer. notes: remarks for the user.
    """

    drawing: Drawing
    image: Tensor
    losses: tuple[float, ...]
    loss: float
    settings: ShapesSettings
    interrupted: bool = False
    failure: PromptbrushError | None = None
    notes: tuple[str, ...] = ()

    def save(self, path: str | Path, height: int | None = None) -> None:
        """Write the drawing as .png, .jpg or .webp, or as .svg.

        Raises:
            UsageError, InputFileError: as the writers do.
        """
        from .outputs import write_drawing

        write_drawing(self, Path(path), height)


def run_task(task: Task, consumers: Sequence[Consumer] = (), checkpoint: Path | None = None) -> ShapesResult:
    """Search to the end; Ctrl-C ends it early with what there is.

    Args:
        checkpoint: a file that keeps the state; where it exists already, the search goes on from it.

    Raises:
        KeyboardInterrupt: before the first step.
        InputFileError: the checkpoint is of another search or cannot be written.
    """
    interrupted, failure = run_to_end(task, consumers, checkpoint)
    return _result(task, interrupted, failure)


@torch.no_grad()
def _result(task: Task, interrupted: bool, failure: PromptbrushError | None) -> ShapesResult:
    best = task.search.best()
    loss = float(task.fitness.losses(best[None], task.settings.seed))
    return ShapesResult(
        task.drawing(),
        task.picture(),
        tuple(task.losses),
        loss,
        task.settings,
        interrupted,
        failure,
        task.notes,
    )


def shapes(
    prompt: str = "",
    *,
    target: str | Path | Tensor | None = None,
    preset: str = "default",
    start: Drawing | None = None,
    models: ModelChoice | None = None,
    executor: Any = None,
    **settings: Any,
) -> ShapesResult:
    """A drawing of shapes: `promptbrush.shapes("a red heart", count=50).save("heart.svg")`.

    Args:
        prompt: what it should show, in the notation of `parse_prompts`; or
        target: a picture that it should come near to, a file or (1,3,H,W) in [0,1].
        preset: "default" or "paper".
        start: shapes to go on with.
        models: the CLIP and the device.
        executor: with nevergrad's `submit`, to judge populations in parts side by side.
        settings: fields of `ShapesSettings`.

    Raises:
        UsageError, InputFileError, MissingError: in one line that says what to do.
    """
    wanted = shapes_settings(preset, prompt=prompt, **settings)
    goal = target if isinstance(target, Tensor) or target is None else read_picture(target).image
    return run_task(task_of(wanted, goal, start, models, executor))
