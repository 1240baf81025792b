"""PGPE and ClipUp against recorded trajectories of the original library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush._base import UsageError
from promptbrush.editing.pgpe import PGPE, PGPESettings, centred_ranks
from torch import Tensor

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "shapes" / "pgpe_clipup.npz")
RUNS = {
    "clipup": PGPESettings(16),
    "noranks": PGPESettings(
        16, 0.2, 0.15, 0.001, momentum=0.8, max_speed=0.05, max_sigma_change=None, ranking=False
    ),
    "adam": PGPESettings(16, optimizer="adam", max_sigma_change=0.1),
    "plain": PGPESettings(16, lr=0.3, optimizer="plain"),
}


class Recorded(PGPE):
    """PGPE whose directions were drawn before."""

    def __init__(self, settings: PGPESettings, noise: Tensor) -> None:
        super().__init__(torch.zeros(noise.shape[-1]), settings)
        self.recorded = noise

    def noise(self, count: int) -> Tensor:
        assert count == self.recorded.shape[1]
        return self.recorded[self.done]


def array(name: str) -> Tensor:
    return torch.from_numpy(GOLDEN[name])


def losses(candidates: Tensor) -> Tensor:
    return (array("quad_scale") * (candidates - array("quad_target")).square()).sum(-1)


@pytest.mark.parametrize("name", RUNS)
def test_trajectory(name: str) -> None:
    driver = Recorded(RUNS[name], array(f"{name}_noise"))
    for step in range(10):
        candidates = driver.ask()
        torch.testing.assert_close(
            losses(candidates.double()), -array(f"{name}_fitness")[step], rtol=3e-6, atol=0
        )
        driver.tell({"loss": -array(f"{name}_fitness")[step]})
        torch.testing.assert_close(driver.centre, array(f"{name}_center")[step], rtol=0, atol=1e-6)
        torch.testing.assert_close(driver.sigma, array(f"{name}_stdev")[step], rtol=0, atol=1e-6)
        if f"{name}_velocity" in GOLDEN:
            torch.testing.assert_close(driver.velocity, -array(f"{name}_velocity")[step], rtol=0, atol=1e-6)


def test_centred_ranks() -> None:
    torch.testing.assert_close(centred_ranks(array("rank_in")), array("rank_out"))
    assert centred_ranks(torch.tensor([1.0])).tolist() == [-0.5]
    assert centred_ranks(torch.tensor([2.0, 2.0, 1.0])).tolist() == [0.0, 0.5, -0.5]


def test_finds_a_minimum_and_ignores_what_is_no_number() -> None:
    driver = PGPE(torch.zeros(30), PGPESettings(32), seed=3)
    for _ in range(300):
        told = losses(driver.ask())
        told[5] = torch.nan
        driver.tell({"loss": told})
    assert losses(driver.recommend()) < 0.05 * losses(torch.zeros(30))


def test_all_losses_no_number_keep_the_centre_finite() -> None:
    driver = PGPE(torch.zeros(4), PGPESettings(4, ranking=False))
    driver.ask()
    driver.tell({"loss": torch.full((4,), torch.nan)})
    assert bool(driver.centre.isfinite().all())


@pytest.mark.parametrize("told", [0, 1])
def test_goes_on_to_the_same_bits(told: int) -> None:
    straight, other = (PGPE(torch.zeros(30), PGPESettings(16), seed=1) for _ in range(2))
    for _ in range(3):
        straight.tell({"loss": losses(straight.ask())})
    if told == 0:  # in the midst of a step
        straight.ask()
    other.load_state_dict(straight.state_dict())
    for _ in range(3):
        first, second = straight.ask(), other.ask()
        assert torch.equal(first, second)
        straight.tell({"loss": losses(first)})
        other.tell({"loss": losses(second)})
    assert torch.equal(straight.sigma, other.sigma)


def test_the_population_stays_until_it_was_told() -> None:
    driver = PGPE(torch.zeros(3), PGPESettings(4))
    assert torch.equal(driver.ask(), driver.ask())
    pairs = driver.ask()
    torch.testing.assert_close(pairs[0::2], -pairs[1::2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 7}, "population is 7; PGPE samples in pairs, give an even number"),
        ({"population": 0}, "even number"),
        ({"optimizer": "clipp"}, "did you mean 'clipup'"),
        ({"sigma": 0.0}, "sigma is 0.0; give a number above 0"),
    ],
)
def test_bad_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PGPESettings(**settings)  # type: ignore[arg-type]


def test_telling_what_was_not_asked() -> None:
    driver = PGPE(torch.zeros(3), PGPESettings(4))
    with pytest.raises(UsageError, match="4 losses were given where 0 candidates were asked for"):
        driver.tell({"loss": torch.zeros(4)})
    driver.ask()
    with pytest.raises(UsageError, match="2 losses were given where 4 candidates were asked for"):
        driver.tell({"loss": torch.zeros(2)})
    with pytest.raises(UsageError, match="the state holds 3 numbers, the search 5"):
        PGPE(torch.zeros(5)).load_state_dict(driver.state_dict())
