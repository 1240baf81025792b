"""Mutation: which shapes are of little use, where new ones lie, and that a step counts as a whole."""

from __future__ import annotations

import pytest
import torch
from promptbrush._base import UsageError
from promptbrush.editing.shapes.mutation import Mutation, renewed, sown, usefulness
from promptbrush.editing.shapes.objectives import Likeness
from promptbrush.generators.shapes import Shapes
from shapes_target import target
from torch import Tensor


def objective(count: int = 3) -> Likeness:
    return Likeness(Shapes(count=count, size=(48, 60), background=[0, 0.2, 1.0]), target())


def shapes_of_one_use_each() -> tuple[Tensor, Tensor, Tensor]:
    good = torch.tensor([0.1, 0.5, 0.9, 0.2, 0.9, 0.8, 1.0, 0.2, 0, 0.9])
    hidden = torch.tensor([0.4, 0.5, 0.6, 0.45, 0.6, 0.55, 0.0, 1, 0, 0.0])
    harm = torch.tensor([0.0, 0.0, 0.0, 0.2, 0.2, 0.0, 0.0, 1, 0, 1.0])
    return good, harm, hidden


def test_useless_shapes_are_found_and_placed_anew() -> None:
    judged = objective()
    good, harm, hidden = shapes_of_one_use_each()
    latent = torch.cat([good, harm, hidden])
    use = usefulness(judged, latent)
    assert use.argsort().tolist() == [1, 2, 0]
    assert use[1] < 0 <= use[2].abs() < use[0]
    after = renewed(judged, latent, torch.Generator().manual_seed(0)).view(3, 10)
    assert torch.equal(after[:2], torch.stack([good, hidden]))
    assert not torch.equal(after[2], harm)


def test_shapes_are_sown_where_the_drawing_is_wrong() -> None:
    made = sown(objective(), None, 40, torch.Generator().manual_seed(0), 0.01, 0.5)
    middles = torch.stack([made[:, 0:6:2].mean(1), made[:, 1:6:2].mean(1)], dim=1) * 2 - 1
    assert float((middles.square().sum(1) < 0.5).float().mean()) > 0.95
    assert float(made[:, 6].mean()) > 0.9


def driver(starts: int = 4, steps: int = 10, rounds: int = 2) -> Mutation:
    judged = objective()
    latents = judged.generator.init(starts, torch.Generator().manual_seed(1))
    return Mutation(lambda progress: judged, latents, steps, rounds=rounds)


def steps(made: Mutation, count: int) -> list[int]:
    """How many drawings there were in each of so many steps."""
    seen = []
    for _ in range(count):
        latents = made.ask()
        seen.append(len(latents))
        made.tell({"l2": objective().losses(latents, 0)})
    return seen


def test_half_of_the_drawings_are_kept_twice() -> None:
    assert steps(driver(), 10) == [4, 4, 4, 2, 2, 2, 1, 1, 1, 1]


def test_an_interrupted_step_leaves_the_state_as_it_was() -> None:
    whole, cut = driver(), driver()
    steps(whole, 10)
    steps(cut, 3)
    before = cut.recommend()
    cut.ask()  # halves, and is stopped before the losses are there
    assert torch.equal(cut.recommend(), before)
    assert torch.equal(cut.ask(), cut.ask())
    resumed = driver()
    resumed.load_state_dict(cut.state_dict())
    steps(resumed, 7)
    assert torch.equal(resumed.recommend(), whole.recommend())


def test_losses_and_states_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="losses were given where no latent was asked for"):
        driver().tell({"l2": torch.zeros(4)})
    other = Mutation(lambda progress: objective(4), torch.zeros(1, 40), 5)
    with pytest.raises(UsageError, match="the state holds 40 numbers a drawing, the search 30"):
        driver().load_state_dict(other.state_dict())
