"""The files that settings name: pictures among the prompts, and templates; found from any folder, and hashed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch

from .. import __version__
from .._base import InputFileError
from .._files import input_file, readable, short_hash
from ..guidance.prompts import TEMPLATE_SETS, Prompt, parse_prompts
from .models import ModelChoice
from .prior.settings import SampleSettings
from .recipe import EditSettings, Record
from .shapes.settings import ShapesSettings
from .style.settings import StyleSettings

AnySettings = EditSettings | ShapesSettings | StyleSettings | SampleSettings
SettingsT = TypeVar("SettingsT", EditSettings, ShapesSettings, StyleSettings, SampleSettings)
# Settings that hold prompts; not every method has all of them.
_PROMPTS = ("prompt", "negative", "to")


def from_root(settings: SettingsT) -> SettingsT:
    """The same settings, with every file spelt from the root; all else stays as it was typed."""
    templates = settings.templates
    return settings.model_copy(
        update={
            **{
                name: _spelt(getattr(settings, name), _absolute)
                for name in _PROMPTS
                if hasattr(settings, name)
            },
            "templates": _absolute(templates) if _names_a_file(templates) else templates,
        }
    )


def label(prompts: str) -> str:
    """Prompts for people: of a picture only its name."""
    return _spelt(prompts, lambda path: Path(path).name)


def _spelt(prompts: str, spell: Callable[[str], str]) -> str:
    """Prompts with the paths of their pictures in another spelling; texts stay as they were typed."""
    if not prompts.strip():
        return prompts
    typed = re.split(r"(?<!\\)\|", prompts)
    return "|".join(_part(*each, spell) for each in zip(typed, parse_prompts(prompts), strict=True))


def _part(typed: str, prompt: Prompt, spell: Callable[[str], str]) -> str:
    if not prompt.is_image:
        return typed
    margin = typed[: len(typed) - len(typed.lstrip())]
    return f"{margin}{Prompt(spell(prompt.text), prompt.weight, is_image=True)}"


def _absolute(path: str | Path) -> str:
    return readable(Path(path).resolve())


def _names_a_file(templates: str) -> bool:
    return templates not in TEMPLATE_SETS and Path(templates).is_file()


def image_hashes(settings: AnySettings) -> dict[str, str]:
    """Of every picture among the prompts: its path from the root, and the first digits of its SHA-256.

    Raises:
        UsageError: a prompt that cannot be read. InputFileError: no such file.
    """
    texts = [text for name in _PROMPTS if (text := getattr(settings, name, "")).strip()]
    named = [input_file(prompt.text) for text in texts for prompt in parse_prompts(text) if prompt.is_image]
    return {_absolute(path): short_hash(path) for path in named}


def templates_hash(settings: AnySettings) -> str | None:
    """The first digits of the SHA-256 of the templates' file; None for those that are published."""
    return short_hash(Path(settings.templates)) if _names_a_file(settings.templates) else None


def read_files(files: Mapping[str, Path | None]) -> dict[str, Any]:
    """Fields of a record for the files that there are: each from the root, and the first digits of its SHA-256.

    Raises:
        InputFileError: no such file.
    """
    found: dict[str, Any] = {}
    for role, path in files.items():
        if path is not None:
            found |= {role: _absolute(path), f"{role}_sha256": short_hash(input_file(path))}
    return found


def made_with(settings: SettingsT, device: torch.device, precision: torch.dtype) -> dict[str, Any]:
    """The fields of a record that every method fills alike.

    Raises:
        UsageError, InputFileError: a prompt that cannot be read, or a file of it that is not there.
    """
    return {
        "promptbrush": __version__,
        "torch": torch.__version__,
        "device": str(device),
        "precision": str(precision).removeprefix("torch."),
        "images": image_hashes(settings) or None,
        "templates_sha256": templates_hash(settings),
        "settings": from_root(settings),
    }


def choice_of(record: Record, device: str | None = None) -> ModelChoice:
    """The CLIP and pack of a record, on its device or another one."""
    other = device is not None and device != record.device
    return ModelChoice(
        pack=record.models.pack,
        clip=record.models.clip,
        device=device if device is not None else record.device,
        precision="auto" if other else record.precision,
    )


def check_unchanged(listed: Iterable[tuple[str, str | None, str | None]]) -> None:
    """Whether files are what they were: what each is, its path and the first digits of its SHA-256.

    Raises:
        InputFileError: one is gone or has changed.
    """
    for name, file, digest in listed:
        if file and digest and short_hash(input_file(file)) != digest:
            those = "these are" if name == "templates" else "this is"
            raise InputFileError(f"{file}: {those} not the {name} of the recipe any more; give the same file")


def named_files(record: Record, templates: str) -> list[tuple[str, str | None, str | None]]:
    """The templates and pictures among the prompts of a record, for `check_unchanged`."""
    images = [("image prompt", file, digest) for file, digest in (record.images or {}).items()]
    return [("templates", templates, record.templates_sha256), *images]


def check_models(record: Record, found: Mapping[str, str]) -> None:
    """Whether the models of a record are those that would be loaded now.

    Args:
        found: by role, the first digits of each SHA-256.

    Raises:
        InputFileError: one is another.
    """
    for role, digest in record.models.hashes.items():
        if found.get(role) != digest:
            raise InputFileError(
                f"the {role} is not the one of the recipe (its SHA-256 begins with {found.get(role)}, there "
                f"{digest}); install promptbrush {record.promptbrush} or give the same file"
            )
