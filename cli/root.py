"""The program and its groups of commands, which the other modules fill."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__

app = typer.Typer(
    name="promptbrush",
    help="Edit and make pictures with words, and keep control of how.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models = typer.Typer(help="Model files: import published weights.", no_args_is_help=True)
app.add_typer(models, name="models")
train = typer.Typer(help="Train the embedded models again, or your own.", no_args_is_help=True)
app.add_typer(train, name="train")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"promptbrush {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Edit and make pictures with words, and keep control of how."""
