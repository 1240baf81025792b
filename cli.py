"""The commands: parse, run, report. The only module that prints."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

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


class _SettingsCommand(TyperCommand):
    """Takes the help of its flags from the settings, where their defaults are written; only when help is asked for."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        from .editing.recipe import EditSettings

        for parameter in self.params:
            field = EditSettings.model_fields.get(parameter.name or "")
            if field is not None and isinstance(parameter, TyperOption):
                default = "" if field.default == "" else f" [{field.default}]"
                parameter.help = f"{field.description}{default}"
        super().format_options(ctx, formatter)


_Setting = typer.Option(show_default=False)
_PACK = typer.Option(help="embedded pack, or the folder of one")
_CLIP = typer.Option(help="another CLIP: ARCH/tag, hf-hub:..., a file or a folder; several with commas")
_DEVICE = typer.Option(help="auto, cpu, cuda, cuda:1, mps")
_PRECISION = typer.Option(help="auto, float32, bfloat16, float16")
_OUTPUT = typer.Option("--output", "-o", help="file or folder; else a free name in the current folder")


_OVERWRITE = typer.Option("--overwrite", help="replace files that promptbrush did not make")


@app.command(cls=_SettingsCommand)
def edit(
    arguments: Annotated[
        list[str], typer.Argument(metavar="PICTURE... PROMPT", help="pictures, then the prompt")
    ],
    output: Annotated[Path | None, _OUTPUT] = None,
    preset: Annotated[str, typer.Option(help="default, or paper: StyleCLIP as published")] = "default",
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=1000, help="results a picture")] = 1,
    mask: Annotated[Path | None, typer.Option(help="picture, white where it may change")] = None,
    from_latent: Annotated[Path | None, typer.Option(help="start here; a picture is then not needed")] = None,
    negative: Annotated[str | None, _Setting] = None,
    source: Annotated[str | None, _Setting] = None,
    strength: Annotated[float | None, _Setting] = None,
    steps: Annotated[int | None, _Setting] = None,
    lr: Annotated[float | None, _Setting] = None,
    space: Annotated[str | None, _Setting] = None,
    clip_loss: Annotated[str | None, _Setting] = None,
    clip_input: Annotated[str | None, _Setting] = None,
    templates: Annotated[str | None, _Setting] = None,
    cutouts: Annotated[int | None, _Setting] = None,
    latent_weight: Annotated[float | None, _Setting] = None,
    identity_weight: Annotated[float | None, _Setting] = None,
    variation: Annotated[float | None, _Setting] = None,
    paste: Annotated[str | None, _Setting] = None,
    seed: Annotated[int | None, _Setting] = None,
    strip: Annotated[bool, typer.Option("--strip", help="also NAME-strip.png: before and after")] = False,
    frames: Annotated[bool, typer.Option("--frames", help="also NAME-frames/: previews")] = False,
    gif: Annotated[bool, typer.Option("--gif", help="also NAME.gif: a film of the edit")] = False,
    mp4: Annotated[bool, typer.Option("--mp4", help="also NAME.mp4; needs promptbrush[video]")] = False,
    trace: Annotated[
        bool, typer.Option("--trace", help="also NAME.trace.jsonl: losses of every step")
    ] = False,
    latents: Annotated[bool, typer.Option("--latents", help="also NAME.latent.safetensors")] = False,
    metadata: Annotated[bool, typer.Option(help="the recipe inside the picture")] = True,
    overwrite: Annotated[bool, _OVERWRITE] = False,
    pack: Annotated[str, _PACK] = "mini",
    generator: Annotated[str | None, typer.Option(help="another StyleGAN2: .pkl, .pt, .safetensors")] = None,
    clip: Annotated[str | None, _CLIP] = None,
    encoder: Annotated[str | None, typer.Option(help="the inversion encoder of that generator")] = None,
    face_encoder: Annotated[str | None, typer.Option(help="model_ir_se50.pth, for identity")] = None,
    device: Annotated[str, _DEVICE] = "auto",
    precision: Annotated[str, _PRECISION] = "auto",
) -> None:
    """Edit face pictures by text: StyleGAN latent optimisation guided by CLIP (StyleCLIP)."""
    from .editing.commands import EditJob, edit_pictures
    from .editing.models import ModelChoice
    from .editing.outputs import Extras
    from .editing.recipe import EditSettings, edit_settings

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
    _report(edit_pictures(job))


def _report(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


@app.command()
def rerun(
    made: Annotated[
        Path, typer.Argument(metavar="RESULT", help="a picture that promptbrush wrote, or its recipe")
    ],
    picture: Annotated[Path | None, typer.Option(help="where the edited picture lies now")] = None,
    output: Annotated[Path | None, _OUTPUT] = None,
    overwrite: Annotated[bool, _OVERWRITE] = False,
) -> None:
    """Make a result again from the recipe inside it: the same pixels on the same machine."""
    from .editing.commands import rerun_picture

    _report(rerun_picture(made, picture, output, overwrite))


@app.command()
def invert(
    pictures: Annotated[list[Path], typer.Argument(help="face pictures")],
    output: Annotated[Path | None, _OUTPUT] = None,
    pack: Annotated[str, _PACK] = "mini",
    generator: Annotated[str | None, typer.Option(help="another StyleGAN2: .pkl, .pt, .safetensors")] = None,
    encoder: Annotated[str | None, typer.Option(help="the inversion encoder of that generator")] = None,
    device: Annotated[str, _DEVICE] = "auto",
    overwrite: Annotated[bool, _OVERWRITE] = False,
) -> None:
    """Find the latents of pictures: NAME-invert.safetensors, and what the generator draws of them as a PNG."""
    from .editing.commands import invert_pictures
    from .editing.models import ModelChoice

    choice = ModelChoice(pack, generator, encoder=encoder, device=device)
    _report(invert_pictures(pictures, choice, output, overwrite))


@app.command()
def score(
    picture: Annotated[Path, typer.Argument(help="a picture")],
    texts: Annotated[list[str], typer.Argument(help="texts to compare it with")],
    templates: Annotated[str, typer.Option(help="none, imagenet79, imagenet80 or a file")] = "none",
    pack: Annotated[str, _PACK] = "mini",
    clip: Annotated[str | None, _CLIP] = None,
    device: Annotated[str, _DEVICE] = "auto",
) -> None:
    """How well texts fit a picture: CLIP's cosine, and each text's share against the others."""
    from .editing.commands import score_picture
    from .editing.models import ModelChoice

    _report(score_picture(picture, texts, templates, ModelChoice(pack, clip=clip, device=device)))


@app.command()
def doctor() -> None:
    """Devices, memory, versions, the embedded pack, and what is missing with the command that mends it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from .editing.doctor import report

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


@train.command("stylegan2")
def train_stylegan2(
    work: Annotated[Path, typer.Option(help="folder for drawn faces, checkpoints and sample sheets")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained generator")],
    faces: Annotated[int, typer.Option(min=2, help="how many faces to draw")] = 40_000,
    steps: Annotated[int, typer.Option(min=1, help="steps of the fit to pictures")] = 16_000,
    seed: Annotated[int, typer.Option(help="of the weights and the order of pictures")] = 0,
) -> None:
    """Fit the mini StyleGAN2 to drawn faces; run it again after a stop and it goes on from its checkpoint."""
    from .generators.stylegan2 import save_generator
    from .generators.training.face_set import load_faces
    from .generators.training.paired import FitSettings, Trainer
    from .generators.training.sheets import fit_rows, save_sheet

    trainer = Trainer(load_faces(work, faces, 64), work, FitSettings(steps=steps), seed)
    for step in trainer.run():
        if (step.index + 1) % 100 == 0:
            typer.echo(f"{step.stage} {step.index + 1}/{step.total}  loss {step.loss:.4f}")
        if (step.index + 1) % 1000 == 0:
            save_sheet(fit_rows(trainer), work / "stylegan2.png", zoom=2)
    import torch

    save_generator(trainer.average.generator, output, {"licence": "CC-BY-4.0"}, torch.float16)
    typer.echo(f"{output}: {trainer.settings.steps} steps of {trainer.settings.batch} faces")


@train.command("clip")
def train_clip(
    work: Annotated[Path, typer.Option(help="folder for drawn faces and checkpoints")],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder of the trained model")],
    faces: Annotated[int, typer.Option(min=2, help="how many faces to draw")] = 40_000,
    steps: Annotated[int, typer.Option(min=1, help="steps of training")] = 8_000,
    batch: Annotated[int, typer.Option(min=2, help="pairs a step")] = 192,
    attack_steps: Annotated[int, typer.Option(min=0, help="adversarial steps on the picture")] = 1,
    seed: Annotated[int, typer.Option(help="of the weights and the order of pairs")] = 0,
) -> None:
    """Train the mini CLIP on drawn faces; run it again after a stop and it goes on from its checkpoint."""
    from .editing.training import BPE_NAME, clip_trainer, save_clip
    from .generators.training.face_set import load_faces
    from .guidance.training.clip import ClipSettings

    drawn = load_faces(work, faces, 64)
    settings = ClipSettings(steps=steps, batch=batch, attack_steps=attack_steps)
    trainer = clip_trainer(drawn, work, settings, seed)
    for step in trainer.run():
        if (step.index + 1) % 50 == 0:
            typer.echo(f"clip {step.index + 1}/{step.total}  loss {step.loss:.4f}")
    save_clip(trainer, drawn, work / BPE_NAME, output)
    typer.echo(f"{output}: {steps} steps of {batch} pairs")


@train.command("judge")
def train_judge(
    work: Annotated[Path, typer.Option(help="folder for drawn faces and checkpoints")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained judge, .safetensors")],
    faces: Annotated[int, typer.Option(min=2, help="how many faces to draw")] = 20_000,
    steps: Annotated[int, typer.Option(min=1, help="steps of training")] = 4_000,
    seed: Annotated[int, typer.Option(help="of the weights and the first face")] = 10_000_000,
) -> None:
    """Train the classifier that measures edits and never guides them; a stopped training goes on."""
    from .generators.training.face_set import load_faces
    from .generators.training.judge import JudgeSettings, JudgeTrainer, save_judge

    trainer = JudgeTrainer(load_faces(work, faces, 64, seed), work, JudgeSettings(steps=steps), seed)
    for done, loss in trainer.run():
        if done % 100 == 0:
            typer.echo(f"judge {done}/{steps}  loss {loss:.4f}")
    save_judge(trainer.judge, output, {"licence": "CC-BY-4.0", "steps": str(steps), "seed": str(seed)})
    typer.echo(f"{output}: {steps} steps on {faces} faces")


@train.command("encoder")
def train_encoder(
    work: Annotated[Path, typer.Option(help="folder of the generator's training: faces, checkpoints")],
    generator: Annotated[Path, typer.Option(help="the finished generator, .safetensors")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained encoder, .safetensors")],
    faces: Annotated[int, typer.Option(min=2, help="how many faces to draw")] = 40_000,
    steps: Annotated[int, typer.Option(min=1, help="steps of training")] = 5_000,
    seed: Annotated[int, typer.Option(help="of the weights and the order of pictures")] = 0,
) -> None:
    """Train the encoder that finds the latent of a picture; a stopped training goes on."""
    from .generators import load_generator
    from .generators.encoder import save_encoder
    from .generators.training.encoder import EncoderSettings, EncoderTrainer, load_attributes
    from .generators.training.face_set import load_faces

    model, attributes = load_generator(generator), load_attributes(work)
    drawn = load_faces(work, faces, model.resolution)
    trainer = EncoderTrainer(drawn, model, attributes, work, EncoderSettings(steps=steps), seed)
    for step in trainer.run():
        if (step.index + 1) % 100 == 0:
            typer.echo(
                f"encoder {step.index + 1}/{step.total}  loss {step.loss:.4f}"
                f"  picture {step.picture:.4f}  latent {step.latent:.4f}  offset {step.offset:.4f}"
            )
    save_encoder(trainer.encoder, output, {"licence": "CC-BY-4.0", "steps": str(steps), "seed": str(seed)})
    typer.echo(f"{output}: {steps} steps on {faces} faces")


def main() -> None:
    """Console entry point: a user's mistake becomes one line and its exit code."""
    try:
        app()
    except PromptbrushError as error:
        typer.echo(f"promptbrush: {error}", err=True)
        sys.exit(error.exit_code)
