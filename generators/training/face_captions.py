"""Captions of faces: a small grammar whose every phrase is true of what can be seen.

Two wordings of each value that has four or more, and some pairs of values, are held out of training, so that
tests can ask about words and combinations that no model has met.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..._base import UsageError
from .face_words import ADJECTIVES, COLOUR_WORDS, GENERAL, HAIR_WORDS, SYNONYMS, Words, with_article
from .faces import CHOICES, NONE, Face, resolve

__all__ = [
    "SYNONYMS",
    "attribute_prompt",
    "caption",
    "held_out_pairs",
    "held_out_synonyms",
    "is_held_out",
]

Pair = tuple[tuple[str, str], tuple[str, str]]

_WITHOUT = {
    "beard": "a beard",
    "glasses": "glasses",
    "hat": "a hat",
    "earrings": "earrings",
    "freckles": "freckles",
}
_WORN = ("glasses", "hat", "hat_colour", "earrings", "clothes", "clothes_colour")
_BACKDROP = ("background", "background_colour")
_UNMEASURED = ("bun", "afro", "bob", "mohawk", "bald")  # styles of which "short" or "long" says nothing
_HAIR_TEMPLATES: dict[str, Words] = {
    "side swept": ("{measure} {colour} hair{tied}", "{measure} side-swept {colour} hair{tied}"),
    "undercut": ("a {colour} undercut", "{measure} {colour} hair", "{colour} hair with shaved sides"),
    "spiky": ("spiky {colour} hair", "{colour} spiky hair", "{measure} spiky {colour} hair"),
    "bun": ("a {colour} bun", "{colour} hair in a bun", "{colour} hair tied up"),
    "fringe": (
        "{measure} {colour} hair{tied}",
        "{measure} {colour} hair{tied} with a fringe",
        "{colour} bangs",
    ),
    "centre parting": ("{measure} {colour} hair{tied}", "{measure} {colour} hair{tied} with a middle part"),
    "afro": ("a {colour} afro", "{colour} afro hair", "a big {colour} afro"),
    "curly": ("curly {colour} hair{tied}", "{measure} curly {colour} hair{tied}", "{colour} curls"),
    "mohawk": ("a {colour} mohawk", "{colour} mohawk hair", "a punk {colour} mohawk"),
    "bob": ("a {colour} bob", "{colour} hair in a bob", "a {colour} bob haircut"),
    "buzz cut": ("a {colour} buzz cut", "very short {colour} hair"),
}
_BEARD_TEMPLATES: dict[str, Words] = {
    "stubble": ("{} stubble",),
    "full beard": ("a {} beard", "a full {} beard"),
    "long beard": ("a {} beard", "a long {} beard"),
    "moustache": ("a {} moustache", "a {} mustache"),
    "goatee": ("a {} goatee",),
}
_HAT_TEMPLATES: dict[str, Words] = {
    "beanie": ("a {} beanie", "a {} woolly hat", "a {} hat"),
    "cap": ("a {} cap", "a {} baseball cap", "a {} hat"),
    "top hat": ("a {} top hat", "a tall {} hat", "a {} hat"),
}
_CLOTHES_TEMPLATES: dict[str, Words] = {
    "turtleneck": ("a {} turtleneck", "a {} turtleneck sweater", "{} clothes"),
    "jacket": ("a {} jacket", "an open {} jacket", "{} clothes"),
    "dress": ("a {} dress", "a sleeveless {} dress", "{} clothes"),
    "sweater": ("a {} sweater", "a {} sweater over a shirt", "{} clothes"),
    "t-shirt": ("a {} t-shirt", "a {} tee shirt", "{} clothes"),
}
_BACKGROUND_TEMPLATES: dict[str, Words] = {
    "plain": ("a {} background", "a plain {} background"),
    "gradient": ("a {} background", "a {} gradient background"),
    "stripes": ("a {} background", "a striped {} background"),
    "dots": ("a {} background", "a dotted {} background", "a {} polka dot background"),
    "checks": ("a {} background", "a checkered {} background", "a checked {} background"),
}
_NOUNS = (
    "face",
    "person",
    "face",
    "person",
    "cartoon face",
    "cartoon person",
    "cartoon character",
    "character",
)
_FRAMES = (
    "",
    "",
    "",
    "a portrait of ",
    "a picture of ",
    "a drawing of ",
    "an image of ",
    "a sketch of ",
    "a photo of ",
)
_HELD_OUT_PAIRS: tuple[Pair, ...] = (
    (("hair_colour", "green"), ("glasses", "sunglasses")),
    (("hair_colour", "pink"), ("beard", "full beard")),
    (("hair_style", "mohawk"), ("glasses", "round glasses")),
    (("hair_style", "afro"), ("hair_colour", "purple")),
    (("hair_style", "curly"), ("mouth", "surprised")),
    (("hair_length", "braids"), ("hair_colour", "blue")),
    (("hat", "crown"), ("mouth", "laugh")),
    (("hat", "beanie"), ("beard", "long beard")),
    (("hat", "top hat"), ("freckles", "yes")),
    (("earrings", "hoop"), ("hat", "cap")),
    (("background", "dots"), ("clothes_colour", "yellow")),
)
_HELD_OUT_COUNT = 2
_FEWEST_TO_SPLIT = 4


@dataclass(frozen=True)
class _Phrase:
    text: str
    form: str  # how it joins the sentence: "with", "wearing", "on", "without" or "adjective"


_Topic = Callable[[Face, Mapping[str, str], random.Random], _Phrase | None]


def _is_split(words: Words) -> bool:
    return len(words) >= _FEWEST_TO_SPLIT


def held_out_synonyms() -> dict[str, dict[str, Words]]:
    """The wordings that captions for training never use, by attribute and value."""
    return {
        attribute: {value: words[-_HELD_OUT_COUNT:] for value, words in values.items() if _is_split(words)}
        for attribute, values in SYNONYMS.items()
    }


def held_out_pairs() -> tuple[Pair, ...]:
    """Pairs of visible values that never occur together in training data."""
    return _HELD_OUT_PAIRS


def is_held_out(face: Face) -> bool:
    """Whether a face shows one of the held-out pairs."""
    shown = resolve(face)
    return any(shown[a] == x and shown[b] == y for (a, x), (b, y) in _HELD_OUT_PAIRS)


def _training_words(words: Words) -> Words:
    return words[:-_HELD_OUT_COUNT] if _is_split(words) else words


def _form(attribute: str, text: str) -> str:
    """How a noun phrase joins the sentence."""
    if attribute in _BACKDROP:
        return "on" if text.startswith("a") and "behind" not in text else "with"
    bare = text.startswith(("no ", "bare ", "nothing", "plain ears", "unadorned", "a bare", "an uncovered"))
    return "wearing" if attribute in _WORN and not bare else "with"


def _attribute_phrase(
    attribute: str, value: str, rng: random.Random, held_out: bool = False
) -> _Phrase | None:
    """One attribute in words; None where there is nothing to say, or no held-out wording."""
    words = SYNONYMS[attribute].get(value, ())
    if not words or (held_out and not _is_split(words)):
        return None
    if held_out:
        text = rng.choice(words[-_HELD_OUT_COUNT:])
        return _Phrase(text, _form(attribute, text))
    roll = rng.random()
    if roll < 0.3 and (attribute, value) in ADJECTIVES:
        return _Phrase(rng.choice(ADJECTIVES[attribute, value]), "adjective")
    if value in (NONE, "no") and roll < 0.65:
        return _Phrase(_WITHOUT[attribute], "without")
    general = roll > 0.85 and (attribute, value) in GENERAL
    text = rng.choice(GENERAL[attribute, value] if general else _training_words(words))
    return _Phrase(text, _form(attribute, text))


def _hair(face: Face, shown: Mapping[str, str], rng: random.Random) -> _Phrase | None:
    """Length, colour and style of the hair in one phrase."""
    if shown["hair_colour"] == NONE:
        return (
            _Phrase(rng.choice(("a bald head", "no hair")), "with") if shown["hair_style"] == "bald" else None
        )
    style, length = shown["hair_style"], shown["hair_length"]
    colour = rng.choice(_training_words(HAIR_WORDS[shown["hair_colour"]]))
    tied = (
        f" in {'a ' if length == 'ponytail' else ''}{length}"
        if length in ("ponytail", "pigtails", "braids")
        else ""
    )
    measure = "" if tied or face.choices["hair_style"] in _UNMEASURED else length
    if style == "curly":
        measure = measure.split(" ")[0]
    template = rng.choice(_HAIR_TEMPLATES.get(style, ("{measure} {colour} hair{tied}",)))
    text = template.format(measure=measure, colour=colour, tied=tied)
    return _Phrase(with_article(" ".join(text.split())), "with")


def _beard(face: Face, shown: Mapping[str, str], rng: random.Random) -> _Phrase | None:
    """The beard with its colour, which is the hair's even on a bald head."""
    if shown["beard"] == NONE:
        return _attribute_phrase("beard", NONE, rng)
    colour = rng.choice(_training_words(HAIR_WORDS[face.choices["hair_colour"]]))
    return _Phrase(with_article(rng.choice(_BEARD_TEMPLATES[shown["beard"]]).format(colour)), "with")


def _coloured(attribute: str, names: Mapping[str, Words], form: str) -> _Topic:
    """A topic that names a thing together with its colour."""

    def phrase(_face: Face, shown: Mapping[str, str], rng: random.Random) -> _Phrase | None:
        value, colour = shown[attribute], shown[f"{attribute}_colour"]
        if value == NONE or colour == NONE:
            return _attribute_phrase(attribute, value, rng)
        word = rng.choice(_training_words(COLOUR_WORDS[colour]))
        return _Phrase(with_article(rng.choice(names[value]).format(word)), form)

    return phrase


def _topics() -> dict[str, _Topic]:
    def single(attribute: str) -> _Topic:
        return lambda face, shown, rng: _visible(attribute, face, shown, rng, False)

    return {
        **{attribute: single(attribute) for attribute in CHOICES},
        "coloured hair": _hair,
        "coloured beard": _beard,
        "coloured hat": _coloured("hat", _HAT_TEMPLATES, "wearing"),
        "coloured clothes": _coloured("clothes", _CLOTHES_TEMPLATES, "wearing"),
        "coloured background": _coloured("background", _BACKGROUND_TEMPLATES, "on"),
    }


def _visible(
    attribute: str, face: Face, shown: Mapping[str, str], rng: random.Random, held_out: bool
) -> _Phrase | None:
    """An attribute that can be seen, in words. Only hair that hangs down or is cut short has a length."""
    if attribute == "hair_length" and face.choices["hair_style"] in _UNMEASURED:
        return None
    return _attribute_phrase(attribute, shown[attribute], rng, held_out)


def _family(topic: str) -> str:
    """What a topic is about, so that a caption does not say the same twice."""
    return topic.removeprefix("coloured ").split("_")[0] if topic != "head_shape" else topic


def _choose(face: Face, rng: random.Random, count: int, held_out: bool) -> list[_Phrase]:
    """Up to `count` phrases about different things, small things as often as large ones."""
    shown, topics = resolve(face), _topics()
    names = list(CHOICES) if held_out else list(topics)
    rng.shuffle(names)
    phrases: list[_Phrase] = []
    said: set[str] = set()
    for name in names:
        absent = shown.get(name.removeprefix("coloured ")) in (NONE, "no") and rng.random() < 0.6
        if len(phrases) == count or _family(name) in said or absent:
            continue
        phrase = _visible(name, face, shown, rng, True) if held_out else topics[name](face, shown, rng)
        if phrase is not None:
            phrases.append(phrase)
            said.add(_family(name))
    return phrases


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _sentence(phrases: Sequence[_Phrase], rng: random.Random) -> str:
    """A noun with everything attached to it, the parts in any order but the background mostly last."""
    by_form: dict[str, list[str]] = {}
    for phrase in phrases:
        by_form.setdefault(phrase.form, []).append(phrase.text)
    adjectives = by_form.pop("adjective", [])
    backdrop = by_form.pop("on", [])
    segments = [f"{form} {_listed(words)}" for form, words in by_form.items()]
    rng.shuffle(segments)
    if backdrop:
        segments.append(f"{rng.choice(('on', 'on', 'against', 'in front of'))} {_listed(backdrop)}")
    who = " ".join(
        ["a", ", ".join(adjectives), rng.choice(_NOUNS)] if adjectives else ["a", rng.choice(_NOUNS)]
    )
    if not adjectives and rng.random() < 0.1:
        who = "someone"
    frame = rng.choice(_FRAMES)
    return with_article(f"{frame}{who} {rng.choice((', ', ' ')).join(segments)}".strip())


def caption(face: Face, rng: random.Random, held_out: bool = False) -> str:
    """A random caption: one attribute, two or three, or many; a sentence, or bare words.

    Args:
        face: what to describe; only what can be seen is mentioned.
        rng: source of every choice.
        held_out: use only held-out wordings, otherwise only the others.
    """
    roll = rng.random()
    count = 1 if roll < 0.42 else rng.choice((2, 3)) if roll < 0.78 else rng.randint(4, 9)
    phrases = _choose(face, rng, count, held_out)
    if rng.random() < (0.25 if count == 1 else 0.1):
        texts = [f"without {p.text}" if p.form == "without" else p.text for p in phrases]
        return ", ".join(texts)
    return _sentence(phrases, rng)


def attribute_prompt(attribute: str, value: str, rng: random.Random | None = None) -> str:
    """A caption of one attribute, such as "a person with pink hair" or "a face without glasses".

    Args:
        attribute: a name in CHOICES.
        value: one of its values.
        rng: chooses among the wordings for training; without it, always the plainest.

    Raises:
        UsageError: unknown attribute or value.
    """
    words = SYNONYMS.get(attribute, {}).get(value)
    if words is None:
        raise UsageError(f"faces have no {attribute} '{value}'; see CHOICES for the names")
    if rng is not None:
        phrase = _attribute_phrase(attribute, value, rng)
        return _sentence([phrase] if phrase else [], rng)
    if value in (NONE, "no"):
        return f"a face without {_WITHOUT[attribute]}"
    return f"a person {_form(attribute, words[0])} {words[0]}"
