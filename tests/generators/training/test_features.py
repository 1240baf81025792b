"""Identities: what variants share, the loss that draws them together, and the training."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from promptbrush import InputFileError
from promptbrush.generators.training.face_captions import is_held_out
from promptbrush.generators.training.faces import CHOICES, render
from promptbrush.generators.training.features import (
    IDENTITY,
    VARIANTS,
    FeaturesTrainer,
    identity_loss,
    load_variants,
    recognised,
    variant_labels,
    variants,
)
from promptbrush.generators.training.labels import HIDDEN
from promptbrush.generators.training.settings import FeaturesSettings
from torch import Tensor, nn

LABELS = variant_labels(12)


class Small(nn.Module):
    """A network of the size of these tests."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 5, 2, 2),
            nn.GELU(),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.GELU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(512, 32),
        )

    def forward(self, images: Tensor) -> Tensor:
        return F.normalize(self.layers(images).float(), dim=1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.uint8]:
    return load_variants(tmp_path_factory.mktemp("work"), 12, size=64)


def test_variants_share_identity_and_nothing_else() -> None:
    differ = dict.fromkeys(CHOICES, 0)
    for seed in range(60):
        first, *others = variants(seed)
        assert len(others) == VARIANTS - 1
        assert not any(map(is_held_out, [first, *others]))
        for other in others:
            for name in CHOICES:
                differ[name] += first.choices[name] != other.choices[name]
            same = {name for name, value in first.continuous.items() if other.continuous[name] == value}
            assert same == {"skin_r", "skin_g", "skin_b"}
    assert {name for name, count in differ.items() if not count} == set(IDENTITY)
    assert len({variants(seed)[0].continuous["skin_r"] for seed in range(20)}) == 20


def test_pictures_are_of_the_variants(pictures: NDArray[np.uint8]) -> None:
    assert pictures.shape == (12, VARIANTS, 64, 64, 3)
    assert np.array_equal(pictures[3, 1], render(variants(3)[1], 64))


def test_labels_are_those_of_the_variants() -> None:
    labels = variant_labels(30)
    assert labels.shape == (30, VARIANTS, len(IDENTITY))
    for place, name in enumerate(IDENTITY):
        seen = labels[:, :, place]
        assert (seen != HIDDEN).any()
        for seed in range(30):
            told = {int(each) for each in seen[seed] if each != HIDDEN}
            assert told <= {list(CHOICES[name]).index(variants(seed)[0].choices[name])}


def test_the_loss_is_least_where_identities_lie_together() -> None:
    corners, identities = torch.eye(4), torch.tensor([0, 1, 0, 1])
    together, crossed = corners[[0, 1, 0, 1]], corners[[0, 0, 1, 1]]
    assert identity_loss(together, identities, 0.1) < 1e-3
    assert identity_loss(crossed, identities, 0.1) > 9
    # One positive among three others at the same distance.
    assert identity_loss(corners, identities, 0.1) == pytest.approx(np.log(3), rel=1e-5)
    # Rows drawn twice are one identity, not each other's opposite.
    assert identity_loss(corners[[0, 0, 0, 0, 1, 1]], torch.tensor([0, 0, 0, 0, 1, 1]), 0.1) < 1.2


def test_recognition_counts_nearest_neighbours() -> None:
    features = F.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [1.0, 0.2]]), dim=1)
    assert recognised(features, torch.tensor([0, 0, 1, 1])) == pytest.approx(0.5)


def test_it_learns_a_few_faces_by_heart(pictures: NDArray[np.uint8], tmp_path: Path) -> None:
    settings = FeaturesSettings(steps=160, batch=12)
    trainer = FeaturesTrainer(pictures, LABELS, Small, tmp_path, settings)
    losses = [step.loss for step in trainer.run()]
    assert np.mean(losses[-5:]) < 0.75 * losses[0]
    shown = torch.from_numpy(np.array(pictures)).flatten(0, 1).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        share = recognised(trainer.network(shown), torch.arange(12).repeat_interleave(VARIANTS))
    assert share > 0.4  # 0.06 by chance


def test_resuming_gives_the_same_bits(pictures: NDArray[np.uint8], tmp_path: Path) -> None:
    short = FeaturesSettings(steps=4, batch=4)
    whole = FeaturesTrainer(pictures, LABELS, Small, tmp_path / "whole", short)
    list(whole.run())
    half = FeaturesTrainer(pictures, LABELS, Small, tmp_path / "half", short)
    steps = half.run()
    next(steps)
    next(steps)
    half.save()
    again = FeaturesTrainer(pictures, LABELS, Small, tmp_path / "half", short)
    assert again.done == {"features": 2}
    list(again.run())
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key]), key
    torch.save([1, 2], tmp_path / "features.pt")
    with pytest.raises(InputFileError, match=r"features\.pt"):
        FeaturesTrainer(pictures, LABELS, Small, tmp_path, short)
