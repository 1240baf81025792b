"""The parser's training: it learns, it resumes to the same bits, and its measure counts pixels."""

import math
import statistics
from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush import InputFileError
from promptbrush.generators.parser import PARTS
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.parser import ParserTrainer, mean_iou, part_weights
from promptbrush.generators.training.settings import ParserSettings


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def faces(work: Path) -> FaceSet:
    return load_faces(work, 8, 128, first_seed=500)


def measured(trainer: ParserTrainer) -> float:
    pictures = trainer.faces.pictures(torch.arange(8)) / 2 + 0.5
    shares = mean_iou(trainer.network.parse(pictures), torch.from_numpy(np.array(trainer.masks)))
    return statistics.fmean(share for share in shares.values() if not math.isnan(share))


def test_it_learns_a_small_set_by_heart(faces: FaceSet, tmp_path: Path) -> None:
    trainer = ParserTrainer(faces, tmp_path, ParserSettings(steps=50, batch=4))
    before = measured(trainer)
    losses = [step.loss for step in trainer.run()]
    assert losses[-1] < 0.75 * losses[0]
    assert measured(trainer) > before + 0.05


def test_pictures_and_masks_move_together(faces: FaceSet, tmp_path: Path) -> None:
    trainer = ParserTrainer(faces, tmp_path, ParserSettings(batch=4))
    seen = []
    trainer._seen = lambda pictures: seen.append(pictures) or pictures
    trainer.network.forward = lambda pictures: torch.zeros(len(pictures), 12, 128, 128)
    moved = []
    shifted = trainer.shifted
    trainer.shifted = lambda images: moved.append(shifted(images)) or moved[-1]
    trainer.row_loss(torch.arange(4))
    assert torch.equal(seen[0], moved[0][:, :3])
    masks = torch.from_numpy(np.array(trainer.masks[:4])).float()
    assert set(moved[0][:, 3].unique().tolist()) <= set(masks.unique().tolist())
    assert (moved[0][:, 3] == masks).float().mean() > 0.8


def test_resuming_gives_the_same_bits(faces: FaceSet, tmp_path: Path) -> None:
    short = ParserSettings(steps=4, batch=2)
    whole = ParserTrainer(faces, tmp_path / "whole", short)
    list(whole.run())
    half = ParserTrainer(faces, tmp_path / "half", short)
    steps = half.run()
    next(steps)
    next(steps)
    half.save()
    again = ParserTrainer(faces, tmp_path / "half", short)
    assert again.done == {"parser": 2}
    list(again.run())
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key]), key


def test_a_foreign_checkpoint_is_named(faces: FaceSet, tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "parser.pt")
    with pytest.raises(InputFileError, match=r"parser\.pt.*move it away"):
        ParserTrainer(faces, tmp_path, ParserSettings())


def test_small_parts_weigh_more() -> None:
    masks = np.zeros((1, 10, 10), np.uint8)
    masks[0, 0] = 1
    weights = part_weights(masks, 0.5)
    assert weights[1] / weights[0] == pytest.approx(3.0, rel=1e-4)
    assert 0.9 * weights[0] + 0.1 * weights[1] == pytest.approx(1.0)
    assert torch.equal(part_weights(masks, 0.0), torch.ones(12))


def test_the_measure_is_intersection_over_union() -> None:
    true = torch.tensor([[[0, 0, 1, 1]], [[0, 2, 2, 2]]])
    found = torch.tensor([[[0, 1, 1, 1]], [[0, 2, 2, 0]]])
    shares = mean_iou(found, true)
    assert [*shares] == [*PARTS]
    assert shares["background"] == pytest.approx(2 / 4)
    assert shares["skin"] == pytest.approx(2 / 3)
    assert shares["hair"] == pytest.approx(2 / 3)
    assert math.isnan(shares["hat"])
    assert mean_iou(true, true)["skin"] == 1.0
