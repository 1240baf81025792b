"""What commands share: options, the help of settings, and reporting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperOption

from .._base import Entry, UsageError, load_target

# Command -> the settings that its flags are.
_SETTINGS = {
    "edit": Entry(".editing.recipe:EditSettings"),
    "shapes": Entry(".editing.shapes.settings:ShapesSettings"),
    "style": Entry(".editing.style.settings:StyleSettings"),
    "sample": Entry(".editing.prior.settings:SampleSettings"),
}


class SettingsCommand(TyperCommand):
    """Takes the help of its flags from the settings, where their defaults are written; only when help is asked for."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        fields = self._fields()
        for parameter in self.params:
            field = fields.get(parameter.name or "")
            if field is not None and isinstance(parameter, TyperOption):
                default = "" if field.default in ("", None) else f" [{field.default}]"
                parameter.help = f"{field.description}{default}"
        super().format_options(ctx, formatter)

    def _fields(self) -> Any:
        """Name -> field of the settings of this command."""
        return load_target(_SETTINGS[self.name or ""], "the settings").model_fields


SETTING = typer.Option(show_default=False)
PACK = typer.Option(help="embedded pack, or the folder of one")
CLIP = typer.Option(help="another CLIP: ARCH/tag, hf-hub:..., a file or a folder; several with commas")
DEVICE = typer.Option(help="auto, cpu, cuda, cuda:1, mps")
PRECISION = typer.Option(help="auto, float32, bfloat16, float16")
OUTPUT = typer.Option("--output", "-o", help="file or folder; else a free name in the current folder")
STRIP = typer.Option("--strip", help="also NAME-strip.png: before and after")
GIF = typer.Option("--gif", help="also NAME.gif: a film of how it came about")
MP4 = typer.Option("--mp4", help="also NAME.mp4; needs promptbrush[video]")
FRAMES = typer.Option("--frames", help="also NAME-frames/: previews")
TRACE = typer.Option("--trace", help="also NAME.trace.jsonl: the losses of every step")
CHECKPOINT = typer.Option(help="file that keeps the state; where it is there, the work goes on from it")
METADATA = typer.Option(help="the recipe inside the picture")
OVERWRITE = typer.Option("--overwrite", help="replace files that promptbrush did not make")


def counts(text: str, name: str) -> tuple[int, ...]:
    """Whole numbers between commas; none of an empty text.

    Raises:
        UsageError: something else.
    """
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        raise UsageError(
            f"{name} is '{text[:40]}'; give whole numbers with commas between them, such as 4,4,10"
        )
    return tuple(map(int, parts))


def report(lines: Iterable[str]) -> None:
    """Print lines as they come; Ctrl-C before there is a result is told in one."""
    try:
        for line in lines:
            typer.echo(line)
    except KeyboardInterrupt as error:
        from ..editing.commands import StoppedError

        raise StoppedError("stopped before there was a result; nothing more was written") from error
