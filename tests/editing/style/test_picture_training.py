"""Training a network for one picture: the published schedule and losses, repeatability, resuming, stopping."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush import InputFileError, UsageError
from promptbrush.editing.models import ModelChoice
from promptbrush.editing.running import run_to_end
from promptbrush.editing.style.method import Canvas, run_task
from promptbrush.editing.style.settings import PRESETS, StyleSettings, style_settings
from promptbrush.editing.style.task import Task, task_of
from promptbrush.generators.style.stylenet import StyleNet
from promptbrush.generators.style.styler import Styler
from torch import Tensor

QUICK = {"side": 48, "cutouts": 2, "steps": 4, "view_min": 0.8}
CHOICE = ModelChoice(device="cpu", precision="float32")


def photo(height: int = 48, width: int = 64) -> Tensor:
    rows = torch.linspace(0, 1, height).view(1, 1, -1, 1).expand(1, 1, height, width)
    columns = torch.linspace(0, 1, width).view(1, 1, 1, -1).expand(1, 1, height, width)
    return torch.cat([rows, columns, (rows * 9).sin() * 0.4 + 0.5], dim=1)


def task(**settings: object) -> Task:
    return task_of(style_settings(prompt="a mosaic", **{**QUICK, **settings}), photo(), CHOICE)


def test_weights_move_and_the_loss_falls() -> None:
    made = task(steps=8, lr=2e-3, coarse=0.0, patience=0, view_min=1.0)
    before = made.stylist(photo()).detach()
    result = run_task(made, Canvas(photo()))
    assert len(result.losses) == 8
    assert result.losses[-1] < result.losses[0] - 0.02
    assert float((result.image - before).abs().mean()) > 0.005
    assert result.image.shape == photo().shape


def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole = run_task(task(), Canvas(photo()))
    first, kept = task(), tmp_path / "run.pt"
    first.stop_after(2)
    run_task(first, Canvas(photo()), checkpoint=kept)
    assert first.done == 2
    again = run_task(task(), Canvas(photo()), checkpoint=kept)
    assert again.losses == whole.losses
    assert torch.equal(again.image, whole.image)
    with pytest.raises(InputFileError, match="other settings"):
        run_to_end(task(seed=1), checkpoint=kept)


def test_coarse_steps_come_first() -> None:
    made = task(coarse=0.5, side=64)
    assert [(tuple(stage.photo.shape[-2:]), stage.steps) for stage in made.stages] == [
        ((24, 32), 2),
        ((48, 64), 2),
    ]
    assert [tuple(step.images.shape[-2:]) for step in made.run()] == [(24, 32)] * 2 + [(48, 64)] * 2


def test_it_ends_when_nothing_is_won_any_more() -> None:
    made = task(steps=50, coarse=0.0, lr=1e-9, patience=3, view_min=1.0)
    run_to_end(made)
    assert made.settled
    assert 6 <= made.done < 20


def test_a_style_in_no_steps_is_what_the_styler_makes_of_the_words() -> None:
    result = run_task(task(steps=0), Canvas(photo()))
    assert result.losses == ()
    other = run_task(task(steps=0, start="photo"), Canvas(photo()))
    assert float((other.image - photo()).abs().mean()) < float((result.image - photo()).abs().mean())


def test_negatives_and_several_styles_have_their_weights() -> None:
    plain, turned = task(), task(negative="gold")
    for made in (plain, turned):
        next(made.run())
    assert plain.losses != turned.losses


def test_the_published_preset() -> None:
    settings = style_settings("paper", prompt="Sketch with black pencil")
    assert (settings.steps, settings.side, settings.cutouts, settings.threshold) == (201, 512, 64, 0.7)
    weights = (settings.patch_weight, settings.global_weight, settings.content_weight, settings.tv_weight)
    assert weights == (9000, 500, 150, 2e-3)
    assert round(settings.view_max * settings.side) == 128


def test_the_published_schedule_and_square() -> None:
    small = {"side": 32, "cutouts": 1, "content": "lite0"}
    made = task_of(style_settings("paper", prompt="a mosaic", **small), photo(), CHOICE)
    assert isinstance(made.stylist.network, StyleNet)
    assert made.stages[0].photo.shape == (1, 3, 32, 32)
    driver = made.driver
    assert driver is not None
    rates = [driver.lr * driver.schedule(index / 201) for index in (0, 98, 99, 198, 199, 200)]
    assert rates == pytest.approx([5e-4, 5e-4, 2.5e-4, 2.5e-4, 1.25e-4, 1.25e-4])
    step = next(made.run())
    assert set(step.losses) == {"patches", "directional", "content", "tv"}
    assert made.picture().shape == (1, 3, 32, 32)


def test_published_settings_stay_what_they_are() -> None:
    assert PRESETS["paper"]["halve_every"] == 100
    assert StyleSettings(prompt="x").contrast == 1.0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"view_min": 0.9, "view_max": 0.5}, "view_min 0.9 is above view_max 0.5"),
        ({"content": "lite"}, "no network is called 'lite'"),
        ({"network": "stylenet"}, "a stylenet knows no words"),
        ({"strenght": 1}, "no setting is called 'strenght'.*'strength'"),
        ({"strength": 3}, "strength is 3"),
    ],
)
def test_settings_that_do_not_fit(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        style_settings(prompt="a mosaic", **wrong)


def test_no_style_at_all() -> None:
    with pytest.raises(UsageError, match="there is no style"):
        task_of(style_settings(), photo(), CHOICE)


def test_a_first_loss_that_is_not_finite_is_told() -> None:
    made = task()
    made.stages[0].photo[...] = np.nan
    with pytest.raises(UsageError, match="first step is not finite"):
        next(made.run())


def test_the_network_can_be_kept(tmp_path: Path) -> None:
    result = run_task(task(), Canvas(photo()))
    assert isinstance(result.stylist.network, Styler)
    result.save_styler(tmp_path / "own.safetensors")
    assert (tmp_path / "own.safetensors").stat().st_size < 1_000_000
