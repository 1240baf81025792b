"""Edits whose driver recommends its answer among candidates: parts of a population, what is shown, what is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from promptbrush.editing.edit import Edit, Stage
from promptbrush.editing.population import Parts
from promptbrush.guidance.cutouts import step_seed
from promptbrush.guidance.objective import Context, Function, Objective, Sum, needs_images
from torch import Tensor


class Candidates:
    """Always asks for the same candidates, and recommends their mean."""

    def __init__(self, candidates: Tensor) -> None:
        self.candidates, self.told = candidates, list[Tensor]()

    def ask(self) -> Tensor:
        return self.candidates

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        self.told.append(losses["far"])

    def recommend(self) -> Tensor:
        return self.candidates.mean(0)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        del state


class Far(Objective):
    """How far a latent is from one, without a look at the pictures; notes the seeds that it was given."""

    needs_images = False

    def __init__(self) -> None:
        super().__init__("far")
        self.seeds, self.sizes = list[Any](), list[int]()

    def loss(self, images: Tensor, context: Context) -> Tensor:
        assert images.shape[1:] == (3, 0, 0)
        self.seeds.append(context.seeds)
        self.sizes.append(len(images))
        return (context.latent - 1).abs().sum(1)


def never(latent: Any) -> Tensor:
    raise AssertionError("drawn in vain")


def population() -> Tensor:
    return torch.arange(10.0).view(5, 2)


def run(parts: Parts | None, objective: Objective) -> tuple[Candidates, Edit]:
    driver = Candidates(population())
    edit = Edit(driver=driver, seeds=[7], stages=[Stage(2, never, objective, never, parts)])
    list(edit.run())
    return driver, edit


@pytest.mark.parametrize("parts", [None, Parts(3), Parts(1, apart=True), Parts(2, jobs=2)])
def test_parts_of_a_population_have_the_losses_of_the_whole(parts: Parts | None) -> None:
    driver, edit = run(parts, Far())
    assert [told.tolist() for told in driver.told] == [[1, 3, 7, 11, 15]] * 2
    assert edit.losses == [{"far": 1.0}] * 2, "of the best candidate"
    assert edit.answer().tolist() == [4, 5]


def test_views_of_parts() -> None:
    shared, apart, threads = Far(), Far(), Far()
    run(Parts(3), shared)
    assert (shared.seeds[:2], shared.sizes[:2]) == ([[step_seed(7, 0)]] * 2, [3, 2])
    run(Parts(3, apart=True), apart)
    assert apart.seeds[:2] == [[step_seed(step_seed(7, 0), first)] for first in (0, 3)]
    with ThreadPoolExecutor(1) as pool:
        run(Parts(3, apart=True, executor=pool, jobs=5), threads)
    assert threads.seeds[:5] == [[step_seed(step_seed(7, 0), first)] for first in range(5)]


def test_a_stage_may_start_its_random_views_again() -> None:
    objective = Far()
    stages = [Stage(2, never, objective, never), Stage(2, never, objective, never, first=0)]
    stages.append(Stage(1, never, objective, never))
    list(Edit(driver=Candidates(population()), seeds=[7], stages=stages).run())
    assert objective.seeds == [[step_seed(7, number)] for number in (0, 1, 0, 1, 2)]


def test_candidates_without_a_finite_loss_do_not_hide_the_best() -> None:
    class Broken(Far):
        def loss(self, images: Tensor, context: Context) -> Tensor:
            return super().loss(images, context).index_fill(0, torch.tensor([0]), torch.nan)

    _, edit = run(Parts(2), Broken())
    assert edit.losses[0] == {"far": 3.0} or edit.losses[0]["far"] == 3.0


def test_who_needs_pictures() -> None:
    looks = Function(lambda images: images.mean((1, 2, 3)), "looks")
    assert [needs_images(each) for each in (Far(), Sum([Far(), 2.0 * Far()]))] == [False, False]
    assert [needs_images(each) for each in (looks, 2.0 * looks, Far() + looks)] == [True, True, True]
