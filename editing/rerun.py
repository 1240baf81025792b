"""Making a result again from the recipe inside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._base import UsageError
from .._files import input_file, readable, short_hash
from .._settings import Settings, setting
from .choice import ROLES, ModelChoice
from .job import Job
from .metadata import read_recipe
from .methods import METHODS
from .outputs import Outputs
from .record import InputFile, Record


class RerunOptions(Settings):
    """What may differ from the recipe."""

    picture: Path | None = setting(None, "where the picture that was edited lies now")
    device: str | None = setting(None, "another device than the recipe's", panel="Models")
    allow_download: bool = setting(False, "fetch published models that the recipe names", panel="Models")


def rerun_job(
    made: str | Path,
    picture: Path | None = None,
    outputs: Outputs | None = None,
    device: str | None = None,
    allow_download: bool = False,
) -> Job:
    """The job that makes a result again.

    Args:
        made: a picture that promptbrush wrote, or its recipe.
        picture: where the input lies now, if it was moved.
        device: another than the recipe's, which may change the last digits.
        allow_download: whether models may be fetched that the recipe names; a stranger's recipe may name any.

    Raises:
        InputFileError: no recipe in the file, or not one that this version knows.
        UsageError: the recipe names no picture, and none is given.
    """
    made = Path(made)
    record = Record.from_toml(read_recipe(made), readable(made))
    method = METHODS.load(record.method)
    record = _moved(record, picture)
    pictures = () if record.picture is None else (Path(record.picture),)
    if method.takes.pictures == "many" and not pictures and not _starts_elsewhere(record):
        raise UsageError(f"{readable(made)}: its recipe names no picture; give it with --picture")
    return Job(
        method,
        record.settings,
        pictures,
        choice_of(record, device, allow_download),
        outputs or Outputs(),
        record,
        made.stem,
        made,
    )


def _starts_elsewhere(record: Record) -> bool:
    """Whether a file of the settings takes the picture's place."""
    return any(getattr(record.settings, name) for name in record.settings.with_role("latent"))


def _moved(record: Record, picture: Path | None) -> Record:
    """The record with its input where it lies now."""
    if picture is None:
        return record
    primary = (
        "picture"
        if "picture" in record.files
        else next(iter(record.settings.with_role("picture")), "picture")
    )
    # The name as it is, which a recipe could not hold: the one of the new result is made anew.
    path, files = str(picture.resolve()), dict(record.files)
    known = files.get(primary) or InputFile(path="", sha256=short_hash(input_file(picture)))
    files[primary] = known.model_copy(update={"path": path})
    settings = record.settings
    if primary in type(settings).model_fields:
        settings = settings.model_copy(update={primary: Path(path)})
    return record.model_copy(update={"files": files, "settings": settings})


def choice_of(record: Record, device: str | None = None, allow_download: bool = False) -> ModelChoice:
    """The models of a record, on its device or another one."""
    names, other = record.models, device is not None and device != record.device
    return ModelChoice(
        pack=names.pack,
        device=device if device is not None else record.device,
        precision="auto" if other else record.precision,
        offline=not allow_download,
        **{role: getattr(names, role) for role in ROLES},
    )


def rerun(
    made: str | Path,
    *,
    picture: str | Path | None = None,
    device: str | None = None,
    allow_download: bool = False,
    progress: Callable[[Any], None] | None = None,
) -> Any:
    """Make a result again: `promptbrush.rerun("out.png").save("again.png")`.

    Args:
        made, picture, device, allow_download: see `rerun_job`.
        progress: is called with every step.

    Raises:
        InputFileError: no recipe, or a file that is gone or has changed. UsageError, MissingError: in one line.
    """
    from .api import repeated

    return repeated(
        rerun_job(made, Path(picture) if picture else None, None, device, allow_download), progress
    )
