"""Edits of a subject, for the tests of `edit`: what a job does between reading its input and saving the result."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from promptbrush._settings import chosen
from promptbrush.editing.edit import Place, Source
from promptbrush.editing.latent import subjects
from promptbrush.editing.latent.settings import METHOD, EditSettings
from promptbrush.editing.latent.subjects import Subject
from promptbrush.editing.making import make, source_of
from promptbrush.editing.metadata import read_recipe
from promptbrush.editing.models import Models
from promptbrush.editing.record import Record
from promptbrush.editing.rerun import rerun
from promptbrush.editing.result import Result


def edit_settings(prompt: str, preset: str = "default", **values: Any) -> EditSettings:
    """Settings of `edit`, as the command makes them."""
    return chosen(EditSettings, preset, {"prompt": prompt, "fidelity": "refined", **values})


def open_subject(models: Models, picture: Any = None, latent: Any = None, mask: Any = None) -> Subject:
    """What is edited, of files."""
    source = Source(None) if picture is None else source_of(picture)
    return subjects.open_subject(models, source, SimpleNamespace(from_latent=latent, mask=mask))


def run_edit(
    models: Models, subject: Subject, settings: EditSettings, consumers: Iterable[Any] = ()
) -> Result:
    """Edit a subject with all of its files."""
    own = {"mask": subject.files.get("mask"), "from_latent": subject.files.get("latent")}
    settings = settings.model_copy(update=own)
    source = Source(subject.files.get("picture"), subject.picture)
    return make(models, METHOD, settings, (source, subject, Place()), lambda _: list(consumers))


def again(record: Record, picture: Any = None, **given: Any) -> Result:
    """What a record says, made again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.toml"
        path.write_text(record.to_toml(), encoding="utf-8")
        return rerun(path, picture=picture, **given)


def record_in(path: str | Path) -> Record:
    """The record inside a file."""
    return Record.from_toml(read_recipe(path), str(path))
