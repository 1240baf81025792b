"""The base of models of settings, and their fields, which flags, help and bounds are made from. No torch here."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MODELS, OPTIMIZATION, OUTPUT, DATA = "Models", "Optimization", "Output", "Data"
"""Panels of a command's help."""


class Settings(BaseModel):
    """Frozen, with known fields and finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def option(default: Any, description: str, panel: str = OPTIMIZATION, **more: Any) -> Any:
    """A field with a panel of the help.

    Args:
        default: `...` if there is none.
        more: bounds of pydantic's `Field`, and `flags` or `argument` for the command line.
    """
    extra: dict[str, Any] = {"panel": panel}
    extra |= {name: more.pop(name) for name in ("flags", "argument") if name in more}
    return Field(default, description=description, json_schema_extra=extra, **more)
