"""The table of methods: everything that `promptbrush NAME` and `promptbrush.NAME` can do to pictures.

A method is one record. What is common (reading, loading, watching, saving, recipes, checkpoints, reruns) is done by the
job, for all alike; see docs/extending.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .._base import Entry, NameTable, load_target
from .._settings import MAX_SEED, MAX_STEPS, Settings, setting
from .outputs import Outputs, Watched, beside

# All that a file with a method needs before torch is imported.
__all__ = [
    "MAX_SEED",
    "MAX_STEPS",
    "METHODS",
    "Method",
    "Outputs",
    "Settings",
    "Takes",
    "Watched",
    "beside",
    "resolved",
    "setting",
]

# "module:function" below promptbrush, loaded when it is called; or the function itself.
Function = str | Callable[..., Any]


@dataclass(frozen=True)
class Takes:
    """What stands on the command line before the flags.

    Attributes:
        pictures: "many" input files, or "none".
        prompt: the last argument: "required", "optional" or "none".
        instead: settings that take the place of an optional prompt, after which all arguments are pictures.
        what: what a picture is called in messages.
    """

    pictures: Literal["many", "none"] = "none"
    prompt: Literal["required", "optional", "none"] = "required"
    instead: tuple[str, ...] = ()
    what: str = "PICTURE"


@dataclass(frozen=True)
class Method:
    """A method of making or changing pictures.

    Attributes:
        name: of the command, the Python function and in recipes.
        about: one sentence of help, with the paper.
        settings: what can be asked for, see `settings.Settings`.
        compose: (models, subject, settings, place) -> `edit.Edit`: what runs, or draws in one shot.
        takes: arguments before the flags.
        open: (models, picture or None, settings) -> subject, made once for an input and shared by its variations;
            without it the subject is the picture itself.
        check: (settings, pictures) -> None, finds what is wrong with files before a model is loaded.
        plan: (settings, count) -> None, finds what is wrong without importing torch.
        outputs: what can be written, see `outputs.Outputs`.
        roles: fields of `choice.ModelChoice` that count for it.
        kinds: suffixes of further files that a result may be saved as -> (result, path) -> None, or for long work
            an iterator of `edit.Step`, one for each part that is done.
        converts: suffix of an input -> the suffix that its result has, for inputs that are not pictures.
        many: whether the Python function yields results, `n` of them, in place of one.
        file: settings that name a result's file where there is no picture; else the prompt does.
    """

    name: str
    about: str
    settings: type[Settings]
    compose: Function
    takes: Takes = field(default_factory=Takes)
    open: Function | None = None
    check: Function | None = None
    plan: Callable[[Any, int], None] | None = None
    outputs: type[Outputs] = Outputs
    roles: tuple[str, ...] = ("pack", "device", "precision", "offline")
    kinds: Mapping[str, Function] = field(default_factory=dict)
    converts: Mapping[str, str] = field(default_factory=dict)
    many: bool = False
    file: tuple[str, ...] = ()

    def call(self, part: str, *arguments: Any) -> Any:
        """Call "compose", "open" or "check"; None where the method has no such part."""
        function = getattr(self, part)
        return None if function is None else resolved(function)(*arguments)


def resolved(function: Function) -> Callable[..., Any]:
    """The function itself."""
    found: Callable[..., Any] = (
        load_target(Entry(function), function) if isinstance(function, str) else function
    )
    return found


METHODS = NameTable(
    "method",
    {
        "edit": Entry(".editing.latent.settings:METHOD", about="Edit face pictures by text (StyleCLIP)."),
        "invert": Entry(".editing.invert:METHOD", about="Find the latents of pictures."),
        "sample": Entry(".editing.sample.settings:METHOD", about="Draw pictures from words (clip2latent)."),
        "shapes": Entry(".editing.shapes.settings:METHOD", about="Draw with a few dozen shapes (ES-CLIP)."),
        "style": Entry(
            ".editing.style.settings:METHOD", about="Give pictures and films a style (CLIPstyler)."
        ),
    },
    group="promptbrush.methods",
    accepts=lambda name, found: isinstance(found, Method) and found.name == name,
)
