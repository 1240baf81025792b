"""The embedded CLIP's training from end to end at toy size: draw, train, save, load as any other CLIP."""

import json
import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush import InputFileError, MissingError
from promptbrush.cli import app
from promptbrush.editing.training import blends as blending
from promptbrush.editing.training import clip as training
from promptbrush.editing.training.blends import BlendPart, Blends, draw_blends
from promptbrush.editing.training.clip import clip_config, clip_trainer, save_clip
from promptbrush.editing.training.clip_world import SOURCE_SIZE, FacePart, World
from promptbrush.generators.training.face_captions import held_out_pairs, is_held_out
from promptbrush.generators.training.face_set import FaceSet, load_faces
from promptbrush.generators.training.faces import CHOICES
from promptbrush.generators.training.fit import PairedModel, mini_generator
from promptbrush.generators.training.labels import labels_of_faces
from promptbrush.guidance.clip_models import BPE_NAME
from promptbrush.guidance.perceptor import load_perceptor
from promptbrush.guidance.training.clip import ClipTrainer
from promptbrush.guidance.training.clip_settings import ClipSettings
from promptbrush.guidance.training.pictures import DrawingPart, StyledPart, Subject, styled_set
from promptbrush.guidance.training.sources.drawings import Drawing
from promptbrush.guidance.training.vocabulary import Names, photo_caption
from typer.testing import CliRunner

SETTINGS = ClipSettings(steps=2, harden_steps=2, attack_steps=1, names=4)


@dataclass(frozen=True)
class Choice:
    """What a command would say."""

    preset: str = "mini"
    seed: int = 0
    device: str = "cpu"
    workers: int = 0


def trainer_of(
    world: World,
    work: Path,
    settings: ClipSettings = SETTINGS,
    blends: Blends | None = None,
    preset: str = "mini",
) -> ClipTrainer:
    return clip_trainer(world, work, settings, blends, Choice(preset))


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    return load_faces(tmp_path_factory.mktemp("faces"), 16, 64)


@pytest.fixture(scope="module")
def world(faces: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> World:
    drawings = [Drawing("", f"1f{each}", "noto", (f"thing {each}",)) for each in range(4)]
    images = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 4)).astype(np.uint8)
    grey = np.full((32, 32, 3), 128, np.uint8)
    styled = styled_set(tmp_path_factory.mktemp("styled"), "toy", [Subject(grey, "a square")], 1)
    part = DrawingPart(drawings, images, torch.zeros(1, 3, 128, 128))
    names = Names(["tench", "fish"], [[0], [0, 1]], 1000)
    return World(FacePart(faces), part, StyledPart(styled, photo_caption), names)


@pytest.fixture
def few(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same world with few pictures a step."""
    whole = World.shares

    def shares(self: World, blends: object = None) -> list:
        return [replace(each, learn=min(each.learn, 4), harden=4) for each in whole(self, blends)]

    monkeypatch.setattr(World, "shares", shares)
    monkeypatch.setattr(training, "_CAPTIONS_FOR_BPE", 300)
    return world


@pytest.fixture(scope="module")
def model(faces: FaceSet) -> PairedModel:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return PairedModel(mini_generator(64), faces.vectors.shape[1]).eval().requires_grad_(False)


@pytest.mark.parametrize("shape", ["mini", "judge"])
def test_a_trained_clip_loads_and_gives_the_same_features(few: World, tmp_path: Path, shape: str) -> None:
    trainer = trainer_of(
        few, tmp_path / "work", SETTINGS.model_copy(update={"harden_steps": 0}), preset=shape
    )
    steps = list(trainer.run())
    assert {*steps[0].terms} == {"contrast", "questions", "teacher", "anchors", "words", "names"}
    config, merges = clip_config(few, tmp_path / "work", shape=shape)
    save_clip(trainer, config, merges, tmp_path / "clip")
    assert {path.name for path in (tmp_path / "clip").iterdir()} == {
        "clip.json",
        "clip.safetensors",
        BPE_NAME,
    }
    perceptor = load_perceptor(tmp_path / "clip")
    trainer.model.eval()
    images = torch.rand(3, 3, 96, 96)
    with torch.no_grad():
        ours = perceptor.encode_image(images)
        theirs = torch.nn.functional.normalize(trainer.model.encode_image(images * 2 - 1).float(), dim=-1)
        words = perceptor.encode_text(["a face with pink hair"])
        tokens = trainer.tokenizer(["a face with pink hair"])
        expected = torch.nn.functional.normalize(trainer.model.encode_text(tokens), dim=-1)
    assert torch.allclose(ours, theirs, atol=5e-3)
    assert torch.allclose(words, expected, atol=5e-3)


def test_blends_lie_between_faces(faces: FaceSet, model: PairedModel) -> None:
    part = FacePart(faces)
    blends, again = draw_blends(part, model, 48, count=12), draw_blends(part, model, 48, count=12)
    assert blends.images.shape == (12, 3, 48, 48)
    assert blends.images.dtype == torch.uint8
    assert torch.equal(blends.images, again.images)
    assert torch.equal(blends.first, part.labels[:12])
    assert not torch.equal(blends.second, blends.first)
    assert 0 <= float(blends.share.min()) < float(blends.share.max()) <= 1
    assert float(blends.images.float().std()) > 1


def test_faces_and_what_they_are_blended_with_keep_the_pairs_apart(faces: FaceSet) -> None:
    part, rng = FacePart(faces), random.Random(0)
    assert len(part.apart) == len(held_out_pairs())
    others = [blending._another(rng.choice(part.known), part.known, rng) for _ in range(6000)]
    assert sum(map(is_held_out, others)) == 0
    # Changes at random do make such pairs.
    changed = [blending._changed(rng.choice(part.known), 3, rng) for _ in range(2000)]
    assert sum(map(is_held_out, changed)) > 5
    shown = labels_of_faces(changed)
    found = torch.stack([(shown[:, q] == v) & (shown[:, r] == w) for (q, v), (r, w) in part.apart]).any(0)
    assert found.tolist() == [*map(is_held_out, changed)]


def test_a_batch_of_blends_has_both_answers_and_no_captions(faces: FaceSet, model: PairedModel) -> None:
    part = FacePart(faces)
    blends = draw_blends(part, model, 48)
    batch = BlendPart(blends, part).batch(6, 3, 32, torch.Generator().manual_seed(0), random.Random(0))
    assert batch.captions == []
    assert batch.images.shape == (6, 3, 32, 32)
    known = torch.cat([blends.first, blends.second, blends.share[:, None]], dim=1).tolist()
    found = torch.cat([batch.answers, batch.others, batch.share[:, None]], dim=1).tolist()
    assert all(row in known for row in found)


def test_a_batch_of_faces_is_described_by_its_captions_and_answers(faces: FaceSet) -> None:
    part = FacePart(faces)
    batch = part.batch(5, 2, 48, torch.Generator().manual_seed(0), random.Random(0))
    assert batch.images.shape == (5, 3, 48, 48)
    assert len(batch.captions) == 2
    assert {tuple(row) for row in batch.answers.tolist()} <= {tuple(row) for row in part.labels.tolist()}
    texts = part.wordings(list(CHOICES).index("glasses"), [0, 3], random.Random(0))
    assert len(texts) == 2
    assert texts[0] != texts[1]


def test_hardening_resumes_to_the_same_bits_and_leaves_the_words(
    few: World, model: PairedModel, tmp_path: Path
) -> None:
    blends, trainers = draw_blends(few.faces, model, 96), list[ClipTrainer]()

    def trained(folder: Path, steps: int) -> dict[str, torch.Tensor]:
        trainer = trainer_of(few, folder, SETTINGS, blends)
        for _, step in zip(range(steps), trainer.run(), strict=False):
            assert step.loss > 0
        trainer.save()
        trainers.append(trainer)
        return {key: value.clone() for key, value in trainer.model.state_dict().items()}

    whole, learnt = trained(tmp_path / "whole", 4), trained(tmp_path / "parts", 2)
    trained(tmp_path / "parts", 1)
    parts = trained(tmp_path / "parts", 1)
    for key, value in whole.items():
        assert torch.equal(value, parts[key]), key
        if not key.startswith("visual."):
            assert torch.equal(value, learnt[key]), key
    moved = whole["visual.trunk.conv_stem.weight"] - learnt["visual.trunk.conv_stem.weight"]
    assert float(moved.abs().max()) > 0
    # Both towers are there, before and after going on from a checkpoint.
    key = "visual.trunk.conv_stem.weight"
    for each in (trainers[0], trainers[-1]):
        assert torch.equal(each.weights()[key], learnt[key])
        assert torch.equal(each.hardened()[key], whole[key])
    assert torch.equal(trainers[1].weights()[key], learnt[key])
    assert trainers[1].hardened() == {}


def test_a_hardened_tower_shares_the_words_of_the_first(
    few: World, model: PairedModel, tmp_path: Path
) -> None:
    trainer = trainer_of(few, tmp_path / "work", SETTINGS, draw_blends(few.faces, model, 96))
    list(trainer.run())
    save_clip(trainer, *clip_config(few, tmp_path / "work"), tmp_path / "clip")
    first, painter = load_perceptor(tmp_path / "clip"), load_perceptor(tmp_path / "clip" / "painter.json")
    texts, images = ["a face with pink hair"], torch.rand(2, 3, 96, 96)
    assert torch.equal(first.encode_text(texts), painter.encode_text(texts))
    trainer.model.eval()
    with torch.no_grad():
        expected = torch.nn.functional.normalize(trainer.model.encode_image(images * 2 - 1).float(), dim=-1)
        assert torch.allclose(painter.encode_image(images), expected, atol=5e-3)
        assert not torch.equal(painter.encode_image(images), first.encode_image(images))
    size = (tmp_path / "clip" / "clip.safetensors").stat().st_size
    assert (tmp_path / "clip" / "painter.safetensors").stat().st_size < size
    (tmp_path / "clip" / "clip.safetensors").unlink()
    with pytest.raises(InputFileError, match=r"clip\.safetensors \(shared weights\) not found"):
        load_perceptor(tmp_path / "clip" / "painter.json")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../clip.safetensors", "must be the name of a file in the same folder"),
        ("", "must be the name of a file in the same folder"),
        (3, "shared_weights: Input should be a valid string, not '3'"),
    ],
)
def test_shared_weights_lie_in_the_same_folder(few: World, tmp_path: Path, name: object, told: str) -> None:
    config, _ = clip_config(few, tmp_path)
    (tmp_path / "clip.json").write_text(json.dumps({**config, "shared_weights": name}))
    (tmp_path / "clip.safetensors").touch()
    with pytest.raises(InputFileError, match=told):
        load_perceptor(tmp_path)


def test_merges_are_made_once_and_a_damaged_file_is_named(world: World, tmp_path: Path) -> None:
    config, merges = clip_config(world, tmp_path)
    before = merges.stat().st_mtime_ns
    again, _ = clip_config(world, tmp_path)
    assert again == config
    assert merges.stat().st_mtime_ns == before
    merges.write_bytes(b"no merges")
    with pytest.raises(InputFileError, match="not a file of merges"):
        clip_config(world, tmp_path)


def test_the_training_asks_for_the_generator_and_the_data_before_it_draws_anything(tmp_path: Path) -> None:
    words = ["train", "clip", "--work", str(tmp_path / "work"), "-o", str(tmp_path / "clip"), "--faces", "4"]
    words += ["--data", str(tmp_path / "data")]
    failed = CliRunner().invoke(app, words)
    assert isinstance(failed.exception, MissingError)
    assert "train stylegan2 --work" in str(failed.exception)
    failed = CliRunner().invoke(app, [*words, "--harden-steps", "0"])
    assert isinstance(failed.exception, MissingError)
    assert "npm install" in str(failed.exception)
    assert not list(tmp_path.iterdir())
    assert SOURCE_SIZE == 128
