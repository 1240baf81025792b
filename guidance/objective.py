"""Objectives: pictures in, one loss per sample and name out; they add up and scale.

A loss for every sample lets one objective serve gradients (sum, backpropagate), evolution (rank) and the
choice of the best (argmin). `2.0 * Similarity(...) + tv` is again an objective.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .._base import UsageError, did_you_mean
from .perceptor import AnyPerceptor, Perceptor
from .prompts import Prompt

Latent = Tensor | Sequence[Tensor] | Mapping[str, Tensor]
Losses = dict[str, Tensor]
T = TypeVar("T")


@dataclass(frozen=True)
class Context:
    """What a term may want to know besides the pictures.

    Attributes:
        latent: what the pictures were made of: a tensor with leading B, a list or a mapping of such.
        seeds: one number a sample for random views; give other seeds at every step.
    """

    latent: Latent | None = None
    seeds: Sequence[int] | None = None


@dataclass(frozen=True)
class Start:
    """Where an edit begins: what the terms that compare with the start are built from.

    Attributes:
        image: (1 or B,3,H,W) in [0,1].
        latent: of that image, leading 1 or B.
        mask: (1 or B,1,H,W), 1 where the picture may change.
        population: features (N,D) of random pictures of the start's kind, one tensor for each model of `perceptor`.
        prompts: what the result should show.
        source: what the start shows, for directions from text to text.
        perceptor: the CLIP or CLIPs that judge.
        load_image: reads an image prompt's file to (1,3,H,W) in [0,1].
        face_encoder: pictures (B,3,H,W) in [0,1] to unit vectors (B,D) that tell people apart; or a function that loads
            it, called when a term needs it.
    """

    image: Tensor | None = None
    latent: Latent | None = None
    mask: Tensor | None = None
    population: tuple[Tensor, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    source: str = "a photo"
    perceptor: AnyPerceptor | None = None
    load_image: Callable[[Path], Tensor] | None = None
    face_encoder: nn.Module | Callable[[], nn.Module] | None = None


class Objective(nn.Module):
    """Base of all objectives: `objective(images, context) -> {name: (B,)}`, float32, lower is better.

    Subclasses either define `loss` (one term, called `name`) or override `forward` (several). Being modules,
    objectives move with `.to(device)` together with the features that they hold.

    Attributes:
        needs_images: whether the loss looks at the pictures; those that look at the latent alone may get some without
            a pixel, (B,3,0,0), so that nothing is drawn for them.
    """

    needs_images = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def loss(self, images: Tensor, context: Context) -> Tensor:
        """The loss (B,) of images (B,3,H,W) in [0,1]."""
        raise NotImplementedError

    def forward(self, images: Tensor, context: Context | None = None) -> Losses:
        """All terms by name; scaled terms hold their scaled values, so that they add up to the total."""
        return {self.name: _checked(self.loss(images, context or Context()), self.name, len(images))}

    def __add__(self, other: object) -> Objective:
        return Sum([self, other]) if isinstance(other, Objective) else NotImplemented

    def __mul__(self, factor: object) -> Objective:
        return Scaled(self, float(factor)) if isinstance(factor, (int, float)) else NotImplemented

    def __rmul__(self, factor: object) -> Objective:
        return self * factor


class Function(Objective):
    """Any function (images) -> (B,) as an objective."""

    def __init__(self, function: Callable[[Tensor], Tensor], name: str = "") -> None:
        super().__init__(name or getattr(function, "__name__", "function").strip("<>"))
        self.function = function

    def loss(self, images: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        return self.function(images)


class Sum(Objective):
    """Several objectives side by side; equal names get a number, the second "clip" being "clip-2"."""

    def __init__(self, objectives: Iterable[Objective]) -> None:
        super().__init__("sum")
        self.objectives = nn.ModuleList(objectives)

    def forward(self, images: Tensor, context: Context | None = None) -> Losses:
        losses: Losses = {}
        for objective in self.objectives:
            for name, value in objective(images, context).items():
                losses[_unused(name, losses)] = value
        return losses


class Scaled(Objective):
    """An objective times a number.

    Raises:
        UsageError: a factor that is not finite.
    """

    def __init__(self, objective: Objective, factor: float) -> None:
        super().__init__(objective.name)
        if not math.isfinite(factor):
            raise UsageError(
                f"the weight {factor} of the objective '{objective.name}' is not a finite number"
            )
        self.objective = objective
        self.factor = factor

    def forward(self, images: Tensor, context: Context | None = None) -> Losses:
        return {name: value * self.factor for name, value in self.objective(images, context).items()}


def needs_images(objective: Callable[..., Any]) -> bool:
    """Whether an objective, or a function with the same call, looks at the pictures."""
    if isinstance(objective, Sum):
        return any(needs_images(each) for each in objective.objectives)
    if isinstance(objective, Scaled):
        return needs_images(objective.objective)
    return bool(getattr(objective, "needs_images", True))


def total(losses: Mapping[str, Tensor]) -> Tensor:
    """The sum (B,) of all terms.

    Raises:
        UsageError: no terms.
    """
    if not losses:
        raise UsageError("there is no objective to add up; name at least one")
    return torch.stack(list(losses.values())).sum(dim=0)


def for_batch(reference: Tensor, batch: int, what: str) -> Tensor:
    """Repeat what belongs to the start for every sample, unless there is one for each.

    Raises:
        UsageError: neither one nor as many as samples.
    """
    if len(reference) not in (1, batch):
        raise UsageError(
            f"the start has {len(reference)} of {what}, the batch {batch}; give one, or one each"
        )
    return reference.expand(batch, *reference.shape[1:])


def required(value: T | None, what: str, objective: str) -> T:
    """What a term cannot do without.

    Raises:
        UsageError: it is absent or empty.
    """
    if value is None or (isinstance(value, tuple) and not value):
        raise UsageError(f"the objective '{objective}' needs {what}")
    return value


def seeds_of(context: Context, objective: str) -> Sequence[int]:
    """The seeds of random views.

    Raises:
        UsageError: there are none.
    """
    if context.seeds is None:
        raise UsageError(f"the objective '{objective}' looks at random views and needs seeds")
    return context.seeds


def members_of(start: Start, objective: str) -> tuple[tuple[Perceptor, float], ...]:
    """The CLIP models of the start with their weights.

    Raises:
        UsageError: there is none.
    """
    if start.perceptor is None:
        raise UsageError(f"the objective '{objective}' needs a CLIP model")
    return start.perceptor.members


def read_settings(kind: type[T], settings: Mapping[str, Any] | T, objective: str) -> T:
    """Settings of an objective as its dataclass.

    Raises:
        UsageError: a name that it does not have.
    """
    if isinstance(settings, kind):
        return settings
    given = dict(settings) if isinstance(settings, Mapping) else {}
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UsageError(
                f"the objective '{objective}' has no setting '{name}'{hint}; known: {', '.join(known)}"
            )
    return kind(**given)


def choice(value: str, known: Sequence[str], what: str) -> str:
    """A setting that must be one of a few words.

    Raises:
        UsageError: it is another.
    """
    if value not in known:
        hint = did_you_mean(value, list(known))
        raise UsageError(f"{what} '{value}' is unknown{hint}; choose from {', '.join(known)}")
    return value


def _checked(value: Tensor, name: str, batch: int) -> Tensor:
    if value.shape != (batch,):
        raise UsageError(
            f"the objective '{name}' must give one loss per sample, ({batch},), not {tuple(value.shape)}"
        )
    return value.float()


def _unused(name: str, taken: Mapping[str, Tensor]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"
