"""Where an edit may change: the parts that the prompt's words are about, or whose change helps."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from promptbrush import MissingError
from promptbrush._settings import chosen
from promptbrush.editing.latent.regions import helpful_parts, region_mask, region_of
from promptbrush.editing.latent.settings import EditSettings, region_names
from promptbrush.generators.packs.words import Words
from promptbrush.generators.parser import PARTS
from promptbrush.guidance.prompt import parse_prompts

SIZE = 128
WORDS = Words(
    values={"hair_colour": {"pink": ["pink hair"]}, "hat": {"none": ["no hat"], "cap": ["a cap", "a hat"]}},
    parts={"hair_colour": ["hair"], "hat": ["hat", "hair"]},
    neutral=["person", "with"],
)


def parser(images):
    """Reds are hair, greens a hat, blues skin, all else the background."""
    logits = torch.zeros(len(images), len(PARTS), SIZE, SIZE)
    for channel, part in enumerate(("hair", "hat", "skin")):
        logits[:, PARTS.index(part)] = 40 * images[:, channel] - 20
    return logits


def square(**areas):
    """A black picture with an area (top, bottom, left, right) of each colour."""
    image = torch.zeros(1, 3, SIZE, SIZE)
    for name, (top, bottom, left, right) in areas.items():
        image[0, ("red", "green", "blue").index(name), top:bottom, left:right] = 1
    return image


BEFORE = square(red=(20, 40, 40, 80), blue=(40, 90, 40, 80))
AFTER = square(red=(20, 60, 30, 90), blue=(60, 90, 40, 80))
PICTURES = (BEFORE, AFTER)


def models(words=WORDS, own=parser):
    return SimpleNamespace(parser=own, words=words)


def found(prompt, judge=lambda image: 0.0, region="auto", words=WORDS):
    settings = chosen(EditSettings, given={"prompt": prompt, "region": region})
    return region_of(models(words), settings, parse_prompts(prompt), PICTURES, judge)


def test_words_say_where():
    region = found("a person with pink hair")
    assert region.names == ("hair",)
    inside = region.mask[0, 0] > 0
    # What was hair, what has become hair, and nothing far from both.
    assert bool(inside[20:40, 40:80].all()) and bool(inside[20:60, 30:90].all())
    assert not bool(inside[:16].any()) and not bool(inside[70:].any())
    assert found("pink hair and no hat").names == ("hair", "hat")


def test_unknown_words_are_looked_for_in_the_picture():
    skin = region_mask([parser(each).softmax(1) for each in PICTURES], PICTURES, ("skin",))

    def judge(image):  # the loss falls where there was skin, and only there
        return -float(((image - BEFORE).abs().sum(1, keepdim=True) * skin).sum())

    assert "skin" in found("a ruddy person", judge).names
    assert found("a person with pink hair", judge).names == ("hair",)
    assert set(found("a ruddy person with pink hair", judge).names) >= {"hair", "skin"}
    # Where nothing helps, everything may change.
    assert found("a ruddy person") is None
    assert found("a ruddy person", words=None) is None


def test_the_fewest_parts_that_bring_the_fall():
    seen = [parser(each).softmax(1) for each in PICTURES]
    hair = region_mask(seen, PICTURES, ("hair",))

    def judge(image):
        return -float(((image - BEFORE).abs().sum(1, keepdim=True) * hair).sum())

    assert helpful_parts(seen, PICTURES, judge) == ("hair",)
    assert helpful_parts(seen, (BEFORE, BEFORE), judge) == ()


def test_another_part_on_both_pictures_stays_outside():
    hat = square(red=(20, 40, 40, 80), green=(14, 20, 40, 80))
    seen = [parser(hat).softmax(1)] * 2
    inside = region_mask(seen, (hat, hat), ("hair",))[0, 0] > 0
    assert bool(inside[20:40, 40:80].all())
    assert not bool(inside[14:20, 40:80].any())


def test_regions_by_name():
    assert region_names("hair, hat") == ("hair", "hat")
    assert found("pink hair", region="hat,background").names == ("hat", "background")
    assert found("pink hair", region="all") is None
    with pytest.raises(ValueError, match="choose auto, all, or with commas between them hair"):
        region_names("hair,all")


def test_without_a_parser_a_named_region_cannot_be_found():
    settings = chosen(EditSettings, given={"prompt": "pink hair", "region": "hair"})
    bare = models(own=None)
    with pytest.raises(MissingError, match="--region hair needs the parser of a pack"):
        region_of(bare, settings, parse_prompts("pink hair"), PICTURES, lambda image: 0.0)
    assert (
        region_of(
            bare,
            settings.model_copy(update={"region": "auto"}),
            parse_prompts("pink hair"),
            PICTURES,
            lambda image: 0.0,
        )
        is None
    )
