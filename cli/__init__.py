"""The commands: parse, run, report. The only package that prints."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import typer

from .._base import PromptbrushError, UsageError
from . import faces, models, sample, shapes, style, train  # noqa: F401 (they add their commands)
from .root import app

# The parser's own errors; where their class is found depends on the version of typer, this does not.
_ParserError: type[Any] = typer.BadParameter.__mro__[1]


def main() -> None:
    """Console entry point: a user's mistake becomes one line and its exit code."""
    try:
        code = app(prog_name="promptbrush", standalone_mode=False)
    except PromptbrushError as error:
        _exit(str(error), error.exit_code)
    except typer.Abort:
        _exit("stopped", 130)
    except _ParserError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            sys.exit(error.exit_code)
        _exit(_in_one_line(error), UsageError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _exit(message: str, code: int) -> NoReturn:
    typer.echo(f"promptbrush: {message}", err=True)
    sys.exit(code)


def _in_one_line(error: Any) -> str:
    """What the parser says, without the usage that it prints around it."""
    text = " ".join(error.format_message().split()).removesuffix(".")
    command = error.ctx.command_path if error.ctx else "promptbrush"
    return f"{text[:1].lower()}{text[1:]}; see {command} --help"
