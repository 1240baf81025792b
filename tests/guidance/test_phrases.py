"""Phrases of prompts as people write them."""

import pytest
from promptbrush.guidance.phrases import phrases_of


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("a man with a hat and green eyes", ["a man with a hat", "a man with green eyes"]),
        (
            "a face, having a mohawk, with round glasses, against a blue wall",
            ["a face having a mohawk", "a face with round glasses", "a face against a blue wall"],
        ),
        (
            "a person who wears a top and who has black hair",
            ["a person who wears a top", "a person who has black hair"],
        ),
        ("on a blue wall, a man who has freckles", ["a man on a blue wall", "a man who has freckles"]),
        (
            "portrait of a woman, blue hair, glasses",
            ["portrait of a woman, blue hair", "portrait of a woman, glasses"],
        ),
        (
            "a man with long and curly hair, and wearing a hat",
            ["a man with long and curly hair", "a man wearing a hat"],
        ),
        ("a woman with a hat, and green eyes", ["a woman with a hat", "a woman with green eyes"]),
        ("a woman  with a hat\nand a smile", ["a woman with a hat", "a woman with a smile"]),
        ("a man WITH a hat AND a smile", ["a man WITH a hat", "a man WITH a smile"]),
    ],
)
def test_each_phrase_has_what_it_is_of(text: str, phrases: list[str]) -> None:
    assert phrases_of(text) == phrases


@pytest.mark.parametrize(
    "text",
    [
        *("glasses", "", "a bald man with a red beard", "with a hat", "and", ",", "a face with a beard,"),
        *("a man and a woman", "a cat and a dog with hats", "a man wearing black and white clothes"),
        *("in front of a red wall, a man", "Anderson without", "a sandwich", "with", "a band and, with"),
    ],
)
def test_one_phrase_stays_as_it_is(text: str) -> None:
    assert phrases_of(text) == [text]
