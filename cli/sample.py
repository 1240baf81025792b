"""The command that draws pictures of a generator from words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import (
    CLIP,
    DEVICE,
    OUTPUT,
    OVERWRITE,
    PACK,
    PRECISION,
    SETTING,
    SettingsCommand,
    counts,
    report,
)
from .root import app


@app.command(cls=SettingsCommand)
def sample(
    prompt: Annotated[
        str, typer.Argument(help="what the pictures should show; may be left out with --like")
    ] = "",
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="how many pictures")] = 1,
    output: Annotated[Path | None, OUTPUT] = None,
    preset: Annotated[str, typer.Option(help="default, or paper: clip2latent as published")] = "default",
    like: Annotated[Path | None, typer.Option(help="a picture whose variations are wanted")] = None,
    negative: Annotated[str | None, SETTING] = None,
    to: Annotated[str | None, SETTING] = None,
    templates: Annotated[str | None, SETTING] = None,
    scheduler: Annotated[str | None, SETTING] = None,
    steps: Annotated[int | None, SETTING] = None,
    guidance: Annotated[float | None, SETTING] = None,
    phrases: Annotated[float | None, SETTING] = None,
    rescale: Annotated[float | None, SETTING] = None,
    limit: Annotated[float | None, SETTING] = None,
    truncation: Annotated[float | None, SETTING] = None,
    variance: Annotated[str | None, SETTING] = None,
    strength: Annotated[float | None, SETTING] = None,
    rank: Annotated[int | None, SETTING] = None,
    refine: Annotated[int | None, SETTING] = None,
    refine_lr: Annotated[float | None, SETTING] = None,
    seed: Annotated[int | None, SETTING] = None,
    sheet: Annotated[bool, typer.Option("--sheet", help="also NAME-sheet.png: all side by side")] = False,
    latents: Annotated[bool, typer.Option("--latents", help="also NAME.latent.safetensors")] = False,
    metadata: Annotated[bool, typer.Option(help="the recipe and the latent inside the picture")] = True,
    overwrite: Annotated[bool, OVERWRITE] = False,
    prior: Annotated[
        Path | None, typer.Option(help="another prior: .safetensors, or a published .ckpt")
    ] = None,
    groups: Annotated[
        str, typer.Option(help="layers that each latent of a published checkpoint feeds, such as 4,4,10")
    ] = "",
    pack: Annotated[str, PACK] = "mini",
    generator: Annotated[str | None, typer.Option(help="the generator of that prior")] = None,
    clip: Annotated[str | None, CLIP] = None,
    encoder: Annotated[
        str | None, typer.Option(help="its inversion encoder, for --like with --strength")
    ] = None,
    device: Annotated[str, DEVICE] = "auto",
    precision: Annotated[str, PRECISION] = "auto",
) -> None:
    """Draw pictures from words: a diffusion prior makes latents for a prompt (clip2latent)."""
    from ..editing.models import ModelChoice
    from ..editing.prior.command import SampleJob, sample_pictures
    from ..editing.prior.settings import SampleSettings, sample_settings

    given = {name: value for name, value in locals().items() if name in SampleSettings.model_fields}
    job = SampleJob(
        settings=sample_settings(preset, **given),
        count=count,
        models=ModelChoice(pack, generator, clip, encoder, device=device, precision=precision),
        prior=prior,
        groups=counts(groups, "groups"),
        like=like,
        output=output,
        sheet=sheet,
        latents=latents,
        metadata=metadata,
        overwrite=overwrite,
    )
    report(sample_pictures(job))
