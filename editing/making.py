"""Making results: check all input, load models, compose, run, watch, save. The half of the job that needs torch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from .._base import Entry, load_target
from .._devices import enough_memory
from .._files import prepare_folder, readable
from .._settings import Settings
from ..guidance.prompts import load_templates
from .callbacks import Consumer, watch
from .edit import Edit, Place, Source
from .job import Job, Listener, Saved, StoppedError
from .latents import load_latent
from .methods import Method
from .models import Models
from .outputs import Outputs, Plan
from .pictures import Picture, picture_of, read_mask, read_picture
from .record import InputFile, Record, files_of, from_root, prompts_in
from .result import Result
from .resumable import run_to_end

# Of results that are kept for a file about all of them.
_MOST_GATHERED = 64


def make_all(job: Job, plan: Plan, listener: Listener) -> Iterator[Saved]:
    """Make and save every result of a job.

    Raises:
        StoppedError: Ctrl-C, after the best so far was saved. PromptbrushError: in one line.
    """
    notes = _Notes(listener, sum(map(len, plan.paths)))
    with enough_memory():
        sources = _checked_sources(job, notes)
        if job.record is not None:
            job.record.check_files()
        models = Models(job.models, job.record.models.hashes if job.record else None)
        notes.tell([f"models: {job.models.described()} on {models.device}"])
        made, total = 0, sum(map(len, plan.paths))
        for source, paths in zip(sources, plan.paths, strict=True):
            kept: list[Result] = []
            subject = open_subject(models, job.method, source, job.settings)
            for index, path in enumerate(paths):
                notes.number = made + 1
                with _stopping(made, total):
                    what = (source, subject, _place(job, index, len(paths)))
                    saved = _make_one(models, job, what, path, notes)
                notes.tell(_notes_of(saved, path, job.outputs, plan))
                yield saved
                made += 1
                if len(kept) < _MOST_GATHERED and job.outputs.gathered(path):
                    kept.append(saved.result)
                _stop(saved, made, total)
            for target, path in job.outputs.gathered(paths[0]):
                load_target(Entry(target), "an output")(kept, path, job.outputs)
                notes.tell([f"also {readable(path)}"])


def _place(job: Job, index: int, count: int) -> Place:
    return Place(job.record.index, job.record.count) if job.record is not None else Place(index, count)


class _Notes:
    """Tells each remark once, and which of `count` results is being made."""

    def __init__(self, listener: Listener, count: int) -> None:
        self._listener, self._told = listener, set[str]()
        self.number, self._count = 1, count

    def begin(self, path: Path) -> Sequence[Consumer]:
        """Those who watch the work on a result."""
        return self._listener.begin(path, self.number, self._count)

    def tell(self, notes: Sequence[str]) -> None:
        for note in notes:
            if note not in self._told:
                self._told.add(note)
                self._listener.note(note)


def _notes_of(saved: Saved, path: Path, outputs: Outputs, plan: Plan) -> list[str]:
    left_out = outputs.metadata and not saved.result.recipe_fits(path)
    lost = ["the recipe is too long for a JPEG and was left out; write a .png to keep it"] if left_out else []
    replaced = [f"{readable(path)} replaces an earlier result"] if path in plan.replaced else []
    return [*saved.result.notes, *lost, *replaced]


@contextmanager
def _stopping(made: int, count: int) -> Iterator[None]:
    """Ctrl-C before a result has a first step: those before it are there."""
    try:
        yield
    except KeyboardInterrupt as error:
        if not made:
            raise
        raise StoppedError(f"stopped: {made} of {count} results are there") from error


def _stop(saved: Saved, made: int, count: int) -> None:
    """End a job whose last result was interrupted, or whose side output failed."""
    result = saved.result
    if result.failure is not None:
        raise result.failure
    if result.interrupted:
        many = f"{made} of {count} results are there; " if count > 1 else ""
        raise StoppedError(f"stopped: {many}the best so far is in {readable(saved.path)}")


def _make_one(
    models: Models,
    job: Job,
    what: tuple[Source, Any, Place],
    path: Path,
    notes: _Notes,
) -> Saved:
    source, subject, place = what
    settings = job.settings if job.record is not None else job.settings.of_result(place.index)

    def consumers(edit: Edit) -> list[Consumer]:
        models.check_used()
        # Before the work, which they may be a reason not to wait for.
        notes.tell(edit.notes)
        return [*notes.begin(path), *job.outputs.watchers(path, edit.total)]

    result = make(
        models,
        job.method,
        settings,
        (source, subject, place),
        consumers,
        getattr(job.outputs, "checkpoint", None),
        job.record.stopped_after if job.record else None,
    )
    return save(result, path, job.outputs, lambda: notes.begin(path))


def open_subject(models: Models, method: Method, source: Source, settings: Settings) -> Any:
    """What a method works on, made once for an input and shared by its variations."""
    if method.open is None:
        return source
    return method.call("open", models, source, settings)


def make(
    models: Models,
    method: Method,
    settings: Settings,
    what: tuple[Source, Any, Place],
    consumers: Any = None,
    checkpoint: Path | None = None,
    end: int | None = None,
) -> Result:
    """Compose and run a method.

    Args:
        what: the input, the subject that `open_subject` made of it, and which result this is.
        consumers: the composed edit -> those who watch it.
        checkpoint: a file that keeps the state.
        end: stop after this many steps.

    Raises:
        KeyboardInterrupt: before the first step. PromptbrushError: in one line.
    """
    began = time.monotonic()
    source, subject, place = what
    settings = settings.resolved(models)
    files = files_of(settings, source.path)
    edit: Edit = method.call("compose", models, subject, settings, place)
    identity = _identity(method, settings, models, files, place) if checkpoint else {}
    watching = consumers(edit) if consumers is not None else []
    interrupted, failure = run_to_end(edit, watching, checkpoint, identity, end)
    output = edit.output()
    early = edit.done if (interrupted or end) and edit.done < edit.total else None
    record = _record(models, method, settings, files, place, early)
    return Result(
        output,
        record,
        seed=int(getattr(settings, "seed", 0)),
        losses=tuple(edit.losses),
        seconds=time.monotonic() - began,
        interrupted=interrupted,
        failure=failure,
        notes=tuple(dict.fromkeys((*_picture_notes(source), *edit.notes, *output.notes))),
    )


def _picture_notes(source: Source) -> tuple[str, ...]:
    return source.picture.notes if source.picture is not None else ()


def _record(
    models: Models,
    method: Method,
    settings: Settings,
    files: Mapping[str, InputFile],
    place: Place,
    stopped_after: int | None,
) -> Record:
    # Results that differ by more than their seed depend on their place.
    apart = settings.of_result(1) == settings and place.count > 1
    return Record(
        method=method.name,
        promptbrush=__version__,
        torch=torch.__version__,
        device=str(models.device),
        precision=str(models.precision).removeprefix("torch."),
        index=place.index if apart else 0,
        count=place.count if apart else 1,
        stopped_after=stopped_after,
        models=models.names,
        files=dict(files),
        settings=from_root(settings),
    )


def _identity(
    method: Method, settings: Settings, models: Models, files: Mapping[str, InputFile], place: Place
) -> dict[str, str]:
    """What a checkpoint belongs to."""
    own = {name: json.dumps(value, default=str) for name, value in settings.model_dump(mode="json").items()}
    read = {f"the {name}": file.sha256 for name, file in files.items()}
    return {
        "the method": method.name,
        **own,
        **{f"the {role} model": digest for role, digest in models.hashes.items()},
        **read,
        "the result": f"{place.index} of {place.count}",
    }


def save(
    result: Result, path: Path, outputs: Outputs, begin: Callable[[], Sequence[Consumer]] = tuple
) -> Saved:
    """Write a result and what was asked for beside it.

    Args:
        begin: gives those who watch long writing, such as that of a film.

    Raises:
        InputFileError: a file that cannot be written.
    """
    steps = result.written(path, outputs.metadata and result.recipe_fits(path))
    if (first := next(steps, None)) is not None:
        watch(chain([first], steps), begin())
    for target, place in outputs.writers(path):
        prepare_folder(place.parent)
        load_target(Entry(target), "an output")(result, place)
    beside = [*outputs.beside(path), *(place for _, _, place in outputs.named_files())]
    there = [each for each in beside if each.exists()]
    return Saved(result, path, tuple(there))


def _checked_sources(job: Job, notes: _Notes) -> Iterator[Source]:
    """Read everything once, so that no mistake costs the time of a run; one at a time, as there may be many."""
    for name in job.settings.with_role("templates"):
        load_templates(getattr(job.settings, name))
    for prompt in prompts_in(job.settings):
        if prompt.is_image:
            read_picture(prompt.text)
    for name in job.settings.with_role("latent"):
        if path := getattr(job.settings, name):
            load_latent(path)
    for name in job.settings.with_role("picture"):
        if value := getattr(job.settings, name):
            notes.tell(picture_of(value).notes)
    if not job.pictures:
        job.method.call("check", job.settings, Source(None))
        return iter([Source(None)])
    read = None
    for path in job.pictures:
        read = _checked(job, path)
        notes.tell(_picture_notes(read))
    return iter([read] if len(job.pictures) == 1 and read else (_read(job, path) for path in job.pictures))


def _checked(job: Job, path: Path) -> Source:
    source = _read(job, path)
    for name in job.settings.with_role("mask"):
        if (mask := getattr(job.settings, name)) and source.picture is not None:
            read_mask(mask, source.picture)
    job.method.call("check", job.settings, source)
    return source


def _read(job: Job, path: Path) -> Source:
    converted = path.suffix.lower() in job.method.converts
    return Source(path, None if converted else read_picture(path))


def source_of(picture: str | Path | Any) -> Source:
    """An input of a Python function: a file, a tensor (1,3,H,W) in [0,1], or a Pillow image.

    Raises:
        UsageError, InputFileError: it cannot be read.
    """
    from .pictures import from_memory

    if isinstance(picture, (str, Path)):
        return Source(Path(picture), read_picture(picture))
    return Source(None, Picture(None, from_memory(picture)))


__all__ = ["make", "make_all", "open_subject", "save", "source_of"]
