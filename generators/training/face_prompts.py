"""The words of a pack of drawn faces: what a prompt may say, and which parts of a face each saying may change."""

from __future__ import annotations

from .face_modes import ABSENT, ADJECTIVES, COMPARATIVES, GENERAL, STATES
from .face_words import COLOURS, words_of
from .faces import CHOICES

# Parts as the face parser names them (see `generators.parser.PARTS`).
PARTS_OF: dict[str, tuple[str, ...]] = {
    "hair_style": ("hair", "hat"),
    "hair_length": ("hair",),
    "hair_colour": ("hair",),
    "skin": ("skin", "nose"),
    "beard": ("beard",),
    "glasses": ("glasses", "eyes"),
    "hat": ("hat", "hair"),
    "hat_colour": ("hat", "hair"),
    "earrings": ("earrings",),
    "mouth": ("mouth",),
    "eyes": ("eyes", "glasses"),
    "eyebrows": ("eyebrows",),
    "clothes": ("clothes",),
    "clothes_colour": ("clothes",),
    "background": ("background",),
    "background_colour": ("background",),
    "head_shape": ("skin", "nose", "hair", "beard", "eyes", "eyebrows", "mouth", "glasses"),
    "nose": ("nose",),
    "freckles": ("skin", "nose"),
    "age": ("skin", "nose", "mouth"),
}

# Things with a colour, which the captions tell apart: "a blue shirt", "a red beanie".
_COLOURED = {
    "clothes_colour": (
        "shirt",
        "t-shirt",
        "sweater",
        "jumper",
        "pullover",
        "jacket",
        "dress",
        "turtleneck",
        "coat",
    ),
    "hat_colour": ("beanie", "cap", "top hat", "crown", "woolly hat"),
}
NEUTRAL = (
    "and but or with without wearing wears wear dressed who has have having whose that is are in on of at to his her "
    "their very really more much photo picture portrait drawing cartoon person man woman guy lady boy girl human "
    "character face someone somebody people he she they this"
).split()


def words_of_faces() -> dict[str, object]:
    """See `generators.packs.words.Words`: every phrase of the captions, by attribute and value."""
    values: dict[str, object] = {}
    for attribute, kinds in CHOICES.items():
        by_value = {value: _phrases(attribute, value) for value in kinds}
        values[attribute] = {value: phrases for value, phrases in by_value.items() if phrases}
    parts = {name: list(parts) for name, parts in PARTS_OF.items()}
    return {"values": values, "parts": parts, "neutral": list(NEUTRAL)}


def _phrases(attribute: str, value: str) -> list[str]:
    key, found = (attribute, value), [*words_of(attribute, value)]
    for kinds in (ADJECTIVES, COMPARATIVES, GENERAL):
        found += kinds.get(key, ())
    if value in ("none", "no"):
        found += [f"{word} {thing}" for thing in ABSENT.get(attribute, ()) for word in ("no", "without")]
    elif attribute in ABSENT and key not in GENERAL:
        found += [thing for thing in ABSENT[attribute] if not thing.startswith("any ")]
    colours = COLOURS.get(attribute, {}).get(value, ())
    found += [f"{colour} {thing}" for thing in _COLOURED.get(attribute, ()) for colour in colours]
    # States stand apart from what they are said of: "hair that is spiky".
    noun = attribute.partition("_")[0]
    found += [f"{noun} {text}" for text in STATES.get(key, ())]
    return list(dict.fromkeys(found))
