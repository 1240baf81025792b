"""Training a small CLIP: it learns to tell colours apart, adversarial or not, and resumes to the same bits."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from promptbrush import InputFileError
from promptbrush.guidance.training.bpe import train_bpe, vocab_size, write_merges
from promptbrush.guidance.training.clip import (
    ClipSettings,
    ClipTrainer,
    _answered,
    contrastive_loss,
    mini_config,
)

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "white": (1, 1, 1)}
SETTINGS = ClipSettings(steps=4, batch=8, attack_steps=1, attacked=1.0)


class Patches:
    """Plain pictures in four colours."""

    def __len__(self) -> int:
        return 32

    def images(self, rows: torch.Tensor) -> torch.Tensor:
        table = torch.tensor(list(COLOURS.values()), dtype=torch.float32)
        return table[rows % 4][:, :, None, None].expand(-1, -1, 64, 64)

    def caption(self, row: int, rng: random.Random) -> str:
        return rng.choice(("a {} square", "{}")).format(list(COLOURS)[row % 4])

    def questions(self, rng: random.Random) -> list[list[str]]:
        return [[rng.choice(("a {} square", "{}")).format(name) for name in COLOURS], ["red", "a square"]]

    def answers(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.stack([rows % 4, torch.full_like(rows, -1)], dim=1)


@pytest.fixture(scope="module")
def merges(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    pairs = train_bpe([f"a {name} square" for name in COLOURS], 50, min_count=1)
    path = tmp_path_factory.mktemp("bpe") / "bpe.txt.gz"
    write_merges(pairs, path)
    return path, vocab_size(len(pairs))


def trainer(folder: Path, merges: tuple[Path, int], settings: ClipSettings) -> ClipTrainer:
    config = mini_config(merges[1])
    config["text_cfg"]["layers"] = 1
    return ClipTrainer(Patches(), config, merges[0], folder, settings)


def test_contrastive_loss_of_perfect_and_of_swapped_pairs() -> None:
    features = torch.eye(4)
    scale = torch.tensor(100.0)
    assert contrastive_loss(features, features, scale) < 1e-6
    assert contrastive_loss(features, features.roll(1, 0), scale) > 50


def test_captions_without_padding_have_the_features_of_padded_ones(
    tmp_path: Path, merges: tuple[Path, int]
) -> None:
    this = trainer(tmp_path, merges, SETTINGS)
    captions = ["red", "a blue square", "green green green green", "", "a white square a red square"]
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        padded = this.model.encode_text(this.tokenizer(captions), normalize=True)
        assert torch.allclose(this.text_features(captions), padded.float(), atol=0.01)


@pytest.mark.parametrize("attack_steps", [0, 1])
def test_it_learns_colours(tmp_path: Path, merges: tuple[Path, int], attack_steps: int) -> None:
    settings = replace(SETTINGS, steps=30, batch=16, attack_steps=attack_steps)
    this = trainer(tmp_path, merges, settings)
    for step in this.run():
        assert step.loss == step.loss
    this.model.eval()
    with torch.no_grad():
        image = this.features(Patches().images(torch.arange(4)) * 2 - 1)
        text = this.text_features(list(COLOURS))
    assert (image @ text.T).argmax(1).tolist() == [0, 1, 2, 3]


def test_the_attack_raises_the_loss_within_its_ball(tmp_path: Path, merges: tuple[Path, int]) -> None:
    this = trainer(tmp_path, merges, SETTINGS)
    this.model.eval()
    images = Patches().images(torch.arange(4)) * 2 - 1
    texts = this._texts(torch.arange(4)).detached()
    attacked = this._attacked(images, texts, 4.0)
    assert (attacked - images).flatten(1).norm(dim=1).max() <= 4.0 + 1e-3
    assert this._loss(this.features(attacked), texts) > this._loss(this.features(images), texts)


def test_questions_without_an_answer_do_not_count(tmp_path: Path, merges: tuple[Path, int]) -> None:
    this = trainer(tmp_path, merges, SETTINGS)
    with torch.no_grad():
        texts, image = this._texts(torch.arange(4)), torch.eye(4, this.model.text_projection.shape[1])
        colours = F.cross_entropy(texts.scale * image @ texts.questions[0].T, torch.arange(4))
        found = _answered(image, texts.questions, texts.answers.T, texts.scale)
    # The second question has no answer: it adds 0 to the mean of two.
    assert float(found) == pytest.approx(float(colours) / 2, rel=1e-5)


def test_a_step_words_only_some_questions_and_asks_all_by_anchors(
    tmp_path: Path, merges: tuple[Path, int]
) -> None:
    this = trainer(tmp_path, merges, replace(SETTINGS, questions=1))
    drawn = [this._texts(torch.arange(8)) for _ in range(8)]
    assert {tuple(texts.asked) for texts in drawn} == {(0,), (1,)}
    for texts in drawn:
        assert [len(part) for part in texts.questions] == [this.sizes[texts.asked[0]]]
        assert [len(part) for part in texts.anchors] == [4, 2]


def test_only_some_pictures_of_a_step_have_captions(tmp_path: Path, merges: tuple[Path, int]) -> None:
    this = trainer(tmp_path, merges, replace(SETTINGS, captions=3))
    texts = this._texts(torch.arange(8))
    assert [len(part) for part in (texts.captions, *texts.questions, texts.answers)] == [3, 4, 2, 8]


def test_resuming_gives_the_same_bits(tmp_path: Path, merges: tuple[Path, int]) -> None:
    whole = trainer(tmp_path / "whole", merges, SETTINGS)
    list(whole.run())
    half = trainer(tmp_path / "half", merges, SETTINGS)
    steps = half.run()
    next(steps)
    next(steps)
    half.save()
    again = trainer(tmp_path / "half", merges, SETTINGS)
    assert again.done == 2
    list(again.run())
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[key]), key


def test_a_foreign_checkpoint_is_named(tmp_path: Path, merges: tuple[Path, int]) -> None:
    torch.save({"model": {}}, tmp_path / "clip.pt")
    with pytest.raises(InputFileError, match=r"clip\.pt.*move it away"):
        trainer(tmp_path, merges, SETTINGS)
