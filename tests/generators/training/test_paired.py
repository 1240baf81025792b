"""The paired fit: it learns, it resumes to the same bits, and a wrong checkpoint is named."""

from pathlib import Path

import pytest
import torch
from promptbrush import InputFileError
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.paired import FitSettings, Trainer

SETTINGS = FitSettings(steps=6, batch=4, distil_steps=4, distil_batch=16)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    return load_faces(tmp_path_factory.mktemp("faces"), 24, 64)


def test_a_set_is_drawn_once_and_read_again(tmp_path: Path) -> None:
    first = load_faces(tmp_path, 5, 64, first_seed=7)
    assert first.images.shape == (5, 64, 64, 3)
    assert (load_faces(tmp_path, 5, 64, first_seed=7).images == first.images).all()
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]


def test_the_loss_falls(faces: FaceSet, tmp_path: Path) -> None:
    settings = FitSettings(steps=40, batch=8, distil_steps=30, distil_batch=64)
    steps = list(Trainer(faces, tmp_path, settings).run())
    for stage in ("fit", "distil"):
        losses = [step.loss for step in steps if step.stage == stage]
        assert sum(losses[-5:]) < 0.8 * sum(losses[:5]), stage


def test_resuming_gives_the_same_bits(faces: FaceSet, tmp_path: Path) -> None:
    whole = Trainer(faces, tmp_path / "whole", SETTINGS)
    list(whole.run())
    half = Trainer(faces, tmp_path / "half", SETTINGS)
    steps = half.run()
    for _ in range(3):
        next(steps)
    half.save()
    again = Trainer(faces, tmp_path / "half", SETTINGS)
    assert again.done == {"fit": 3, "distil": 0}
    list(again.run())
    for key, value in whole.average.state_dict().items():
        assert torch.equal(value, again.average.state_dict()[key]), key


def test_a_foreign_checkpoint_is_named(faces: FaceSet, tmp_path: Path) -> None:
    torch.save({"model": {}}, tmp_path / "paired.pt")
    with pytest.raises(InputFileError, match=r"paired\.pt.*move it away"):
        Trainer(faces, tmp_path, SETTINGS)
