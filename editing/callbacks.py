"""How an edit is watched: steps are yielded, and consumers see each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, TypeVar

import torch

from .._base import PromptbrushError, UsageError


class Step(Protocol):
    """What a consumer needs to know of a step."""

    @property
    def index(self) -> int:
        """From 0."""

    @property
    def total(self) -> int:
        """How many steps are planned."""

    @property
    def losses(self) -> Mapping[str, torch.Tensor]:
        """Name -> (B,)."""

    @property
    def best(self) -> torch.Tensor:
        """(B,) index of each sample's best step so far."""

    def image(self) -> torch.Tensor:
        """(B,3,H,W) in [0,1]."""


class Consumer(Protocol):
    """Sees every step, then is closed exactly once, also after an interrupt or an error."""

    def see(self, step: Step) -> None:
        """Take note of a step."""

    def close(self) -> None:
        """Finish and let go of files."""


StepT = TypeVar("StepT", bound=Step)


def watch(steps: Iterator[StepT], consumers: Sequence[Consumer]) -> StepT:
    """Run all steps past the consumers and return the last one.

    A consumer that fails with a PromptbrushError (say its disk is full) sees no further steps; the run goes on
    and the error is raised at its end, after the others are closed. Keep a `Latest` among the consumers to have
    the result then, and after Ctrl-C.

    Raises:
        UsageError: there were no steps.
        PromptbrushError: the first failure of a consumer.
    """
    failures: list[PromptbrushError] = []
    last: StepT | None = None
    with ExitStack() as stack:
        for consumer in reversed(consumers):
            stack.callback(_close, consumer, failures)
        active = list(consumers)
        for step in steps:
            last = step
            active = [consumer for consumer in active if _shows(consumer, step, failures)]
    if failures:
        raise failures[0]
    if last is None:
        raise UsageError("no steps were run; give --steps 1 or more")
    return last


def _shows(consumer: Consumer, step: Step, failures: list[PromptbrushError]) -> bool:
    try:
        consumer.see(step)
    except PromptbrushError as error:
        failures.append(error)
        return False
    return True


def _close(consumer: Consumer, failures: list[PromptbrushError]) -> None:
    try:
        consumer.close()
    except PromptbrushError as error:
        failures.append(error)


SelfT = TypeVar("SelfT", bound="Watcher")


class Watcher(ABC):
    """A consumer that can also be used as a context manager."""

    @abstractmethod
    def see(self, step: Step) -> None:
        """Take note of a step."""

    def close(self) -> None:  # noqa: B027 (most have nothing to close)
        """Finish and let go of files."""

    def __enter__(self: SelfT) -> SelfT:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Latest(Watcher):
    """Keeps the last step seen, for whoever catches Ctrl-C or a failed side output."""

    step: Step | None = None

    def see(self, step: Step) -> None:
        """Keep it."""
        self.step = step
