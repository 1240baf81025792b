"""Captions of faces: a small grammar whose every phrase is true of what can be seen.

Two wordings of each value that has four or more, and some pairs of values, are held out of training, so that
tests can ask about words and combinations that no model has met.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import cache

from ..._base import UsageError
from .face_additions import ADDED, added_words
from .face_combinations import COMBINATIONS, UNMEASURED
from .face_modes import ABSENT, ADJECTIVES, COMPARATIVES, GENERAL, PARTS, STATES
from .face_sentences import Form, Phrase, described, sentence
from .face_words import HELD_OUT_COUNT, SYNONYMS, Words, is_split, training_words, words_of
from .faces import CHOICES, NONE, Face, resolve, shown_added

__all__ = [
    "SYNONYMS",
    "attribute_prompt",
    "caption",
    "held_out_pairs",
    "held_out_synonyms",
    "is_held_out",
    "named_prompt",
]

Pair = tuple[tuple[str, str], tuple[str, str]]

_HIDDEN = (NONE, "no")
_WORN = (
    *("glasses", "hat", "hat_colour", "earrings", "clothes", "clothes_colour"),
    *("glasses_colour", "earrings_colour"),
)
_DRESSED_IN = ("hat", "hat_colour", "clothes", "clothes_colour")
_BACKDROP = ("background", "background_colour")
_BARE = ("no ", "bare ", "nothing", "plain ears", "ears ", "a bare", "an uncovered", "a hatless")
_NOUNS: Words = (
    *("face", "face", "face", "person", "person", "person"),
    *("cartoon face", "cartoon person", "cartoon character", "character", "human"),
)
# The drawing has no gender: these nouns go with what users mostly see beside them.
_MEN: Words = ("man", "man", "man", "guy", "cartoon man")
_WOMEN: Words = ("woman", "woman", "woman", "lady", "cartoon woman")
_LONG_HAIR = ("shoulder-length", "long straight", "long wavy", "ponytail", "pigtails", "braids")
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
# How often a topic is tried before others; parts that are often hidden or seldom there are tried more.
_WEIGHTS: dict[str, float] = {
    **{"coloured hair": 2.6, "hair_length": 1.6, "hair_style": 1.2, "hat_colour": 4.0, "coloured hat": 1.5},
    **{"beard": 1.5, "glasses": 1.4, "earrings": 1.4, "freckles": 1.7},
}
_SAID_IF_ABSENT = 0.5
_LONGEST = 22  # words, about


def held_out_synonyms() -> dict[str, dict[str, Words]]:
    """The wordings that captions for training never use, by attribute and value."""
    return {
        attribute: {value: words[-HELD_OUT_COUNT:] for value, words in values.items() if is_split(words)}
        for attribute, values in SYNONYMS.items()
    }


def held_out_additions() -> dict[str, dict[str, Words]]:
    """The same of the added values."""
    return {a: {v: words[-HELD_OUT_COUNT:] for v, words in each.items()} for a, each in added_words().items()}


def held_out_pairs() -> tuple[Pair, ...]:
    """Pairs of visible values that never occur together in training data."""
    return _HELD_OUT_PAIRS


def is_held_out(face: Face) -> bool:
    """Whether a face shows one of the held-out pairs."""
    shown = resolve(face)
    return any(shown[a] == x and shown[b] == y for (a, x), (b, y) in _HELD_OUT_PAIRS)


def _form(attribute: str, text: str) -> Form:
    """How a noun phrase joins the sentence."""
    if attribute in _BACKDROP:
        return "on" if text.startswith("a") and "behind" not in text else "with"
    if text.startswith(_BARE):
        return "bare"
    return "wearing" if attribute in _WORN else "with"


def _worn_in(attribute: str, text: str) -> Form:
    """As `_form`, but "in" for hats and clothes: "a person in a red hat"."""
    form, whole = _form(attribute, text), not text.endswith("collar")
    return "in" if attribute in _DRESSED_IN and form == "wearing" and whole else form


@cache
def _ways(attribute: str, value: str) -> tuple[tuple[str, ...], tuple[Words, ...], tuple[float, ...]]:
    """The kinds of phrase that training has for a value, their words, and how often each is used."""
    key = (attribute, value)
    absent = ABSENT.get(attribute, ()) if value in _HIDDEN else ()
    kinds: dict[str, tuple[Words, float]] = {
        "noun": (training_words(words_of(attribute, value)), 0.4),
        "adjective": (ADJECTIVES.get(key, ()), 0.22),
        "absent": (absent, 0.4),
        "state": (STATES.get(key, ()), 0.18),
        "comparative": (COMPARATIVES.get(key, ()), 0.09),
        "general": (GENERAL.get(key, ()), 0.07),
    }
    known = {kind: pair for kind, pair in kinds.items() if pair[0]}
    return tuple(known), tuple(w for w, _ in known.values()), tuple(share for _, share in known.values())


def _attribute_phrase(attribute: str, value: str, rng: random.Random) -> Phrase | None:
    """One attribute in words for training; None where there is nothing to say."""
    kinds, words, shares = _ways(attribute, value)
    if not kinds:
        return None
    index = rng.choices(range(len(kinds)), shares)[0]
    kind, text = kinds[index], rng.choice(words[index])
    if kind == "adjective":
        return Phrase(text, "adjective", attribute)
    if kind == "absent":
        return Phrase(text, "unworn" if attribute in _WORN else "without", attribute)
    if kind == "state":
        return Phrase(text, "state", attribute, PARTS[attribute])
    return Phrase(
        text, _worn_in(attribute, text) if rng.random() < 0.2 else _form(attribute, text), attribute
    )


def _held_out_phrase(attribute: str, value: str, rng: random.Random) -> Phrase | None:
    words = words_of(attribute, value)
    if not is_split(words):
        return None
    text = rng.choice(words[-HELD_OUT_COUNT:])
    return Phrase(text, _form(attribute, text), attribute)


def _phrase(
    topic: str, face: Face, shown: Mapping[str, str], rng: random.Random, held_out: bool
) -> Phrase | None:
    """A topic that can be seen, in words. Only hair that hangs down or is cut short has a length."""
    if topic in COMBINATIONS:
        return COMBINATIONS[topic](face, shown, rng)
    if topic == "hair_length" and face.choices["hair_style"] in UNMEASURED:
        return None
    return (_held_out_phrase if held_out else _attribute_phrase)(topic, shown[topic], rng)


@cache
def _family(topic: str) -> str:
    """What a topic is about, so that a caption does not say the same twice."""
    return topic.removeprefix("coloured ").split("_")[0] if topic != "head_shape" else topic


def _seen(face: Face) -> dict[str, str]:
    """What shows of a face, its added attributes among it where it has any."""
    return {**(shown_added(face) if face.added else {}), **resolve(face)}


def _order(held_out: bool, new: Sequence[str], rng: random.Random) -> list[str]:
    """The topics, and those that are `new`, in random order, heavy ones earlier (Efraimidis and Spirakis 2006)."""
    topics = [*CHOICES, *new] if held_out else [*CHOICES, *COMBINATIONS, *new]
    keys = {topic: rng.random() ** (1 / _WEIGHTS.get(topic, 1.0)) for topic in topics}
    return sorted(topics, key=keys.__getitem__, reverse=True)


@cache
def _named(topic: str) -> frozenset[str]:
    """The attributes that a phrase of a topic may name."""
    if topic not in COMBINATIONS:
        return frozenset({topic})
    part = topic.removeprefix("coloured ")
    if part == "hair":
        return frozenset({"hair_colour", "hair_style", "hair_length"})
    return frozenset({part, "hair_colour" if part == "beard" else f"{part}_colour"})


def _names_pair(shown: Mapping[str, str], named: set[str]) -> bool:
    """Whether the attributes that are named include a pair that is held out."""
    return any(
        a in named and b in named and shown[a] == x and shown[b] == y for (a, x), (b, y) in _HELD_OUT_PAIRS
    )


def _length(text: str) -> int:
    return 2 + text.count(" ") + 2 * text.count("-") + text.count("'")


def _choose(face: Face, rng: random.Random, count: int, held_out: bool, apart: bool) -> list[Phrase]:
    """Up to `count` phrases about different things, small things as often as large ones."""
    shown = _seen(face)
    new = [name for name in ADDED if name not in CHOICES and shown.get(name, NONE) != NONE]
    phrases: list[Phrase] = []
    said: set[str] = set()
    named: set[str] = set()
    room = _LONGEST
    for topic in _order(held_out, new, rng):
        absent = shown.get(topic) in _HIDDEN and rng.random() > _SAID_IF_ABSENT
        if len(phrases) == count or _family(topic) in said or absent:
            continue
        if apart and _names_pair(shown, named | _named(topic)):
            continue
        phrase = _phrase(topic, face, shown, rng, held_out)
        if phrase is not None and _length(phrase.text) <= room:
            room -= _length(phrase.text)
            phrases.append(phrase)
            said.add(_family(topic))
            named |= _named(topic)
    return phrases


def _nouns(shown: Mapping[str, str], phrases: Sequence[Phrase], rng: random.Random) -> Words:
    """What to call the face: mostly a person or face, sometimes as people would by beard and hair."""
    if rng.random() > 0.25:
        return _NOUNS
    if shown.get("beard", NONE) != NONE:
        return _MEN
    long_hair = shown.get("hair_length") in _LONG_HAIR and shown.get("beard") == NONE
    return _WOMEN if long_hair and all(phrase.about != "beard" for phrase in phrases) else _NOUNS


def caption(face: Face, rng: random.Random, held_out: bool = False, apart: bool = False) -> str:
    """A random caption: one attribute, two or three, or many; a sentence, or bare words.

    Args:
        face: what to describe; only what can be seen is mentioned.
        rng: source of every choice.
        held_out: use only held-out wordings, otherwise only the others.
        apart: never name both values of a pair that is held out, though the face shows them.
    """
    roll = rng.random()
    count = 1 if roll < 0.38 else rng.choice((2, 3)) if roll < 0.72 else rng.randint(4, 6)
    phrases = _choose(face, rng, count, held_out, apart)
    return sentence(phrases, _nouns(resolve(face), phrases, rng), _form, rng)


def named_prompt(values: Mapping[str, str], rng: random.Random, held_out: bool = False) -> str:
    """A sentence that names exactly these values, each by a noun phrase that stands for no other value.

    Args:
        values: attribute -> value, none of them "none" or "no".
        rng: source of every choice.
        held_out: use held-out wordings where a value has some, otherwise only the others.

    Raises:
        UsageError: a value that has no words.
    """
    phrases = []
    for attribute, value in values.items():
        words = words_of(attribute, value)
        if not words:
            raise UsageError(
                f"faces have no words for {attribute} '{value}'; see SYNONYMS for those that have"
            )
        spare = held_out and is_split(words)
        known = words[-HELD_OUT_COUNT:] if spare else training_words(words)
        text = rng.choice([each for each in known if _stands_for_one(attribute, each)])
        phrases.append(Phrase(text, _form(attribute, text), attribute))
    return described(phrases, _NOUNS, rng)


@cache
def _stands_for_one(attribute: str, text: str) -> bool:
    """Whether words belong to a single value: "glasses" are round ones as well as square ones."""
    values = {**SYNONYMS.get(attribute, {}), **added_words().get(attribute, {})}
    return sum(text in words for words in values.values()) == 1


def attribute_prompt(attribute: str, value: str, rng: random.Random | None = None) -> str:
    """A caption of one attribute, such as "a person with pink hair" or "a face without glasses".

    Args:
        attribute: a name in CHOICES.
        value: one of its values.
        rng: chooses among the wordings for training; without it, always the plainest.

    Raises:
        UsageError: unknown attribute or value.
    """
    words = words_of(attribute, value)
    if not words and value not in SYNONYMS.get(attribute, {}):
        raise UsageError(f"faces have no {attribute} '{value}'; see CHOICES and ADDED for the names")
    if rng is not None:
        phrase = _attribute_phrase(attribute, value, rng)
        phrases = [phrase] if phrase else []
        return sentence(phrases, _nouns({attribute: value}, phrases, rng), _form, rng)
    if value in _HIDDEN:
        return f"a face without {ABSENT[attribute][0]}"
    return f"a person {_form(attribute, words[0])} {words[0]}"
