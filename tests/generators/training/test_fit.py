"""The paired fit: it learns, it resumes to the same bits, and a wrong checkpoint is named."""

from pathlib import Path

import pytest
import torch
from promptbrush import InputFileError
from promptbrush._weights import save_half
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.fit import FitTrainer, read_attributes
from promptbrush.generators.training.reader import Reader
from promptbrush.generators.training.settings import FitSettings

SETTINGS = FitSettings(
    steps=4, batch=4, refine_steps=2, half_steps=2, distil_steps=4, distil_batch=16, distil_faces=64
)


def trainer_of(faces: FaceSet, folder: Path, settings: FitSettings = SETTINGS) -> FitTrainer:
    torch.manual_seed(0)
    return FitTrainer(faces, Reader(), folder, settings)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    return load_faces(tmp_path_factory.mktemp("faces"), 24, 64)


def test_a_set_is_drawn_once_and_read_again(tmp_path: Path) -> None:
    first = load_faces(tmp_path, 5, 64, first_seed=7)
    assert first.images.shape == (5, 64, 64, 3)
    assert (load_faces(tmp_path, 5, 64, first_seed=7).images == first.images).all()
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]


def test_the_loss_falls(faces: FaceSet, tmp_path: Path) -> None:
    settings = FitSettings(
        half_steps=40, steps=30, batch=6, refine_steps=30, distil_steps=30, distil_batch=64, distil_faces=256
    )
    steps = list(trainer_of(faces, tmp_path, settings).run())
    for stage, bound in (("half", 0.8), ("fit", 0.95), ("refine", 0.95), ("distil", 0.8)):
        losses = [step.loss for step in steps if step.stage == stage]
        assert sum(losses[-5:]) < bound * sum(losses[:5]), stage


def test_resuming_gives_the_same_bits(faces: FaceSet, tmp_path: Path) -> None:
    whole = trainer_of(faces, tmp_path / "whole")
    list(whole.run())
    half = trainer_of(faces, tmp_path / "half")
    steps = half.run()
    for _ in range(7):
        next(steps)
    half.save()
    again = trainer_of(faces, tmp_path / "half")
    assert again.done == {"half": 2, "fit": 4, "refine": 1, "distil": 0}
    list(again.run())
    for key, value in whole.fitted.state_dict().items():
        assert torch.equal(value, again.fitted.state_dict()[key]), key


def test_a_foreign_checkpoint_is_named(faces: FaceSet, tmp_path: Path) -> None:
    torch.save({"model": {}}, tmp_path / "paired.pt")
    with pytest.raises(InputFileError, match=r"paired\.pt.*move it away"):
        trainer_of(faces, tmp_path)


def test_a_saved_attribute_network_gives_the_same_w(faces: FaceSet, tmp_path: Path) -> None:
    network, path = trainer_of(faces, tmp_path).fitted.attributes, tmp_path / "attributes.safetensors"
    save_half(network, path, {"licence": "CC-BY-4.0"})
    vectors = torch.from_numpy(faces.vectors)
    assert torch.allclose(read_attributes(path)(vectors), network(vectors), atol=1e-2)
    (tmp_path / "broken").write_bytes(path.read_bytes()[:50])
    for name in ("broken", "nothing"):
        with pytest.raises(InputFileError, match=f"{name}: not an attribute network"):
            read_attributes(tmp_path / name)
