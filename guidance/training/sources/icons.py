"""Icons of four emoji sets, joined by code point with the words that Unicode's CLDR and emojibase give them.

The sets draw the same things in four manners, so a concept's words are learnt apart from one hand's style.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...._base import InputFileError
from .drawings import Drawing
from .files import SETS, npm_command, read_json, wrong_type

MAX_NAMES = 10

# emojibase's numbers of groups and subgroups. Flags, keycaps and letters are signs to be read, not seen; skin tones
# and hair alone are components.
_LEFT_OUT_GROUPS = frozenset({2, 9})
_LEFT_OUT_SUBGROUPS = frozenset({94, 95})
_CLOCK_FACE = re.compile(r"^\w+(-thirty| o'clock)$")
_JOINER_NOISE = re.compile(r"-?fe0f", re.IGNORECASE)
_FEATURE = re.compile(r"^(person|man|woman): (.*\bhair|beard)$")
_WORDS = re.compile(r"[a-z][a-z'-]*( [a-z][a-z'-]*)*")
# Chat and filler among the tags, which names nothing in the picture.
_CHAT = frozenset(
    """
    143 aww awk awesome babe bae bestie bet bff brb bro bs btw bye cya date dating duh ew feels fml g2g gtg hey hi
    hm hmm huh idk ily jel lit lol meh mx ngl no not oh ok omg omw pga rad rofl smh sms something tbt thx tmi u
    ugh uh uhh um v vs whatever what why who wow wtv xoxo yay yes yo yolo you yum yup me i do de done at way out
    over got go off set want behind facing leftward rightward upward downward heavy small big large medium one two
    """.split()
)


def icons(data: Path) -> list[Drawing]:
    """The drawings of all four sets, in the order of `SETS` and, within one, of emojibase.

    Raises:
        MissingError: a package is not in `data`.
        InputFileError: a file holds something else.
    """
    meanings = _meanings(data)
    points = {each: _code_points(data, each) for each in SETS}
    shared = {name: point for each in reversed(SETS) for name, point in points[each].items()}
    return [
        drawing for each in SETS for drawing in _set_drawings(data, each, points[each] or shared, meanings)
    ]


def _folder(data: Path, set_name: str) -> Path:
    return data / "node_modules" / "@iconify-json" / set_name


def _code_points(data: Path, set_name: str) -> dict[str, str]:
    """Icon name -> code points, as the set's chars.json tells; empty for a set that knows only names."""
    path = _folder(data, set_name) / "chars.json"
    chars = read_json(path, dict, npm_command(data))
    _require_texts(path, chars.values(), data)
    return {name: _plain(point) for point, name in chars.items()}


def _set_drawings(
    data: Path, set_name: str, points: Mapping[str, str], meanings: Mapping[str, tuple[str, ...]]
) -> list[Drawing]:
    path = _folder(data, set_name) / "icons.json"
    content = read_json(path, dict, npm_command(data))
    drawn = content.get("icons")
    if not isinstance(drawn, dict):
        raise wrong_type(path, "a dict under 'icons'", drawn, npm_command(data))
    by_point = {points[name]: name for name in sorted(drawn, reverse=True) if name in points}
    return [
        Drawing(_document(path, content, drawn[by_point[point]]), point, set_name, names)
        for point, names in meanings.items()
        if point in by_point
    ]


def _document(path: Path, content: Mapping[str, Any], icon: object) -> str:
    """A whole SVG; left, top, width and height are the icon's own, else the set's, else Iconify's defaults."""
    if not isinstance(icon, dict) or not isinstance(icon.get("body"), str):
        raise InputFileError(f"{path}: an icon has no text under 'body'; install the package again")
    defaults = {"left": 0, "top": 0, "width": 16, "height": 16}
    box = [icon.get(key, content.get(key, default)) for key, default in defaults.items()]
    if not all(isinstance(value, int | float) for value in box):
        raise InputFileError(f"{path}: an icon's box is {box}, not numbers; install the package again")
    view = " ".join(f"{value:g}" for value in box)
    space = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {space} viewBox="{view}">{icon["body"]}</svg>'


def _meanings(data: Path) -> dict[str, tuple[str, ...]]:
    """Code points -> words, for what is worth learning; skin tones are not among emojibase's main entries."""
    path = data / "node_modules" / "emojibase-data" / "en" / "data.json"
    entries = read_json(path, list, npm_command(data))
    found = {}
    for entry in entries:
        if not isinstance(entry, dict):
            raise wrong_type(path, "a dict for each emoji", entry, npm_command(data))
        label, point, tags = entry.get("label"), entry.get("hexcode"), entry.get("tags", [])
        _require_texts(path, [label, point, *(tags if isinstance(tags, list) else [tags])], data)
        names = _names(str(label), tags)
        if names and _is_wanted(entry, names[0]):
            found[_plain(str(point))] = names
    return found


def _is_wanted(entry: Mapping[str, object], name: str) -> bool:
    group = entry.get("group")  # none: the letters that flags are made of
    return (
        group is not None
        and group not in _LEFT_OUT_GROUPS
        and entry.get("subgroup") not in _LEFT_OUT_SUBGROUPS
        and not _CLOCK_FACE.match(name)
    )


def _names(label: str, tags: Iterable[str]) -> tuple[str, ...]:
    names = [_tidy_label(label)]
    for tag in map(_tidy, tags):
        known = tag in names or (tag.endswith("s") and (tag[:-1] in names or tag[:-1] in tags))
        if tag not in _CHAT and _WORDS.fullmatch(tag) and len(tag) > 1 and not known:
            names.append(tag)
    return tuple(name for name in names if name)[:MAX_NAMES]


def _tidy_label(label: str) -> str:
    """ "man: red hair" -> "man with red hair", "man walking: facing right" -> "man walking, facing right"."""
    tidy = _FEATURE.sub(r"\1 with \2", _tidy(label))
    return re.sub(r"^(person|man|woman): (bald)$", r"\2 \1", tidy).replace(": ", ", ")


def _tidy(text: str) -> str:
    return " ".join(text.lower().replace("’", "'").replace("“", '"').replace("”", '"').split())


def _plain(point: str) -> str:
    """Code points without the variation selector, which some sets write and others do not."""
    return _JOINER_NOISE.sub("", point.lower()).strip("-")


def _require_texts(path: Path, values: Iterable[object], data: Path) -> None:
    for value in values:
        if not isinstance(value, str):
            raise wrong_type(path, "a text", value, npm_command(data))
