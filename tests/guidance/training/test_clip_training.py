"""Training a small CLIP: it learns colours in parts and stages, its attacks bite, and it resumes to the same bits."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from promptbrush import InputFileError
from promptbrush.guidance.training.bpe import train_bpe, vocab_size, write_merges
from promptbrush.guidance.training.clip import ClipData, ClipTrainer
from promptbrush.guidance.training.clip_settings import ClipSettings
from promptbrush.guidance.training.losses import answered, attacked, contrastive_loss
from promptbrush.guidance.training.parts import Batch, Share, batch_of, unasked
from promptbrush.guidance.training.shapes import resnet_config
from promptbrush.guidance.training.step_data import AskedQuestion

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "white": (1, 1, 1)}
SETTINGS = ClipSettings(steps=4, harden_steps=3, attack_steps=1, radius=4.0, tower_lr=1e-3)


def changed(**settings: object) -> ClipSettings:
    return ClipSettings(**{**SETTINGS.model_dump(), **settings})


class Patches:
    """Plain pictures in four colours; the second question never has an answer."""

    taught = False
    apart = ()
    sizes = (4, 2)

    def batch(
        self, count: int, captions: int, size: int, rng: torch.Generator, words: random.Random
    ) -> Batch:
        rows = torch.randint(4, (count,), generator=rng)
        table = torch.tensor(list(COLOURS.values()), dtype=torch.float32)
        images = table[rows][:, :, None, None].expand(-1, -1, size, size)
        texts = self.wordings(0, rows[:captions].tolist(), words)
        keys = [list(COLOURS)[int(row)] for row in rows[:captions]]
        return batch_of(images, texts, keys, torch.stack([rows, torch.full_like(rows, -1)], dim=1))

    def wordings(self, question: int, values: list[int], words: random.Random) -> list[str]:
        if question == 1:
            return [("red", "a square")[value] for value in values]
        return [words.choice(("a {} square", "{}")).format(list(COLOURS)[value]) for value in values]


@pytest.fixture(scope="module")
def merges(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    pairs = train_bpe([f"a {name} square" for name in COLOURS], 50, min_count=1)
    path = tmp_path_factory.mktemp("bpe") / "bpe.txt.gz"
    write_merges(pairs, path)
    return path, vocab_size(len(pairs))


def trainer(
    folder: Path, merges: tuple[Path, int], settings: ClipSettings = SETTINGS, count: int = 8
) -> ClipTrainer:
    config = resnet_config(merges[1], 64)
    config["text_cfg"]["layers"] = 1
    return ClipTrainer(
        ClipData([Share(Patches(), count, count)]), config, merges[0], folder / "clip.pt", settings
    )


def test_contrastive_loss_of_perfect_and_of_swapped_pairs() -> None:
    features = torch.eye(4)
    scale = torch.tensor(100.0)
    assert contrastive_loss(features, features, scale) < 1e-6
    assert contrastive_loss(features, features.roll(1, 0), scale) > 50


def test_pairs_about_the_same_are_not_each_others_negatives() -> None:
    features = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    scale = torch.tensor(100.0)
    assert contrastive_loss(features, features, scale) == pytest.approx(2 / 3 * 0.6931, abs=1e-3)
    assert contrastive_loss(features, features, scale, ["cat", "cat", "dog"]) < 1e-6


def test_the_loss_of_answers_mixes_both_ends_and_leaves_out_the_unknown() -> None:
    logits = torch.tensor([[2.0, 0, -1], [0, 1, 0], [5, 0, 0]])
    first, second = torch.tensor([0, 1, -1]), torch.tensor([2, 1, 0])
    chances = logits.log_softmax(1)
    expected = -(0.75 * chances[0, 0] + 0.25 * chances[0, 2] + chances[1, 1]) / 2
    found = answered(logits, first, second, torch.tensor([0.25, 0.5, 0.5]))
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    none = torch.tensor([-1, -1, -1])
    assert answered(logits, none, none, torch.zeros(3)) == 0
    left_out = torch.tensor([[False, True, False], [False] * 3, [False] * 3])
    without = logits[0, [0, 2]].log_softmax(0)
    expected = -(0.75 * without[0] + 0.25 * without[1] + chances[1, 1]) / 2
    found = answered(logits, first, second, torch.tensor([0.25, 0.5, 0.5]), left_out)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    assert answered(logits, none, none, torch.zeros(3), left_out) == 0


def test_values_that_are_kept_apart_do_not_count_against_a_picture_with_the_other_one() -> None:
    # Value 1 of question 0 and value 2 of question 1 never meet.
    apart = [((0, 1), (1, 2))]
    answers = torch.tensor([[0, 2], [0, 0], [1, 0], [-1, 2]])
    batch = Batch(torch.zeros(4, 3, 1, 1), [], [], answers, answers, torch.zeros(4))
    assert unasked(batch, 0, 2, apart).tolist() == [[False, True], [False] * 2, [False] * 2, [False, True]]
    assert unasked(batch, 1, 3, apart).tolist() == [[False] * 3] * 2 + [[False, False, True], [False] * 3]
    # Half-way to a picture that has the value, it counts.
    others = torch.tensor([[1, 0], [0, 2], [1, 0], [-1, 2]])
    mixed = replace(batch, others=others)
    assert unasked(mixed, 0, 2, apart).tolist() == [[False] * 2, [False, True], [False] * 2, [False, True]]


def test_captions_without_padding_have_the_features_of_padded_ones(
    tmp_path: Path, merges: tuple[Path, int]
) -> None:
    this = trainer(tmp_path, merges)
    captions = ["red", "a blue square", "green green green green", "", "a white square a red square"]
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        padded = this.model.encode_text(this.tokenizer(captions), normalize=True)
        assert torch.allclose(this.text_features(captions), padded.float(), atol=0.01)


@pytest.mark.parametrize("harden_steps", [0, 12])
def test_it_learns_colours(tmp_path: Path, merges: tuple[Path, int], harden_steps: int) -> None:
    this = trainer(tmp_path, merges, changed(steps=40, harden_steps=harden_steps), 16)
    for step in this.run():
        assert step.loss == step.loss
        assert step.loss == pytest.approx(sum(step.terms.values()))
    this.model.eval()
    table = torch.tensor(list(COLOURS.values()), dtype=torch.float32)
    with torch.no_grad():
        image = this.features(table[:, :, None, None].expand(-1, -1, 64, 64) * 2 - 1)
        text = this.text_features(list(COLOURS))
    assert (image @ text.T).argmax(1).tolist() == [0, 1, 2, 3]


def test_hardening_leaves_the_words(tmp_path: Path, merges: tuple[Path, int]) -> None:
    learnt = trainer(tmp_path, merges, changed(harden_steps=0))
    list(learnt.run())
    before = {key: value.clone() for key, value in learnt.model.state_dict().items()}
    hard = trainer(tmp_path, merges)
    assert [step.stage for step in hard.run()] == ["harden"] * 3
    for key, value in hard.model.state_dict().items():
        if not key.startswith("visual."):
            assert torch.equal(value, before[key]), key
    assert not torch.equal(hard.model.visual.conv1.weight, before["visual.conv1.weight"])


def test_the_attack_raises_the_loss_within_its_ball() -> None:
    images, direction = (
        torch.zeros(3, 3, 8, 8),
        torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0)),
    )
    start = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))

    def loss_of(x: torch.Tensor) -> torch.Tensor:
        return (x * direction).sum()

    moved = attacked(images, loss_of, start, 2.0, steps=3)
    lengths = moved.flatten(1).norm(dim=1)
    assert lengths.max() <= 2.0 + 1e-4
    # The best point of the ball is known for a linear loss.
    assert loss_of(moved) > 0.95 * 3 * 2.0 * direction.norm()


def test_a_step_asks_some_questions_with_the_true_values_and_some_others(
    tmp_path: Path, merges: tuple[Path, int]
) -> None:
    feed = trainer(tmp_path, merges, changed(steps=12, questions=1, values=2), 2).dataset("learn")
    found = set()
    for index in range(len(feed)):
        fed = feed[index]
        (batch,), (asked,) = fed.batches, fed.asked
        found.add(asked.index)
        assert asked.index == 1 or {*batch.answers[:, 0].tolist()} <= {*asked.values}
        assert len(asked.values) <= 4
        assert sum(fed.sizes) == len(fed.tokens)
    assert found == {0, 1}


def test_anchors_of_the_asked_values_are_found(tmp_path: Path, merges: tuple[Path, int]) -> None:
    this = trainer(tmp_path, merges)
    asked = this._question(AskedQuestion(0, 1, [1]), torch.zeros(1, 4))
    assert asked.anchors.tolist() == [5]
    assert asked.places.tolist() == [-1, 0]


def test_only_some_pictures_of_a_step_have_captions(tmp_path: Path, merges: tuple[Path, int]) -> None:
    this = trainer(tmp_path, merges, changed(captions=0.5))
    words = this._words(this.dataset("learn")[0])
    assert len(words.captions) == len(words.keys) == 4


def test_a_step_can_have_several_times_the_pictures_at_a_faster_rate(
    tmp_path: Path, merges: tuple[Path, int]
) -> None:
    one, four = (trainer(tmp_path / str(times), merges, changed(times=times)) for times in (1, 4))
    assert [len(this.dataset("harden")[0].batches[0].images) for this in (one, four)] == [8, 32]

    def rate(this: ClipTrainer) -> float:
        return this.stages[1].updates[0].optimizer.param_groups[0]["initial_lr"]

    assert rate(four) == 2 * rate(one)
    assert [step.stage for step in four.run()] == ["learn"] * 4 + ["harden"] * 3


def test_processes_that_prepare_steps_ahead_change_nothing(tmp_path: Path, merges: tuple[Path, int]) -> None:
    feed = trainer(tmp_path, merges).dataset("learn")
    alone, ahead = ([*feed.steps(1, workers)] for workers in (0, 2))
    assert len(alone) == len(ahead) == 3
    for first, second in zip(alone, ahead, strict=True):
        assert torch.equal(first.tokens, second.tokens)
        assert torch.equal(first.batches[0].images, second.batches[0].images)
        assert first.asked == second.asked


def test_resuming_gives_the_same_bits(tmp_path: Path, merges: tuple[Path, int]) -> None:
    whole = trainer(tmp_path / "whole", merges)
    list(whole.run())
    for stop in (2, 3):
        half = trainer(tmp_path / "half", merges)
        for _, _ in zip(range(stop), half.run(), strict=False):
            pass
        half.save()
    again = trainer(tmp_path / "half", merges)
    assert again.done == {"learn": 4, "harden": 1}
    list(again.run())
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[key]), key


def test_a_foreign_checkpoint_is_named(tmp_path: Path, merges: tuple[Path, int]) -> None:
    torch.save({"model": {}}, tmp_path / "clip.pt")
    with pytest.raises(InputFileError, match=r"clip\.pt.*move it away"):
        trainer(tmp_path, merges)


def test_features_are_of_unit_length(tmp_path: Path, merges: tuple[Path, int]) -> None:
    this = trainer(tmp_path, merges)
    with torch.no_grad():
        made = this.features(torch.zeros(2, 3, 64, 64))
    assert torch.allclose(made.norm(dim=1), torch.ones(2), atol=1e-3)
    assert F.cosine_similarity(made[:1], made[1:]) == pytest.approx(1, abs=1e-3)
