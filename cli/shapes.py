"""The command that draws with shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import (
    CHECKPOINT,
    CLIP,
    DEVICE,
    FRAMES,
    GIF,
    METADATA,
    MP4,
    OUTPUT,
    OVERWRITE,
    PACK,
    PRECISION,
    SETTING,
    TRACE,
    SettingsCommand,
    report,
)
from .root import app


@app.command(cls=SettingsCommand)
def shapes(
    prompt: Annotated[str, typer.Argument(help="what the drawing should show", show_default=False)] = "",
    target: Annotated[
        Path | None, typer.Option(help="a picture to come near to, in place of a prompt")
    ] = None,
    from_svg: Annotated[Path | None, typer.Option(help="go on from these shapes: .svg or .json")] = None,
    output: Annotated[Path | None, OUTPUT] = None,
    size: Annotated[
        int | None,
        typer.Option(min=1, max=8192, help="height of the picture in pixels; else 1024, or the canvas' own"),
    ] = None,
    preset: Annotated[str, typer.Option(help="default, or paper: ES-CLIP as published")] = "default",
    negative: Annotated[str | None, SETTING] = None,
    templates: Annotated[str | None, SETTING] = None,
    count: Annotated[int | None, SETTING] = None,
    kind: Annotated[str | None, SETTING] = None,
    height: Annotated[int | None, SETTING] = None,
    width: Annotated[int | None, SETTING] = None,
    mode: Annotated[str | None, SETTING] = None,
    optimizer: Annotated[str | None, SETTING] = None,
    steps: Annotated[int | None, SETTING] = None,
    population: Annotated[int | None, SETTING] = None,
    sigma: Annotated[float | None, SETTING] = None,
    candidates: Annotated[int | None, SETTING] = None,
    rounds: Annotated[int | None, SETTING] = None,
    lr: Annotated[float | None, SETTING] = None,
    loss: Annotated[str | None, SETTING] = None,
    background: Annotated[str | None, SETTING] = None,
    opacity_min: Annotated[float | None, SETTING] = None,
    opacity_max: Annotated[float | None, SETTING] = None,
    beyond: Annotated[float | None, SETTING] = None,
    palette: Annotated[str | None, SETTING] = None,
    cutouts: Annotated[int | None, SETTING] = None,
    coordinate_scale: Annotated[float | None, SETTING] = None,
    seed: Annotated[int | None, SETTING] = None,
    svg: Annotated[bool, typer.Option(help="also NAME.svg")] = True,
    json: Annotated[bool, typer.Option(help="also NAME.json: the numbers of all shapes")] = True,
    gif: Annotated[bool, GIF] = False,
    mp4: Annotated[bool, MP4] = False,
    frames: Annotated[bool, FRAMES] = False,
    trace: Annotated[bool, TRACE] = False,
    curve: Annotated[bool, typer.Option("--curve", help="also NAME-curve.png: a plot of the loss")] = False,
    checkpoint: Annotated[Path | None, CHECKPOINT] = None,
    metadata: Annotated[bool, METADATA] = True,
    overwrite: Annotated[bool, OVERWRITE] = False,
    pack: Annotated[str, PACK] = "mini",
    clip: Annotated[str | None, CLIP] = None,
    device: Annotated[str, DEVICE] = "auto",
    precision: Annotated[str, PRECISION] = "auto",
) -> None:
    """Draw with a few dozen shapes, from a prompt or a picture: as PNG and SVG (ES-CLIP)."""
    from ..editing.models import ModelChoice
    from ..editing.shapes.command import ShapesJob, draw_shapes
    from ..editing.shapes.outputs import ShapesExtras
    from ..editing.shapes.settings import ShapesSettings, shapes_settings

    given = {name: value for name, value in locals().items() if name in ShapesSettings.model_fields}
    job = ShapesJob(
        settings=shapes_settings(preset, **given),
        models=ModelChoice(pack, clip=clip, device=device, precision=precision),
        target=target,
        start=from_svg,
        output=output,
        height=size,
        checkpoint=checkpoint,
        extras=ShapesExtras(svg, json, gif, mp4, frames, trace, curve),
        metadata=metadata,
        overwrite=overwrite,
    )
    report(draw_shapes(job))
