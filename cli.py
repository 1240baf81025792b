"""The command line: a command for every method of the table, and the groups `models` and `train`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from . import __version__, _base
from ._base import PromptbrushError, UsageError, did_you_mean, load_target
from .editing.methods import METHODS, Method

# The parser's own errors; where their class is found depends on the version of typer, this does not.
_ParserError: type[Any] = typer.BadParameter.__mro__[1]
_INTERRUPTED = 130
_OTHERS = {
    "rerun": "Make a result again from the recipe inside it: the same pixels on the same machine.",
    "score": "How well texts fit a picture: CLIP similarity, and the probability of each text among all.",
}


def main() -> None:
    """Console entry point: a user's mistake becomes one line and its exit code."""
    try:
        code = app(prog_name="promptbrush", standalone_mode=False)
    except PromptbrushError as error:
        _exit(str(error), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except BrokenPipeError:
        _exit("the output was closed before everything was written", 1)
    except _ParserError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            sys.exit(error.exit_code)
        _exit(_in_one_line(error), UsageError.exit_code)
    if code == _INTERRUPTED:  # versions of typer differ in how they say so
        _exit("stopped before there was a result; nothing more was written", code)
    sys.exit(code if isinstance(code, int) else 0)


def _exit(message: str, code: int) -> NoReturn:
    # A name may hold bytes that no terminal shows.
    shown = message.encode("utf-8", "replace").decode()
    typer.echo(f"promptbrush: {shown}", err=True)
    sys.exit(code)


def _in_one_line(error: Any) -> str:
    """What the parser says, without the usage that it prints around it."""
    text = " ".join(error.format_message().split()).removesuffix(".")
    if option := getattr(error, "option_name", None):  # versions of typer differ in how they quote it
        text = text.replace(f"No such option '{option}'", f"No such option: {option}")
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
        if self.name == "promptbrush" and (name in METHODS.entries or name in _OTHERS):
            return METHODS.entries[name].about if name in METHODS.entries else _OTHERS[name]
        try:
            return str(self.get_command(ctx, name).get_short_help_str(100))
        except _base.MissingError as error:  # another package's, which must not hide the other commands
            return str(error)


def _trainings() -> dict[str, Any]:
    from .editing.training.options import TRAININGS

    return TRAININGS


def _names(group: str | None) -> list[str]:
    if group == "train":
        return list(_trainings())
    return [*METHODS.names(), *_OTHERS] if group == "promptbrush" else []


def _built(group: str, name: str) -> Any:
    """A command of the table of methods or trainings."""
    made = typer.Typer(rich_markup_mode="rich", add_completion=False, pretty_exceptions_enable=False)
    if group == "train":
        training = _trainings()[name]
        made.command(name, help=training.help)(_train_command(training))
    elif name in _OTHERS:
        made.command(name, help=_OTHERS[name])(_rerun_command() if name == "rerun" else _score_command())
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
_train = typer.Typer(
    name="train", cls=_Commands, help="Train the embedded models again, or your own.", no_args_is_help=True
)
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


def _method_command(method: Method) -> Callable[..., None]:
    """The function of a method's command: arguments, then a flag for every field."""
    from .editing.arguments import Common, metavar, split_arguments
    from .editing.choice import ModelChoice
    from .editing.flags import argument, command, settings_of, split

    def run(arguments: list[str], given: dict[str, Any]) -> None:
        from .editing.job import Job

        common = settings_of(Common, given)
        own = split(given, method.settings)
        pictures, words = split_arguments(method, arguments, given)
        rest = {name: value for name, value in given.items() if name not in own}
        settings = settings_of(method.settings, {**own, **words}, common.preset)
        models, outputs = settings_of(ModelChoice, rest), settings_of(method.outputs, rest)
        _report(Job(method, settings, pictures, models, outputs), common)

    leading = argument("arguments", list[str], metavar(method), default=[])
    # A method may have a setting of the same name, as the encoder of `style` is another than that of `edit`.
    known = {*method.roles, *method.settings.model_fields}
    hidden = [name for name in ModelChoice.model_fields if name not in known]
    return command(
        run, (method.settings, method.outputs, Common, ModelChoice), [leading], (*hidden, "prompt")
    )


def _report(job: Any, common: Any) -> None:
    """Do a job: results on standard output, everything else on standard error."""
    from .editing.job import describe, run
    from .editing.reporting import Terminal

    terminal = Terminal(lambda text: typer.echo(text, err=True), common.quiet)
    with terminal:
        for saved in run(job, terminal):
            typer.echo(json.dumps(describe(saved)) if common.as_json else terminal.path(saved.path))
            terminal.result(saved)


def _train_command(training: Any) -> Callable[..., None]:
    from .editing.flags import command

    def run(given: dict[str, Any]) -> None:
        _echo(load_target(training.run, f"training '{training.name}'")(training.load_options(**given)))

    return command(run, (load_target(training.options, "options"),))


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _rerun_command() -> Callable[..., None]:
    from .editing.arguments import Common
    from .editing.flags import argument, command, settings_of
    from .editing.outputs import Outputs
    from .editing.rerun import RerunOptions, rerun_job

    def run(made: Path, given: dict[str, Any]) -> None:
        options = settings_of(RerunOptions, given)
        job = rerun_job(made, outputs=settings_of(Outputs, given), **dict(options))
        _report(job, settings_of(Common, given))

    leading = argument("made", Path, "RESULT", "a picture that promptbrush wrote, or its recipe")
    return command(run, (RerunOptions, Outputs, Common), [leading], ("preset",))


def _score_command() -> Callable[..., None]:
    from .editing.choice import ModelChoice, ScoreOptions
    from .editing.flags import argument, command, settings_of

    def run(picture: Path, texts: list[str], given: dict[str, Any]) -> None:
        from ._files import input_file
        from .editing.score import scored

        templates, choice = settings_of(ScoreOptions, given).templates, settings_of(ModelChoice, given)
        found, notes = scored(input_file(picture), texts, templates, choice)
        for note in notes:
            typer.echo(f"note: {note}", err=True)
        _echo(f"{each.similarity:.4f}  {each.probability:6.1%}  {each.text}" for each in found)

    leading = [
        argument("picture", Path, "PICTURE", "a picture"),
        argument("texts", list[str], "TEXT...", "texts to compare it with"),
    ]
    return command(
        run, (ScoreOptions, ModelChoice), leading, ("generator", "encoder", "face_encoder", "prior")
    )


@app.command()
def doctor() -> None:
    """Devices, memory, versions, the embedded pack, and what is missing with the command that mends it."""
    from .editing.doctor import report
    from .editing.reporting import show_table

    show_table(("", "what", "state", "mend"), report().table())


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
    from .editing.reporting import show_table
    from .generators.packs import summaries

    show_table(("name", "domain", "resolution", "size", "state"), [pack.row() for pack in summaries()])


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
        raise typer.Exit(_base.InputFileError.exit_code)
