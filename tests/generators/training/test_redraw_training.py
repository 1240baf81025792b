"""Training the redraw network: its data, its losses, and that it learns and resumes."""

import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from promptbrush.generators.pyramid import layer_distance
from promptbrush.generators.training import generated_damage
from promptbrush.generators.training.edited_drawings import edited, load_pairs, render_pair
from promptbrush.generators.training.face_set import face_of
from promptbrush.generators.training.other_drawings import other_drawing, render_other
from promptbrush.generators.training.redraw import (
    RedrawTrainer,
    agreement,
    busy,
    cut,
    detail_weight,
    drawing_loss,
    recoloured,
    turned,
)
from promptbrush.generators.training.settings import RedrawSettings
from torch import Tensor

SETTINGS = RedrawSettings(steps=4, batch=2, crop=16, perceptual_from=0.5)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def halves(images: Tensor) -> list[Tensor]:
    """Stands for the maps of a network."""
    return [F.avg_pool2d(images, 2), F.avg_pool2d(images, 4)]


@pytest.fixture(scope="module")
def pairs() -> NDArray[np.uint8]:
    return np.stack([render_pair((seed, 128)) for seed in range(6)])


@pytest.fixture(scope="module")
def made(pairs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What a perfect generator draws of the first four."""
    after = pairs[:4, 1].reshape(4, 32, 4, 32, 4, 3)
    return np.ascontiguousarray(after.mean((2, 4)).astype(np.uint8))


def test_an_edit_changes_one_to_three_choices() -> None:
    for seed in range(20):
        face = face_of(seed)
        after = edited(face, random.Random(seed))
        changed = [name for name in face.choices if face.choices[name] != after.choices[name]]
        assert len(changed) <= 3
        assert after.continuous == face.continuous
    assert sum(edited(face_of(1), random.Random(i)).choices != face_of(1).choices for i in range(20)) >= 18


def test_pairs_are_the_same_picture_but_for_a_change(pairs: NDArray[np.uint8], tmp_path: Path) -> None:
    assert pairs.shape == (6, 2, 128, 128, 3)
    same = (pairs[:, 0] == pairs[:, 1]).all(-1).mean((1, 2))
    assert (same > 0.3).sum() >= 4 and (same < 1).sum() >= 5
    again = load_pairs(tmp_path, 2, 64)
    assert again.shape == (2, 2, 64, 64, 3)
    assert (load_pairs(tmp_path, 2, 64) == again).all()


def test_other_drawings_are_many_and_repeat() -> None:
    assert other_drawing(3) == other_drawing(3)
    assert len({other_drawing(seed) for seed in range(40)}) == 40
    picture = render_other(3, 64)
    assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8


@pytest.mark.parametrize(
    "name", ["ghosted", "wobbled", "softened", "overshot", "tinted", "dirty", "generated"]
)
def test_damage_changes_a_little_and_repeats(name: str) -> None:
    images = F.interpolate(torch.rand(8, 3, 6, 6, generator=rng()), scale_factor=8.0)
    damage = getattr(generated_damage, name)
    if name in ("ghosted", "generated"):
        damage = partial(damage, images, images.roll(1, 0))
        worn = damage(rng(1))
        assert torch.equal(worn, damage(rng(1)))
    else:
        worn = damage(images, rng(1))
        assert torch.equal(worn, damage(images, rng(1)))
    assert worn.shape == images.shape
    assert 0.0001 < (worn - images).abs().mean() < 0.1


def test_some_pictures_stay_clean() -> None:
    images = torch.rand(64, 3, 8, 8, generator=rng())
    same = (generated_damage.generated(images, images.roll(1, 0), rng(2)) == images).flatten(1).all(1)
    assert 1 <= same.sum() <= 32


def test_small_things_weigh_more_than_flats() -> None:
    drawn = torch.full((1, 3, 64, 64), 0.8)
    drawn[..., 30:33, 30:33] = 0.6
    weight = detail_weight(drawn)
    assert weight.shape == (1, 1, 64, 64)
    assert weight[0, 0, 0, 0] == pytest.approx(1.0, abs=0.05)
    assert weight[0, 0, 31, 31] > 2.5


def test_the_loss_sees_soft_edges_and_heeds_trust() -> None:
    target = torch.zeros(1, 3, 32, 32)
    target[..., 16:] = 1
    soft = F.avg_pool2d(F.pad(target, (4, 4, 0, 0), mode="replicate"), (1, 9), stride=1)
    assert drawing_loss(target, target, 1.0) == 0
    assert drawing_loss(soft, target, 1.0) > drawing_loss(soft, target, 0.0) > 0
    assert drawing_loss(soft, target, 1.0, torch.zeros(1, 1, 32, 32)) == 0


def test_layers_compare_relative_to_the_target() -> None:
    target = torch.rand(2, 3, 8, 8, generator=rng())
    assert layer_distance(halves, target, target) == 0
    assert float(layer_distance(halves, target * 1.1, target)) == pytest.approx(0.2, abs=1e-4)


def test_colours_change_alike_in_both_pictures() -> None:
    large = torch.rand(16, 3, 8, 8, generator=rng())
    changed, small = recoloured([large, F.avg_pool2d(large, 2)], rng(1))
    torch.testing.assert_close(F.avg_pool2d(changed, 2), small)
    kept = (changed == large).flatten(1).all(1)
    assert 2 <= kept.sum() <= 14
    assert changed.min() >= 0 and changed.max() <= 1


def test_agreement_is_lost_where_shapes_differ() -> None:
    drawn = torch.zeros(1, 3, 32, 32)
    made = drawn.clone()
    made[..., 20:] = 1
    trust = agreement(made, drawn)
    assert trust[..., :12].min() == 1 and trust[..., 26:].max() < 0.05


def test_crops_fit_their_drawings() -> None:
    picture: NDArray[np.uint8] = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    part = cut(picture, (1, 0), 1, 4)
    assert torch.equal(part[:, 0, 0] * 255, torch.tensor(picture[4, 0], dtype=torch.float32))
    assert torch.equal(turned(turned(part, 1, False), 3, False), part)
    assert torch.equal(turned(part, 0, True), part.flip(2))


def test_crops_with_something_in_them_are_busy_and_changed_ones_more() -> None:
    picture = np.zeros((2, 32, 32, 3), np.uint8)
    picture[:, :16, :16] = np.arange(16, dtype=np.uint8)[:, None, None] * 10
    assert busy(picture, (0, 0), 4) > busy(picture, (4, 4), 4) == 0
    changed = picture.copy()
    changed[0, :16, :16] = 0
    assert busy(changed, (0, 0), 4) > busy(picture, (0, 0), 4)


def test_batches_are_small_large_and_what_they_were_made_of(
    pairs: NDArray[np.uint8], made: NDArray[np.uint8], tmp_path: Path
) -> None:
    trainer = RedrawTrainer(pairs, None, tmp_path, RedrawSettings(batch=16, crop=16), made=made)
    trainer.rng.manual_seed(0)
    small, large, beside, given, trust = trainer.batch()
    assert small.shape == (16, 3, 16, 16) and large.shape == beside.shape == (16, 3, 64, 64)
    assert given.shape == (16, 1, 1, 1) and {*given.flatten().tolist()} == {0.0, 1.0}
    assert (small - F.avg_pool2d(large, 4)).abs().mean() < 0.1
    assert trust.min() > 0.9  # what was "made" here are the drawings


def test_the_loss_falls(pairs: NDArray[np.uint8], tmp_path: Path) -> None:
    settings = RedrawSettings(steps=60, batch=4, crop=16, perceptual=0)
    losses = [step.loss for step in RedrawTrainer(pairs, None, tmp_path, settings).run()]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


def test_resuming_gives_the_same_bits(pairs: NDArray[np.uint8], tmp_path: Path) -> None:
    whole = RedrawTrainer(pairs, halves, tmp_path / "whole", SETTINGS)
    list(whole.run())
    half = RedrawTrainer(pairs, halves, tmp_path / "half", SETTINGS)
    steps = half.run()
    next(steps), next(steps)
    half.save()
    again = RedrawTrainer(pairs, halves, tmp_path / "half", SETTINGS)
    assert again.done == {"redraw": 2}
    list(again.run())
    assert whole.average is not None and again.average is not None
    kept = again.average.module.state_dict()
    for key, value in whole.average.module.state_dict().items():
        assert torch.equal(value, kept[key]), key
