"""What `promptbrush shapes` does: find a drawing, write it and what was asked for beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..._base import UsageError
from ..._files import readable
from ..commands import StoppedError, enough_memory, names_a_file, own_models
from ..consumers import Progress
from ..models import ModelChoice
from ..named import choice_of
from ..outputs import Care, plan
from ..pictures import read_picture
from .method import ShapesResult, run_task
from .outputs import ShapesExtras, described, read_drawing, save
from .recipe import ShapesRecipe, check_files, recipe_of
from .settings import ShapesSettings
from .task import task_of

_NAME = 40


@dataclass(frozen=True)
class ShapesJob:
    """Everything that `promptbrush shapes` was asked for.

    Attributes:
        target: a picture to come near to, in place of a prompt.
        start: .svg or .json to go on with.
        height: of the picture that is written, in pixels.
        checkpoint: keeps the state of the search.
    """

    settings: ShapesSettings
    models: ModelChoice = field(default_factory=ModelChoice)
    target: Path | None = None
    start: Path | None = None
    output: Path | None = None
    height: int | None = None
    checkpoint: Path | None = None
    extras: ShapesExtras = field(default_factory=ShapesExtras)
    metadata: bool = True
    overwrite: bool = False


def draw_shapes(job: ShapesJob, word: str = "shapes") -> Iterator[str]:
    """Run a job; a line for each file.

    Raises:
        StoppedError: Ctrl-C, after the best so far was saved. PromptbrushError: in one line.
    """
    target = read_picture(job.target) if job.target else None
    start = read_drawing(job.start) if job.start else None
    if names_a_file(job.settings.prompt):
        raise UsageError(
            f"'{job.settings.prompt}' is a file; give it as --target, or write what should be drawn"
        )
    inputs = [each for each in (job.target, job.start) if each is not None]
    name = job.target.stem if job.target else _named(job.settings.prompt)
    ((path,),) = plan([name], 1, job.output, word, Care(inputs, job.overwrite, job.extras.beside))
    job.extras.check()
    with enough_memory():
        task = task_of(job.settings, target.image if target else None, start, job.models)
        # The height before the search: a picture that cannot be written should cost no time.
        height = job.height or (1024 if job.settings.mode == "smooth" else None)
        files = {"target": job.target, "start": job.start}
        recipe = recipe_of(job.settings, job.models, files, height)
        if job.settings.prompt:
            yield f"models: {job.models.pack} pack on {recipe.device}{own_models(job.models)}"
        for note in (*(target.notes if target else ()), *task.notes):
            yield f"note: {note}"
        consumers = [Progress(readable(Path(path.name))), *job.extras.consumers(path, task.search.steps)]
        result = run_task(task, consumers, job.checkpoint)
        yield from _saved(result, path, job, recipe, height)


def _saved(
    result: ShapesResult, path: Path, job: ShapesJob, recipe: ShapesRecipe, height: int | None
) -> Iterator[str]:
    if result.interrupted:
        recipe = recipe.model_copy(update={"stopped_after": len(result.losses)})
    told = recipe.to_toml() if job.metadata else None
    for written in save(result, path, job.extras, height, told):
        yield readable(written)
    yield described(result)
    if result.failure is not None:
        raise result.failure
    if result.interrupted:
        raise StoppedError(f"stopped: the best so far is in {readable(path)}")


def _named(prompt: str) -> str:
    """A file's name of a prompt."""
    return "-".join(re.findall(r"\w+", prompt.lower()))[:_NAME].strip("-") or "drawing"


def redraw(recipe: ShapesRecipe, output: Path, device: str | None) -> Iterator[str]:
    """Make a recipe's drawing again, as a picture.

    Raises:
        InputFileError: a file of it that changed.
    """
    check_files(recipe)
    target = read_picture(recipe.target).image if recipe.target else None
    start = read_drawing(recipe.start) if recipe.start else None
    task = task_of(recipe.settings, target, start, choice_of(recipe, device))
    if recipe.stopped_after:
        task.stop_after(recipe.stopped_after)
    yield f"models: {recipe.models.pack} pack on {device or recipe.device}"
    result = run_task(task, [Progress(readable(Path(output.name)))])
    extras = ShapesExtras(svg=False, json=False)
    for written in save(result, output, extras, recipe.height, recipe.to_toml()):
        yield readable(written)
    if result.interrupted:
        raise StoppedError(f"stopped: the best so far is in {readable(output)}")
