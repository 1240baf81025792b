"""Faces: sampling, what hides what, pictures and masks agree with one another."""

import random
from dataclasses import replace

import numpy as np
import pytest
from promptbrush.generators.parser import PARTS
from promptbrush.generators.training.face_additions import ADDED
from promptbrush.generators.training.face_masks import load_masks, render_mask
from promptbrush.generators.training.face_parts import BACKGROUND, CLOTHES, HAIR, SKIN
from promptbrush.generators.training.face_set import face_of, load_faces
from promptbrush.generators.training.faces import (
    CHOICES,
    CONTINUOUS,
    WIDENED,
    Face,
    face_svg,
    face_vector,
    render,
    resolve,
    sample_face,
    shown_added,
    widened,
)
from promptbrush.generators.training.labels import HIDDEN, labels_of

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
    count = (
        sum(map(len, CHOICES.values())) + 15 + len(CONTINUOUS) + len(WIDENED) + sum(map(len, ADDED.values()))
    )
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


def test_a_widened_face_keeps_its_choices_and_half_stay_as_they_are():
    drawn = faces(400)
    wide = [widened(one, random.Random(i)) for i, one in enumerate(drawn)]
    assert all(one.choices == other.choices for one, other in zip(drawn, wide, strict=True))
    same = np.mean([one == other for one, other in zip(drawn, wide, strict=True)])
    assert same == pytest.approx(0.5, abs=0.08)
    values = np.array([[one.continuous.get(name, 0.0) for name in WIDENED] for one in wide])
    assert np.abs(values).max() <= 1 and (values != 0).any(0).all()


@pytest.mark.parametrize("name", WIDENED)
def test_what_is_widened_shows_in_picture_and_vector(name):
    plain = face(background_colour="grey")
    pictures = [render(with_value(plain, name, value), 64).astype(int) for value in (-1.0, 0.0, 1.0)]
    for one, other in ((0, 1), (1, 2)):
        assert (np.abs(pictures[one] - pictures[other]).max(axis=2) > 12).sum() >= 12
    assert np.array_equal(pictures[1], render(plain, 64))
    changed = face_vector(with_value(plain, name, 1.0)) != face_vector(plain)
    start = sum(map(len, CHOICES.values())) + 15 + len(CONTINUOUS)
    assert changed[start + WIDENED.index(name)]


def with_value(plain, name, value):
    return replace(plain, continuous={**plain.continuous, name: value})


def test_lighter_and_darker_backdrops_keep_their_hue():
    start = sum(map(len, CHOICES.values())) + 3 * 3
    for colour in BACKGROUND:
        for value in (-1.0, 1.0):
            vector = face_vector(with_value(face(background_colour=colour), "brightness", value))
            seen, named = (vector[start : start + 3] + 1) * 127.5, rgb(BACKGROUND[colour])
            assert (value * (seen - named) > 0).all() and np.abs(seen - named).max() <= 51
            apart = (named[:, None] - named[None]) * (seen[:, None] - seen[None])
            assert (apart >= 0).all()


def test_bodies_end_at_the_lower_edge_from_any_distance():
    for value in (-1.0, 1.0):
        shown = with_value(face(clothes="t-shirt", clothes_colour="red"), "framing", value)
        assert np.abs(render(shown, 64)[63, 30] - rgb(CLOTHES["red"])).max() <= 4


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
    masks = load_masks(tmp_path, load_faces(tmp_path, 4, 32, 7))
    assert np.array_equal(masks[2], render_mask(face_of(9), 32))
    written = (tmp_path / "masks-32px-7-4.npy").stat().st_mtime_ns
    assert np.array_equal(load_masks(tmp_path, load_faces(tmp_path, 4, 32, 7)), masks)
    assert (tmp_path / "masks-32px-7-4.npy").stat().st_mtime_ns == written


def with_added(attribute, value):
    """A face on which an added value shows, and the same without it."""
    needed = {"hair_length": {"hair_style": "fringe"}, "glasses_colour": {"glasses": "round glasses"}}
    needed["earrings_colour"] = {"earrings": "stud"}
    plain = face(**needed.get(attribute, {}))
    return replace(plain, added={attribute: value}), plain


@pytest.mark.parametrize("attribute", ADDED)
def test_every_added_value_shows_and_has_its_own_entry(attribute):
    found = []
    for value in ADDED[attribute]:
        added, plain = with_added(attribute, value)
        changed = np.abs(render(added, 64).astype(int) - render(plain, 64)).max(axis=2) > 24
        assert changed.sum() >= 12, value
        assert shown_added(added)[attribute] == value
        found.append(face_vector(added))
        assert found[-1].sum() != face_vector(plain).sum() or attribute in CHOICES
        assert (render_mask(added, 64) < len(PARTS)).all()
    assert len({vector.tobytes() for vector in found}) == len(found)


def test_added_values_are_hidden_as_others_are():
    hoop = replace(face(earrings="none"), added={"earrings_colour": "red"})
    dark = replace(face(glasses="sunglasses"), added={"glasses_colour": "red"})
    capped = replace(face(hat="cap"), added={"hair_style": "quiff"})
    for one in (hoop, dark, capped):
        assert set(shown_added(one).values()) == {"none"}
        assert face_svg(one) == face_svg(replace(one, added={}))
        assert np.array_equal(face_vector(one), face_vector(replace(one, added={})))
    veiled = resolve(replace(face(hair_style="afro"), added={"hat": "headscarf"}))
    assert veiled["hair_style"] == veiled["hair_colour"] == veiled["hair_length"] == "none"
    assert resolve(replace(face(), added={"hat": "straw hat"}))["hat_colour"] == "none"


def test_labels_pass_over_added_values():
    added, plain = with_added("clothes", "hoodie")
    index = list(CHOICES).index("clothes")
    assert labels_of(added)[index] == HIDDEN != labels_of(plain)[index]
    assert (np.delete(labels_of(added), index) == np.delete(labels_of(plain), index)).all()


@pytest.mark.parametrize("seed", range(6))
def test_other_hands_draw_what_the_choices_say(seed):
    face = face_of(seed)
    other = replace(face, hand=seed)
    assert not np.array_equal(render(other, 64), render(replace(face, hand=seed + 100), 64))
    assert np.array_equal(render(other, 64), render(other, 64))
    shown = resolve(other)
    seen = {PARTS[i] for i in np.unique(render_mask(other, 256))}
    assert seen >= {"background", "skin", "mouth", "clothes"}
    for part in ("beard", "glasses", "hat", "earrings", "eyes"):
        assert (part in seen) == (shown[part] != "none"), part


def test_worlds_hold_what_they_say(tmp_path):
    plain, hands = (load_faces(tmp_path, 24, 16, world=world) for world in ("plain", "hands"))
    assert plain.vectors.shape[1] < hands.vectors.shape[1]
    assert plain.name == "0 to 23 at 16 px" and hands.name == "hands 0 to 23 at 16 px"
    assert all(face.hand is None and not face.added for face in plain.faces)
    drawn = [face.hand is not None for face in hands.faces]
    assert 4 < sum(drawn) < 20
    assert load_masks(tmp_path, hands).shape == (24, 16, 16)
