"""Training a network for one picture: the published schedule and losses, repeatability, resuming, stopping."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from promptbrush import InputFileError, UsageError
from promptbrush._settings import chosen
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.edit import Edit, Place, Source
from promptbrush.editing.making import make
from promptbrush.editing.methods import METHODS
from promptbrush.editing.models import Models
from promptbrush.editing.pictures import Picture
from promptbrush.editing.result import Result
from promptbrush.editing.resumable import run_to_end
from promptbrush.editing.style.compose import compose
from promptbrush.editing.style.picture_training import trained_picture, training
from promptbrush.editing.style.settings import StyleSettings
from promptbrush.editing.style.subjects import Photograph
from promptbrush.generators.base import Proposal
from promptbrush.generators.style.stylenet import StyleNet
from promptbrush.generators.style.styler import Styler
from promptbrush.guidance.content import NETWORKS
from torch import Tensor

QUICK = {"side": 48, "cutouts": 2, "steps": 4, "view_min": 0.8}


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(ModelChoice(device="cpu", precision="float32"))


def photo(height: int = 48, width: int = 64) -> Tensor:
    rows = torch.linspace(0, 1, height).view(1, 1, -1, 1).expand(1, 1, height, width)
    columns = torch.linspace(0, 1, width).view(1, 1, 1, -1).expand(1, 1, height, width)
    return torch.cat([rows, columns, (rows * 9).sin() * 0.4 + 0.5], dim=1)


def asked(**settings: object) -> StyleSettings:
    return chosen(StyleSettings, given={"prompt": "a mosaic", **QUICK, **settings})


def composed(models: Models, **settings: object) -> Edit:
    return compose(models, Photograph(photo()), asked(**settings))


def made(
    models: Models, checkpoint: Path | None = None, end: int | None = None, **settings: object
) -> Result:
    """A result as a job makes it."""
    picture = settings.pop("picture", photo())
    what = (Source(None, Picture(None, picture)), Photograph(picture), Place())
    return make(models, METHODS.load("style"), asked(**settings), what, None, checkpoint, end)


def network(result: Result) -> Any:
    return result.output.transfer.network


def test_weights_move_and_the_loss_falls(models: Models) -> None:
    wanted: dict[str, Any] = {"lr": 2e-3, "coarse": 0.0, "patience": 0, "view_min": 1.0}
    before = made(models, **wanted, steps=0).tensor
    result = made(models, **wanted, steps=8)
    losses = [sum(step.values()) for step in result.losses]
    assert len(losses) == 8
    assert losses[-1] < losses[0] - 0.02
    assert float((result.tensor - before).abs().mean()) > 0.005
    assert result.tensor.shape == photo().shape


def test_the_picture_is_drawn_by_the_last_weights(models: Models) -> None:
    """Not by those of the lowest loss, which looks at other views in every step."""
    edit = composed(models)
    run_to_end(edit)
    _, transfer = training(models, photo(), asked())
    last = trained_picture(transfer, edit.driver.latent, photo(), asked())
    assert torch.equal(edit.output().image, last)


def test_a_stopped_run_resumes_to_the_same_bits(models: Models, tmp_path: Path) -> None:
    whole, kept = made(models), tmp_path / "run.pt"
    first = made(models, kept, end=2)
    assert (len(first.losses), first.recipe.stopped_after) == (2, 2)
    again = made(models, kept)
    assert again.losses == whole.losses
    assert torch.equal(again.tensor, whole.tensor)
    with pytest.raises(InputFileError, match=r"a checkpoint of another run \(seed is '0', here '1'\)"):
        made(models, kept, seed=1)


def test_coarse_steps_come_first(models: Models) -> None:
    edit = composed(models, coarse=0.5, side=64)
    assert [stage.steps for stage in edit.stages] == [2, 2]
    assert [tuple(step.images.shape[-2:]) for step in edit.run()] == [(24, 32)] * 2 + [(48, 64)] * 2


def test_it_ends_when_nothing_is_won_any_more(models: Models) -> None:
    edit = composed(models, steps=50, coarse=0.0, lr=1e-9, patience=3, view_min=1.0)
    run_to_end(edit)
    assert 6 <= edit.done < 20


def test_a_style_in_no_steps_is_what_the_styler_makes_of_the_words(models: Models) -> None:
    result = made(models, steps=0)
    assert result.losses == ()
    other = made(models, steps=0, start="photo")
    assert float((other.tensor - photo()).abs().mean()) < float((result.tensor - photo()).abs().mean())


def test_the_fast_styler_is_a_proposal(models: Models) -> None:
    assert isinstance(models.styler, Proposal)
    made = models.styler.propose(torch.ones(2, models.styler.shape["features"]))
    assert made.shape == (2, models.styler.shape["style"])


def test_negatives_and_several_styles_have_their_weights(models: Models) -> None:
    plain, turned = (next(composed(models, **each).run()).losses for each in ({}, {"negative": "gold"}))
    assert not torch.equal(plain["naming"], turned["naming"])


def test_a_loss_of_the_table_can_be_added(models: Models) -> None:
    step = next(composed(models, loss=("similarity:2",)).run())
    assert set(step.losses) == {"naming", "content", "tv", "similarity", "picture"}
    with pytest.raises(UsageError, match="latent"):
        composed(models, loss=("latent:1",))


def test_the_published_preset() -> None:
    settings = chosen(StyleSettings, "paper", {"prompt": "Sketch with black pencil"})
    assert (settings.steps, settings.side, settings.cutouts, settings.threshold) == (201, 512, 64, 0.7)
    weights = (settings.patch_weight, settings.global_weight, settings.content_weight, settings.tv_weight)
    assert weights == (9000, 500, 150, 2e-3)
    assert round(settings.view_max * settings.side) == 128


def test_the_published_schedule_and_square(models: Models) -> None:
    small = {"prompt": "a mosaic", "side": 32, "cutouts": 1, "content": "lite0"}
    settings = chosen(StyleSettings, "paper", small)
    edit, transfer = training(models, photo(), settings)
    assert isinstance(transfer.network, StyleNet)
    driver = edit.driver
    rates = [driver.lr * driver.schedule(index / 201) for index in (0, 98, 99, 198, 199, 200)]
    assert rates == pytest.approx([5e-4, 5e-4, 2.5e-4, 2.5e-4, 1.25e-4, 1.25e-4])
    step = next(edit.run())
    assert step.images.shape == (1, 3, 32, 32)
    assert set(step.losses) == {"patches", "directional", "content", "tv"}
    assert trained_picture(transfer, edit.answer(), photo(), settings).shape == (1, 3, 32, 32)


def test_published_settings_stay_what_they_are() -> None:
    assert StyleSettings.presets["paper"]["halve_every"] == 100
    assert StyleSettings(prompt="x").contrast == 1.0
    assert NETWORKS == ("auto", "vgg19", "lite0")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"view_min": 0.9, "view_max": 0.5}, "view_min 0.9 is above view_max 0.5"),
        ({"content": "lite"}, "content is lite; input should be 'auto', 'vgg19' or 'lite0'"),
        ({"network": "stylenet"}, "a stylenet knows no words"),
        ({"strenght": 1}, "no setting is called 'strenght'.*'strength'"),
        ({"strength": 3}, "strength is 3"),
        ({"fast": True}, "steps has no effect together with fast|side has no effect together with fast"),
        ({"mix": "mosaic"}, "mix has no effect without styler"),
        ({"threshold": 0.5}, "threshold has no effect without patch_weight"),
        ({"stay_weight": 1.0, "start": "photo"}, "stay_weight has no effect with start 'photo'"),
        ({"transformer": Path("t.pt")}, "transformer has no effect without fast"),
    ],
)
def test_settings_that_do_not_fit(wrong: dict[str, object], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        asked(**wrong)


def test_a_first_loss_that_is_not_finite_is_an_error(models: Models) -> None:
    picture = photo()
    picture[...] = np.nan
    edit = compose(models, Photograph(picture), asked())
    with pytest.raises(UsageError, match="first step is not finite"):
        next(edit.run())


def test_the_network_can_be_kept(models: Models, tmp_path: Path) -> None:
    result = made(models)
    assert isinstance(network(result), Styler)
    result.output.save_styler(tmp_path / "own.safetensors")
    assert (tmp_path / "own.safetensors").stat().st_size < 1_000_000
    with pytest.raises(UsageError, match="only a styler that was trained"):
        made(models, network="stylenet", start="random").output.save_styler(tmp_path / "net.safetensors")
