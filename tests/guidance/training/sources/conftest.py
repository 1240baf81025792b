"""A tiny data folder in the formats of the real one, with drawings of our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SETS = ("noto", "fluent-emoji-flat", "fluent-emoji", "twemoji")
BODY = '<rect x="2" y="2" width="{0}" height="{0}" fill="red"/>'

EMOJI = [
    {
        "label": "cat",
        "hexcode": "1F408",
        "tags": ["animal", "cats", "lol", "pet", "3"],
        "group": 3,
        "subgroup": 34,
    },
    {"label": "Sun’s face", "hexcode": "2600-FE0F", "tags": ["sun"], "group": 5, "subgroup": 59},
    {"label": "man: red hair", "hexcode": "1F468-200D-1F9B0", "tags": ["man"], "group": 1, "subgroup": 23},
    {"label": "flag: France", "hexcode": "1F1EB-1F1F7", "tags": [], "group": 9, "subgroup": 98},
    {"label": "keycap: 3", "hexcode": "0033-FE0F-20E3", "tags": ["3"], "group": 8, "subgroup": 94},
    {"label": "eight o’clock", "hexcode": "1F557", "tags": ["clock"], "group": 5, "subgroup": 58},
    {"label": "regional indicator A", "hexcode": "1F1E6"},
]
CHARS = {
    "1f408": "cat",
    "2600": "sun",
    "1f468-200d-1f9b0": "man-red-hair",
    "1f468-1f3fb-200d-1f9b0": "man-red-hair-light",
    "1f1eb-1f1f7": "flag-france",
    "33-20e3": "keycap-3",
    "1f557": "eight-oclock",
}

# Offsets are those of the first two real classes' synsets; the lines are shortened.
NOUNS = """  1 This software and database is being provided to you, the LICENSEE
00015388 03 n 02 animal 0 beast 0 001 @ 00004475 n 0000 | a living organism
00004475 03 n 01 organism 0 000 | a living thing
02512053 05 n 01 fish 0 001 @ 01471682 n 0000 | any of various cold-blooded vertebrates
01471682 05 n 01 vertebrate 0 001 @ 00015388 n 0000 | having a bony skeleton
01440764 05 n 02 tench 0 Tinca_tinca 0 001 @ 02512053 n 0000 | freshwater dace-like game fish
01439000 05 n 02 Tinca 0 genus_Tinca 0 001 @ 02512053 n 0000 | tench
02121620 05 n 02 cat 0 kitten 0 001 @ 00015388 n 0000 | a feline
03345487 06 n 02 fire_engine 0 balloon 0 001 #p 00004475 n 0000 | a truck
04000000 18 n 02 Golan 0 Benji 0 000 | names
"""
ADJECTIVES = "  1 licence\nsleeping a 1 0 1 0 00000001\nred a 1 0 1 0 00000002\n"

SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:rdf="r" xmlns:dc="d" viewBox="0 0 100 200">
<metadata><rdf:RDF><dc:title>Sheet 1</dc:title><dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject>
<dc:creator><dc:title>{author}</dc:title></dc:creator></rdf:RDF></metadata>
<circle cx="30" cy="30" r="{radius}" fill="blue"/></svg>
"""


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_art(
    data: Path, name: str, keywords: tuple[str, ...] = (), author: str = "", radius: int = 20
) -> Path:
    path = data / "usr/share/openclipart/svg" / f"{name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = "".join(f"<rdf:li>{word}</rdf:li>" for word in keywords)
    path.write_text(SVG.format(keywords=listed, author=author, radius=radius), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    for number, each in enumerate(SETS):
        names = [*CHARS.values(), f"unknown-{number}"]
        folder = root / "node_modules/@iconify-json" / each
        icons = {name: {"body": BODY.format(8 + number)} for name in names}
        write_json(folder / "icons.json", {"icons": icons, "width": 32, "height": 32})
        write_json(folder / "chars.json", {} if each == "fluent-emoji" else CHARS)
    write_json(root / "node_modules/emojibase-data/en/data.json", EMOJI)
    wordnet = root / "usr/share/wordnet"
    wordnet.mkdir(parents=True)
    (wordnet / "data.noun").write_text(NOUNS, encoding="utf-8")
    (wordnet / "index.adj").write_text(ADJECTIVES, encoding="utf-8")
    return root


@pytest.fixture
def art(data):
    """art("animals/cat_01", ("cat",), "An Author", radius=20) writes a file and returns its path."""

    def write(*args, **kwargs):
        return write_art(data, *args, **kwargs)

    return write
