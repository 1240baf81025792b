"""Flags of the command line, made of settings models: every field is a flag with its help, bounds and panel."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from .._settings import Settings, chosen, extra

_BOUNDS = {"gt": "above ", "ge": "", "lt": "below ", "le": ""}
_ENDLESS = 10**9
_PANELS = ("Prompt", "Shapes", "Strength", "Optimization", "Losses", "Data", "Output", "Models")


def command(
    run: Callable[..., Any],
    models: Sequence[type[Settings]],
    leading: Sequence[inspect.Parameter] = (),
    hidden: Collection[str] = (),
) -> Callable[..., Any]:
    """A function that typer reads flags from; it calls `run` with the leading arguments and a dict of given values.

    Args:
        models: whose fields become flags; of two fields with one name the first counts.
        leading: further parameters, before the flags.
        hidden: fields that are no flags.
    """

    def called(**values: Any) -> None:
        own = {each.name: values.pop(each.name) for each in leading}
        given = {name: _plain(value) for name, value in values.items() if value not in (None, [])}
        run(**own, given=given)

    parameters = [*leading, *_parameters(models, {*hidden, *(each.name for each in leading)})]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    return called


def argument(
    name: str, kind: Any, metavar: str, text: str = "", default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    """A parameter that stands before the flags."""
    told = typer.Argument(metavar=metavar, help=text, show_default=False)
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=default, annotation=Annotated[kind, told])


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def split(given: Mapping[str, Any], kind: type[Settings]) -> dict[str, Any]:
    """Those of the given values that are fields of a model."""
    return {name: value for name, value in given.items() if name in kind.model_fields}


def settings_of(kind: type[Settings], given: Mapping[str, Any], preset: str = "default") -> Any:
    """A model of the given values.

    Raises:
        UsageError: see `settings.chosen`.
    """
    return chosen(kind, preset, split(given, kind))


def _parameters(models: Sequence[type[Settings]], taken: Collection[str]) -> Iterator[inspect.Parameter]:
    seen = set(taken)
    fields = [(name, field) for model in models for name, field in model.model_fields.items()]
    order = {panel: index for index, panel in enumerate(_PANELS)}
    fields.sort(key=lambda each: order.get(extra(each[1], "panel"), len(order)))
    for name, field in fields:
        if name in seen or extra(field, "hidden"):
            continue
        seen.add(name)
        yield parameter(name, field)


def parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    """One field as a parameter of a command."""
    kind = _kind(field.annotation)
    if extra(field, "argument"):
        default = inspect.Parameter.empty if field.is_required() else None
        told = typer.Argument(help=field.description, show_default=False)
        annotation = kind if field.is_required() else kind | None
    elif field.is_required():
        default, annotation = inspect.Parameter.empty, kind
        told = typer.Option(
            *_spellings(name, field, kind), help=field.description, rich_help_panel=_panel(field)
        )
    else:
        default, annotation = None, kind | None
        told = typer.Option(
            *_spellings(name, field, kind),
            help=_help(field),
            rich_help_panel=_panel(field),
            show_default=False,
            metavar="" if kind is bool else _metavar(field.annotation),
        )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, told]
    )


def _panel(field: FieldInfo) -> str | None:
    return extra(field, "panel") or None


def _spellings(name: str, field: FieldInfo, kind: Any) -> list[str]:
    """The flag as it is typed."""
    if own := extra(field, "flags"):
        return list(own)
    flag = f"--{name.replace('_', '-')}"
    return [f"{flag}/--no-{flag[2:]}"] if kind is bool and field.default is True else [flag]


def _help(field: FieldInfo) -> str:
    default = field.default
    plain = default is None or isinstance(default, bool) or default in ("", ())
    told = ", ".join(filter(None, [_range(field), "" if plain else f"default: {default}"]))
    return f"{field.description or ''}{f' [{told}]' if told else ''}".replace("[", r"\[")


def _range(field: FieldInfo) -> str:
    """The bounds of a number in words; those that nobody reaches are left out."""
    bounds = {name: getattr(each, name) for each in field.metadata for name in _BOUNDS if hasattr(each, name)}
    told = {name: f"{_BOUNDS[name]}{value}" for name, value in bounds.items() if abs(value) < _ENDLESS}
    lower, upper = told.get("ge", told.get("gt", "")), told.get("le", told.get("lt", ""))
    if lower and upper:
        return f"{lower} to {upper}"
    return f"{lower} or more" if "ge" in told else f"at most {upper}" if "le" in told else lower or upper


def _metavar(annotation: Any) -> str | None:
    literal = next((part for part in _parts(annotation) if get_origin(part) is Literal), None)
    return f"[{'|'.join(map(str, get_args(literal)))}]" if literal is not None else None


def _parts(annotation: Any) -> list[Any]:
    """The members of a union, without None."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [own for part in get_args(annotation) if part is not type(None) for own in _parts(part)]
    return [annotation]


def _kind(annotation: Any) -> Any:
    """The type that the command line parses; pydantic checks the rest."""
    (part, *_) = _parts(annotation)
    if get_origin(part) is tuple or part is tuple:
        return list[str]
    return part if part in (bool, int, float, Path) else str
