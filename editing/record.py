"""The record that every result carries, TOML in its metadata: all that is needed to make the same picture again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError

from .._base import InputFileError, UsageError
from .._files import input_file, readable, short_hash
from .._settings import MAX_STEPS, Settings, first_problem, paths_in, spelt, without_memory
from ..guidance.prompt import TEMPLATE_SETS, Prompt, parse_prompts, respelt
from .specs import respelt as respelt_models

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Of the layout; `from_toml` also reads the earlier ones.
VERSION = 3


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelNames(_Part):
    """Which models took part: what to load, and the first digits of each file's SHA-256, by role."""

    pack: str
    generator: str | None = None
    clip: str | None = None
    encoder: str | None = None
    face_encoder: str | None = None
    prior: str | None = None
    hashes: dict[str, str] = Field(default_factory=dict)


class InputFile(_Part):
    """A file that was read: its path from the root, and the first digits of its SHA-256."""

    path: str
    sha256: str


class Record(_Part):
    """What made a result.

    Attributes:
        recipe: version of this layout.
        method: the entry of `methods.METHODS`.
        index, count: which of how many results of one run, where they depend on each other.
        stopped_after: how many steps there were when the run was stopped; None if all were taken.
        files: by what they are: "picture", fields of the settings, "image prompt 1", "templates".
    """

    recipe: int = VERSION
    method: str
    promptbrush: str
    torch: str
    device: str
    precision: str
    index: int = Field(0, ge=0)
    count: int = Field(1, ge=1)
    stopped_after: int | None = Field(None, ge=1, le=10 * MAX_STEPS)
    models: ModelNames
    files: dict[str, InputFile] = Field(default_factory=dict)
    settings: SerializeAsAny[Settings]

    def to_toml(self) -> str:
        """Text that `from_toml` reads back."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    @classmethod
    def from_toml(cls, text: str, where: str) -> Record:
        """Read a recipe of this layout or an earlier one; `where` is named in errors.

        Raises:
            InputFileError: not TOML, or not a recipe that this version knows.
        """
        from .migration import migrated

        parsed = _parse(text, where)
        try:
            return cls.model_validate(_with_settings(migrated(parsed)))
        except ValidationError as error:
            raise _misfit(where, first_problem(error)) from error
        except (UsageError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise _misfit(where, " ".join(str(error).split())[:200] or type(error).__name__) from error

    @property
    def picture(self) -> str | None:
        """The file that was edited; None if there was none, or it came from a program."""
        return self.files["picture"].path if "picture" in self.files else None

    def check_files(self) -> None:
        """Whether all files that were read are what they were.

        Raises:
            InputFileError: one is gone or has changed.
        """
        for name, file in self.files.items():
            if short_hash(input_file(file.path)) != file.sha256:
                verb = "these are" if name == "templates" else "this is"
                raise InputFileError(
                    f"{file.path}: {verb} not the {name.replace('_', ' ')} of the recipe any more; give the same file"
                )


def _with_settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data with its settings as the method's own model."""
    from .methods import METHODS

    if int(data.get("recipe", VERSION)) > VERSION:
        raise ValueError(
            f"it was written by a later version of promptbrush ({data.get('promptbrush')}); update"
        )
    method = METHODS.load(str(data.get("method", "")))
    try:
        settings = method.settings.model_validate(dict(data.get("settings", {})))
    except ValidationError as error:
        raise ValueError(first_problem(error, "settings.")) from error
    return {**data, "settings": settings}


def _misfit(where: str, problem: str) -> InputFileError:
    return InputFileError(f"{where}: its recipe does not fit this version: {problem}")


def _parse(text: str, where: str) -> Mapping[str, Any]:
    try:
        parsed: Mapping[str, Any] = tomllib.loads(text)
    # ValueError: also a number of more digits than Python reads.
    except (ValueError, RecursionError) as error:
        raise InputFileError(
            f"{where}: its recipe is not TOML ({error}); give a picture that promptbrush wrote"
        ) from error
    return parsed


def from_root(settings: Settings) -> Settings:
    """The same settings, with every file spelt from the root; all else stays as it was typed."""
    settings = spelt(settings, "prompt", lambda text: respelt(text, _absolute))
    settings = spelt(settings, "templates", lambda text: _absolute(text) if _is_file(text) else text)
    settings = spelt(settings, "models", respelt_models)
    for role in ("picture", "mask", "latent", "file"):
        settings = spelt(settings, role, lambda path: type(path)(_absolute(path)))
    return without_memory(settings)


def prompts_in(settings: Settings) -> list[Prompt]:
    """All prompts of settings.

    Raises:
        UsageError: one that cannot be read.
    """
    texts = [str(getattr(settings, name)) for name in settings.with_role("prompt")]
    return [prompt for text in texts if text.strip() for prompt in parse_prompts(text)]


def files_of(settings: Settings, picture: Path | None) -> dict[str, InputFile]:
    """Every file that a job reads besides models, with its hash.

    Raises:
        InputFileError: one is missing.
    """
    named = [("picture", picture)] if picture is not None else []
    named += list(paths_in(settings))
    images = [Path(prompt.text) for prompt in prompts_in(settings) if prompt.is_image]
    named += [(f"image prompt {number}", path) for number, path in enumerate(dict.fromkeys(images), start=1)]
    named += [("templates", Path(text)) for text in _templates(settings) if _is_file(text)]
    return {
        name: InputFile(sha256=short_hash(input_file(path)), path=_absolute(path)) for name, path in named
    }


def _templates(settings: Settings) -> Iterator[str]:
    return (str(getattr(settings, name)) for name in settings.with_role("templates"))


def _is_file(templates: str) -> bool:
    return templates not in TEMPLATE_SETS and Path(templates).is_file()


def _absolute(path: str | Path) -> str:
    return readable(Path(path).resolve())


def label(prompts: str) -> str:
    """Prompts for people: of a picture only its name."""
    return respelt(prompts, lambda path: Path(path).name)


__all__ = ["InputFile", "ModelNames", "Record", "files_of", "from_root", "label", "prompts_in"]
