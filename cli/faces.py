"""Commands for pictures of faces: edit, rerun, invert, score; and the doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import (
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
def edit(
    arguments: Annotated[
        list[str], typer.Argument(metavar="PICTURE... PROMPT", help="pictures, then the prompt")
    ],
    output: Annotated[Path | None, OUTPUT] = None,
    preset: Annotated[str, typer.Option(help="default, or paper: StyleCLIP as published")] = "default",
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=1000, help="results a picture")] = 1,
    mask: Annotated[Path | None, typer.Option(help="picture, white where it may change")] = None,
    from_latent: Annotated[Path | None, typer.Option(help="start here; a picture is then not needed")] = None,
    negative: Annotated[str | None, SETTING] = None,
    source: Annotated[str | None, SETTING] = None,
    strength: Annotated[float | None, SETTING] = None,
    steps: Annotated[int | None, SETTING] = None,
    lr: Annotated[float | None, SETTING] = None,
    units: Annotated[str | None, SETTING] = None,
    explore: Annotated[int | None, SETTING] = None,
    space: Annotated[str | None, SETTING] = None,
    clip_loss: Annotated[str | None, SETTING] = None,
    clip_input: Annotated[str | None, SETTING] = None,
    templates: Annotated[str | None, SETTING] = None,
    cutouts: Annotated[int | None, SETTING] = None,
    latent_weight: Annotated[float | None, SETTING] = None,
    picture_weight: Annotated[float | None, SETTING] = None,
    identity_weight: Annotated[float | None, SETTING] = None,
    variation: Annotated[float | None, SETTING] = None,
    paste: Annotated[str | None, SETTING] = None,
    seed: Annotated[int | None, SETTING] = None,
    strip: Annotated[bool, STRIP] = False,
    frames: Annotated[bool, FRAMES] = False,
    gif: Annotated[bool, GIF] = False,
    mp4: Annotated[bool, MP4] = False,
    trace: Annotated[bool, TRACE] = False,
    latents: Annotated[bool, typer.Option("--latents", help="also NAME.latent.safetensors")] = False,
    metadata: Annotated[bool, METADATA] = True,
    overwrite: Annotated[bool, OVERWRITE] = False,
    pack: Annotated[str, PACK] = "mini",
    generator: Annotated[str | None, typer.Option(help="another StyleGAN2: .pkl, .pt, .safetensors")] = None,
    clip: Annotated[str | None, CLIP] = None,
    encoder: Annotated[str | None, typer.Option(help="the inversion encoder of that generator")] = None,
    face_encoder: Annotated[str | None, typer.Option(help="model_ir_se50.pth, for identity")] = None,
    device: Annotated[str, DEVICE] = "auto",
    precision: Annotated[str, PRECISION] = "auto",
) -> None:
    """Edit face pictures by text: StyleGAN latent optimisation guided by CLIP (StyleCLIP)."""
    from ..editing.commands import EditJob, edit_pictures
    from ..editing.models import ModelChoice
    from ..editing.outputs import Extras
    from ..editing.recipe import EditSettings, edit_settings

    given = {name: value for name, value in locals().items() if name in EditSettings.model_fields}
    pictures, prompt = arguments[:-1], arguments[-1]
    settings = edit_settings(prompt, preset, **given)
    job = EditJob(
        pictures=tuple(map(Path, pictures)),
        settings=settings,
        models=ModelChoice(
            pack, generator, clip, encoder, face_encoder, device, precision, settings.clip_input
        ),
        count=count,
        mask=mask,
        latent=from_latent,
        output=output,
        extras=Extras(strip, frames, gif, mp4, trace, latents),
        metadata=metadata,
        overwrite=overwrite,
    )
    report(edit_pictures(job))


@app.command()
def rerun(
    made: Annotated[
        Path, typer.Argument(metavar="RESULT", help="a picture that promptbrush wrote, or its recipe")
    ],
    picture: Annotated[Path | None, typer.Option(help="where the edited picture lies now")] = None,
    output: Annotated[Path | None, OUTPUT] = None,
    overwrite: Annotated[bool, OVERWRITE] = False,
    device: Annotated[
        str | None, typer.Option(help="another than the recipe's: auto, cpu, cuda, mps")
    ] = None,
) -> None:
    """Make a result again from the recipe inside it: the same pixels on the same machine."""
    from ..editing.commands import rerun_picture

    report(rerun_picture(made, picture, output, overwrite, device))


@app.command()
def invert(
    pictures: Annotated[list[Path], typer.Argument(help="face pictures")],
    output: Annotated[Path | None, OUTPUT] = None,
    pack: Annotated[str, PACK] = "mini",
    generator: Annotated[str | None, typer.Option(help="another StyleGAN2: .pkl, .pt, .safetensors")] = None,
    encoder: Annotated[str | None, typer.Option(help="the inversion encoder of that generator")] = None,
    device: Annotated[str, DEVICE] = "auto",
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Find the latents of pictures: NAME-invert.safetensors, and what the generator draws of them as a PNG."""
    from ..editing.commands import invert_pictures
    from ..editing.models import ModelChoice

    choice = ModelChoice(pack, generator, encoder=encoder, device=device)
    report(invert_pictures(pictures, choice, output, overwrite))


@app.command()
def score(
    picture: Annotated[Path, typer.Argument(help="a picture")],
    texts: Annotated[list[str], typer.Argument(help="texts to compare it with")],
    templates: Annotated[str, typer.Option(help="none, imagenet79, imagenet80 or a file")] = "none",
    pack: Annotated[str, PACK] = "mini",
    clip: Annotated[str | None, CLIP] = None,
    device: Annotated[str, DEVICE] = "auto",
) -> None:
    """How well texts fit a picture: CLIP's cosine, and each text's share against the others."""
    from ..editing.commands import score_picture
    from ..editing.models import ModelChoice

    report(score_picture(picture, texts, templates, ModelChoice(pack, clip=clip, device=device)))


@app.command()
def doctor() -> None:
    """Devices, memory, versions, the embedded pack, and what is missing with the command that mends it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ..editing.doctor import report

    table = Table(box=None, pad_edge=False)
    for title in ("", "what", "state", "mend"):
        table.add_column(title, overflow="fold")
    section = ""
    for row in report().rows:
        table.add_row(
            "" if row.section == section else row.section, row.name, escape(row.value), escape(row.mend)
        )
        section = row.section
    Console().print(table)
