"""Every style must keep the picture's form, follow its seed, and look like no other style."""

from __future__ import annotations

import random

import numpy as np
import pytest
from promptbrush._base import UsageError
from promptbrush.guidance.training.styles.canvas import flat, light, luma, ramp, smear, warp
from promptbrush.guidance.training.styles.noise import cells, fbm, means, tiles
from promptbrush.guidance.training.styles.table import STYLES, style_caption, stylise


def _scene(height=64, width=64, seed=0):
    """A shaded ball and a bar before a gradient, in colours of the seed."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    ground, ball, bar = rng.uniform(0.1, 0.95, (3, 3))
    picture = ground * (0.6 + 0.4 * rows)[..., None]
    away = np.hypot(rows - rng.uniform(0.35, 0.6), columns - rng.uniform(0.35, 0.65))
    picture = np.where((away < 0.3)[..., None], ball * (1.1 - 1.8 * away)[..., None], picture)
    upright = np.abs(columns - rng.uniform(0.1, 0.9)) < 0.06
    picture = np.where(upright[..., None], bar, picture)
    return np.clip(picture, 0.0, 1.0).astype(np.float32)


def _made(name, picture, seed):
    return stylise(picture, name, np.random.default_rng(seed))


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("shape", [(16, 16), (17, 40), (97, 31), (64, 64)])
def test_keeps_form_and_range(name, shape):
    picture = _scene(*shape)
    before = picture.copy()
    made = _made(name, picture, 3)
    assert made.shape == picture.shape
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert made.min() >= 0.0
    assert made.max() <= 1.0
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("name", STYLES)
def test_bears_pictures_of_one_colour(name):
    for value in (0.0, 0.5, 1.0):
        assert np.isfinite(_made(name, np.full((32, 24, 3), value, np.float32), 1)).all()


@pytest.mark.parametrize("name", STYLES)
def test_follows_the_seed(name):
    picture = _scene()
    first = _made(name, picture, 1)
    assert np.array_equal(first, _made(name, picture, 1))
    assert np.abs(first - _made(name, picture, 2)).mean() > 0.005
    assert np.abs(first - picture).mean() > 0.02


@pytest.mark.parametrize("name", STYLES)
def test_depends_on_the_subject(name):
    picture = _scene()
    assert np.abs(_made(name, picture, 1) - _made(name, 1.0 - picture[:, ::-1], 1)).mean() > 0.02


def _features(picture):
    """Colour histogram, contrast at three scales, and how the gradients lie: (N,)."""
    bins = np.minimum((picture * 4).astype(int), 3) @ np.array([16, 4, 1])
    colours = np.sqrt(np.bincount(bins.ravel(), minlength=64) / bins.size)
    grey = luma(picture)
    shape = []
    for stride in (1, 2, 4):
        rows, columns = np.gradient(grey[::stride, ::stride])
        strength = np.hypot(rows, columns)
        lie = (np.arctan2(rows, columns) % np.pi) / np.pi * 6
        turned = np.bincount(np.minimum(lie, 5).astype(int).ravel(), strength.ravel(), 6)
        shape.extend([*(turned / (turned.sum() + 1e-6)), 3 * strength.mean(), 3 * strength.std()])
    chroma = picture.max(-1) - picture.min(-1)
    return np.concatenate([colours, shape, [chroma.mean(), chroma.std(), grey.mean(), grey.std()]])


def test_styles_are_told_apart_by_simple_features():
    def views(seeds):
        return np.array(
            [[_features(_made(name, _scene(64, 64, seed), seed)) for seed in seeds] for name in STYLES]
        )

    known, unknown = views(range(6)), views(range(20, 23))
    scale = known.std((0, 1)) + 1e-3
    centres = known.mean(1) / scale
    distance = np.linalg.norm(unknown[:, :, None] / scale - centres, axis=-1)
    hits = distance.argmin(-1) == np.arange(len(STYLES))[:, None]
    # Chance is one in fifty-five.
    assert hits.mean() > 0.5


def test_an_unknown_style_is_answered_with_the_closest():
    with pytest.raises(UsageError, match="did you mean 'charcoal'"):
        _made("charcoel", _scene(), 0)


@pytest.mark.parametrize("shape", [(8, 64, 3), (64, 64), (64, 64, 4)])
def test_refuses_pictures_of_another_form(shape):
    with pytest.raises(UsageError, match="16 pixels"):
        _made("gold", np.zeros(shape, np.float32), 0)


def test_no_wording_belongs_to_two_styles():
    words = [word.lower() for style in STYLES.values() for word in (style.name, *style.synonyms)]
    assert len(words) == len(set(words))
    assert all(3 <= len(style.synonyms) <= 6 for style in STYLES.values())
    assert {style.kind for style in STYLES.values()} == {"style", "material"}
    assert len(STYLES) >= 45


def test_captions_name_subject_and_style():
    rng = random.Random(0)
    for style in STYLES.values():
        made = {style_caption(style, "a cat", rng) for _ in range(60)}
        alone = {style_caption(style, None, rng) for _ in range(60)}
        assert len(made) >= 8
        assert all(" cat" in f" {caption}" for caption in made)
        for caption in made | alone:
            assert any(word in caption for word in (style.name, *style.synonyms))


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("pencil sketch", "a pencil sketch of a cat"),
        ("gold", "a cat made of gold"),
        ("rain", "a cat in the rain"),
        ("wood", "a wooden cat"),
        ("ice", "an ice cat"),
    ],
)
def test_captions_read_well(name, caption):
    rng = random.Random(1)
    assert caption in {style_caption(STYLES[name], "a cat", rng) for _ in range(300)}


def test_captions_never_put_two_openings_together():
    rng = random.Random(2)
    for style in STYLES.values():
        for _ in range(200):
            caption = f" {style_caption(style, 'a cat', rng)} "
            for wrong in (
                "of in ",
                "of made",
                "of drawn",
                "made of made",
                "in in ",
                "in a cat in",
                "of a cat of",
            ):
                assert wrong not in caption


def test_means_are_each_cells_own():
    picture = _scene(32, 48)
    labels, first, second = cells(picture, 20.0, np.random.default_rng(0))
    assert (first <= second).all()
    chosen = labels == labels[5, 5]
    np.testing.assert_allclose(means(picture, labels)[labels[5, 5]], picture[chosen].mean(0), rtol=1e-4)


def test_tiles_have_their_own_numbers():
    rows, columns = np.meshgrid(np.arange(6) / 2 - 1, np.arange(4) / 2, indexing="ij")
    labels, down, right = tiles(rows, columns)
    assert len(np.unique(labels)) == 6
    assert set(np.unique(down)) == set(np.unique(right)) == {0.0, 0.5}


def test_fields_are_exact_where_they_can_be():
    picture = _scene(24, 24)
    shifted = warp(picture, 0.0, 2.0)
    np.testing.assert_allclose(shifted[:, :-2], picture[:, 2:], atol=1e-6)
    row = np.zeros((9, 9), np.float32)
    row[4, 4] = 1.0
    assert smear(row, 0.0, 2)[4].tolist() == pytest.approx([0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0, 0])
    assert light(np.ones((5, 5)), 0.3, 4.0) == pytest.approx(0.7)
    assert ramp(np.array([[0.0, 0.5, 1.0]]), "000000 ffffff")[0, :, 0] == pytest.approx([0.0, 0.5, 1.0])
    assert 0.4 < fbm(np.zeros((200, 200, 3)), 20, np.random.default_rng(0)).mean() < 0.6


def test_flat_colours_are_few_and_sorted():
    labels, colours = flat(_scene(), 5)
    assert labels.max() < len(colours) <= 5
    assert (np.diff(luma(colours)) >= 0).all()
