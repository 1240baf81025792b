"""A job: everything that a command or a Python function was asked for, from checking its input to saving its results.

What it does is the same for every method: names are planned and reserved, all input is checked before a model is
loaded, models are loaded when they are needed, runs are watched, results are saved whole with their recipe, Ctrl-C
keeps what there is. The parts that need torch are in `making`, so that wrong usage is answered at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._base import PromptbrushError, UsageError
from .._files import input_file, readable
from .._settings import MAX_SEED, Settings, paths_in, printable
from ..generators.base import file_in
from ..generators.packs.pack import load_pack
from .choice import ROLES, ModelChoice
from .losses import check_losses
from .methods import Method
from .outputs import PICTURES, Outputs, Plan, plan
from .record import Record, prompts_in
from .specs import files_in

if TYPE_CHECKING:
    from .callbacks import Consumer
    from .result import Result

_NAME = 60


class StoppedError(PromptbrushError):
    """Ctrl-C; the text says what was saved."""

    exit_code = 130


@dataclass(frozen=True)
class Job:
    """What is to be made.

    Attributes:
        pictures: input files, where the method takes such.
        record: of a result that is to be made again; its models are checked, and its number of steps is kept.
        made: the result that is made again; nothing may take its place.
        name: of the results, without suffix; by default the pictures', or what the prompt says.
    """

    method: Method
    settings: Settings
    pictures: tuple[Path, ...] = ()
    models: ModelChoice = field(default_factory=ModelChoice)
    outputs: Outputs = field(default_factory=Outputs)
    record: Record | None = None
    name: str = ""
    made: Path | None = None

    @property
    def word(self) -> str:
        """What follows the names of results."""
        return self.method.name if self.record is None else "rerun"

    def inputs(self) -> list[Path]:
        """All files that are read: those of the settings whether they are there or not, models that are there."""
        images = [Path(prompt.text) for prompt in prompts_in(self.settings) if prompt.is_image]
        models = [getattr(self.models, role) for role in ROLES]
        models += [getattr(self.settings, name) for name in self.settings.with_role("models")]
        own = [path for spec in models if spec for path in files_in(str(spec))]
        made = [self.made] if self.made is not None else []
        return [*self.pictures, *(path for _, path in paths_in(self.settings)), *images, *own, *made]

    @property
    def converted(self) -> list[Path]:
        """Inputs that are no pictures, and whose results are none."""
        return [path for path in self.pictures if path.suffix.lower() in self.method.converts]


@dataclass(frozen=True)
class Saved:
    """A result that was written: its path, and the files beside it."""

    result: Result
    path: Path
    beside: tuple[Path, ...] = ()


class Listener:
    """Hears what a job does; this one keeps silent."""

    def note(self, text: str) -> None:
        """A remark for the user, made once."""

    def begin(self, path: Path, number: int, count: int) -> Sequence[Consumer]:  # noqa: ARG002
        """A result is about to be made, one of `count`; gives consumers that watch it."""
        return ()


def run(job: Job, listener: Listener | None = None) -> Iterator[Saved]:
    """Do a job; each result as soon as it is written.

    Raises:
        StoppedError: Ctrl-C, after the best so far was saved. PromptbrushError: in one line.
    """
    listener = listener or Listener()
    check(job)
    with planned(job) as paths:
        from .making import make_all

        yield from make_all(job, paths, listener)


def check(job: Job) -> None:
    """Find what is wrong without importing torch: arguments that do not fit, and files that are missing.

    Raises:
        UsageError, InputFileError: in one line.
    """
    count = job.outputs.results
    _check_arguments(job)
    check_settings(job.method, job.settings, count)
    _check_models(job)
    _check_outputs(job)
    for path in job.inputs():
        input_file(path)
    job.outputs.check()


def check_settings(method: Method, settings: Settings, count: int) -> None:
    """Find what is wrong with settings, for commands and Python functions alike.

    Raises:
        UsageError: in one line.
    """
    if method.takes.prompt == "required" and not getattr(settings, "prompt", "").strip():
        raise UsageError("the prompt is empty; write what the picture should show")
    seed = getattr(settings, "seed", 0)
    if seed + count - 1 > MAX_SEED:
        raise UsageError(
            f"seed is {seed}, so that result {count} is past the last seed {MAX_SEED}; give a smaller --seed"
        )
    check_losses(settings)
    if method.plan is not None:
        method.plan(settings, count)


def _check_arguments(job: Job) -> None:
    takes, settings = job.method.takes, job.settings
    prompt = getattr(settings, "prompt", "")
    if takes.prompt != "none" and names_a_file(prompt):
        raise UsageError(f"'{prompt}' stands where the prompt should, but is a file; {_mend(job, prompt)}")
    if takes.pictures == "many" and not job.pictures and not _replaced(job, "picture"):
        missing = f"PROMPT is '{printable(prompt)}'" if prompt else "PROMPT too"
        raise UsageError(f"{takes.what} is missing ({missing}); give both, the prompt last")
    if len(job.pictures) > 1:
        for name in settings.with_role("mask", "latent"):
            if getattr(settings, name):
                raise UsageError(f"{name} belongs to one picture; give one picture with it")
        if getattr(job.outputs, "checkpoint", None):
            raise UsageError("a checkpoint belongs to one run; give one picture with it")
    if job.outputs.results > 1 and getattr(job.outputs, "checkpoint", None):
        raise UsageError("a checkpoint belongs to one run; leave --count out")


def _mend(job: Job, file: str) -> str:
    """What to do with a file in the place of the prompt."""
    if job.method.takes.pictures == "many":
        return "write the prompt as the last argument"
    flags = [f"--{name.replace('_', '-')}" for name in job.settings.with_role("picture")]
    return " or ".join([f"write '@{file}' for a picture", *(f"give it as {flag}" for flag in flags)])


def _replaced(job: Job, what: str) -> bool:
    """Whether settings take the place of a missing argument, as a latent takes that of a picture."""
    return (
        any(getattr(job.settings, name) for name in job.settings.with_role("latent"))
        if what == "picture"
        else False
    )


def _check_models(job: Job) -> None:
    """A model that the method has no use for is a mistake."""
    for name, default in ModelChoice():
        if name not in job.method.roles and getattr(job.models, name) != default:
            raise UsageError(
                f"{job.method.name} uses no {name.replace('_', ' ')}; leave --{name.replace('_', '-')} out"
            )
    for name in ("encoder", "face_encoder", "prior"):
        if path := getattr(job.models, name):
            input_file(path)
    if job.models.generator and (file := file_in(job.models.generator)):
        input_file(file)
    load_pack(job.models.pack)


def _check_outputs(job: Job) -> None:
    """An output that nothing would be written to is a mistake."""
    if shot := job.settings.one_shot:
        for name in job.outputs.of_steps():
            raise UsageError(f"{name} needs the steps of a run, and {shot} takes none; leave one of them out")
    for path in job.converted:
        for name, default in type(job.outputs)():
            if name not in Outputs.model_fields and getattr(job.outputs, name) != default:
                raise UsageError(f"{name} belongs to pictures, and {path} is none; leave it out")
    if 0 < len(job.converted) < len(job.pictures):
        raise UsageError(f"{job.converted[0]} is no picture, others are; give them to commands of their own")


def names_a_file(prompt: str) -> bool:
    """Whether a forgotten prompt let the last picture slip into its place."""
    try:
        return Path(prompt).suffix != "" and Path(prompt).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL character
        return False


def planned(job: Job) -> Plan:
    """The paths of all results, reserved.

    Raises:
        UsageError, InputFileError: see `outputs.plan`.
    """
    names = [job.name] if job.name else [path.stem for path in job.pictures] or [_named(job)]
    own = [job.method.converts[path.suffix.lower()] for path in job.converted]
    others = [kind for kind in job.method.kinds if kind not in job.method.converts.values()]
    kinds = tuple(dict.fromkeys(own or (*PICTURES, *others)))
    return plan(names, job.word, job.outputs, job.inputs(), kinds)


def _named(job: Job) -> str:
    """A result's name without a picture: of the file that stands in for it, else of the prompt."""
    prompts = job.settings.with_role("prompt")
    for name in (*job.method.file, "prompt"):
        value = str(getattr(job.settings, name, None) or "")
        if found := slug(value) if name in prompts else Path(value).stem:
            return found
    return job.method.name


def slug(prompt: str) -> str:
    """A prompt as a part of a file's name."""
    return "-".join(re.findall(r"\w+", prompt.lower()))[:_NAME].strip("-")


def describe(saved: Saved) -> dict[str, Any]:
    """A result as an object of JSON: path, seed, score, seconds, recipe."""
    result = saved.result
    return {
        "path": readable(saved.path),
        "beside": [readable(path) for path in saved.beside],
        "seed": result.seed,
        "score": result.score,
        "seconds": round(result.seconds, 3),
        "recipe": result.recipe.model_dump(mode="json", exclude_none=True),
    }
