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


def main() -> None:
    """Console entry point: a user's mistake becomes one line and its exit code."""
    try:
        app()
    except PromptbrushError as error:
        typer.echo(f"promptbrush: {error}", err=True)
        sys.exit(error.exit_code)
