"""The judge learns what is visible and judges the same from its file."""

from pathlib import Path

import pytest
import torch
from promptbrush import InputFileError
from promptbrush._weights import save_half
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.judge import JudgeTrainer, load_judge
from promptbrush.generators.training.labels import accuracy
from promptbrush.generators.training.settings import JudgeSettings


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    return load_faces(tmp_path_factory.mktemp("faces"), 16, 64, first_seed=500)


def test_it_learns_a_small_set_by_heart(faces: FaceSet, tmp_path: Path) -> None:
    trainer = JudgeTrainer(faces, tmp_path, JudgeSettings(steps=80, batch=16))
    losses = [step.loss for step in trainer.run()]
    assert losses[-1] < 0.5 * losses[0]
    with torch.no_grad():
        shares = accuracy(trainer.network(trainer.faces.pictures(torch.arange(16)) / 2 + 0.5), trainer.labels)
    assert shares["background_colour"] > 0.8


def test_a_saved_judge_judges_the_same(faces: FaceSet, tmp_path: Path) -> None:
    trainer = JudgeTrainer(faces, tmp_path, JudgeSettings())
    save_half(trainer.network, tmp_path / "judge.safetensors", {"licence": "CC-BY-4.0"})
    images = trainer.faces.pictures(torch.arange(4)) / 2 + 0.5
    loaded = load_judge(tmp_path / "judge.safetensors")(images)
    for name, logits in trainer.network(images).items():
        assert torch.allclose(logits, loaded[name], atol=5e-3), name
    with pytest.raises(InputFileError, match="train judge"):
        load_judge(tmp_path / "nothing.safetensors")
