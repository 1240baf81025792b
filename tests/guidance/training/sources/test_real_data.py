"""What the real data gives; run where PROMPTBRUSH_DATA names the folder that holds it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from promptbrush.guidance.training.sources.classes import held_out_names, photo_classes
from promptbrush.guidance.training.sources.clip_art import clip_art
from promptbrush.guidance.training.sources.drawings import draw, is_visible
from promptbrush.guidance.training.sources.icons import icons

pytestmark = pytest.mark.skipif("PROMPTBRUSH_DATA" not in os.environ, reason="PROMPTBRUSH_DATA names no data")


@pytest.fixture(scope="module")
def real():
    return Path(os.environ["PROMPTBRUSH_DATA"])


def test_icons(real):
    found = icons(real)
    drawn_in = Counter(each.concept for each in found)
    assert len(found) > 6000 and sum(count == 4 for count in drawn_in.values()) > 1450
    cats = [each for each in found if each.concept == "1f408"]
    assert [each.names[0] for each in cats] == ["cat"] * 4
    assert all(is_visible(draw(each, 32)) for each in cats)


def test_clip_art(real):
    found = clip_art(real)
    assert len(found) > 2200 and all(each.names for each in found)
    by_path = {each.concept: each.names for each in found}
    assert by_path["food/breads_and_carbs/pretzel_01"][:2] == ("pretzel", "food")


def test_classes(real):
    classes = photo_classes(real)
    assert classes[281].broader == ("domestic cat", "cat", "feline", "mammal", "animal")
    assert len(held_out_names(classes)) > 300
