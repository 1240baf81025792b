"""The commands: parse, run, report. The only module that prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from . import __version__
from ._base import PromptbrushError

app = typer.Typer(
    name="promptbrush",
    help="Edit and make pictures with words, and keep control of how.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models = typer.Typer(help="Model files: import published weights.", no_args_is_help=True)
app.add_typer(models, name="models")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"promptbrush {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Edit and make pictures with words, and keep control of how."""


@models.command("import")
def import_model(
    file: Annotated[Path, typer.Argument(help="an official .pkl, a rosinality .pt or our .safetensors")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="where to write")] = None,
    overwrite: Annotated[bool, typer.Option(help="replace an existing file")] = False,
) -> None:
    """Convert a published StyleGAN2 checkpoint to safetensors, running none of its code."""
    from .generators import import_checkpoint

    target = output or file.with_suffix(".safetensors")
    model = import_checkpoint(file, target, overwrite=overwrite)
    typer.echo(f"{target}: StyleGAN2, {model.resolution} px, {model.num_ws} layers of w")


def main() -> None:
    """Console entry point: a user's mistake becomes one line and its exit code."""
    try:
        app()
    except PromptbrushError as error:
        typer.echo(f"promptbrush: {error}", err=True)
        sys.exit(error.exit_code)
