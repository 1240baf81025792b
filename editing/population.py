"""Populations: many candidates that are drawn and judged in parts, side by side where there is an executor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from ..guidance.cutouts import step_seed
from ..guidance.objective import Context

Losses = dict[str, Tensor]


class Executor(Protocol):
    """Whatever runs functions: nevergrad's protocol, as of `concurrent.futures`, dask and Ray's pools."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run the function; the answer's `result()` waits for what it returns."""


class Here:
    """An executor that runs everything at once, in this process."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """A future that is done."""
        future: Future[Any] = Future()
        future.set_result(function(*arguments))
        return future


def evaluated(
    candidates: Tensor,
    judge: Callable[[Tensor, Sequence[int]], Losses],
    executor: Executor | None = None,
    jobs: int = 1,
) -> Losses:
    """Losses, (P,) by name, of candidates (P,D), in parts that an executor runs side by side.

    Args:
        judge: candidates (Q,D) and their numbers in the population -> losses (Q,); with processes it must be picklable.
        executor: anything with nevergrad's `submit`; None for this process.
        jobs: into how many parts the population is cut.
    """
    executor = executor or Here()
    parts = [part for part in torch.arange(len(candidates)).tensor_split(jobs) if len(part)]
    running = [executor.submit(judge, candidates[part], part.tolist()) for part in parts]
    return joined([each.result() for each in running])


def joined(parts: Sequence[Losses]) -> Losses:
    """The losses of all parts, in their order."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True)
class Parts:
    """How a population is judged, without gradients.

    Attributes:
        most: how many candidates are drawn at once at most, so that memory stays small.
        apart: whether each part has random views of its own; else one view serves the whole population.
        executor, jobs: as of `evaluated`.
    """

    most: int
    apart: bool = False
    executor: Executor | None = None
    jobs: int = 1

    def judged(
        self, judge: Callable[[Tensor, Context], Losses], candidates: Tensor, context: Context
    ) -> Losses:
        """Losses of all candidates (P,D).

        Args:
            judge: draws candidates and gives their losses.
            context: with the seeds of the step.
        """
        own = partial(_judged_part, judge, self.most, self.apart, tuple(context.seeds or ()))
        return evaluated(candidates, own, self.executor, self.jobs)


@torch.no_grad()
def _judged_part(
    judge: Callable[[Tensor, Context], Losses],
    most: int,
    apart: bool,
    seeds: Sequence[int],
    candidates: Tensor,
    numbers: Sequence[int],
) -> Losses:
    """As `Parts.judged`, of candidates with these numbers; a function, so that processes can be given it."""
    found = []
    for first in range(0, len(candidates), most):
        part = candidates[first : first + most]
        own = [step_seed(seed, numbers[first]) for seed in seeds] if apart else list(seeds)
        found.append(judge(part, Context(part, own or None)))
    return joined(found)
