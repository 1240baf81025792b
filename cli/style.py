"""The command that gives photographs and films a style."""

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
    STRIP,
    TRACE,
    SettingsCommand,
    report,
)
from .root import app


@app.command(cls=SettingsCommand)
def style(
    arguments: Annotated[
        list[str], typer.Argument(metavar="PICTURE... [STYLE]", help="pictures or films, then the style")
    ],
    output: Annotated[Path | None, OUTPUT] = None,
    preset: Annotated[str, typer.Option(help="default, or paper: CLIPstyler as published")] = "default",
    fast: Annotated[
        bool, typer.Option("--fast", help="one pass of a network that knows every style it was told of")
    ] = False,
    styler: Annotated[
        str | None, typer.Option(help="one pass of a trained styler: a name or a file; no STYLE then")
    ] = None,
    mix: Annotated[
        str | None, typer.Option(help="another styler to blend with it, NAME or NAME:weight")
    ] = None,
    negative: Annotated[str | None, SETTING] = None,
    source: Annotated[str | None, SETTING] = None,
    strength: Annotated[float | None, SETTING] = None,
    colours: Annotated[float | None, SETTING] = None,
    texture: Annotated[float | None, SETTING] = None,
    mask: Annotated[
        Path | None, typer.Option(help="picture of its size, white where the style shows")
    ] = None,
    region: Annotated[str | None, SETTING] = None,
    keep_subject: Annotated[bool | None, typer.Option("--keep-subject", show_default=False)] = None,
    steps: Annotated[int | None, SETTING] = None,
    lr: Annotated[float | None, SETTING] = None,
    halve_every: Annotated[int | None, SETTING] = None,
    side: Annotated[int | None, SETTING] = None,
    coarse: Annotated[float | None, SETTING] = None,
    patience: Annotated[int | None, SETTING] = None,
    network: Annotated[str | None, SETTING] = None,
    start: Annotated[str | None, SETTING] = None,
    fit: Annotated[str | None, SETTING] = None,
    templates: Annotated[str | None, SETTING] = None,
    convention: Annotated[str | None, SETTING] = None,
    cutouts: Annotated[int | None, SETTING] = None,
    views: Annotated[str | None, SETTING] = None,
    view_min: Annotated[float | None, SETTING] = None,
    view_max: Annotated[float | None, SETTING] = None,
    threshold: Annotated[float | None, SETTING] = None,
    naming_weight: Annotated[float | None, SETTING] = None,
    stay_weight: Annotated[float | None, SETTING] = None,
    patch_weight: Annotated[float | None, SETTING] = None,
    global_weight: Annotated[float | None, SETTING] = None,
    content_weight: Annotated[float | None, SETTING] = None,
    content: Annotated[str | None, SETTING] = None,
    tv_weight: Annotated[float | None, SETTING] = None,
    relative: Annotated[bool | None, typer.Option("--relative/--absolute", show_default=False)] = None,
    contrast: Annotated[float | None, SETTING] = None,
    smooth: Annotated[float | None, SETTING] = None,
    seed: Annotated[int | None, SETTING] = None,
    encoder: Annotated[Path | None, typer.Option(help="AdaIN's vgg_normalised.pth, for its decoders")] = None,
    transformer: Annotated[Path | None, typer.Option(help="FastCLIPstyler's style transformer")] = None,
    text_to_style: Annotated[Path | None, typer.Option(help="FastCLIPstyler's network for texts")] = None,
    keep: Annotated[Path | None, typer.Option(help="also write the trained network, for --styler")] = None,
    strip: Annotated[bool, STRIP] = False,
    gif: Annotated[bool, GIF] = False,
    mp4: Annotated[bool, MP4] = False,
    frames: Annotated[bool, FRAMES] = False,
    trace: Annotated[bool, TRACE] = False,
    checkpoint: Annotated[Path | None, CHECKPOINT] = None,
    metadata: Annotated[bool, METADATA] = True,
    overwrite: Annotated[bool, OVERWRITE] = False,
    pack: Annotated[str, PACK] = "mini",
    clip: Annotated[str | None, CLIP] = None,
    device: Annotated[str, DEVICE] = "auto",
    precision: Annotated[str, PRECISION] = "auto",
) -> None:
    """Give photographs or films a style described by words (CLIPstyler)."""
    from ..editing.models import ModelChoice
    from ..editing.outputs import Extras
    from ..editing.style.command import StyleJob, style_pictures
    from ..editing.style.settings import StyleSettings, style_settings
    from ..editing.style.stylists import Published

    given = {name: value for name, value in locals().items() if name in StyleSettings.model_fields}
    files, words = (arguments, "") if styler else (arguments[:-1], arguments[-1])
    job = StyleJob(
        pictures=tuple(map(Path, files)),
        settings=style_settings(preset, prompt=words, **given),
        models=ModelChoice(pack, clip=clip, device=device, precision=precision),
        fast=fast,
        styler=f"{styler},{mix}" if styler and mix else styler,
        published=Published(encoder, transformer, text_to_style),
        mask=mask,
        output=output,
        checkpoint=checkpoint,
        keep=keep,
        extras=Extras(strip, frames, gif, mp4, trace),
        metadata=metadata,
        overwrite=overwrite,
    )
    report(style_pictures(job))
