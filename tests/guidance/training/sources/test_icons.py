"""Icons of four sets must come out under one concept each, with words that name what is seen."""

from __future__ import annotations

import json

import pytest
from promptbrush._base import InputFileError, MissingError
from promptbrush.guidance.training.sources.drawings import draw
from promptbrush.guidance.training.sources.icons import icons


def test_sets_are_joined_by_code_point_and_names_are_tidied(data):
    found = icons(data)
    assert [(each.origin, each.concept) for each in found[:3]] == [
        ("noto", "1f408"),
        ("noto", "2600"),
        ("noto", "1f468-200d-1f9b0"),
    ]
    # "fluent-emoji" has no code points of its own and takes those of the other sets.
    assert [each.origin for each in found].count("fluent-emoji") == 3
    assert {each.names for each in found} == {
        ("cat", "animal", "pet"),
        ("sun's face", "sun"),
        ("man with red hair", "man"),
    }


def test_flags_keycaps_clocks_letters_and_skin_tones_are_left_out(data):
    assert {each.concept for each in icons(data)} == {"1f408", "2600", "1f468-200d-1f9b0"}


def test_an_icons_own_box_goes_before_the_sets(data):
    path = data / "node_modules/@iconify-json/noto/icons.json"
    content = json.loads(path.read_text())
    content["icons"]["cat"] |= {"width": 10, "height": 10, "left": 2, "top": 2}
    path.write_text(json.dumps(content))
    cat, sun = icons(data)[:2]
    # The red square starts at 2, so the cut box shows it at once and the whole one leaves a margin.
    assert draw(cat, 16)[0, 0].tolist() == [255, 0, 0, 255]
    assert draw(sun, 16)[0, 0, 3] == 0


@pytest.mark.parametrize("file", ["@iconify-json/noto/icons.json", "emojibase-data/en/data.json"])
def test_a_missing_file_is_answered_with_the_command(data, file):
    (data / "node_modules" / file).unlink()
    with pytest.raises(MissingError, match=r"\.json: not there; get it with: npm install --prefix .*twemoji"):
        icons(data)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("@iconify-json/noto/icons.json", "{", "not JSON"),
        ("@iconify-json/noto/icons.json", "[]", "holds a list, not a dict"),
        ("@iconify-json/noto/icons.json", '{"icons": 3}', "holds a int, not a dict under 'icons'"),
        ("@iconify-json/noto/icons.json", '{"icons": {"cat": {}}}', "no text under 'body'"),
        ("@iconify-json/noto/icons.json", '{"icons": {"cat": {"body": "", "left": "x"}}}', "not numbers"),
        ("@iconify-json/noto/chars.json", '{"1f408": 3}', "holds a int, not a text"),
        ("emojibase-data/en/data.json", "[3]", "holds a int, not a dict for each emoji"),
        ("emojibase-data/en/data.json", '[{"label": 3}]', "holds a int, not a text"),
        ("emojibase-data/en/data.json", '[{"label": "a", "hexcode": "1", "tags": 3}]', "not a text"),
    ],
)
def test_what_is_not_as_it_should_be_is_one_line_with_the_file(data, file, text, message):
    path = data / "node_modules" / file
    path.write_text(text)
    with pytest.raises(InputFileError, match=message) as caught:
        icons(data)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
