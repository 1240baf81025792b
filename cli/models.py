"""Commands for model files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .._base import InputFileError
from .._files import readable
from .root import models


@models.command("import")
def import_model(
    file: Annotated[Path, typer.Argument(help="an official .pkl, a rosinality .pt or our .safetensors")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="where to write")] = None,
    overwrite: Annotated[bool, typer.Option(help="replace an existing file")] = False,
) -> None:
    """Convert a published StyleGAN2 checkpoint to safetensors, running none of its code."""
    from ..generators import import_checkpoint

    target = output or file.parent / f"{file.stem}.safetensors"
    model = import_checkpoint(file, target, overwrite=overwrite)
    typer.echo(f"{readable(target)}: StyleGAN2, {model.resolution} px, {model.num_ws} layers of w")


@models.command("list")
def list_models() -> None:
    """The embedded packs: what they draw, how large they are, and whether their weights are here."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ..generators.packs import summaries

    table = Table(box=None, pad_edge=False)
    for title in ("name", "domain", "resolution", "size", "state"):
        table.add_column(title, overflow="fold")
    for pack in summaries():
        shape = (f"{pack.resolution} px", f"{pack.size / 1e6:.1f} MB") if pack.resolution else ("", "")
        table.add_row(pack.name, escape(pack.domain), *shape, escape(pack.state))
    Console().print(table)


@models.command("verify")
def verify_models(
    name: Annotated[str | None, typer.Argument(help="embedded pack or a folder; else all embedded")] = None,
) -> None:
    """Compare every file of a pack with its manifest; exit code 3 and a line for each wrong file."""
    from ..generators.packs import embedded_packs, load_pack

    wrong = 0
    for pack in [load_pack(each) for each in ([name] if name else embedded_packs())]:
        faults = pack.verify()
        for fault in faults:
            typer.echo(f"promptbrush: {fault}", err=True)
        if not faults:
            typer.echo(f"{pack.name}: {len(pack.files)} files, all as the manifest says")
        wrong += len(faults)
    if wrong:
        raise typer.Exit(InputFileError.exit_code)
