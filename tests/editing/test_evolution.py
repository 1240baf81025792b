"""Nevergrad's optimizers as drivers, and PGPE as one of them."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Sequence

import nevergrad as ng
import pytest
import torch
from promptbrush._base import MissingError, UsageError
from promptbrush.editing.evolution import Evolution, optimizer_of
from promptbrush.editing.population import evaluated
from torch import Tensor

# One of every family that can search 500 numbers.
NAMES = """
    CMA DiagonalCMA CMAsmall OldCMA ECMA DE TwoPointsDE OnePointDE LhsDE QODE RotationInvariantDE
    OnePlusOne OnePlusLambda NoisyOnePlusOne PSO RealSpacePSO QOPSO TBPSA NaiveTBPSA ES RecES MixES
    IsoEMNA NaiveAnisoEMNA RandomSearch LHSSearch MetaModel NGOpt NelderMead Powell Cobyla SQP SPSA
    DiscreteOnePlusOne FastGADiscreteOnePlusOne ChainCMAPowell PGPE MultiCMA TripleCMA SQPCMA BAR4
""".split()


def bowl(candidates: Tensor) -> dict[str, Tensor]:
    return {"loss": (candidates - 0.3).square().sum(-1)}


@pytest.mark.parametrize("name", NAMES)
def test_any_optimizer_in_batches_of_500_numbers(name: str) -> None:
    driver = Evolution(torch.zeros(500), name, population=16, steps=4)
    for _ in range(4):
        candidates = driver.ask()
        assert candidates.shape == (driver.population, 500)
        assert candidates.dtype == torch.float32
        assert bool(candidates.isfinite().all())
        driver.tell(bowl(candidates))
    assert driver.recommend().shape == (500,)


@pytest.mark.parametrize("name", ["CMA", "DiagonalCMA", "NGOpt"])
def test_long_searches_are_told_as_much_as_they_asked_for(name: str) -> None:
    driver = Evolution(torch.zeros(500), name, population=64, steps=75)
    first = float(bowl(torch.zeros(500))["loss"])
    for _ in range(75):
        driver.tell(bowl(driver.ask()))
    assert driver.population >= 64
    assert float(bowl(driver.recommend())["loss"]) < 0.5 * first


@pytest.mark.parametrize("name", ["CMA", "DE", "OnePlusOne", "NGOpt", "PGPE"])
def test_searches_find_better(name: str) -> None:
    driver = Evolution(torch.zeros(8), name, population=16, sigma=0.3, steps=60)
    for _ in range(60):
        driver.tell(bowl(driver.ask()))
    assert float(bowl(driver.recommend())["loss"]) < 0.4 * float(bowl(torch.zeros(8))["loss"])


@pytest.mark.parametrize("name", ["CMA", "DE", "OnePlusOne", "PGPE"])
def test_goes_on_to_the_same_bits(name: str) -> None:
    def fresh() -> Evolution:
        return Evolution(torch.full((20,), 0.1), name, population=8, steps=9, seed=4)

    straight, other = fresh(), fresh()
    for _ in range(5):
        straight.tell(bowl(straight.ask()))
    other.load_state_dict(straight.state_dict())
    assert torch.equal(straight.ask(), other.ask())
    assert torch.equal(straight.recommend(), other.recommend())


def test_seeds() -> None:
    first, again, other = (Evolution(torch.zeros(5), "DE", 4, seed=seed).ask() for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_states_of_other_searches() -> None:
    state = Evolution(torch.zeros(5), "DE", 4).state_dict()
    with pytest.raises(
        UsageError, match="the state is of optimizer DE with seed 0 and population 4; resume with"
    ):
        Evolution(torch.zeros(5), "CMA", 4).load_state_dict(state)
    begun = Evolution(torch.zeros(5), "DE", 4)
    begun.ask()
    with pytest.raises(UsageError, match="this search has started"):
        begun.load_state_dict(state)


def test_losses_that_are_no_number_are_the_worst() -> None:
    driver = Evolution(torch.zeros(8), "OnePlusOne", population=16, steps=40)
    for _ in range(40):
        losses = bowl(driver.ask())["loss"]
        losses[0], losses[1] = torch.nan, torch.inf
        driver.tell({"loss": losses})
    assert float(bowl(driver.recommend())["loss"]) < float(bowl(torch.zeros(8))["loss"])


def test_names() -> None:
    assert optimizer_of("cma") == ("CMA", ng.optimizers.registry["CMA"])
    with pytest.raises(UsageError, match="no optimizer is called 'CMAA'.*did you mean 'CMA"):
        optimizer_of("CMAA")


def test_a_package_that_is_missing() -> None:
    driver = Evolution(torch.zeros(500), "PymooCMAES", 4)
    with pytest.raises(MissingError, match=r"optimizer PymooCMAES cannot be used here: .*pymoo"):
        for _ in range(9):
            driver.tell(bowl(driver.ask()))


def test_bad_populations() -> None:
    with pytest.raises(UsageError, match="population is 0"):
        Evolution(torch.zeros(3), "DE", 0)
    driver = Evolution(torch.zeros(3), "DE", 4)
    driver.ask()
    with pytest.raises(UsageError, match="2 losses were given where 4 candidates were asked for"):
        driver.tell({"loss": torch.zeros(2)})


def test_parts_on_an_executor() -> None:
    seen: list[Sequence[int]] = []

    def judge(candidates: Tensor, numbers: Sequence[int]) -> dict[str, Tensor]:
        seen.append(numbers)
        return bowl(candidates)

    population = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    whole = evaluated(population, judge)["loss"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        torch.testing.assert_close(evaluated(population, judge, pool, jobs=3)["loss"], whole)
    assert seen[0] == list(range(7))
    assert sorted(number for each in seen[1:] for number in each) == list(range(7))
    assert evaluated(population, judge, jobs=20)["loss"].shape == (7,)


def test_pgpe_for_nevergrad_users() -> None:
    optimizer = ng.optimizers.registry["PGPE"](parametrization=6, budget=1200)
    found = optimizer.minimize(lambda x: float(((x - 0.5) ** 2).sum()))
    assert float(((found.value - 0.5) ** 2).sum()) < 0.3
    with pytest.raises(ng.errors.TellNotAskedNotSupportedError):
        optimizer.tell(optimizer.parametrization.spawn_child(), 1.0)


def test_pgpe_takes_losses_in_any_order() -> None:
    optimizer = ng.optimizers.registry["PGPE"](parametrization=6, budget=100, num_workers=4)
    asked = [optimizer.ask() for _ in range(40)]
    for candidate in reversed(asked):
        optimizer.tell(candidate, float(((candidate.value - 0.5) ** 2).sum()))
    assert optimizer.search.done > 0
