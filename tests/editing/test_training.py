"""The embedded CLIP's training from end to end at toy size: draw, train, save, load as any other CLIP."""

from pathlib import Path

import pytest
import torch
from promptbrush import MissingError
from promptbrush.cli import app
from promptbrush.editing.training import (
    BPE_NAME,
    FacePairs,
    clip_trainer,
    draw_blends,
    robust_trainer,
    save_clip,
)
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.paired import PairedModel, mini_generator
from promptbrush.guidance.perceptor import load_perceptor
from promptbrush.guidance.training.clip import ClipSettings
from promptbrush.guidance.training.robust import RobustSettings, soft_targets
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    return load_faces(tmp_path_factory.mktemp("faces"), 16, 64)


def test_a_trained_clip_loads_and_gives_the_same_features(faces: FaceSet, tmp_path: Path) -> None:
    trainer = clip_trainer(faces, tmp_path / "work", ClipSettings(steps=2, batch=4))
    list(trainer.run())
    save_clip(trainer, faces, tmp_path / "work" / BPE_NAME, tmp_path / "clip")
    files = {path.name for path in (tmp_path / "clip").iterdir()}
    assert files == {"clip.json", "clip.safetensors", "bpe.txt.gz"}
    perceptor = load_perceptor(tmp_path / "clip")
    trainer.model.eval()
    images = FacePairs(faces).images(torch.arange(3))
    with torch.no_grad():
        ours = perceptor.encode_image(images)
        theirs = torch.nn.functional.normalize(trainer.model.encode_image(images * 2 - 1).float(), dim=-1)
        words = perceptor.encode_text(["a face with pink hair"])
        tokens = trainer.tokenizer(["a face with pink hair"])
        expected = torch.nn.functional.normalize(trainer.model.encode_text(tokens), dim=-1)
    assert torch.allclose(ours, theirs, atol=2e-3)
    assert torch.allclose(words, expected, atol=2e-3)


@pytest.fixture(scope="module")
def model(faces: FaceSet) -> PairedModel:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return PairedModel(mini_generator(64), faces.vectors.shape[1]).eval().requires_grad_(False)


def test_blends_lie_between_faces(faces: FaceSet, model: PairedModel) -> None:
    pairs = FacePairs(faces)
    blends, again = draw_blends(pairs, model), draw_blends(pairs, model)
    assert blends.images.shape == (16, 3, 64, 64)
    assert blends.images.dtype == torch.uint8
    assert torch.equal(blends.images, again.images)
    assert torch.equal(blends.first, pairs.labels)
    assert not torch.equal(blends.second, blends.first)
    assert 0 <= float(blends.share.min()) < float(blends.share.max()) <= 1
    assert float(blends.images.float().std()) > 1


def test_the_second_stage_resumes_to_the_same_bits_and_leaves_the_texts(
    faces: FaceSet, model: PairedModel, tmp_path: Path
) -> None:
    def stage(folder: Path, steps: int) -> dict[str, torch.Tensor]:
        base = clip_trainer(faces, tmp_path / "base", ClipSettings(steps=1, batch=4))
        list(base.run())
        settings = RobustSettings(steps=4, batch=4)
        trainer = robust_trainer(base, model, folder, settings)
        for _, step in zip(range(steps), trainer.run(), strict=False):
            assert step.loss > 0
        trainer.save()
        return {key: value.clone() for key, value in base.model.state_dict().items()}

    start = clip_trainer(faces, tmp_path / "base", ClipSettings(steps=1, batch=4))
    list(start.run())
    whole = stage(tmp_path / "whole", 4)
    stage(tmp_path / "parts", 2)
    parts = stage(tmp_path / "parts", 4)
    for key, value in start.model.state_dict().items():
        assert torch.equal(whole[key], parts[key]), key
        if not key.startswith("visual."):
            assert torch.equal(whole[key], value), key
    moved = whole["visual.conv1.weight"] - start.model.visual.conv1.weight.detach()
    assert float(moved.abs().max()) > 0


def test_soft_targets_share_the_two_answers() -> None:
    first, second = torch.tensor([[0, 2], [1, -1]]), torch.tensor([[1, 2], [1, 0]])
    target, known = soft_targets(first, second, torch.tensor([0.25, 0.5]), [2, 3])
    assert torch.allclose(target, torch.tensor([[0.75, 0.25, 0, 0, 1], [0, 1, 0, 0, 0]]))
    assert torch.equal(known, torch.tensor([[1.0, 1], [1, 0]]))


def test_the_second_stage_asks_for_the_generator_before_it_draws_anything(tmp_path: Path) -> None:
    words = ["train", "clip", "--work", str(tmp_path), "-o", str(tmp_path / "clip"), "--faces", "4"]
    failed = CliRunner().invoke(app, words)
    assert isinstance(failed.exception, MissingError)
    assert "train stylegan2 --work" in str(failed.exception)
    assert not list(tmp_path.iterdir())
