"""Names of the photographs' classes, in a classifier's order, plain ones first."""

from __future__ import annotations

import pytest
from promptbrush._base import MissingError
from promptbrush.guidance.training.sources.classes import PhotoClass, held_out_names, photo_classes


def photo(*names: str, broader: tuple[str, ...] = (), scientific: int = 0) -> PhotoClass:
    return PhotoClass("n0", names, broader, scientific)


def test_order_scientific_names_and_what_is_above(data):
    classes = photo_classes(data)
    assert len(classes) == 1000
    # "vertebrate" is passed over, "organism" ends the way up; "Tinca" is a genus in WordNet.
    assert classes[0] == PhotoClass("n01440764", ("tench", "tinca tinca"), ("fish", "animal"), 1)
    assert classes[0].plain_names == ("tench",)
    assert classes[281].names == ("tabby", "tabby cat")
    # German is no genus, so the German shepherd stays a plain name.
    assert classes[235].names[0].startswith("german shepherd")


def test_main_names_are_unique(data):
    mains = [each.names[0] for each in photo_classes(data)]
    assert len(set(mains)) == 1000
    assert mains[134] == "crane bird" and mains[517] == "construction crane"


def test_a_name_is_held_out_where_it_belongs_to_one_class_and_is_another_word():
    held = held_out_names(
        [
            photo("cab", "taxi", "taxicab"),  # taxi is no part of a word of "taxicab"
            photo("grey whale", "gray whale", "devilfish"),  # spelling
            photo("missile"),
            photo("projectile", "missile"),  # another class's name
            photo("tench", "tinca tinca", scientific=1),
            photo("maltese dog", "maltese"),  # part of the main name
            photo("plant pot", "vessel"),
            photo("ship", broader=("vessel",)),
        ]
    )
    assert held == {0: "taxi", 1: "devilfish"}


def test_enough_classes_have_a_name_to_hold_out_and_always_the_same(data):
    classes = photo_classes(data)
    held = held_out_names(classes)
    assert len(held) >= 200 and held == held_out_names(classes)
    assert all(name in classes[i].plain_names[1:] for i, name in held.items())


def test_missing_wordnet_is_answered_with_the_command(tmp_path):
    with pytest.raises(MissingError, match=r"data\.noun: not there; .*wordnet-base"):
        photo_classes(tmp_path)
