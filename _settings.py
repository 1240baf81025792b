"""Bases of settings: one field of a pydantic model is a flag, a line of help, a Python keyword and an entry of recipes.

Nothing here imports torch, so that help and wrong usage are answered at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationError,
)
from pydantic.fields import FieldInfo

from ._base import UsageError, check_utf8, unknown_name

MODELS, OPTIMIZATION, OUTPUT, DATA = "Models", "Optimization", "Output", "Data"
MAX_STEPS = 100_000
MAX_SEED = 2**62 - 1
TEMPLATES = "prompt templates: none, imagenet79, imagenet80 or a file"

SettingsT = TypeVar("SettingsT", bound="Settings")


def setting(
    default: Any,
    description: str,
    panel: str = OPTIMIZATION,
    *,
    role: str = "",
    flags: Sequence[str] = (),
    needs: Mapping[str, Any] | None = None,
    argument: bool = False,
    **bounds: Any,
) -> Any:
    """A field of a settings model.

    Args:
        default: `...` if there is none.
        description: one line of help, in plain words.
        panel: heading of the help under which its flag stands.
        role: what the text stands for: "prompt", "templates", "picture", "mask", "latent" or "file". Files are
            checked before a model is loaded, spelt from the root in recipes and hashed there. The type of a picture is
            `PictureFile`, so that programs can give one from memory. "models" are names or files with weights, see
            `specs`; the method notes their hashes when it loads them.
        flags: spellings on the command line in place of the field's own, such as ("--output", "-o").
        needs: other fields that must have a value for this one to count: name -> a tuple of accepted values, an
            `Except`, True for any, False for none.
        argument: stands on the command line without a flag.
        bounds: ge, gt, le, lt, as pydantic takes them.
    """
    known: dict[str, Any] = {
        "panel": panel,
        "role": role,
        "flags": list(flags),
        "needs": dict(needs or {}),
        "argument": argument,
    }
    return Field(default, description=description, json_schema_extra=known, **bounds)


class Except(tuple[Any, ...]):
    """Of `needs`: every value is accepted but these."""


class InMemory:
    """A picture that a program gave in place of a file; recipes leave it out."""

    def __init__(self, picture: Any) -> None:
        self.picture = picture


def _file_or_memory(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, Path, InMemory)) else InMemory(value)


PictureFile = Annotated[
    Path | Annotated[InMemory, InstanceOf(), PlainSerializer(lambda _: None)],
    BeforeValidator(_file_or_memory),
]


def extra(field: FieldInfo, name: str) -> Any:
    """What `setting` was told about a field; an empty string for fields of plain pydantic models."""
    known = field.json_schema_extra
    return known.get(name, "") if isinstance(known, Mapping) else ""


class Settings(BaseModel):
    """Base of all settings; a preset is a name with the values that differ from the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"default": {}}

    @property
    def one_shot(self) -> str:
        """The setting because of which no steps are taken, so that there are none to watch; empty if steps are."""
        return ""

    def of_result(self, index: int) -> Settings:
        """The settings of result `index` of an input: its seed is `index` past theirs."""
        if not index or "seed" not in type(self).model_fields:
            return self
        return self.model_copy(update={"seed": getattr(self, "seed") + index})  # noqa: B009

    def resolved(self, models: Any) -> Settings:  # noqa: ARG002
        """The settings with all that depends on the models written out, so that the recipe says what was done.

        Args:
            models: a `models.Models`.
        """
        return self

    @classmethod
    def with_role(cls, *roles: str) -> list[str]:
        """Names of the fields of these roles."""
        return [name for name, field in cls.model_fields.items() if extra(field, "role") in roles]


def chosen(
    kind: type[SettingsT], preset: str = "default", given: Mapping[str, Any] | None = None
) -> SettingsT:
    """Settings of a preset, with the given values in place of its own; None means not given.

    Raises:
        UsageError: an unknown preset or setting, a value out of its range, or one that would have no effect.
    """
    if preset not in kind.presets:
        raise UsageError(unknown_name("preset", preset, kind.presets))
    values = {name: value for name, value in (given or {}).items() if value is not None}
    known = list(kind.model_fields)
    for name in values:
        if name not in known:
            raise UsageError(unknown_name("setting", name, known))
        if isinstance(values[name], str):
            check_utf8(values[name], name)
    try:
        made = kind(**{**kind.presets[preset], **values})
    except ValidationError as error:
        raise UsageError(first_problem(error)) from error
    _check_effect(made, kind.presets[preset], values)
    return made


def _check_effect(made: Settings, preset: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """A value that would silently have no effect is a mistake."""
    for name in given:
        field = type(made).model_fields[name]
        if getattr(made, name) == preset.get(name, field.default):
            continue
        for other, wanted in (extra(field, "needs") or {}).items():
            if reason := _unmet(made, other, wanted):
                raise UsageError(f"{name} has no effect {reason}, or leave {name} out")


def _unmet(made: Settings, other: str, wanted: Any) -> str:
    """Why another field takes a setting's effect, and what to do; empty if it does not."""
    value = getattr(made, other)
    if isinstance(wanted, bool):
        if bool(value) == wanted:
            return ""
        return f"without {other}; give {other}" if wanted else f"together with {other}; leave {other} out"
    if isinstance(wanted, Except):
        return "" if value not in wanted else f"with {other} '{value}'; choose another {other}"
    if value in wanted:
        return ""
    return f"with {other} '{printable(str(value))}'; choose {other} {' or '.join(map(str, wanted))}"


def first_problem(error: ValidationError, within: str = "") -> str:
    """The first of pydantic's findings in one line.

    Args:
        within: what the fields belong to, such as "settings.".
    """
    first = error.errors(include_url=False)[0]
    name = within + ".".join(str(part) for part in first["loc"]) or "value"
    if first["type"] == "missing":
        return f"{printable(name)} is missing; give it"
    if first["type"] == "extra_forbidden":
        return f"no field is called '{printable(name)}'; remove it"
    told = first["msg"].removeprefix("Value error, ")
    message = told[:1].lower() + told[1:]
    if not first["loc"]:  # of the model as a whole, whose message names the values
        return message
    value = first["input"]
    return f"{printable(name)} is {'a table' if isinstance(value, Mapping) else printable(str(value))}; {message}"


def printable(value: str) -> str:
    """A value that may be endless or hold control characters, on one line of at most 60 characters."""
    text = " ".join("".join(c if c.isprintable() else " " for c in value[:1000]).split())
    return text if len(text) <= 60 else text[:57] + "..."


def spelt(settings: SettingsT, role: str, spell: Callable[[Any], Any]) -> SettingsT:
    """The settings with every value of a role in another spelling."""
    own = {name: getattr(settings, name) for name in settings.with_role(role)}
    named = {name: value for name, value in own.items() if value and not isinstance(value, InMemory)}
    return settings.model_copy(update={name: spell(value) for name, value in named.items()})


def without_memory(settings: SettingsT) -> SettingsT:
    """The settings without pictures that came from a program: no recipe can name them."""
    held = [name for name in settings.with_role("picture") if isinstance(getattr(settings, name), InMemory)]
    return settings.model_copy(update=dict.fromkeys(held))


def paths_in(settings: Settings) -> Iterator[tuple[str, Path]]:
    """(field, path) of every file that settings name by a field."""
    for name in settings.with_role("picture", "mask", "latent", "file"):
        value = getattr(settings, name)
        if value and not isinstance(value, InMemory):
            yield name, Path(value)
