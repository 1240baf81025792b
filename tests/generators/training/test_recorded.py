"""The first steps of trainings give the losses that were recorded when every trainer had a loop of its own.

The trainers of then were seeded anew before each step, as the one trainer does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from promptbrush._seeds import seeded
from promptbrush.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from promptbrush.generators.training.encoder import EncoderTrainer
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.finish import FinishTrainer
from promptbrush.generators.training.fit import AttributeNetwork, FitTrainer, PairedModel, mini_generator
from promptbrush.generators.training.judge import JudgeTrainer
from promptbrush.generators.training.reader import Reader, ReaderTrainer
from promptbrush.generators.training.settings import (
    EncoderSettings,
    FinishSettings,
    FitSettings,
    JudgeSettings,
    ReaderSettings,
)

SEED = 5
# Other processors add up in another order.
CLOSE = 2e-3


@pytest.fixture(autouse=True)
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTBRUSH_BFLOAT16", "off")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faces")


@pytest.fixture(scope="module")
def faces(work: Path) -> FaceSet:
    return load_faces(work, 24, 64)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return seeded(0, Reader).eval().requires_grad_(False)


def test_judge_and_reader(faces: FaceSet, tmp_path: Path) -> None:
    judge = JudgeTrainer(faces, tmp_path, JudgeSettings(steps=4, batch=4), SEED)
    losses = [step.loss for step in judge.run()]
    assert losses == pytest.approx([1.659779, 1.499494, 1.583676, 1.827221], rel=CLOSE)
    reading = ReaderTrainer(faces, tmp_path, ReaderSettings(steps=4, batch=4), SEED)
    losses = [step.loss for step in reading.run()]
    assert losses == pytest.approx([1.782404, 1.494750, 1.697073, 1.970546], rel=CLOSE)


def test_fit(faces: FaceSet, reader: Reader, tmp_path: Path) -> None:
    steps = {"half_steps": 3, "steps": 3, "refine_steps": 3, "distil_steps": 3}
    settings = FitSettings(batch=4, distil_batch=16, distil_faces=64, **steps)
    losses = [step.loss for step in FitTrainer(faces, reader, tmp_path, settings, SEED).run()]
    half, fit = [3.357534, 3.204320, 3.717117], [2.664095, 2.663068, 2.781962]
    refine, distil = [6.858809, 6.090773, 6.414833], [1.088383, 1.039543, 0.330421]
    assert losses == pytest.approx([*half, *fit, *refine, *distil], rel=CLOSE)


def test_finish(faces: FaceSet, reader: Reader, tmp_path: Path) -> None:
    fitted = seeded(1, lambda: PairedModel(mini_generator(64), faces.vectors.shape[1]))
    settings = FinishSettings(steps=4, batch=4, warm_up=1, r1_every=2)
    steps = [*FinishTrainer(faces, tmp_path, fitted, reader, settings, SEED).run()]
    found = {name: [step.terms[name] for step in steps] for name in ("discriminator", "generator", "known")}
    assert found["discriminator"] == pytest.approx([1.603940, 1.932924, 1.487300, 1.275443], rel=CLOSE)
    assert found["generator"] == pytest.approx([0.547965, 0.603256, 0.891821, 1.249597], rel=CLOSE)
    assert found["known"] == pytest.approx([7.689465, 7.034114, 8.038786, 10.565147], rel=CLOSE)


def test_encoder(work: Path, reader: Reader, tmp_path: Path) -> None:
    faces, channels = load_faces(work, 24, 32), {4: 16, 8: 16, 16: 16, 32: 8}
    config = StyleGAN2Config(32, channels, mapping_layers=2, lr_multiplier=1.0, z_dim=8, w_dim=12)
    generator = seeded(2, lambda: StyleGAN2(config)).eval().requires_grad_(False)
    attributes = seeded(3, lambda: AttributeNetwork(faces.vectors.shape[1], 12)).requires_grad_(False)
    settings = EncoderSettings(steps=4, batch=4, drawn=2, sampled=2)
    trainer = EncoderTrainer(faces, generator, attributes, reader, tmp_path, settings, SEED)
    losses = [step.loss for step in trainer.run()]
    assert losses == pytest.approx([9.571453, 14.617961, 7.666286, 13.781647], rel=CLOSE)
    assert torch.isfinite(trainer.encoder.w_avg).all()
