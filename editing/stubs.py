"""Types of the Python functions, for editors and type checkers: `__init__.pyi`, made of the table of methods.

python -m promptbrush.editing.stubs > __init__.pyi
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from .._settings import PictureFile
from .choice import ModelChoice
from .methods import METHODS, Method

_HEADER = '''"""Types of promptbrush; made by `python -m promptbrush.editing.stubs`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy.typing
import torch
from PIL import Image

'''
_OWN = {
    "picture": "Picture",
    "models": "Models | ModelChoice | None",
    "progress": "Callable[[Step], None] | None",
    "n": "int",
    "prompt": "str",
    "preset": "str",
}
_WIDTH = 110


def stub() -> str:
    """The text of the file."""
    # By its name, for a type checker sees the stub in its place.
    package = importlib.import_module(__package__.partition(".")[0])
    errors = [name for name in package.__all__ if name.endswith("Error")]
    lines = [f"from ._base import {name} as {name}" for name in errors]
    lines += [
        f"from {place} import {name} as {name}"
        for name, place in sorted(package._LAZY.items(), key=lambda x: x[::-1])
    ]
    lines += ["from .editing.edit import Step"]
    picture = "Picture: TypeAlias = str | Path | torch.Tensor | Image.Image | numpy.typing.NDArray[Any]"
    functions = [_function(METHODS.load(name)) for name in sorted(METHODS.entries)]
    return "\n".join(
        [_HEADER + "\n".join(sorted(lines, key=_place)), "", "__version__: str", picture, "", *functions]
    )


def _place(line: str) -> tuple[str, str]:
    """Imports in the order that ruff wants."""
    _, module, _, name, *_ = line.split()
    return module, name


def _function(method: Method) -> str:
    from .api import signature

    result = "Iterator[Result]" if method.many else "Result"
    about = textwrap.fill(
        f'"""{method.about}"""',
        _WIDTH,
        initial_indent="    ",
        subsequent_indent="    ",
        break_on_hyphens=False,
    )
    return "\n".join(
        [f"def {method.name}(", *_parameters(method, signature(method)), f") -> {result}:", about, ""]
    )


def _parameters(method: Method, parameters: list[inspect.Parameter]) -> Iterator[str]:
    keyword = False
    for each in parameters:
        if each.kind is inspect.Parameter.KEYWORD_ONLY and not keyword:
            keyword = True
            yield "    *,"
        default = "" if each.default is inspect.Parameter.empty else f" = {_literal(each.default)}"
        yield f"    {each.name}: {_type(method, each)}{default},"


def _type(method: Method, parameter: inspect.Parameter) -> str:
    if own := _OWN.get(parameter.name):
        return f"{own} | None" if parameter.default is None and "None" not in own else own
    field = method.settings.model_fields.get(parameter.name) or ModelChoice.model_fields[parameter.name]
    return _spelt(field.annotation)


def _spelt(annotation: Any) -> str:
    """An annotation as callers may use it: paths also as texts, sequences for tuples."""
    if annotation == PictureFile:
        return "Picture"
    origin = get_origin(annotation)
    if origin is Annotated:
        return _spelt(get_args(annotation)[0])
    if origin is Literal:
        return f"Literal[{', '.join(json.dumps(value) for value in get_args(annotation))}]"
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(map(_spelt, get_args(annotation))))
    if origin is tuple:
        return f"Sequence[{_spelt(get_args(annotation)[0])}]"
    if annotation is type(None):
        return "None"
    return "str | Path" if annotation is Path else str(annotation.__name__)


def _literal(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    sys.stdout.write(stub())
