"""One edit: a generator draws a latent, an objective judges the pictures, a driver moves the latent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from .._base import UsageError
from ..guidance.cutouts import step_seed
from ..guidance.objective import Context, needs_images, total
from .drivers import Latent, chosen, clone
from .population import Parts

Losses = Mapping[str, Tensor]
Judge = Callable[[Tensor, Context], dict[str, Tensor]]
Decode = Callable[[Latent], Tensor]


class Driver(Protocol):
    """Moves a latent; see `drivers`.

    One with `recommend() -> Latent` says itself what its answer is; what it asks for are only candidates.
    """

    def ask(self) -> Latent:
        """The latent to draw."""

    def tell(self, losses: Losses) -> None:
        """The losses of the latent that `ask` gave."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to resume."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from `state_dict`."""


@dataclass(frozen=True)
class Step:
    """What one step drew.

    Attributes:
        index: from 0. total: how many steps there are.
        losses: name -> (B,); of the best candidate alone, (1,), where the driver recommends an answer.
        best: (B,) index of the step with the lowest total loss so far, for each sample.
        latent: what was drawn, detached.
        draw: gives the pictures; called only by consumers that look at them.
    """

    index: int
    total: int
    losses: Losses
    best: Tensor
    latent: Latent
    draw: Callable[[], Tensor]

    def image(self) -> Tensor:
        """The pictures, (B,3,H,W) in [0,1], detached."""
        return self.draw()

    @property
    def images(self) -> Tensor:
        """As `image`."""
        return self.draw()


@dataclass
class Output:
    """What a method made; methods with more to give extend it.

    Attributes:
        image: (1,3,H,W) in [0,1], drawn in float32. before: what was edited, of the same size.
        latent: of the picture. start: of the picture as it was.
        tuned: what to add to the generator's weights so that it draws the picture from these.
        alpha: (1,1,H,W), the transparency of the input.
        score: of the method's own measure, larger is better. described: the same in a few words.
        notes: remarks for the user.
        metadata: more to embed in the file.
    """

    image: Tensor
    before: Tensor | None = None
    latent: Latent | None = None
    start: Latent | None = None
    tuned: Mapping[str, Tensor] | None = None
    alpha: Tensor | None = None
    score: float | None = None
    described: str = ""
    notes: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """Steps with one decoder and one objective.

    Attributes:
        decode: latent -> pictures (B,3,H,W) in [0,1].
        objective: any `Objective`, or a function with the same call.
        show: the answer so far -> pictures for consumers, if those that are judged are not what people should see.
        parts: judges populations in parts and without gradients; such stages need `show`.
        first: number of its first step, which random views follow; by default steps are counted on.
    """

    steps: int
    decode: Decode
    objective: Judge
    show: Decode | None = None
    parts: Parts | None = None
    first: int | None = None

    def judged(self, latent: Latent, context: Context) -> tuple[dict[str, Tensor], Tensor | None]:
        """The losses of a latent, and its pictures where they were drawn as a whole."""
        if self.parts is not None and isinstance(latent, Tensor):
            judge = partial(drawn_and_judged, self.decode, self.objective)
            return self.parts.judged(judge, latent, context), None
        images = drawn(self.decode, self.objective, latent)
        return self.objective(images, context), images


def drawn(decode: Decode, objective: Judge, latent: Latent) -> Tensor:
    """The pictures; without a pixel, (B,3,0,0), where the objective looks at the latent alone."""
    if needs_images(objective) or not isinstance(latent, Tensor):
        return decode(latent)
    return latent.new_empty(len(latent), 3, 0, 0)


def drawn_and_judged(decode: Decode, objective: Judge, latent: Tensor, context: Context) -> dict[str, Tensor]:
    """The losses of candidates; a function, so that processes can be given it."""
    return objective(drawn(decode, objective, latent), context)


class Edit:
    """A composition of the nouns; `run` yields a Step for each time that the latent was drawn.

    Args:
        decode, objective, steps: of the only stage, see `Stage`; or
        stages: in their order. An edit without a step is a proposal: `finish` makes its output in one shot.
        driver: moves the latent.
        seeds: one number a sample, for objectives that look at random views; each step derives its own.
        finish: (latent or None) -> Output, from the answer: what the driver recommends, else the best latent.
        settled: totals of all steps so far -> whether to stop early.
        notes: remarks for the user, known before the first step.

    Attributes:
        done: steps taken. losses: the mean of each loss, of every step.
    """

    def __init__(
        self,
        decode: Decode | None = None,
        objective: Judge | None = None,
        driver: Driver | None = None,
        steps: int = 0,
        seeds: Sequence[int] = (),
        **more: Any,
    ) -> None:
        own = [Stage(steps, decode, objective)] if decode is not None and objective is not None else []
        self.stages: Sequence[Stage] = more.pop("stages", None) or own
        self.driver, self.seeds = driver, seeds
        self.finish: Callable[[Latent | None], Any] | None = more.pop("finish", None)
        self.settled: Callable[[Sequence[float]], bool] = more.pop("settled", lambda totals: False)
        self.notes: tuple[str, ...] = more.pop("notes", ())
        if more:
            raise TypeError(f"an edit has no {', '.join(more)}")
        self.done, self.losses, self.totals = 0, list[dict[str, float]](), list[float]()
        self._lowest: Tensor | None = None
        self._best = torch.zeros(0, dtype=torch.long)
        self._latent: Latent | None = None
        self._ended = False

    @property
    def total(self) -> int:
        """How many steps there are."""
        return sum(stage.steps for stage in self.stages)

    @property
    def objective(self) -> Judge:
        """Of the first stage."""
        return self.stages[0].objective

    def run(self, end: int | None = None) -> Iterator[Step]:
        """Draw, judge, move, yield; steps that were taken are not repeated.

        Args:
            end: stop after this many steps; schedules still span them all.

        Raises:
            UsageError: the loss of the first step is not finite, so that no step could better it.
        """
        driver = self.driver
        if driver is None:
            return
        end = min(end or self.total, self.total)
        while self.done < end and not self._ended:
            yield self._step(driver)

    def _stage(self) -> tuple[Stage, int]:
        """The stage of the next step, and the number that its random views follow."""
        first = number = 0
        for stage in self.stages:
            number = number if stage.first is None else stage.first
            if self.done < first + stage.steps:
                return stage, number + self.done - first
            first, number = first + stage.steps, number + stage.steps
        return self.stages[-1], number

    def _step(self, driver: Driver) -> Step:
        (stage, number), index, latent = self._stage(), self.done, driver.ask()
        losses, images = stage.judged(latent, self._context(latent, number))
        recommends = hasattr(driver, "recommend")
        shown = of_best(losses) if recommends else {name: value.detach() for name, value in losses.items()}
        now = total(shown)
        if self._lowest is None:
            self._begin(now, shown)
        seen = clone(latent)
        self._keep(seen, now, index, not recommends)
        # The answer is known after the last draw, unless it is the driver's.
        if recommends or index + 1 < self.total:
            driver.tell(losses)
        # Side by side, so that Ctrl-C hardly ever comes between: recipes count the losses.
        self.losses.append({name: float(value.mean()) for name, value in shown.items()})
        self.totals.append(float(now.mean()))
        self.done = index + 1
        self._ended = self.settled(self.totals)
        return Step(index, self.total, shown, self._best.clone(), seen, self._show(stage, images))

    def _show(self, stage: Stage, images: Tensor | None) -> Callable[[], Tensor]:
        """Gives the pictures that consumers see of a step."""
        show, kept = stage.show, images if images is None else images.detach()

        @torch.no_grad()
        def draw() -> Tensor:
            if show is not None:
                return show(self.answer())
            if kept is None:
                raise TypeError("a stage that judges in parts has to show its answer")
            return kept

        return draw

    def _begin(self, now: Tensor, losses: Losses) -> None:
        check_finite(now, losses)
        self._lowest = torch.full_like(now, torch.inf)
        self._best = torch.zeros_like(now, dtype=torch.long)

    def _keep(self, latent: Latent, now: Tensor, index: int, keep: bool) -> None:
        """Take over the samples that were never better."""
        lowest = now if self._lowest is None else self._lowest
        better = now < lowest
        if keep:
            self._latent = latent if self._latent is None else chosen(better, latent, self._latent)
        self._lowest, self._best = torch.where(better, now, lowest), self._best.masked_fill(better, index)

    def _context(self, latent: Latent, number: int) -> Context:
        seeds = [step_seed(seed, number) for seed in self.seeds] or None
        return Context(latent, seeds)

    def answer(self) -> Latent:
        """The latent that the run came to.

        Raises:
            UsageError: there was no step.
        """
        recommend = getattr(self.driver, "recommend", None)
        if recommend is not None:
            found: Latent = recommend()
            return found
        if self._latent is None:
            raise UsageError("no steps were run; give --steps 1 or more")
        return self._latent

    @torch.no_grad()
    def output(self) -> Any:
        """What the method makes of the answer."""
        if self.finish is None:
            raise TypeError("this edit has nothing that finishes it")
        return self.finish(None if self.driver is None else self.answer())

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to resume to the same bits."""
        return {
            "driver": self.driver.state_dict() if self.driver else {},
            "done": self.done,
            "losses": self.losses,
            "totals": self.totals,
            "lowest": self._lowest,
            "best": self._best,
            "latent": self._latent if self._latent is None else clone(self._latent),
            "ended": self._ended,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from `state_dict`."""
        if self.driver:
            self.driver.load_state_dict(state["driver"])
        self.losses, self.totals = list(state["losses"]), list(state["totals"])
        self._lowest, self._best, self._latent = state["lowest"], state["best"], state["latent"]
        self.done, self._ended = int(state["done"]), bool(state["ended"])


def of_best(losses: Losses) -> dict[str, Tensor]:
    """The losses, (1,) each, of the candidate whose sum is the lowest."""
    best = total(losses).detach().nan_to_num(torch.inf).argmin()
    return {name: value.detach()[best][None] for name, value in losses.items()}


def check_finite(now: Tensor, losses: Losses) -> None:
    """Raises UsageError for a first step that no later one could better."""
    if bool(now.isfinite().all()):
        return
    wrong = [name for name, value in losses.items() if not bool(value.isfinite().all())]
    raise UsageError(
        f"the loss of the first step is not finite ({', '.join(wrong) or 'its sum'}); "
        "give smaller weights, --precision float32 or another model"
    )


@dataclass(frozen=True)
class Place:
    """Which of how many results of one input: variations, or steps of a walk."""

    index: int = 0
    count: int = 1


@dataclass(frozen=True)
class Source:
    """An input file as it was given: the picture that was read, or the path alone of what a method reads itself."""

    path: Path | None
    picture: Any = None
