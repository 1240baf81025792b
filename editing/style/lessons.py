"""What stylers learn from: photographs, the same drawn in a style, textures compared; and the steps of a training."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..._base import InputFileError
from ..._files import Autosave, loaded_state, save_state
from ..._resize import resize
from ...generators.style.styler import Styler
from ...guidance.training.styles.table import stylise
from ..pictures import read_picture

LICENCE = "CC-BY-4.0"
# Of seeds one for each style, so that a name means one look; this one draws the white marble.
_SEEDS = {"marble": 2}
# Photographs are drawn in a style at this side, so that strokes are always as large.
DRAWN = 384
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def photographs(folder: Path) -> list[Path]:
    """The pictures in a folder and below it, sorted.

    Raises:
        InputFileError: there are none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not found:
        raise InputFileError(f"{folder}: there are no pictures in it; give a folder of photographs")
    return found


def cropped(path: Path, side: int, rng: random.Random, zoom: tuple[float, float]) -> Tensor:
    """A random square of a photograph at a side in pixels, (1,3,side,side)."""
    image = read_picture(path).image
    high, wide = image.shape[-2:]
    part = max(1, round(min(high, wide) * rng.uniform(*zoom)))
    top, left = rng.randint(0, high - part), rng.randint(0, wide - part)
    square = image[..., top : top + part, left : left + part]
    if rng.random() < 0.5:
        square = square.flip(-1)
    return resize(square, side, side)


def drawn(photo: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """A photograph (H,W,3) in [0,1] as the style of that name is always drawn."""
    return stylise(photo, name, np.random.default_rng(_SEEDS.get(name, 0)))


def gram(features: Tensor) -> Tensor:
    """Which features (B,C,H,W) go together, wherever they are, (B,C,C) (Gatys et al. 2016)."""
    rows = features.flatten(2)
    return rows @ rows.transpose(1, 2) / rows.shape[2]


def relative(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance in shares of what is wanted, the mean over pictures."""
    apart, whole = ((each**2).flatten(1).sum(1) for each in (found - wanted, wanted))
    return (apart / whole).mean()


def pixels(levels: NDArray[np.uint8]) -> Tensor:
    """uint8 (...,H,W,3) -> (...,3,H,W) in [0,1]."""
    return torch.from_numpy(np.array(levels)).movedim(-1, -3).float() / 255


class Steps(Protocol):
    """What `Course` needs to know of a training's settings."""

    @property
    def steps(self) -> int:
        """How many."""

    @property
    def lr(self) -> float:
        """Learning rate at its highest."""

    @property
    def save_seconds(self) -> float:
        """At least so long between two saves."""


class Course(ABC):
    """The steps of a styler's training. A checkpoint is continued, where there is one.

    Args:
        styler: what is trained. optimiser: over what of it moves.
        checkpoint: the file; None keeps nothing.
        longest: a gradient is shortened to this length; None leaves it.
    """

    def __init__(
        self,
        styler: Styler,
        optimiser: torch.optim.Optimizer,
        plan: Steps,
        seed: int,
        checkpoint: Path | None,
        longest: float | None = None,
    ) -> None:
        self.styler, self.optimiser, self.plan, self.seed = styler, optimiser, plan, seed
        self.path, self.longest, self.done = checkpoint, longest, 0
        self.rng = random.Random(seed)
        if checkpoint and checkpoint.exists():
            with loaded_state(checkpoint, next(styler.parameters()).device) as state:
                styler.load_state_dict(state["styler"])
                optimiser.load_state_dict(state["optimiser"])
                self.done = state["done"]

    @abstractmethod
    def rate(self, index: int) -> float:
        """Share of the learning rate at a step."""

    @abstractmethod
    def loss(self) -> Tensor:
        """Of a step, a scalar; all that is random in it comes from `rng`."""

    def run(self) -> Iterator[tuple[int, float]]:
        """(steps done, loss) after each step; finished steps are not repeated."""
        autosave = Autosave(self.save, self.plan.save_seconds)
        for index in range(self.done, self.plan.steps):
            for group in self.optimiser.param_groups:
                group["lr"] = self.plan.lr * self.rate(index)
            # What a step sees follows from its number, so that a stopped training goes on to the same end.
            self.rng.seed(f"{self.seed} {index}")
            loss = self.loss()
            self.optimiser.zero_grad()
            torch.autograd.backward(loss)
            if self.longest is not None:
                nn.utils.clip_grad_norm_(self.styler.parameters(), self.longest)
            self.optimiser.step()
            self.done = index + 1
            autosave()
            yield self.done, float(loss.detach())
        self.save()

    def save(self) -> None:
        """Write the whole state in one step, if it is to be kept."""
        if self.path:
            state = {"styler": self.styler.state_dict(), "optimiser": self.optimiser.state_dict()}
            save_state(self.path, {**state, "done": self.done})


def told_now_and_then(steps: Iterator[tuple[int, float]], total_steps: int) -> Iterator[str]:
    """A line every so often."""
    every, mean = max(1, min(100, total_steps // 10)), 0.0
    for done, loss in steps:
        mean = loss if done == 1 or not mean else mean + 0.02 * (loss - mean)
        if done % every == 0 or done == total_steps:
            yield f"{done}/{total_steps}  loss {mean:.4f}"
