"""The adversarial finish: the warm-up spares the generator, both sides learn, W stays, it resumes to the same bits."""

import math
from pathlib import Path

import pytest
import torch
from promptbrush import InputFileError
from promptbrush.generators.content import FaceContent
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.finish import FinishTrainer
from promptbrush.generators.training.fit import PairedModel, mini_generator
from promptbrush.generators.training.settings import FinishSettings

SETTINGS = FinishSettings(steps=4, batch=4, warm_up=1, r1_every=2)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    return load_faces(tmp_path_factory.mktemp("faces"), 16, 64)


@pytest.fixture(scope="module")
def fitted(faces: FaceSet) -> PairedModel:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return PairedModel(mini_generator(64), faces.vectors.shape[1])


def test_the_discriminator_learns_during_the_warm_up_and_the_generator_waits(
    faces: FaceSet, fitted: PairedModel, tmp_path: Path
) -> None:
    settings = SETTINGS.model_copy(update={"steps": 12, "warm_up": 12, "batch": 8})
    trainer = FinishTrainer(faces, tmp_path, fitted, FaceContent(), settings)
    steps = list(trainer.run())
    assert steps[0].terms["discriminator"] == pytest.approx(2 * math.log(2), rel=0.3)
    assert steps[-1].terms["discriminator"] < 0.5 * steps[0].terms["discriminator"]
    for key, value in fitted.state_dict().items():
        assert torch.equal(value, trainer.model.state_dict()[key]), key


def test_only_synthesis_moves(faces: FaceSet, fitted: PairedModel, tmp_path: Path) -> None:
    trainer = FinishTrainer(faces, tmp_path, fitted, FaceContent(), SETTINGS)
    list(trainer.run())
    moved = {k for k, v in fitted.state_dict().items() if not torch.equal(v, trainer.model.state_dict()[k])}
    assert moved
    assert all(key.startswith("generator.synthesis.") for key in moved)
    average = trainer.finished.state_dict()["generator.synthesis.b64.torgb.weight"]
    assert not torch.equal(average, fitted.state_dict()["generator.synthesis.b64.torgb.weight"])


def test_resuming_gives_the_same_bits(faces: FaceSet, fitted: PairedModel, tmp_path: Path) -> None:
    reader = FaceContent()
    whole = FinishTrainer(faces, tmp_path / "whole", fitted, reader, SETTINGS)
    list(whole.run())
    half = FinishTrainer(faces, tmp_path / "half", fitted, reader, SETTINGS)
    steps = half.run()
    next(steps)
    next(steps)
    half.save()
    again = FinishTrainer(faces, tmp_path / "half", fitted, reader, SETTINGS)
    assert again.done == {"finish": 2}
    list(again.run())
    for key, value in whole.finished.state_dict().items():
        assert torch.equal(value, again.finished.state_dict()[key]), key


def test_a_foreign_checkpoint_is_named(faces: FaceSet, fitted: PairedModel, tmp_path: Path) -> None:
    torch.save({"model": {}}, tmp_path / "finish.pt")
    with pytest.raises(InputFileError, match=r"finish\.pt.*move it away"):
        FinishTrainer(faces, tmp_path, fitted, FaceContent(), SETTINGS)
