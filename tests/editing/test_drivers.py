"""Drivers beyond the published one: steps that keep the gradient's proportions, offsets along axes, chains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from promptbrush.editing.drivers import Chain, Gradient, Offsets, SampleAdam, chosen
from torch import Tensor


def test_steps_keep_the_gradients_proportions():
    moved = torch.zeros(2, 3, requires_grad=True)
    optimizer = SampleAdam([moved], lr=0.1)
    slopes = torch.tensor([[3.0, 0.0, -4.0], [0.0, 1e-3, 0.0]])
    (moved * slopes).sum().backward()
    optimizer.step()
    # Every sample moves by lr, root mean square, whatever the size of its gradient.
    assert torch.allclose(moved, -0.1 * slopes / slopes.square().mean(1, keepdim=True).sqrt())


def test_tensors_of_a_sample_share_their_step():
    big, small = torch.zeros(1, 2, requires_grad=True), torch.zeros(1, 2, requires_grad=True)
    optimizer = SampleAdam([big, small], lr=0.1)
    (10 * big + small).sum().backward()
    optimizer.step()
    assert torch.allclose(big, 10 * small)


def test_later_steps_by_hand():
    value = torch.zeros(1, 2, requires_grad=True)
    optimizer = SampleAdam([value], lr=0.5, betas=(0.8, 0.9))
    mean, square, wanted = torch.zeros(1, 2), 0.0, torch.zeros(1, 2)
    for step, slope in enumerate(torch.tensor([[[1.0, 2.0]], [[-1.0, 0.5]], [[0.0, 3.0]]]), 1):
        optimizer.zero_grad()
        (value * slope).sum().backward()
        optimizer.step()
        mean = 0.8 * mean + 0.2 * slope
        square = 0.9 * square + 0.1 * float(slope.square().mean())
        wanted = wanted - 0.5 * mean / (1 - 0.8**step) / (square / (1 - 0.9**step)) ** 0.5
    assert torch.allclose(value, wanted)


def test_it_goes_on_to_the_same_bits():
    def run(driver, count):
        for _ in range(count):
            driver.tell({"x": (driver.ask() - 1).square().sum(1)})

    start = torch.tensor([[0.0, 2.0]])
    whole, half, again = (Gradient(start, 6, 0.1, optimizer=SampleAdam) for _ in range(3))
    run(whole, 6)
    run(half, 3)
    again.load_state_dict(half.state_dict())
    run(again, 3)
    assert torch.equal(whole.ask(), again.ask())


def test_offsets_move_along_axes_and_all_layers_alike():
    start, axes = torch.randn(2, 4, 3), torch.tensor([[1.0, 1.0, 0.0]])
    driver = Offsets(start, axes, 3, 0.1)
    for _ in range(3):
        driver.tell({"x": (driver.ask() - torch.tensor([5.0, -5.0, 1.0])).square().sum((1, 2))})
    move = driver.ask() - start
    assert torch.allclose(move[..., 0], move[..., 1])
    assert torch.equal(move[..., 2], torch.zeros(2, 4))
    assert torch.allclose(move, move[:, :1].expand_as(move), atol=1e-6)


def test_offsets_refuse_axes_of_another_form():
    with pytest.raises(TypeError, match="both styles"):
        Offsets(torch.zeros(1, 3), {"a": torch.ones(3)}, 3, 0.1)


class Walk:
    """A driver that adds one a step, and recommends where it is."""

    def __init__(self, start: Tensor) -> None:
        self.at = start.clone()

    def ask(self) -> Tensor:
        return torch.stack([self.at, self.at + 1])

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        del losses
        self.at = self.at + 1

    def recommend(self) -> Tensor:
        return self.at

    def state_dict(self) -> dict[str, Any]:
        return {"at": self.at}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.at = state["at"]


def chain() -> Chain:
    then = [(3, lambda at: Walk(at * 10)), (2, lambda at: Walk(at + 0.5))]
    return Chain(Walk(torch.zeros(1)), then)  # type: ignore[arg-type]


def test_chained_drivers_start_from_each_others_answer_and_resume() -> None:
    straight, seen = chain(), []
    for _ in range(7):
        seen.append(float(straight.ask()[0]))  # type: ignore[index]
        straight.tell({})
    assert seen == [0, 1, 2, 30, 31, 32.5, 33.5]
    for cut in range(7):
        first, second = chain(), chain()
        for _ in range(cut):
            first.ask()
            first.tell({})
        second.load_state_dict(first.state_dict())
        for _ in range(7 - cut):
            second.ask()
            second.tell({})
        assert float(second.recommend()) == float(straight.recommend()), cut  # type: ignore[arg-type]


def test_rows_are_chosen_of_tensors_and_of_parts_of_any_form():
    which = torch.tensor([True, False, True])
    for shape in ((3, 4), (3, 8, 4)):
        new, old = torch.ones(shape), torch.zeros(shape)
        wanted = torch.stack([new[0], old[1], new[2]])
        assert torch.equal(chosen(which, new, old), wanted)
        assert torch.equal(chosen(which, {"part": new}, {"part": old})["part"], wanted)
