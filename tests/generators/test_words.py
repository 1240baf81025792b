"""What a pack's words find in prompts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from promptbrush import InputFileError
from promptbrush.editing.latent.settings import REGIONS
from promptbrush.generators.packs import load_pack
from promptbrush.generators.packs.words import load_words
from promptbrush.generators.parser import PARTS
from promptbrush.generators.training.face_captions import attribute_prompt
from promptbrush.generators.training.face_prompts import words_of_faces
from promptbrush.generators.training.faces import CHOICES


@pytest.fixture(scope="module")
def words():
    return load_words(load_pack("mini").path("words"))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("a person with pink hair", {"hair_colour": "pink"}),
        ("A Bald person", {"hair_style": "bald"}),
        ("a woman with no hat and a full beard", {"hat": "none", "beard": "full beard"}),
        ("a man without glasses", {"glasses": "none"}),
        ("a person in a blue shirt", {"clothes_colour": "blue"}),
        ("a face on a green background", {"background_colour": "green"}),
        ("a smiling man in a red top hat", {"mouth": "smile", "hat_colour": "red"}),
        ("a person", {}),
    ],
)
def test_phrases_say_what_is_asked_for(words, text, asked):
    found = words.asked(text)
    assert set(found) == set(asked)
    for name, value in asked.items():
        assert value in found[name]
    assert words.unknown(text) == ()


def test_words_of_no_phrase_are_unknown(words):
    assert words.unknown("a smiling man with a monocle") == ("monocle",)
    assert words.unknown("a dragon") == ("dragon",)


def test_every_prompt_of_the_benchmark_is_understood(words):
    for attribute, values in CHOICES.items():
        for value in values:
            text = attribute_prompt(attribute, value)
            assert value in words.asked(text).get(attribute, ()), text


def test_the_parts_are_the_parsers(words):
    assert set(words.parts) == set(CHOICES)
    assert {part for parts in words.parts.values() for part in parts} <= set(PARTS)
    assert {part for parts in REGIONS.values() for part in parts} <= set(PARTS)


def test_the_pack_holds_what_the_captions_say():
    path = load_pack("mini").path("words")
    assert json.loads(path.read_text(encoding="utf-8")) == words_of_faces(), "make the pack again"


@pytest.mark.parametrize("text", ["", "[]", '{"values": 1, "parts": {}}', '{"values": {}}', "\x00"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "words.json").write_text(text)
    with pytest.raises(InputFileError, match=r"words\.json: not the words of a pack"):
        load_words(tmp_path / "words.json")
