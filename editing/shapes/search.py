"""Searches for latents of shapes: by gradients with mutation, or by evolution. Both go on from their state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ..._base import UsageError
from ...generators.shapes import Shapes
from ...guidance.cutouts import step_seed
from ..evolution import Executor, evaluated
from .fitness import Fitness, TargetFitness

# Until this share of its steps a gradient search changes shapes for others; then it settles.
_CHANGES = 0.7
# Where these shares of its steps are done, only the surest half of several drawings is improved further.
_HALVED = (0.3, 0.6)
# So large a part of the shapes begins anew at once, and so opaque they are at first.
_RENEWED, _FAINT = 8, 0.3
# Adam's moments, and the share of its rate that the last steps have.
_MOMENTS, _LAST = (0.9, 0.99), 0.1
# Evolution draws so many pixels at once at most.
_PIXELS = 2**25


class Search(Protocol):
    """Moves latents, a step at a time."""

    @property
    def steps(self) -> int:
        """How many there will be."""

    @property
    def done(self) -> int:
        """How many there were."""

    def step(self) -> Tensor:
        """Move once; the losses of what was judged."""

    def best(self) -> Tensor:
        """The latent (M,) that is the answer so far."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on to the same bits."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""


class GradientSearch:
    """Adam through the smooth renderer, from several starts; shapes that are of little use begin anew elsewhere.

    Descent alone leaves many shapes where they happened to begin, hidden or with nothing to gain nearby; leaving out
    each in turn shows which. Of several starts the half that fitness is surest of goes on, twice, and the surest of the
    rest is the answer: how a drawing ends depends much on where it began.

    Args:
        fitness: share of the steps done -> what judges; its generator must be smooth.
        starts: (K,M) latents.
        steps: how many there will be.
        lr: shares of the canvas, or of the range of colours, a step.
        rounds: how often shapes begin anew.
        seed: of all that is random.
    """

    def __init__(
        self,
        fitness: Callable[[float], Fitness],
        starts: Tensor,
        steps: int,
        lr: float = 0.02,
        rounds: int = 8,
        seed: int = 0,
    ) -> None:
        self.fitness, self.steps, self.lr, self.rounds, self.seed = fitness, steps, lr, rounds, seed
        self.latents = starts.detach().clone().requires_grad_()
        self.scores = torch.zeros(len(starts), device=starts.device)
        self.done = 0
        self._optimiser = self._fresh()

    def _fresh(self) -> torch.optim.Adam:
        return torch.optim.Adam([self.latents], self.lr, betas=_MOMENTS)

    def step(self) -> Tensor:
        """As `Search`."""
        share = self.done / self.steps
        if len(self.latents) > 1 and any(self.done == round(self.steps * at) > 0 for at in _HALVED):
            self._halve()
        if self._is_change():
            self._change(self.fitness(share))
        judged = self.fitness(share)
        for group in self._optimiser.param_groups:
            group["lr"] = self.lr * (1 - (1 - _LAST) * share)
        losses = judged.losses(self.latents, step_seed(self.seed, self.done))
        self._optimiser.zero_grad()
        torch.autograd.backward(losses.sum())
        self._optimiser.step()
        self.done += 1
        told = losses.detach()
        self.scores = told.clone() if self.done == 1 else self.scores.lerp(told, 0.1)
        return told

    def _is_change(self) -> bool:
        span = self.steps * _CHANGES / (self.rounds + 1)
        return (
            self.done > 0
            and self.rounds > 0
            and any(self.done == round(span * (turn + 1)) for turn in range(self.rounds))
        )

    @torch.no_grad()
    def _halve(self) -> None:
        doubts = self.fitness(1.0).doubts(self.latents.detach(), self.seed)
        surest = doubts.argsort()[: (len(doubts) + 1) // 2].sort().values
        self.latents = self.latents.detach()[surest].clone().requires_grad_()
        self.scores = self.scores[surest]
        self._optimiser = self._fresh()

    @torch.no_grad()
    def _change(self, fitness: Fitness) -> None:
        rng = torch.Generator().manual_seed(step_seed(self.seed + 1, self.done))
        for row in range(len(self.latents)):
            self.latents[row] = renewed(fitness, self.latents[row], rng)
        self._optimiser = self._fresh()

    def best(self) -> Tensor:
        """As `Search`: of the start whose mean loss of late is the lowest, in the end of the surest."""
        if self.done == self.steps and len(self.latents) > 1:
            self.scores = self.fitness(1.0).doubts(self.latents.detach(), self.seed)
        return self.latents[int(self.scores.argmin())].detach().clone()

    def state_dict(self) -> dict[str, Any]:
        """As `Search`."""
        return {
            "latents": self.latents.detach().clone(),
            "scores": self.scores.clone(),
            "optimiser": self._optimiser.state_dict(),
            "done": self.done,
        }

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """As `Search`.

        Raises:
            UsageError: it is of other shapes.
        """
        check_same(tuple(state["latents"].shape[1:]), tuple(self.latents.shape[1:]))
        self.latents = state["latents"].to(self.latents.device).requires_grad_()
        self._optimiser = self._fresh()
        self.scores, self.done = state["scores"].to(self.latents.device), state["done"]
        self._optimiser.load_state_dict(state["optimiser"])


def check_same(found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """A state must be of as many numbers as the search.

    Raises:
        UsageError: it is not.
    """
    if found != wanted:
        raise UsageError(
            f"the state is of another search ({found} numbers, here {wanted}); go on with the same settings"
        )


@torch.no_grad()
def renewed(fitness: Fitness, latent: Tensor, rng: torch.Generator) -> Tensor:
    """A latent (M,) whose least useful shapes lie anew on top, where the drawing is worst."""
    generator = fitness.generator
    shapes = latent.view(-1, len(generator.columns))
    least = usefulness(fitness, latent).argsort()[: max(1, len(shapes) // _RENEWED)]
    kept = torch.ones(len(shapes), dtype=torch.bool, device=latent.device)
    kept[least] = False
    return torch.cat([shapes[kept], sown(fitness, latent, len(least), rng, 0.06, _FAINT)]).flatten()


@torch.no_grad()
def usefulness(fitness: Fitness, latent: Tensor) -> Tensor:
    """How much worse a drawing (M,) would be without each of its shapes: (N,), negative for those that harm."""
    fitness = fitness.still()
    width = len(fitness.generator.columns)
    count = len(latent) // width
    without = latent.repeat(count, 1).view(count, count, width)
    without[torch.arange(count), torch.arange(count), -1] = 0
    whole = fitness.losses(latent[None], 0)
    limits = fitness.generator.limits.opacity
    if limits[0] > 0:  # opacity 0 would be lifted to the least; far outside, a shape is nowhere
        without[torch.arange(count), torch.arange(count), :-4] = -9.0
    parts = torch.split(without.flatten(1), _most(fitness))
    return torch.cat([fitness.losses(part, 0) for part in parts]) - whole


def _most(fitness: Fitness) -> int:
    """So many drawings are judged at once at most."""
    height, width = fitness.generator.size
    return max(1, _PIXELS // (3 * height * width))


@torch.no_grad()
def sown(
    fitness: Fitness,
    latent: Tensor | None,
    count: int,
    rng: torch.Generator,
    spread: float,
    opacity: float | None,
) -> Tensor:
    """New random shapes (count,D) about places where a drawing is bad, in the target's colours if there is one.

    Args:
        latent: (M,) of the drawing; None for an empty one.
        spread: standard deviation of places about their middle, in shares of the canvas.
        opacity: of the new shapes; None for random ones.
    """
    generator = fitness.generator
    empty = generator.init(1, rng)[0] * 0 - 9.0
    faults = fitness.faults(empty if latent is None else latent).cpu()
    at = torch.multinomial(faults.flatten() + 1e-9, count, replacement=True, generator=rng)
    height, width = generator.size
    rows, columns = at // width, at % width
    shapes = Shapes(generator.kind.name, count, generator.size, limits=generator.limits).init(1, rng)[0]
    numbers = shapes.view(count, -1).clone()
    for column, name in enumerate(generator.kind.columns):
        if generator.kind.places[column]:
            middle = (rows + 0.5) / height if name[0] == "y" else (columns + 0.5) / width
            numbers[:, column] = middle + spread * torch.randn(count, generator=rng)
    if isinstance(fitness, TargetFitness):
        numbers[:, -4:-1] = fitness.target[0].cpu()[:, rows, columns].T
    if opacity is not None:
        low, high = generator.limits.opacity
        numbers[:, -1] = min(max(opacity, low), high)
    return numbers.to(generator.background.device)


class EvolutionSearch:
    """A driver of populations, judged by fitness.

    Args:
        fitness: judges.
        driver: PGPE, or `Evolution` with any of nevergrad's.
        steps: how many there will be.
        seed: of what is random in the judging.
        executor, jobs: as of `evaluated`.
    """

    def __init__(
        self,
        fitness: Fitness,
        driver: Any,
        steps: int,
        seed: int = 0,
        executor: Executor | None = None,
        jobs: int = 1,
    ) -> None:
        self.fitness, self.driver, self.steps, self.seed = fitness, driver, steps, seed
        self.executor, self.jobs, self.done = executor, jobs, 0

    def step(self) -> Tensor:
        """As `Search`."""
        losses = evaluated(self.driver.ask(), self._judge, self.executor, self.jobs)
        self.driver.tell({self.fitness.name: losses})
        self.done += 1
        return losses

    @torch.no_grad()
    def _judge(self, candidates: Tensor, numbers: Sequence[int]) -> Tensor:
        """Losses of candidates of these numbers; part by part, so that memory stays small."""
        seed, found = step_seed(self.seed, self.done), []
        for first in range(0, len(candidates), _most(self.fitness)):
            part = candidates[first : first + _most(self.fitness)]
            # Backgrounds and shared views are one for the whole population.
            found.append(
                self.fitness.losses(part, seed if self.fitness.shared else step_seed(seed, numbers[first]))
            )
        return torch.cat(found)

    def best(self) -> Tensor:
        """As `Search`: what the driver recommends."""
        answer: Tensor = self.driver.recommend()
        return answer

    def state_dict(self) -> dict[str, Any]:
        """As `Search`."""
        return {"driver": self.driver.state_dict(), "done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """As `Search`."""
        self.driver.load_state_dict(state["driver"])
        self.done = state["done"]
