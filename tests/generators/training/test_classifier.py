"""Trainings of judge and reader resume to the same bits, and refuse the checkpoint of another."""

from pathlib import Path
from typing import Any

import pytest
import torch
from promptbrush import InputFileError
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.judge import JudgeTrainer
from promptbrush.generators.training.reader import ReaderTrainer
from promptbrush.generators.training.settings import JudgeSettings, ReaderSettings

KINDS = [
    pytest.param(JudgeTrainer, JudgeSettings, "judge", id="judge"),
    pytest.param(ReaderTrainer, ReaderSettings, "reader", id="reader"),
]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    return load_faces(tmp_path_factory.mktemp("faces"), 16, 64, first_seed=500)


@pytest.mark.parametrize(("trainer", "settings", "name"), KINDS)
def test_resuming_gives_the_same_bits(
    trainer: Any, settings: Any, name: str, faces: FaceSet, tmp_path: Path
) -> None:
    short = settings(steps=4, batch=4)
    whole = trainer(faces, tmp_path / "whole", short)
    list(whole.run())
    half = trainer(faces, tmp_path / "half", short)
    steps = half.run()
    next(steps)
    next(steps)
    half.save()
    assert (tmp_path / "half" / f"{name}.pt").exists()
    again = trainer(faces, tmp_path / "half", short)
    assert again.done == {name: 2}
    list(again.run())
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key]), key


@pytest.mark.parametrize(("trainer", "settings", "name"), KINDS)
def test_a_foreign_checkpoint_is_named(
    trainer: Any, settings: Any, name: str, faces: FaceSet, tmp_path: Path
) -> None:
    torch.save([1, 2], tmp_path / f"{name}.pt")
    with pytest.raises(InputFileError, match=rf"{name}\.pt.*move it away"):
        trainer(faces, tmp_path, settings())


@pytest.mark.parametrize(("trainer", "settings", "name"), KINDS)
@pytest.mark.parametrize(
    ("changed", "seed", "differs"), [({}, 1, "seed 0.*seed 1"), ({"lr": 0.5}, 0, "lr .*lr 0.5")]
)
def test_another_training_does_not_resume_the_checkpoint(
    trainer: Any,
    settings: Any,
    name: str,
    faces: FaceSet,
    tmp_path: Path,
    changed: Any,
    seed: int,
    differs: str,
) -> None:
    trainer(faces, tmp_path, settings(steps=2, batch=2)).save()
    with pytest.raises(
        InputFileError, match=rf"{name}\.pt: a checkpoint of {differs}; move it away or give --work"
    ):
        trainer(faces, tmp_path, settings(steps=2, batch=2, **changed), seed)
