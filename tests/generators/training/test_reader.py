"""The reader learns, and its loss tells small things apart."""

from pathlib import Path

import pytest
import torch
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.labels import accuracy
from promptbrush.generators.training.reader import Reader, ReaderTrainer, reading_loss
from promptbrush.generators.training.settings import ReaderSettings


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    return load_faces(tmp_path_factory.mktemp("faces"), 16, 64, first_seed=500)


def test_it_learns_a_small_set_by_heart(faces: FaceSet, tmp_path: Path) -> None:
    trainer = ReaderTrainer(faces, tmp_path, ReaderSettings(steps=40, batch=16, radius=1.0))
    losses = [step.loss for step in trainer.run()]
    assert losses[-1] < 0.5 * losses[0]
    with torch.no_grad():
        _, logits = trainer.network.read(faces.pictures(torch.arange(16)))
    assert accuracy(logits, trainer.labels)["background_colour"] > 0.8


def test_attacked_pictures_lie_in_the_ball_and_are_worse(faces: FaceSet, tmp_path: Path) -> None:
    trainer = ReaderTrainer(faces, tmp_path, ReaderSettings(radius=3.0))
    images = faces.pictures(torch.arange(16))
    attacked = trainer._attacked(images, trainer.labels)
    lengths = (attacked - images).flatten(1).norm(dim=1)
    assert lengths.max() <= 3.001
    assert lengths.std() > 0.3
    assert trainer._read(attacked, trainer.labels) > trainer._read(images, trainer.labels)


def test_the_loss_is_none_for_the_same_and_sees_small_changes(faces: FaceSet) -> None:
    torch.manual_seed(0)
    reader, drawn = Reader().eval(), faces.pictures(torch.arange(4))
    labels = torch.zeros(4, 20, dtype=torch.long)
    changed = drawn.clone()
    changed[:, :, 38:42, 30:34] *= -1
    changed.requires_grad_()
    assert reading_loss(reader, drawn, drawn, labels, naming=0.0) < 1e-6
    loss = reading_loss(reader, changed, drawn, labels, naming=0.0)
    assert loss > 1e-3
    assert reading_loss(reader, changed, drawn, labels, naming=1.0) > loss
    loss.backward()
    assert changed.grad is not None
    assert changed.grad[:, :, 38:42, 30:34].abs().mean() > 10 * changed.grad[:, :, :10].abs().mean()


def test_larger_pictures_are_read_at_its_size(faces: FaceSet) -> None:
    reader, drawn = Reader().eval(), faces.pictures(torch.arange(2))
    larger = torch.nn.functional.interpolate(drawn, scale_factor=2, mode="nearest")
    for small, large in zip(reader.features(drawn), reader.features(larger), strict=True):
        torch.testing.assert_close(large, small)
