"""The one trainer: stages and their rates, the average of the weights, resuming, and whose checkpoint it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from promptbrush import InputFileError
from promptbrush._identity import digest_of, identity_of
from promptbrush._schedules import constant, cosine, linear, warm_up
from promptbrush._seeds import seeded
from promptbrush._training import Average, Processes, Stage, Trainer, Update
from torch import Tensor, nn


class Toy(Trainer):
    """Two stages on noise: the first draws a layer to it, the second to half of it."""

    def __init__(
        self, checkpoint: Path | None = None, seed: int = 0, lr: float = 0.1, late_lr: float = 0.1
    ) -> None:
        self.layer = seeded(seed, lambda: nn.Linear(3, 2))
        parameters = [*self.layer.parameters()]
        first, late = (torch.optim.Adam(parameters, rate) for rate in (lr, late_lr))
        stages = [
            Stage("early", 3, [Update(first, self.losses)], linear),
            Stage("late", 2, [Update(late, self.losses, wait=1)], constant, warm_up=2),
        ]
        average = Average.begin(self.layer, 0.9)
        identity = identity_of("toy", seed, {"lr": lr, "late_lr": late_lr}, data="noise")
        super().__init__({"layer": self.layer}, stages, identity, seed, checkpoint, average)
        self.seen: list[float] = []

    def losses(self, _index: int) -> dict[str, Tensor]:
        x = torch.randn(4, 3, generator=self.rng)
        self.seen.append(float(x[0, 0]) + self.random.random())
        return {"size": self.layer(x).square().mean(), "bias": self.layer.bias.square().sum()}


def test_steps_tell_their_stage_and_terms() -> None:
    steps = list(Toy().run())
    assert [(step.stage, step.index, step.total) for step in steps] == [
        *(("early", index, 3) for index in range(3)),
        *(("late", index, 2) for index in range(2)),
    ]
    assert steps[0].loss == pytest.approx(sum(steps[0].terms.values()))
    assert {*steps[0].terms} == {"size", "bias"}


def test_no_two_steps_see_the_same() -> None:
    toy = Toy()
    list(toy.run())
    assert len({*toy.seen}) == 5


@pytest.mark.parametrize("stop", [1, 3, 4])
def test_resuming_gives_the_same_bits(tmp_path: Path, stop: int) -> None:
    whole, half = Toy(), Toy(tmp_path / "toy.pt")
    list(whole.run())
    for _, _step in zip(range(stop), half.run(), strict=False):
        pass
    half.save()
    again = Toy(tmp_path / "toy.pt")
    assert sum(again.done.values()) == stop
    list(again.run())
    for one, other in ((whole.layer, again.layer), (whole.average.module, again.average.module)):
        assert digest_of(one.state_dict()) == digest_of(other.state_dict())
    assert whole.seen[stop:] == again.seen


def test_an_update_that_waits_learns_nothing() -> None:
    toy = Toy()
    run = toy.run()
    for _ in range(3):
        next(run)
    before = digest_of(toy.layer.state_dict())
    next(run)
    assert digest_of(toy.layer.state_dict()) == before
    next(run)
    assert digest_of(toy.layer.state_dict()) != before


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"seed": 4}, "a checkpoint of seed 0, this training has seed 4"),
        ({"lr": 0.2}, "a checkpoint of lr 0.1, this training has lr 0.2"),
    ],
)
def test_another_training_does_not_resume_it(tmp_path: Path, given: dict[str, float], told: str) -> None:
    path = tmp_path / "toy.pt"
    list(Toy(path).run())
    kept = path.read_bytes()
    with pytest.raises(InputFileError, match=f"toy.pt: {told}; move it away or give --work another folder"):
        Toy(path, **given)
    assert path.read_bytes() == kept


def test_settings_of_a_stage_that_has_not_begun_may_change(tmp_path: Path) -> None:
    toy = Toy(tmp_path / "toy.pt")
    for _, _step in zip(range(3), toy.run(), strict=False):
        pass
    toy.save()
    later = Toy(tmp_path / "toy.pt", late_lr=0.5)
    list(later.run())
    with pytest.raises(InputFileError, match=r"late_lr 0\.5, this training has late_lr 0\.1"):
        Toy(tmp_path / "toy.pt")


@pytest.mark.parametrize("state", [[1, 2], {"layout": 0}, {"layout": 1, "identity": 3, "done": {}}, {}])
def test_what_is_no_checkpoint_is_named(tmp_path: Path, state: object) -> None:
    torch.save(state, tmp_path / "toy.pt")
    with pytest.raises(InputFileError, match=r"toy\.pt: not a checkpoint of this training.*move it away"):
        Toy(tmp_path / "toy.pt")


def test_it_saves_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 100_000, 200))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    next(Toy(tmp_path / "toy.pt").run())
    assert Toy(tmp_path / "toy.pt").done == {"early": 1, "late": 0}


def test_lines_and_sheets() -> None:
    drawn: list[int] = []
    toy = Toy()
    lines = list(toy.lines(lambda: drawn.append(len(toy.seen)), every=2))
    assert [line.split("  ")[0] for line in lines] == ["early 3/3", "late 2/2"]
    assert drawn == [2, 3, 5]


@pytest.mark.parametrize(
    ("schedule", "t", "factor"),
    [
        (linear, 0.25, 0.75),
        (constant, 0.9, 1.0),
        (cosine, 0.5, 0.5),
        (lambda t: cosine(t, floor=0.1, flat=0.6), 0.5, 1.0),
        (lambda t: cosine(t, floor=0.1, flat=0.6), 1.0, 0.1),
        (lambda t: warm_up(t, 0.01), 0.0, 0.01),
    ],
)
def test_schedules(schedule: Callable[[float], float], t: float, factor: float) -> None:
    assert schedule(t) == pytest.approx(factor)


def test_rates_rise_in_the_warm_up_and_follow_the_schedule() -> None:
    stage = Stage("toy", 10, [], linear, warm_up=4)
    assert [stage.rate(index) for index in (0, 1, 8)] == pytest.approx([0.25, 0.45, 0.2])


def test_the_average_follows_parameters_and_copies_buffers() -> None:
    model = nn.BatchNorm1d(3)
    average = Average.begin(model, 0.9, start=1)
    with torch.no_grad():
        model.weight.add_(1)
        model.running_mean.add_(2)
    average.update(1)
    assert torch.equal(average.module.weight, model.weight)
    with torch.no_grad():
        model.weight.add_(1)
    average.update(200)
    torch.testing.assert_close(average.module.weight, torch.full((3,), 0.9 * 2 + 0.1 * 3))
    assert torch.equal(average.module.running_mean, model.running_mean)
    assert not average.module.weight.requires_grad


def test_processes_share_a_batch_evenly() -> None:
    assert Processes(0, 4).part_of(8) == 2
    with pytest.raises(Exception, match="batch is 9, which 4 processes cannot share"):
        Processes(1, 4).part_of(9)
