"""Faces: sampling, what hides what, pictures and masks agree with one another."""

import random
from dataclasses import replace

import numpy as np
import pytest
from promptbrush.generators.parser import PARTS
from promptbrush.generators.training.face_masks import load_masks, render_mask
from promptbrush.generators.training.face_parts import BACKGROUND, CLOTHES, HAIR, SKIN
from promptbrush.generators.training.face_set import face_of
from promptbrush.generators.training.faces import (
    CHOICES,
    CONTINUOUS,
    Face,
    face_svg,
    face_vector,
    render,
    resolve,
    sample_face,
)

PLAIN = {
    **{name: next(iter(values)) for name, values in CHOICES.items()},
    "hair_length": "short",
    "beard": "none",
    "glasses": "none",
    "hat": "none",
    "earrings": "none",
}


def face(**choices):
    return Face({**PLAIN, **choices}, dict.fromkeys(CONTINUOUS, 0.0))


def faces(count, seed=0):
    rng = random.Random(seed)
    return [sample_face(rng) for _ in range(count)]


def rgb(text):
    return np.array([int(text[i : i + 2], 16) for i in (0, 2, 4)], float)


def test_probabilities_sum_to_one():
    for name, odds in CHOICES.items():
        assert sum(odds.values()) == pytest.approx(1.0), name


def test_same_seed_same_face():
    assert faces(3) == faces(3)
    assert faces(3) != faces(3, seed=1)


def test_samples_follow_the_probabilities_and_stay_in_range():
    drawn = faces(3000)
    for name, odds in CHOICES.items():
        for value, chance in odds.items():
            share = np.mean([one.choices[name] == value for one in drawn])
            assert share == pytest.approx(chance, abs=0.04), (name, value)
    values = np.array([[one.continuous[name] for name in CONTINUOUS] for one in drawn])
    assert values.min() < -0.99 and values.max() > 0.99 and np.abs(values).max() <= 1
    assert np.abs(values.mean(0)).max() < 0.06


@pytest.mark.parametrize(
    ("choices", "shown"),
    [
        ({"hat": "beanie", "hair_style": "bun"}, {"hair_style": "none", "hat_colour": "black"}),
        ({"hat": "cap", "hair_style": "afro"}, {"hair_style": "afro"}),
        ({"hat": "none"}, {"hat_colour": "none"}),
        ({"hat": "crown", "hair_style": "fringe"}, {"hair_style": "fringe", "hat_colour": "none"}),
        ({"hair_style": "bald", "hair_length": "braids"}, {"hair_length": "none", "hair_colour": "none"}),
        ({"hair_style": "afro", "hair_length": "braids"}, {"hair_length": "short"}),
        ({"hair_style": "fringe", "hair_length": "braids"}, {"hair_length": "braids"}),
        ({"glasses": "sunglasses"}, {"eyes": "none"}),
        ({"glasses": "round glasses"}, {"eyes": "open"}),
    ],
)
def test_what_hides_what(choices, shown):
    seen = resolve(face(**choices))
    assert {name: seen[name] for name in shown} == shown
    assert seen.keys() == CHOICES.keys()


def test_hidden_choices_change_neither_picture_nor_vector():
    for hidden in (
        [face(hat_colour="red"), face(hat_colour="blue")],
        [face(glasses="sunglasses", eyes="wide"), face(glasses="sunglasses", eyes="closed")],
        [face(hat="beanie", hair_style="bun"), face(hat="beanie", hair_style="mohawk")],
        [face(hair_style="bald", hair_length="braids"), face(hair_style="bald", hair_length="short")],
    ):
        assert face_svg(hidden[0]) == face_svg(hidden[1])
        assert np.array_equal(face_vector(hidden[0]), face_vector(hidden[1]))


@pytest.mark.parametrize("name", CHOICES)
def test_every_value_looks_different(name):
    shows = {"hat_colour": {"hat": "beanie"}, "hair_length": {"hair_style": "fringe"}}.get(name, {})
    pictures = [render(face(**shows, **{name: value}), 64).astype(int) for value in CHOICES[name]]
    for i, one in enumerate(pictures):
        for other in pictures[:i]:
            assert (np.abs(one - other).max(axis=2) > 24).sum() >= 12, name


def test_every_value_has_its_own_vector_in_range():
    vectors = [face_vector(one) for one in faces(50)]
    count = sum(map(len, CHOICES.values())) + 15 + len(CONTINUOUS)
    assert all(v.shape == (count,) and v.dtype == np.float32 for v in vectors)
    assert np.abs(vectors).max() <= 1.0
    pink, green = face_vector(face(hair_colour="pink")), face_vector(face(hair_colour="green"))
    assert (pink != green).sum() == 2 + 3  # two entries of the one-hot, three of the colour


def test_jittered_colours_keep_their_name():
    for palette, part in ((HAIR, "hair"), (SKIN, "skin"), (CLOTHES, "clothes"), (BACKGROUND, "background")):
        start = sum(map(len, CHOICES.values())) + 3 * ["hair", "skin", "clothes", "background"].index(part)
        for one in faces(300):
            seen = (face_vector(one)[start : start + 3] + 1) * 127.5
            nearest = min(palette, key=lambda name: np.abs(rgb(palette[name]) - seen).sum())
            assert nearest == one.choices[part if part == "skin" else f"{part}_colour"]


def test_render_shows_the_colours():
    plain = face(background="plain", background_colour="blue", clothes_colour="red", clothes="t-shirt")
    picture = render(plain, 64)
    assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8
    assert np.abs(picture[2, 2] - rgb(BACKGROUND["blue"])).max() <= 2
    assert np.abs(picture[62, 30] - rgb(CLOTHES["red"])).max() <= 2


def test_masks_name_what_is_seen():
    one = face(hat="cap", glasses="sunglasses", earrings="hoop", beard="full beard", clothes="t-shirt")
    seen = {PARTS[i] for i in np.unique(render_mask(one, 128))}
    assert seen == set(PARTS) - {"eyes"}
    bare = {PARTS[i] for i in np.unique(render_mask(face(hair_style="bald"), 128))}
    assert not bare & {"hat", "glasses", "earrings", "beard", "hair"}


def test_masks_lie_on_the_picture():
    one = face(background="plain", background_colour="blue", clothes_colour="red", clothes="t-shirt")
    for turned in (
        one,
        replace(one, continuous={**one.continuous, "rotation": 1.0, "tx": 1.0, "scale": 1.0}),
    ):
        mask, picture = render_mask(turned, 128), render(turned, 128).astype(float)
        for part, colour in (("background", BACKGROUND["blue"]), ("clothes", CLOTHES["red"])):
            pixels = picture[mask == PARTS.index(part)]
            assert len(pixels) > 500
            assert np.mean(np.abs(pixels - rgb(colour)).max(axis=1) < 30) > 0.75


def test_every_pixel_of_a_mask_is_a_part_at_every_size():
    for size in (16, 64, 100):
        for one in faces(10):
            mask = render_mask(one, size)
            assert mask.shape == (size, size) and mask.dtype == np.uint8 and mask.max() < len(PARTS)


def test_a_mask_has_a_part_exactly_when_it_can_be_seen():
    for one in faces(80, seed=5):
        shown = resolve(one)
        seen = {PARTS[i] for i in np.unique(render_mask(one, 128))}
        assert seen >= {"background", "skin", "nose", "mouth", "clothes"}
        for part in ("beard", "glasses", "hat", "earrings", "eyes"):
            assert (part in seen) == (shown[part] != "none"), (part, one)
        assert ("hair" in seen) == (shown["hair_colour"] != "none"), one


def test_masks_are_kept_and_belong_to_their_faces(tmp_path):
    masks = load_masks(tmp_path, range(7, 11), 32)
    assert np.array_equal(masks[2], render_mask(face_of(9), 32))
    written = (tmp_path / "masks-32px-7-4.npy").stat().st_mtime_ns
    assert np.array_equal(load_masks(tmp_path, range(7, 11), 32), masks)
    assert (tmp_path / "masks-32px-7-4.npy").stat().st_mtime_ns == written
