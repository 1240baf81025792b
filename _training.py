"""The one trainer: modules, optimizers and losses in stages, an average of the weights, checkpoints with an identity.

What a step sees follows from the seed and the number of the step, so that a training that was killed ends with the same
bits as one that was not. Several processes, as `accelerate launch` starts them, share the batch of each step.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ._base import Entry, UsageError, load_target
from ._files import Autosave, loaded_state, save_state
from ._identity import LAYOUT, check_identity
from ._schedules import Schedule
from ._seeds import step_seed

SAVE_SECONDS, LINE_SECONDS = 120.0, 10.0
# Beyond the number of any step, so that no two stages see the same.
_STAGE = 1 << 32
Terms = Mapping[str, Tensor]


@dataclass(frozen=True)
class Update:
    """What one optimizer does in a step.

    Args:
        loss: of the number of the step: a scalar, or weighted terms whose sum is the loss.
        prepare: changes the gradients before the optimizer's step, such as clipping.
        wait: in the first steps of the stage the loss is computed, but nothing is learnt from it.
    """

    optimizer: torch.optim.Optimizer
    loss: Callable[[int], Tensor | Terms]
    prepare: Callable[[], object] | None = None
    wait: int = 0


@dataclass(frozen=True)
class Stage:
    """Steps with the same losses.

    Args:
        schedule: factor of the learning rates; warm_up: steps in which it rises to that.
        begin: called before the first step, also when the training is resumed or the stage has ended already.
    """

    name: str
    steps: int
    updates: Sequence[Update]
    schedule: Schedule
    warm_up: int = 0
    begin: Callable[[], None] | None = None

    def rate(self, index: int) -> float:
        """Factor of the learning rates in a step."""
        rise = min(1.0, (index + 1) / self.warm_up) if self.warm_up else 1.0
        return rise * self.schedule(index / self.steps)


@dataclass(frozen=True)
class Average:
    """An exponential moving average of a module's weights; buffers are copied.

    Args:
        decay: at most; (1 + step) / (10 + step) before that.
        start: up to this step it is a copy, so that it begins with trained weights.
    """

    module: nn.Module
    of: nn.Module
    decay: float
    start: int = -1

    @classmethod
    def begin(cls, module: nn.Module, decay: float, start: int = -1) -> Average:
        """An average that begins with the weights as they are."""
        return cls(copy.deepcopy(module).requires_grad_(False), module, decay, start)

    @torch.no_grad()
    def update(self, index: int) -> None:
        """Let it follow the weights, after a step."""
        past = index - max(self.start, 0)
        beta = 0.0 if index <= self.start else min(self.decay, (1 + past) / (10 + past))
        for mean, new in zip(self.module.parameters(), self.of.parameters(), strict=True):
            mean.copy_(torch.lerp(new, mean, beta))
        for old, buffer in zip(self.module.buffers(), self.of.buffers(), strict=True):
            old.copy_(buffer)


@dataclass(frozen=True)
class Step:
    """One step of a stage: the whole loss, and its terms by name."""

    stage: str
    index: int
    total: int
    loss: float
    terms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Processes:
    """Who trains: this process is number `rank` of `count`."""

    rank: int
    count: int

    @classmethod
    def on(cls, device: torch.device) -> Processes:
        """Those that accelerate knows of; only this one if it was not started by `accelerate launch` or torchrun."""
        state = load_target(Entry("accelerate:PartialState", "train"), "training")(cpu=device.type == "cpu")
        return cls(int(state.process_index), int(state.num_processes))

    @property
    def is_main(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def part_of(self, batch: int) -> int:
        """Samples of this process in a batch of all processes together.

        Raises:
            UsageError: it cannot be divided evenly.
        """
        if batch % self.count:
            raise UsageError(f"batch is {batch}, which {self.count} processes cannot share; take a multiple")
        return batch // self.count

    def share_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        """Give every process the mean of the gradients."""
        if self.count == 1:
            return
        reduce = load_target(Entry("accelerate.utils:reduce", "train"), "training")
        for parameter in (each for group in optimizer.param_groups for each in group["params"]):
            if parameter.grad is not None:
                parameter.grad.copy_(reduce(parameter.grad, "mean"))


class Trainer:
    """Runs stages one after the other; a checkpoint of the same training is resumed.

    Args:
        modules: everything with weights or statistics that change, already on the device.
        identity: what the training is: see `identity_of`.
        checkpoint: the file; None keeps nothing.

    Attributes:
        rng, random: random numbers, on the CPU, seeded for every step.
        done: how many steps of each stage are done.
        extra: anything else to keep in the checkpoint.

    Raises:
        InputFileError: the checkpoint is of another training, or none. MissingError: accelerate is not installed.
    """

    mend = "give --work another folder"

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        stages: Sequence[Stage],
        identity: Mapping[str, str],
        seed: int,
        checkpoint: Path | None = None,
        average: Average | None = None,
    ) -> None:
        self.modules, self.stages, self.identity = dict(modules), list(stages), dict(identity)
        self.seed, self.checkpoint, self.average = seed, checkpoint, average
        self.rng, self.random, self.extra = torch.Generator(), random.Random(), dict[str, Any]()
        self.done = {stage.name: 0 for stage in stages}
        self.updates = [update for stage in stages for update in stage.updates]
        for group in (group for each in self.updates for group in each.optimizer.param_groups):
            group["initial_lr"] = group["lr"]
        self.device = next(next(iter(modules.values())).parameters()).device
        self.processes = Processes.on(self.device)
        if checkpoint is not None and checkpoint.exists():
            self._load(checkpoint)

    def run(self) -> Iterator[Step]:
        """Step by step to the end; finished steps are not repeated."""
        autosave = Autosave(self.save, SAVE_SECONDS)
        for number, stage in enumerate(self.stages):
            if stage.begin is not None:
                stage.begin()
            for index in range(self.done[stage.name], stage.steps):
                self._seed(number, index)
                terms = self._step(stage, index)
                self.done[stage.name] = index + 1
                autosave()
                yield Step(stage.name, index, stage.steps, sum(terms.values()), terms)
        self.rng.manual_seed(self.seed)
        self.end()
        self.save()

    def end(self) -> None:
        """What is left to do after the last step."""

    def _seed(self, stage: int, index: int) -> None:
        rank = self.processes.rank
        self.rng.manual_seed(step_seed(step_seed(self.seed, index + stage * _STAGE), rank))
        others = f" {stage} {rank}" if stage or rank else ""
        self.random.seed(f"{self.seed} {index}{others}")

    def _step(self, stage: Stage, index: int) -> dict[str, float]:
        factor, shown = stage.rate(index), dict[str, float]()
        for update in stage.updates:
            for group in update.optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
            loss = update.loss(index)
            terms = {"loss": loss} if isinstance(loss, Tensor) else loss
            if index >= update.wait:
                self._learn(update, torch.stack([*terms.values()]).sum())
            shown |= {name: float(term.detach()) for name, term in terms.items()}
        if self.average is not None:
            self.average.update(index)
        return shown

    def _learn(self, update: Update, loss: Tensor) -> None:
        update.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.processes.share_gradients(update.optimizer)
        if update.prepare is not None:
            update.prepare()
        update.optimizer.step()

    def lines(self, sheet: Callable[[], None] | None = None, every: int = 1000) -> Iterator[str]:
        """Run to the end; a line of progress now and then, from one process.

        Args:
            sheet: draws samples, every `every` steps and at the end.
        """
        reported, mean = time.monotonic(), 0.0
        for step in self.run():
            mean = step.loss if not step.index else mean + 0.02 * (step.loss - mean)
            last = step.index + 1 == step.total
            if self.processes.is_main and (last or time.monotonic() - reported > LINE_SECONDS):
                reported = time.monotonic()
                yield _line(step, mean)
            if sheet is not None and self.processes.is_main and (last or (step.index + 1) % every == 0):
                sheet()

    def save(self) -> None:
        """Write the whole state in one step, if it is to be kept."""
        if self.checkpoint is None or not self.processes.is_main:
            return
        state = {
            "layout": LAYOUT,
            "identity": self.identity,
            "done": self.done,
            "modules": {name: each.state_dict() for name, each in self.modules.items()},
            "optimizers": [each.optimizer.state_dict() for each in self.updates],
            "average": self.average and self.average.module.state_dict(),
            "extra": self.extra,
        }
        save_state(self.checkpoint, state)

    def _load(self, path: Path) -> None:
        with loaded_state(path, self.device) as state:
            check_identity(path, state, self.identity, self.mend)
            for name, module in self.modules.items():
                module.load_state_dict(state["modules"][name])
            for update, kept in zip(self.updates, state["optimizers"], strict=True):
                update.optimizer.load_state_dict(kept)
            if self.average is not None:
                self.average.module.load_state_dict(state["average"])
            self.done.update(state["done"])
            self.extra.update(state["extra"])


def _line(step: Step, mean: float) -> str:
    parts = [f"{name} {value:.4f}" for name, value in step.terms.items() if len(step.terms) > 1]
    return "  ".join([f"{step.stage} {step.index + 1}/{step.total}", f"loss {mean:.4f}", *parts])
