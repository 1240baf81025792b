"""The driver of smooth drawings: descent by gradients, with mutation of shapes that are of little use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..._base import UsageError
from ...generators.shapes import Shapes
from ...guidance.cutouts import step_seed
from ...guidance.objective import total
from ..drivers import Gradient
from .objectives import DrawingObjective

# Until this fraction of its steps a search replaces shapes; then it settles.
_CHANGES = 0.7
# At these fractions of its steps, only the surest half of several drawings is kept.
_HALVED = (0.3, 0.6)
# The fraction of the shapes that is replaced at once, and how opaque they are at first.
_RENEWED, _FAINT = 8, 0.3
# Adam's moments, and the fraction of its rate that the last steps have.
_MOMENTS, _LAST = (0.9, 0.99), 0.1


def _falling(t: float) -> float:
    """Linear from the whole learning rate to a tenth of it."""
    return 1 - (1 - _LAST) * t


class Mutation:
    """Adam through the smooth renderer, from several starts; shapes that are of little use are placed anew elsewhere.

    Descent alone leaves many shapes where they happened to begin, hidden or with nothing to gain nearby; leaving out
    each in turn shows which. Of several starts the half that the objective is surest of is kept, twice, and the surest
    of the rest is the answer: how a drawing ends depends much on where it began.

    Args:
        objective: progress from 0 to 1 -> what tells shapes and drawings apart; its generator must be smooth.
        starts: (K,M) latents.
        steps: how many there will be.
        lr: fractions of the canvas, or of the range of colours, a step.
        rounds: how often shapes are replaced.
        seed: of all that is random.
    """

    def __init__(
        self,
        objective: Callable[[float], DrawingObjective],
        starts: Tensor,
        steps: int,
        lr: float = 0.02,
        rounds: int = 8,
        seed: int = 0,
    ) -> None:
        self.objective, self.steps, self.lr, self.rounds, self.seed = objective, steps, lr, rounds, seed
        self.scores = torch.zeros(len(starts), device=starts.device)
        self.done = 0
        self._inner = self._from(starts)
        # What `ask` gave: it takes the place of the present state with `tell`, so that a step counts as a whole.
        self._next: tuple[Gradient, Tensor] | None = None

    @property
    def latents(self) -> Tensor:
        """(K,M) of all starts that are left."""
        return _tensor(self._inner.latent)

    def _from(self, latents: Tensor) -> Gradient:
        adam = partial(torch.optim.Adam, betas=_MOMENTS)
        made = Gradient(latents, self.steps, self.lr, _falling, optimizer=adam)
        made.done = self.done
        return made

    def ask(self) -> Tensor:
        """The latents (K,M) to draw; gradients flow into them."""
        if self._next is None:
            self._next = self._changed()
        return _tensor(self._next[0].latent)

    @torch.no_grad()
    def _changed(self) -> tuple[Gradient, Tensor]:
        """The descent of the next step, and the scores so far: the present ones, unless it is time for a change."""
        inner, scores = self._inner, self.scores
        if len(scores) > 1 and any(self.done == round(self.steps * at) > 0 for at in _HALVED):
            latents = _tensor(inner.latent).detach()
            doubts = self.objective(1.0).doubts(latents, self.seed)
            surest = doubts.argsort()[: (len(doubts) + 1) // 2].sort().values
            inner, scores = self._from(latents[surest]), scores[surest]
        if self._is_change():
            rng = torch.Generator().manual_seed(step_seed(self.seed + 1, self.done))
            objective = self.objective(self.done / self.steps)
            rows = [renewed(objective, row, rng) for row in _tensor(inner.latent).detach()]
            inner = self._from(torch.stack(rows))
        return inner, scores

    def _is_change(self) -> bool:
        span = self.steps * _CHANGES / (self.rounds + 1)
        turns = (round(span * (turn + 1)) for turn in range(self.rounds))
        return self.done > 0 and any(self.done == turn for turn in turns)

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        """Take the losses, (K,) each, of what `ask` gave, and move all latents one step.

        Raises:
            UsageError: nothing was asked for.
        """
        if self._next is None:
            raise UsageError("losses were given where no latent was asked for")
        (self._inner, scores), self._next = self._next, None
        now = total(losses).detach()
        self._inner.tell(losses)
        self.done += 1
        self.scores = now.clone() if self.done == 1 else scores.lerp(now, 0.1)

    @torch.no_grad()
    def recommend(self) -> Tensor:
        """The latent (M,) of the start whose mean loss of late is the lowest; in the end that of the surest."""
        latents, scores = self.latents.detach(), self.scores
        if self.done == self.steps and len(latents) > 1:
            scores = self.objective(1.0).doubts(latents, self.seed)
        return latents[int(scores.argmin())].clone()

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to resume to the same bits."""
        return {"inner": self._inner.state_dict(), "scores": self.scores.clone(), "done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from `state_dict`.

        Raises:
            UsageError: it is of other shapes.
        """
        saved, own = state["inner"]["latent"], self.latents
        if saved.shape[1:] != own.shape[1:]:
            raise UsageError(
                f"the state holds {saved.shape[1]} numbers a drawing, the search {own.shape[1]}; "
                "resume with the same shapes and count"
            )
        self.done, self._next = state["done"], None
        self.scores = state["scores"].to(self.scores)
        self._inner = self._from(saved.to(own.device))
        self._inner.load_state_dict(state["inner"])


def _tensor(latent: object) -> Tensor:
    if not isinstance(latent, Tensor):
        raise TypeError("the latent of a drawing is a tensor")
    return latent


@torch.no_grad()
def renewed(objective: DrawingObjective, latent: Tensor, rng: torch.Generator) -> Tensor:
    """A latent (M,) whose least useful shapes lie anew on top, where the drawing is worst."""
    generator = objective.generator
    shapes = latent.view(-1, len(generator.columns))
    least = usefulness(objective, latent).argsort()[: max(1, len(shapes) // _RENEWED)]
    kept = torch.ones(len(shapes), dtype=torch.bool, device=latent.device)
    kept[least] = False
    return torch.cat([shapes[kept], sown(objective, latent, len(least), rng, 0.06, _FAINT)]).flatten()


@torch.no_grad()
def usefulness(objective: DrawingObjective, latent: Tensor) -> Tensor:
    """How much worse a drawing (M,) would be without each of its shapes: (N,), negative for those that harm."""
    objective = objective.still()
    width = len(objective.generator.columns)
    count = len(latent) // width
    without = latent.repeat(count, 1).view(count, count, width)
    without[torch.arange(count), torch.arange(count), -1] = 0
    whole = objective.losses(latent[None], 0)
    limits = objective.generator.limits.opacity
    if limits[0] > 0:  # opacity 0 would be raised to the lowest; far outside, a shape is nowhere
        without[torch.arange(count), torch.arange(count), :-4] = -9.0
    parts = torch.split(without.flatten(1), objective.most)
    return torch.cat([objective.losses(part, 0) for part in parts]) - whole


@torch.no_grad()
def sown(
    objective: DrawingObjective,
    latent: Tensor | None,
    count: int,
    rng: torch.Generator,
    spread: float,
    opacity: float | None,
) -> Tensor:
    """New random shapes (count,D) about places where a drawing is bad, in the colours that should be there.

    Args:
        latent: (M,) of the drawing; None for an empty one.
        spread: standard deviation of places about their middle, in fractions of the canvas.
        opacity: of the new shapes; None for random ones.
    """
    generator = objective.generator
    empty = generator.init(1, rng)[0] * 0 - 9.0
    faults = objective.faults(empty if latent is None else latent).cpu()
    at = torch.multinomial(faults.flatten() + 1e-9, count, replacement=True, generator=rng)
    height, width = generator.size
    rows, columns = at // width, at % width
    shapes = Shapes(generator.kind.name, count, generator.size, limits=generator.limits).init(1, rng)[0]
    numbers = shapes.view(count, -1).clone()
    for column, name in enumerate(generator.kind.columns):
        if generator.kind.places[column]:
            middle = (rows + 0.5) / height if name[0] == "y" else (columns + 0.5) / width
            numbers[:, column] = middle + spread * torch.randn(count, generator=rng)
    colours = objective.colours_at(rows, columns)
    if colours is not None:
        numbers[:, -4:-1] = colours
    if opacity is not None:
        low, high = generator.limits.opacity
        numbers[:, -1] = min(max(opacity, low), high)
    return numbers.to(generator.background.device)
