"""The commands: parse, run, report. The only module that prints."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperOption

from . import __version__
from ._base import InputFileError, PromptbrushError, UsageError

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
                default = "" if field.default in ("", None) else f" [{field.default}]"
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
    units: Annotated[str | None, _Setting] = None,
    explore: Annotated[int | None, _Setting] = None,
    space: Annotated[str | None, _Setting] = None,
    clip_loss: Annotated[str | None, _Setting] = None,
    clip_input: Annotated[str | None, _Setting] = None,
    templates: Annotated[str | None, _Setting] = None,
    cutouts: Annotated[int | None, _Setting] = None,
    latent_weight: Annotated[float | None, _Setting] = None,
    picture_weight: Annotated[float | None, _Setting] = None,
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
    try:
        for line in lines:
            typer.echo(line)
    except KeyboardInterrupt as error:
        from .editing.commands import StoppedError

        raise StoppedError("stopped before there was a result; nothing more was written") from error


@app.command()
def rerun(
    made: Annotated[
        Path, typer.Argument(metavar="RESULT", help="a picture that promptbrush wrote, or its recipe")
    ],
    picture: Annotated[Path | None, typer.Option(help="where the edited picture lies now")] = None,
    output: Annotated[Path | None, _OUTPUT] = None,
    overwrite: Annotated[bool, _OVERWRITE] = False,
    device: Annotated[
        str | None, typer.Option(help="another than the recipe's: auto, cpu, cuda, mps")
    ] = None,
) -> None:
    """Make a result again from the recipe inside it: the same pixels on the same machine."""
    from .editing.commands import rerun_picture

    _report(rerun_picture(made, picture, output, overwrite, device))


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
    from .editing.models import readable
    from .generators import import_checkpoint

    target = output or file.parent / f"{file.stem}.safetensors"
    model = import_checkpoint(file, target, overwrite=overwrite)
    typer.echo(f"{readable(target)}: StyleGAN2, {model.resolution} px, {model.num_ws} layers of w")


@models.command("list")
def list_models() -> None:
    """The embedded packs: what they draw, how large they are, and whether their weights are here."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from .generators.packs import summaries

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
    from .generators.packs import embedded_packs, load_pack

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


_WORK = typer.Option(help="folder for drawn faces, checkpoints and sample sheets")
_PRESET = typer.Option(help="whose sizes and settings: mini, the embedded pack's")
_SEED = typer.Option(help="of the weights and the order of pictures")
_FACES = typer.Option(min=2, help="how many faces to draw")
_STEPS = typer.Option(min=1, help="steps of training; else the preset's")


def _chosen(**given: int | None) -> dict[str, int]:
    return {name: value for name, value in given.items() if value is not None}


@train.command("stylegan2")
def train_stylegan2(
    work: Annotated[Path, _WORK],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained generator, .safetensors")],
    preset: Annotated[str, _PRESET] = "mini",
    faces: Annotated[int, _FACES] = 40_000,
    half_steps: Annotated[int | None, typer.Option(min=0, help="steps at half the size")] = None,
    steps: Annotated[int | None, _STEPS] = None,
    reader_steps: Annotated[int | None, typer.Option(min=1, help="steps of the reader of attributes")] = None,
    refine_steps: Annotated[int | None, typer.Option(min=0, help="steps with the reader's loss")] = None,
    finish_steps: Annotated[int | None, typer.Option(min=0, help="adversarial steps at the end")] = None,
    seed: Annotated[int, _SEED] = 0,
) -> None:
    """Train a StyleGAN2 on drawn faces; a stopped training goes on from its checkpoint."""
    from .editing import trainings

    trainings.check_preset(preset)
    reader = trainings.ReaderSettings(**_chosen(steps=reader_steps))
    fit = trainings.FitSettings(**_chosen(half_steps=half_steps, steps=steps, refine_steps=refine_steps))
    finish = trainings.FinishSettings(**_chosen(steps=finish_steps))
    _report(trainings.stylegan2(work, output, faces, seed, reader, fit, finish))


@train.command("clip")
def train_clip(
    work: Annotated[Path, _WORK],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder of the trained model")],
    data: Annotated[Path, typer.Option(help="folder with icons, clip art and WordNet; see the model card")],
    preset: Annotated[str, typer.Option(help="mini, which guides, or judge, which names pictures")] = "mini",
    faces: Annotated[int, _FACES] = 40_000,
    steps: Annotated[int | None, _STEPS] = None,
    harden_steps: Annotated[
        int | None,
        typer.Option(min=0, help="steps on attacked pictures; need the stylegan2 of this work folder"),
    ] = None,
    attack_steps: Annotated[int | None, typer.Option(min=0, help="of each attack in these")] = None,
    seed: Annotated[int | None, typer.Option(help="of the weights; else the preset's")] = None,
) -> None:
    """Train a CLIP on faces, drawings and styles; a stopped training goes on from its checkpoint."""
    from .editing import trainings

    trainings.check_preset(preset, trainings.CLIPS)
    chosen: dict[str, Any] = {**_chosen(steps=steps, harden_steps=harden_steps, attack_steps=attack_steps)}
    settings = replace(trainings.CLIPS[preset], **chosen)
    _report(trainings.clip(work, output, data, faces, seed, settings, preset))


@train.command(
    "judge", help="Train the classifier that measures edits and never guides them; a stopped one goes on."
)
@train.command("parser", help="Train the network that finds the parts of a face; a stopped training goes on.")
@train.command("features", help="Train the network that tells faces apart; a stopped training goes on.")
def train_network(
    called: typer.Context,
    work: Annotated[Path, _WORK],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained network, .safetensors")],
    preset: Annotated[str, _PRESET] = "mini",
    faces: Annotated[int | None, _FACES] = None,
    steps: Annotated[int | None, _STEPS] = None,
    seed: Annotated[int | None, typer.Option(help="of the weights; the judge's also of its faces")] = None,
) -> None:
    """Train one of the small networks; which one says the name of the command."""
    from .editing import trainings

    trainings.check_preset(preset)
    given = _chosen(faces=faces, steps=steps, seed=seed)
    _report(trainings.network(str(called.info_name), work, output, **given))


@train.command("encoder")
def train_encoder(
    work: Annotated[Path, _WORK],
    generator: Annotated[Path, typer.Option(help="the finished generator, .safetensors")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the trained encoder, .safetensors")],
    preset: Annotated[str, _PRESET] = "mini",
    faces: Annotated[int, _FACES] = 40_000,
    steps: Annotated[int | None, _STEPS] = None,
    seed: Annotated[int, _SEED] = 0,
) -> None:
    """Train the encoder that finds the latent of a picture; a stopped training goes on."""
    from .editing import trainings

    trainings.check_preset(preset)
    settings = trainings.EncoderSettings(**_chosen(steps=steps))
    _report(trainings.encoder(work, generator, output, faces, seed, settings))


@train.command("pack")
def train_pack(
    folder: Annotated[
        Path, typer.Argument(help="holds stylegan2.safetensors, encoder.safetensors, clip/, ...")
    ],
    name: Annotated[str, typer.Option(help="of the pack")] = "mini",
    version: Annotated[str, typer.Option("--pack-version", help="of the pack")] = "1",
    explored: Annotated[
        int, typer.Option(min=1, help="random pictures that edits need not look at any more")
    ] = 4096,
) -> None:
    """Make a folder of trained models a pack: look at random pictures, hash the files and write pack.json."""
    from .editing import trainings

    _report(trainings.pack(folder, name, version, explored))


# The parser's own errors; where their class is found depends on the version of typer, this does not.
_ParserError: type[Any] = typer.BadParameter.__mro__[1]


def main() -> None:
    """Console entry point: a user's mistake becomes one line and its exit code."""
    try:
        code = app(prog_name="promptbrush", standalone_mode=False)
    except PromptbrushError as error:
        _exit(str(error), error.exit_code)
    except typer.Abort:
        _exit("stopped", 130)
    except _ParserError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            sys.exit(error.exit_code)
        _exit(_in_one_line(error), UsageError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _exit(message: str, code: int) -> NoReturn:
    typer.echo(f"promptbrush: {message}", err=True)
    sys.exit(code)


def _in_one_line(error: Any) -> str:
    """What the parser says, without the usage that it prints around it."""
    text = " ".join(error.format_message().split()).removesuffix(".")
    command = error.ctx.command_path if error.ctx else "promptbrush"
    return f"{text[:1].lower()}{text[1:]}; see {command} --help"
