"""The command line: a command for every method of the table, and the groups `models` and `train`. All that prints is here."""

from __future__ import annotations

import inspect
import json
import logging
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from . import __version__
from ._base import (
    Entry,
    InputFileError,
    MissingError,
    PromptbrushError,
    UsageError,
    did_you_mean,
    load_target,
)
from .editing.methods import METHODS, Method

# The parser's own errors; where their class is found depends on the version of typer, this does not.
_ParserError: type[Any] = typer.BadParameter.__mro__[1]
_OTHERS = {
    "rerun": "Make a result again from the recipe inside it.",
    "score": "How well texts fit a picture, as CLIP sees it.",
    "doctor": "Devices, memory, versions, the embedded pack, and what is missing.",
}


def main() -> None:
    """Console entry point: a user's mistake becomes one line and its exit code."""
    try:
        code = app(prog_name="promptbrush", standalone_mode=False)
    except PromptbrushError as error:
        _exit(str(error), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _exit("stopped before there was a result; nothing was written", 130)
    except BrokenPipeError:
        _exit("the output was closed before everything was written", 1)
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


class _Commands(TyperGroup):
    """Commands that are made when they are asked for: a table's entries, then those that are written out here."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*_names(self.name), *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in _names(self.name):
            return _built(self.name or "", cmd_name)
        found = super().get_command(ctx, cmd_name)
        if found is None:
            hint, path = did_you_mean(cmd_name, self.list_commands(ctx)), ctx.command_path
            raise UsageError(f"no such command '{cmd_name}'{hint}; see {path} --help")
        return found

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, self._about(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _about(self, ctx: Any, name: str) -> str:
        """A line of help that costs no import."""
        if self.name == "train":
            return str(_trainings()[name].help)
        if name in METHODS.entries and self.name != "train":
            return METHODS.entries[name].about
        try:
            return str(self.get_command(ctx, name).get_short_help_str(100))
        except MissingError as error:  # another package's, which must not hide the other commands
            return str(error)


def _trainings() -> dict[str, Any]:
    from .editing.training.options import TRAININGS

    return TRAININGS


def _names(group: str | None) -> list[str]:
    return list(_trainings()) if group == "train" else METHODS.names() if group == "promptbrush" else []


def _built(group: str, name: str) -> Any:
    """A command of the table of methods or trainings."""
    made = typer.Typer(rich_markup_mode="rich", add_completion=False, pretty_exceptions_enable=False)
    if group == "train":
        training = _trainings()[name]
        made.command(name, help=training.help)(_train_command(training))
    else:
        method = METHODS.load(name)
        made.command(name, help=method.about)(_method_command(method))
    return typer.main.get_command(made)


app = typer.Typer(
    name="promptbrush",
    cls=_Commands,
    help="Edit and make pictures with words, and keep control of how.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_models = typer.Typer(
    name="models",
    cls=_Commands,
    help="Model files: import published weights, list and verify packs.",
    no_args_is_help=True,
)
_train = typer.Typer(name="train", cls=_Commands, help="Train the embedded models again, or your own.", no_args_is_help=True)
app.add_typer(_models)
app.add_typer(_train)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"promptbrush {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Edit and make pictures with words, and keep control of how."""


_QUIET = typer.Option("--quiet", "-q", help="print results alone", rich_help_panel="Output")
_JSON = typer.Option("--json", help="print each result as an object of JSON", rich_help_panel="Output")
_PRESET = typer.Option(help="default, or paper: as published")


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _method_command(method: Method) -> Callable[..., None]:
    """The function of a method's command: arguments, then a flag for every field."""
    from .editing.choice import ModelChoice
    from .editing.flags import command, split

    def run(arguments: list[str], preset: str, quiet: bool, json: bool, given: dict[str, Any]) -> None:
        from .editing.job import Job
        from .editing.settings import chosen

        pictures, words = _split(method, arguments, given)
        settings = chosen(method.settings, preset, {**split(given, method.settings), **words})
        own = {name: value for name, value in given.items() if name not in method.settings.model_fields}
        job = Job(
            method,
            settings,
            pictures,
            chosen(ModelChoice, given=split(own, ModelChoice)),
            chosen(method.outputs, given=split(own, method.outputs)),
        )
        _report(job, quiet, json)

    hidden = [name for name in ModelChoice.model_fields if name not in method.roles]
    leading = [
        _parameter("arguments", Annotated[list[str], typer.Argument(metavar=_metavar(method), show_default=False)], []),
        _parameter("preset", Annotated[str, _PRESET], "default"),
        _parameter("quiet", Annotated[bool, _QUIET], False),
        _parameter("json", Annotated[bool, _JSON], False),
    ]
    return command(run, (method.settings, method.outputs, ModelChoice), leading, (*hidden, "prompt"))


def _metavar(method: Method) -> str:
    takes = method.takes
    prompt = {"required": "PROMPT", "optional": "[PROMPT]", "none": ""}[takes.prompt]
    return " ".join(part for part in (f"{takes.what}..." if takes.pictures == "many" else "", prompt) if part)


def _split(method: Method, arguments: list[str], given: dict[str, Any]) -> tuple[tuple[Path, ...], dict[str, Any]]:
    """The pictures and the prompt among the arguments."""
    takes = method.takes
    without = takes.prompt == "none" or any(given.get(name) for name in takes.instead)
    prompt = {} if without or not arguments else {"prompt": arguments[-1]}
    files = arguments if without else arguments[:-1]
    if takes.pictures == "none" and files:
        raise UsageError(f"'{files[0][:40]}' is one argument too many; put a prompt of several words in quotes")
    return tuple(map(Path, files)), prompt


def _report(job: Any, quiet: bool, as_json: bool) -> None:
    """Do a job: results on standard output, everything else on standard error."""
    from .editing.job import describe, run
    from .editing.reporting import Terminal

    terminal = Terminal(lambda text: typer.echo(text, err=True), quiet)
    logging.getLogger("promptbrush").addHandler(terminal.handler)
    for saved in run(job, terminal):
        typer.echo(json.dumps(describe(saved)) if as_json else terminal.path(saved.path))
        terminal.result(saved)


def _train_command(training: Any) -> Callable[..., None]:
    from .editing.flags import command

    def run(given: dict[str, Any]) -> None:
        _echo(load_target(training.run, f"training '{training.name}'")(training.load_options(**given)))

    return command(run, (load_target(training.options, "options"),))


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


@app.command(help=_OTHERS["rerun"])
def rerun(
    made: Annotated[Path, typer.Argument(metavar="RESULT", help="a picture that promptbrush wrote, or its recipe")],
    picture: Annotated[Path | None, typer.Option(help="where the edited picture lies now")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="file or folder to write")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace files that promptbrush did not write")] = False,
    device: Annotated[str | None, typer.Option(help="another device than the recipe's")] = None,
    allow_download: Annotated[
        bool, typer.Option("--allow-download", help="fetch published models that the recipe names")
    ] = False,
    quiet: Annotated[bool, _QUIET] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Make a result again from the recipe inside it: the same pixels on the same machine."""
    from .editing.outputs import Outputs
    from .editing.rerun import rerun_job

    outputs = Outputs(output=output, overwrite=overwrite)
    _report(rerun_job(made, picture, outputs, device, allow_download), quiet, as_json)


@app.command(help=_OTHERS["score"])
def score(
    picture: Annotated[Path, typer.Argument(help="a picture")],
    texts: Annotated[list[str], typer.Argument(help="texts to compare it with")],
    templates: Annotated[str, typer.Option(help="none, imagenet79, imagenet80 or a file")] = "none",
    pack: Annotated[str, typer.Option(help="embedded pack, or the folder of one")] = "mini",
    clip: Annotated[str | None, typer.Option(help="another CLIP")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps")] = "auto",
    offline: Annotated[bool, typer.Option("--offline", help="never download a model")] = False,
) -> None:
    """How well texts fit a picture: CLIP similarity, and the probability of each text among all."""
    from ._files import input_file
    from .editing.choice import ModelChoice
    from .editing.score import scored

    choice = ModelChoice(pack=pack, clip=clip, device=device, offline=offline)
    found, notes = scored(input_file(picture), texts, templates, choice)
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    _echo(f"{each.similarity:.4f}  {each.probability:6.1%}  {each.text}" for each in found)


@app.command(help=_OTHERS["doctor"])
def doctor() -> None:
    """Devices, memory, versions, the embedded pack, and what is missing with the command that mends it."""
    from .editing.doctor import report

    rows, section = [], ""
    for row in report().rows:
        rows.append(("" if row.section == section else row.section, row.name, row.value, row.mend))
        section = row.section
    _table(("", "what", "state", "mend"), rows)


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)


@_models.command("import")
def import_model(
    file: Annotated[Path, typer.Argument(help="an official .pkl, a rosinality .pt or our .safetensors")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="where to write")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace an existing file")] = False,
) -> None:
    """Convert a published StyleGAN2 checkpoint to safetensors, running none of its code."""
    from ._devices import enough_memory
    from ._files import readable
    from .generators import import_checkpoint

    target = output or file.parent / f"{file.stem}.safetensors"
    with enough_memory():
        model = import_checkpoint(file, target, overwrite=overwrite)
    typer.echo(f"{readable(target)}: StyleGAN2, {model.resolution} px, {model.num_ws} layers of w")


@_models.command("list")
def list_models() -> None:
    """The embedded packs: what they draw, how large they are, and whether their weights are here."""
    from .generators.packs import summaries

    shapes = {p.name: (f"{p.resolution} px", f"{p.size / 1e6:.1f} MB") if p.resolution else ("", "") for p in summaries()}
    rows = [(pack.name, pack.domain, *shapes[pack.name], pack.state) for pack in summaries()]
    _table(("name", "domain", "resolution", "size", "state"), rows)


@_models.command("verify")
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
