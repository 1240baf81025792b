"""The Python functions: `promptbrush.NAME(...)` of every method, made of the same settings as the commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .._base import UsageError, load_target, unknown_name
from .._devices import enough_memory
from .._settings import Settings, chosen
from .callbacks import Watcher
from .choice import ModelChoice
from .edit import Place, Source, Step
from .job import Job, check_settings
from .making import make, open_subject, source_of
from .methods import METHODS, Method
from .models import Models
from .result import Result

Progress = Callable[[Step], None]


def call(
    method: Method,
    picture: Any = None,
    prompt: str = "",
    n: int = 1,
    *,
    preset: str = "default",
    models: Models | ModelChoice | None = None,
    progress: Progress | None = None,
    **values: Any,
) -> Iterator[Result]:
    """Results of a method, one by one.

    Args:
        picture: a file, a tensor (1,3,H,W) in [0,1], or a Pillow image, for methods that take one.
        n: how many results; their seeds follow the first one's.
        models: loaded once for many calls, or a choice of them.
        progress: is called with every step.
        values: fields of the method's settings, and of `ModelChoice` in place of `models`.

    Raises:
        UsageError, InputFileError, MissingError: in one line that says what to do.
    """
    own, picks = _sorted(method, values)
    settings = chosen(method.settings, preset, {**own, **({"prompt": prompt} if prompt else {})})
    if models is not None and picks:
        raise UsageError(f"models and {', '.join(picks)} cannot both be given; put them into the models")
    check_settings(method, settings, n)
    source = _source(method, picture)
    method.call("check", settings, source)
    with enough_memory():
        loaded = models if isinstance(models, Models) else Models(models or chosen(ModelChoice, given=picks))
        subject = open_subject(loaded, method, source, settings)
    return _results(method, loaded, settings, (source, subject), n, progress)


def _results(
    method: Method,
    models: Models,
    settings: Settings,
    what: tuple[Source, Any],
    n: int,
    progress: Progress | None,
) -> Iterator[Result]:
    watching = [_Callback(progress)] if progress else []
    for index in range(n):
        with enough_memory():
            found = make(
                models, method, settings.of_result(index), (*what, Place(index, n)), lambda _: watching
            )
        yield found


class _Callback(Watcher):
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def see(self, step: Any) -> None:
        self._progress(step)


def _sorted(method: Method, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values of the method's settings, and of the choice of models."""
    known = [*method.settings.model_fields, *method.roles]
    for name in values:
        if name not in known:
            raise UsageError(unknown_name("setting", name, known))
    own = {name: value for name, value in values.items() if name in method.settings.model_fields}
    return own, {name: value for name, value in values.items() if name not in own and value is not None}


def _source(method: Method, picture: Any) -> Source:
    if method.takes.pictures == "none" or picture is None:
        return Source(None)
    if isinstance(picture, (str, Path)) and Path(picture).suffix.lower() in method.converts:
        return Source(Path(picture))
    return source_of(picture)


def function(name: str) -> Callable[..., Any]:
    """The Python function of a method: `edit(picture, prompt, **settings)`, `sample(prompt, n, **settings)`, ...

    Methods with `many` give an iterator of results, the others one result.
    """
    method: Method = METHODS.load(name)
    leading = leading_parameters(method)

    def called(*arguments: Any, **values: Any) -> Any:
        named = dict(zip(leading, arguments, strict=False))
        if len(arguments) > len(leading):
            raise UsageError(f"{name} takes {', '.join(leading)}; give everything else by name")
        for each in named:
            if each in values:
                raise UsageError(f"{each} was given twice; leave one of them out")
        results = call(method, **named, **values)
        return results if method.many else next(results)

    called.__name__, called.__qualname__ = name, name
    called.__doc__ = f"{method.about}\n\n{describe(method)}"
    called.__signature__ = inspect.Signature(signature(method))  # type: ignore[attr-defined]
    return called


def leading_parameters(method: Method) -> list[str]:
    """Names of the arguments that may stand without a name."""
    own = ["picture"] if method.takes.pictures == "many" else []
    own += ["prompt"] if method.takes.prompt != "none" else []
    return [*own, *(["n"] if method.many else [])]


def signature(method: Method) -> list[inspect.Parameter]:
    """All parameters of a method's function, with their defaults."""
    leading = {"picture": inspect.Parameter.empty, "prompt": "", "n": 1}
    if method.takes.prompt == "required":
        leading["prompt"] = inspect.Parameter.empty
    if method.settings.with_role("latent"):
        leading["picture"] = None
        leading["prompt"] = ""
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    first = [inspect.Parameter(name, either, default=leading[name]) for name in leading_parameters(method)]
    fields = {
        name: field.default for name, field in method.settings.model_fields.items() if name not in leading
    }
    more = {"preset": "default", "models": None, "progress": None, **fields}
    more |= {name: ModelChoice.model_fields[name].default for name in method.roles}
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [*first, *(inspect.Parameter(name, keyword, default=value) for name, value in more.items())]


def describe(method: Method) -> str:
    """The settings of a method, one a line."""
    fields = method.settings.model_fields.items()
    return "\n".join(f"    {name}: {field.description}" for name, field in fields)


def repeated(job: Job, progress: Progress | None = None) -> Result:
    """The result of a recipe, made again; see `rerun.rerun`."""
    record = job.record
    if record is None:
        raise TypeError("only a job of a recipe can be repeated")
    record.check_files()
    with enough_memory():
        models = Models(job.models, record.models.hashes)
        source = _source(job.method, job.pictures[0] if job.pictures else None)
        subject = open_subject(models, job.method, source, job.settings)
        what = (source, subject, Place(record.index, record.count))
        watching = [_Callback(progress)] if progress else []
        return make(models, job.method, job.settings, what, lambda edit: watching, None, record.stopped_after)


def train(name: str, **options: Any) -> Iterator[str]:
    """Train a network: `for line in promptbrush.train("parser", work="runs", output="x.safetensors"): print(line)`.

    Args:
        name: of the table of trainings; `options` are its options, as of the command `promptbrush train NAME`.

    Raises:
        UsageError: an unknown training or option. InputFileError, MissingError: as the trainings do.
    """
    from .training.options import TRAININGS

    if name not in TRAININGS:
        raise UsageError(unknown_name("training", name, TRAININGS))
    training = TRAININGS[name]
    lines: Iterator[str] = load_target(training.run, f"training '{name}'")(training.load_options(**options))
    return lines
