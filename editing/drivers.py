"""Drivers: who moves a latent. `ask` gives the latent to draw, `tell` takes its losses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from .._base import UsageError
from .._schedules import styleclip
from ..guidance.objective import total

Latent = Tensor | Mapping[str, Tensor]


def clone(latent: Latent) -> Latent:
    """A copy that shares nothing with its source."""
    if isinstance(latent, Tensor):
        return latent.detach().clone()
    return {name: value.detach().clone() for name, value in latent.items()}


def _rows_of(which: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Rows of two tensors (B,...) of any number of axes."""
    return torch.where(which.view(-1, *[1] * (new.ndim - 1)), new, old)


def chosen(which: Tensor, new: Latent, old: Latent) -> Latent:
    """Rows of two latents: the new one's where `which` (B,) says so."""
    if isinstance(new, Tensor) and isinstance(old, Tensor):
        return _rows_of(which, new, old)
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        return {name: _rows_of(which, new[name], old[name]) for name in new}
    raise TypeError("both latents must be tensors, or both styles")


class Gradient:
    """Descent by any torch optimizer; samples of a batch do not influence each other.

    Args:
        latent: where to start: (B,...), or names -> (B,...); copied.
        steps: how many steps the schedule spans.
        lr: base learning rate.
        schedule: fraction of `lr` at progress t = step / steps.
        fixed: names of a mapping's tensors that stay as they are, e.g. the toRGB styles.
        optimizer: class of the optimizer; the published edits use Adam.
    """

    def __init__(
        self,
        latent: Latent,
        steps: int,
        lr: float,
        schedule: Callable[[float], float] = styleclip,
        fixed: Collection[str] = (),
        optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    ) -> None:
        if steps < 1:
            raise UsageError(f"steps is {steps}; give 1 or more")
        self.latent, self.steps, self.lr, self.schedule = clone(latent), steps, lr, schedule
        self.done = 0
        values = {"": self.latent} if isinstance(self.latent, Tensor) else dict(self.latent)
        moved = [value.requires_grad_() for name, value in values.items() if name not in fixed]
        if not moved:
            raise UsageError("every part of the latent is fixed; leave one to optimise")
        self.optimizer = optimizer(moved, lr=lr)

    def ask(self) -> Latent:
        """The latent to draw next; gradients flow into it."""
        return self.latent

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        """Take the losses, (B,) each, of what `ask` gave, and move the latent one step."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * self.schedule(self.done / self.steps)
        self.optimizer.zero_grad()
        torch.autograd.backward(total(losses).sum())
        self.optimizer.step()
        self.done += 1

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on to the same bits."""
        return {"latent": clone(self.latent), "optimizer": self.optimizer.state_dict(), "done": self.done}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        saved = state["latent"]
        if isinstance(self.latent, Tensor):
            self.latent.copy_(saved)
        else:
            for name, value in self.latent.items():
                value.copy_(saved[name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done = state["done"]


class WeightGradient(Gradient):
    """Descent in the weights of a network, whose answer is the last ones, as of any training."""

    def recommend(self) -> Latent:
        """The weights as far as they have come."""
        return self.latent


class SampleAdam(torch.optim.Optimizer):
    """Adam (Kingma & Ba 2015) with one second moment for all numbers of a sample instead of one each.

    Adam moves every number by about `lr`, also those that the loss hardly depends on: a nose that no prompt names
    drifts as far as the hair that it does. Here the steps keep the gradient's proportions.

    Args:
        params: tensors (B,...) whose rows are the samples.
        lr: root mean square of a sample's numbers in a step.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, betas: tuple[float, float] = (0.9, 0.99)) -> None:
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            moved = [each for each in group["params"] if each.grad is not None]
            if moved:
                self._step(moved, group["lr"], *group["betas"])

    def _step(self, moved: Sequence[Tensor], lr: float, first: float, second: float) -> None:
        squares = torch.cat([_rows(each.grad).square() for each in moved], dim=1).mean(dim=1)
        for each in moved:
            state = self.state[each]
            if not state:
                state |= {"mean": torch.zeros_like(each), "square": torch.zeros_like(squares), "steps": 0}
            state["steps"] += 1
            state["mean"].lerp_(each.grad, 1 - first)
            state["square"].lerp_(squares, 1 - second)
            size = (state["square"] / (1 - second ** state["steps"])).sqrt() + 1e-12
            share = lr / (1 - first ** state["steps"]) / size
            each -= state["mean"] * share.view(-1, *[1] * (each.ndim - 1))


def _rows(gradient: Tensor | None) -> Tensor:
    if gradient is None:
        raise TypeError("there is no gradient")
    return gradient.flatten(1)


class Offsets:
    """`Gradient` in units of what random latents vary along, so that a learning rate means the same everywhere.

    In W+ all layers move together, by one offset in W: what all layers share stays a face that the generator
    knows, where each layer on its own soon leaves them.

    Args:
        latent: where to start: W (B,D), W+ (B,L,D), or styles by name; copied.
        axes: as of `axes_of`: (K,D) for W and W+, (C,) by name for styles.
        steps, lr, fixed: as of `Gradient`.
    """

    def __init__(
        self, latent: Latent, axes: Latent, steps: int, lr: float, fixed: Collection[str] = ()
    ) -> None:
        self.start, self.axes = clone(latent), axes
        self.inner = Gradient(_no_offsets(self.start, axes, fixed), steps, lr, optimizer=SampleAdam)

    def ask(self) -> Latent:
        """The latent to draw next; gradients flow into the offsets."""
        offsets = self.inner.latent
        if isinstance(self.start, Tensor) and isinstance(self.axes, Tensor) and isinstance(offsets, Tensor):
            return self.start + offsets @ self.axes
        if isinstance(self.start, Tensor) or isinstance(self.axes, Tensor) or isinstance(offsets, Tensor):
            raise TypeError("latent and axes must be tensors, or both styles")
        free = {name: self.start[name] + self.axes[name] * offset for name, offset in offsets.items()}
        return {**self.start, **free}

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        """Take the losses, (B,) each, of what `ask` gave, and move the offsets one step."""
        self.inner.tell(losses)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on to the same bits from the same start."""
        return self.inner.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.inner.load_state_dict(state)


def _no_offsets(start: Latent, axes: Latent, fixed: Collection[str]) -> Latent:
    if isinstance(start, Tensor) and isinstance(axes, Tensor):
        return start.new_zeros(len(start), *[1] * (start.ndim - 2), len(axes))
    if isinstance(start, Tensor) or isinstance(axes, Tensor):
        raise TypeError("latent and axes must be tensors, or both styles")
    return {name: torch.zeros_like(style) for name, style in start.items() if name not in fixed}


class Recommending(Protocol):
    """A driver that says itself what its answer is."""

    def ask(self) -> Latent:
        """The candidates to draw."""

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        """The losses of what `ask` gave."""

    def recommend(self) -> Latent:
        """The answer so far."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to resume."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from `state_dict`."""


class Chain:
    """Drivers one after another: each starts from what the one before it recommends.

    Args:
        first: the driver that begins.
        then: (steps of the driver before, its answer -> the next driver), in their order.
    """

    def __init__(
        self, first: Recommending, then: Sequence[tuple[int, Callable[[Latent], Recommending]]]
    ) -> None:
        self.drivers, self.then = [first], then
        self.done = 0

    def ask(self) -> Latent:
        """As the driver whose turn it is."""
        turn = len(self.drivers)
        if turn <= len(self.then) and self.done == sum(steps for steps, _ in self.then[:turn]):
            self._append()
        return self.drivers[-1].ask()

    def _append(self) -> None:
        _, start = self.then[len(self.drivers) - 1]
        self.drivers.append(start(self.recommend()))

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        """Take the losses of what `ask` gave."""
        self.drivers[-1].tell(losses)
        self.done += 1

    def recommend(self) -> Latent:
        """The answer of the driver whose turn it is."""
        return self.drivers[-1].recommend()

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to resume to the same bits."""
        return {"done": self.done, "drivers": [driver.state_dict() for driver in self.drivers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from `state_dict`."""
        del self.drivers[1:]
        for index, own in enumerate(state["drivers"]):
            if index:
                self._append()
            self.drivers[index].load_state_dict(own)
        self.done = state["done"]
