"""Icons, clip art and styles as parts of a training: what they show is what they are called."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush import InputFileError
from promptbrush.guidance.training.pictures import (
    DrawingPart,
    StyledPart,
    StyledSet,
    Subject,
    crops,
    held_out_drawings,
    held_out_photographs,
    styled_set,
    with_article,
)
from promptbrush.guidance.training.sources.drawings import Drawing
from promptbrush.guidance.training.sources.photographs import photographs
from promptbrush.guidance.training.styles.table import STYLES
from promptbrush.guidance.training.vocabulary import Names, photo_caption

SETS = ("noto", "twemoji", "fluent-emoji", "fluent-emoji-flat")


def drawings(concepts: int) -> list[Drawing]:
    icons = [
        Drawing("", f"1f{c}", origin, (f"thing {c}", f"object {c}"))
        for origin in SETS
        for c in range(concepts)
    ]
    return [*icons, Drawing("", "food/apple", "openclipart", ("apple",))]


@pytest.fixture
def part() -> DrawingPart:
    known = drawings(3)
    images = np.zeros((len(known), 32, 32, 4), np.uint8)
    for index, each in enumerate(known):
        images[index, 8:24, 8:24, index % 3] = 255
        images[index, 8:24, 8:24, 3] = 255
        if each.origin == "openclipart":
            images[index, 8:24, 8:24, :3] = 255
    return DrawingPart(known, images, torch.zeros(1, 3, 64, 64))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("cat", "a cat"), ("owl", "an owl"), ("glasses", "glasses"), ("the sun", "the sun"), ("a cat", "a cat")],
)
def test_articles(name: str, expected: str) -> None:
    assert with_article(name) == expected


def test_some_concepts_keep_one_set_out() -> None:
    known = drawings(20)
    kept_out = held_out_drawings(known)
    assert kept_out == held_out_drawings(known)
    concepts = [known[index].concept for index in kept_out]
    assert len(concepts) == len(set(concepts)) == 10
    assert len({known[index].origin for index in kept_out}) > 1
    assert "openclipart" not in {known[index].origin for index in kept_out}


def test_a_batch_of_drawings_names_what_it_shows(part: DrawingPart) -> None:
    batch = part.batch(40, 30, 24, torch.Generator().manual_seed(0), random.Random(0))
    assert batch.images.shape == (40, 3, 24, 24)
    assert 0 <= batch.images.min() <= batch.images.max() <= 1
    assert len(batch.captions) == len(batch.keys) == 30
    colours = {0: (1, 0, 0), 1: (0, 1, 0), 2: (0, 0, 1), -1: (1, 1, 1)}
    for image, answer in zip(batch.images, batch.answers[:, 0].tolist(), strict=True):
        wanted = torch.tensor(colours[answer], dtype=torch.float32)
        assert ((image - wanted[:, None, None]).abs().amax(0) < 0.35).float().mean() > 0.03
    for caption, key, answer in zip(batch.captions, batch.keys, batch.answers[:30, 0].tolist(), strict=True):
        assert key in caption
        assert key.endswith(str(answer)) if answer >= 0 else key == "apple"


def test_concepts_are_worded_by_their_own_names(part: DrawingPart) -> None:
    words = random.Random(0)
    for _ in range(20):
        for value, text in zip((2, 0), part.wordings(0, [2, 0], words), strict=True):
            assert f"thing {value}" in text or f"object {value}" in text


def test_styled_pictures_are_drawn_once_and_know_their_style(tmp_path: Path) -> None:
    grey = np.full((32, 32, 3), 128, np.uint8)
    subjects = [Subject(grey, "a grey square"), Subject(grey + 90, "a white square")]
    made = styled_set(tmp_path, "toy", subjects, 2)
    assert made.images.shape == (2 * (len(STYLES) + 1), 32, 32, 3)
    plain = [i for i in range(len(made.styles)) if made.styles[i] < 0]
    assert len(plain) == 2
    for index in plain:
        assert (made.images[index] == (128 if "grey" in made.subjects[index] else 218)).all()
    assert sorted(set(made.styles.tolist())) == [-1, *range(len(STYLES))]
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns
    assert (styled_set(tmp_path, "toy", subjects, 2).images == made.images).all()
    assert file.stat().st_mtime_ns == before
    np.save(file, np.zeros((3, 3), np.uint8))
    with pytest.raises(InputFileError, match="delete it"):
        styled_set(tmp_path, "toy", subjects, 2)


def test_a_batch_of_styles_tells_style_and_subject() -> None:
    images = np.zeros((3, 32, 32, 3), np.uint8)
    names = list(STYLES)
    pictures = StyledSet(images, np.array([0, names.index("gold"), -1]), ["a dog", "a cat", "a bird"])
    part = StyledPart(pictures, photo_caption)
    batch = part.batch(60, 60, 16, torch.Generator().manual_seed(0), random.Random(0))
    for caption, style in zip(batch.captions, batch.answers[:, 0].tolist(), strict=True):
        if style < 0:
            assert "a bird" in caption
        else:
            known = (names[style], *STYLES[names[style]].synonyms)
            bare = caption.replace("a ", "").replace("an ", "")
            assert any(word.removeprefix("a ").removeprefix("an ").split(" ")[0] in bare for word in known)
    told = [c for c, s in zip(batch.captions, batch.answers[:, 0].tolist(), strict=True) if s == 0]
    assert any("dog" in caption for caption in told)
    assert any("dog" not in caption for caption in told)


def test_nameable_photographs_are_kept_out() -> None:
    kept_out = {each.name for each in held_out_photographs(photographs())}
    assert {"chelsea", "coffee", "rocket"} <= kept_out
    assert "grass" not in kept_out


def test_crops_are_windows_of_the_size() -> None:
    image = np.arange(60 * 90 * 3, dtype=np.uint8).reshape(60, 90, 3)
    cut = crops(image, 16, 5, np.random.default_rng(0))
    assert [each.shape for each in cut] == [(16, 16, 3)] * 5
    assert len({each.tobytes() for each in cut}) == 5


def test_names_share_their_classes() -> None:
    names = Names(["dog", "cat"], [[0, 2], [1]], 3)
    texts, shares = names.sample(50, random.Random(0))
    assert shares.sum(1).tolist() == [1.0] * 50
    for text, row in zip(texts, shares.tolist(), strict=True):
        assert row == ([0.5, 0, 0.5] if "dog" in text else [0, 1, 0])
    assert len(set(texts)) > 4
