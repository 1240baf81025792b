"""The noun phrases that captions use for what a face shows, colours among them.

In SYNONYMS the last two wordings of every value that has four or more are held out of training.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .face_additions import added_words
from .face_wordings import WORDINGS
from .faces import CHOICES

Words = tuple[str, ...]

HELD_OUT_COUNT = 2
_FEWEST_TO_SPLIT = 4

HAIR_WORDS: dict[str, Words] = {  # the last two of each are held out
    "black": ("black", "dark black", "deep black", "pitch black", "raven black", "jet black", "coal black"),
    "brown": (
        "brown",
        "brunette",
        "dark brown",
        "chestnut",
        "chocolate brown",
        "brown coloured",
        "chestnut brown",
    ),
    "blonde": ("blonde", "blond", "yellow", "light blonde", "golden", "golden blonde", "yellow blonde"),
    "red": ("red", "ginger", "orange red", "copper", "deep red", "red coloured", "copper red"),
    "grey": ("grey", "gray", "silver", "light grey", "silver grey", "grey coloured", "silver gray"),
    "white": ("white", "pure white", "bright white", "snowy white", "snow white", "white coloured"),
    "blue": ("blue", "bright blue", "blue dyed", "azure", "azure blue", "blue coloured", "royal blue"),
    "pink": ("pink", "light pink", "pink dyed", "rose", "pink coloured", "rose pink", "bright pink"),
    "green": (
        "green",
        "bright green",
        "green dyed",
        "emerald",
        "grass green",
        "emerald green",
        "green coloured",
    ),
    "purple": (
        "purple",
        "bright purple",
        "purple dyed",
        "violet",
        "purple coloured",
        "violet purple",
        "deep purple",
    ),
}
SKIN_WORDS: dict[str, Words] = {
    "light": ("light", "pale", "white", "fair", "light coloured", "very light", "pale white"),
    "tan": ("tan", "tanned", "light tan", "sun-tanned", "peach", "tan coloured", "light tanned"),
    "olive": (
        "olive",
        "olive coloured",
        "medium",
        "golden olive",
        "yellowish",
        "olive toned",
        "medium olive",
        "yellowish olive",
    ),
    "brown": (
        "brown",
        "medium brown",
        "light brown",
        "caramel",
        "brown coloured",
        "brown toned",
        "caramel brown",
    ),
    "dark": ("dark", "dark brown", "black", "very dark", "dark coloured", "deep brown", "very dark brown"),
}
COLOUR_WORDS: dict[str, Words] = {  # of hats and clothes
    "black": ("black", "deep black", "jet black", "coal black", "black coloured", "pitch black"),
    "white": ("white", "pure white", "bright white", "snow white", "snowy white", "white coloured"),
    "grey": ("grey", "gray", "dark grey", "slate grey", "dark gray", "grey coloured"),
    "red": ("red", "bright red", "scarlet", "deep red", "red coloured", "scarlet red"),
    "blue": ("blue", "dark blue", "royal blue", "cobalt blue", "blue coloured", "deep blue"),
    "green": ("green", "dark green", "emerald", "green coloured", "emerald green", "deep green"),
    "yellow": ("yellow", "golden", "bright yellow", "yellow coloured", "golden yellow", "deep yellow"),
    "orange": ("orange", "bright orange", "tangerine", "deep orange", "orange coloured", "tangerine orange"),
    "pink": ("pink", "bright pink", "hot pink", "rose", "pink coloured", "rose pink"),
    "purple": ("purple", "bright purple", "violet", "deep purple", "purple coloured", "violet purple"),
}
BACKDROP_WORDS: dict[str, Words] = {  # most of them are pastels
    "white": ("white", "pure white", "bright white", "off-white", "white coloured", "very white"),
    "grey": ("grey", "gray", "light grey", "medium grey", "grey coloured", "light gray"),
    "black": ("black", "dark", "deep black", "nearly black", "black coloured", "very dark"),
    "red": ("red", "light red", "soft red", "coral", "red coloured", "coral red"),
    "orange": ("orange", "light orange", "soft orange", "peach", "orange coloured", "pale orange"),
    "yellow": ("yellow", "light yellow", "pale yellow", "cream yellow", "yellow coloured", "soft yellow"),
    "green": ("green", "light green", "pale green", "mint green", "green coloured", "soft green"),
    "blue": ("blue", "light blue", "sky blue", "pale blue", "blue coloured", "soft blue"),
    "purple": ("purple", "light purple", "lavender", "lilac", "pale purple", "purple coloured"),
    "pink": ("pink", "light pink", "pale pink", "baby pink", "pink coloured", "soft pink"),
}
COLOURS: dict[str, dict[str, Words]] = {
    "hair_colour": HAIR_WORDS,
    "skin": SKIN_WORDS,
    "hat_colour": COLOUR_WORDS,
    "clothes_colour": COLOUR_WORDS,
    "background_colour": BACKDROP_WORDS,
}

_VOWEL = re.compile(r"\ba (?=[aeiou])")


def with_article(text: str) -> str:
    """Write "an" for "a" before a vowel."""
    return _VOWEL.sub("an ", text)


def is_split(words: Words) -> bool:
    """Whether there are enough wordings to hold some out."""
    return len(words) >= _FEWEST_TO_SPLIT


def training_words(words: Words) -> Words:
    """The wordings that are not held out."""
    return words[:-HELD_OUT_COUNT] if is_split(words) else words


def _named(words: dict[str, Words], values: Iterable[str], *patterns: str) -> dict[str, Words]:
    """Phrases for colours: each pattern with the first word, then the first pattern with the other words."""
    phrases: dict[str, Words] = {}
    for value in values:
        first, *others = words[value]
        texts = [pattern.format(first) for pattern in patterns] + [
            patterns[0].format(word) for word in others
        ]
        phrases[value] = tuple(map(with_article, texts))
    return phrases


_COLOUR_PATTERNS: dict[str, Words] = {
    "hair_colour": ("{} hair", "hair dyed {}", "hair in {}"),
    "skin": ("{} skin", "a {} skin tone", "a {} complexion", "a {} skin colour"),
    "hat_colour": ("a {} hat", "{} headwear", "a hat in {}"),
    "clothes_colour": ("{} clothes", "a {} top", "{} clothing", "clothes in {}"),
    "background_colour": ("a {} background", "a {} backdrop", "a background in {}", "a backdrop in {}"),
}

SYNONYMS: dict[str, dict[str, Words]] = {
    **{a: {v: tuple(text.split(", ")) for v, text in kinds.items()} for a, kinds in WORDINGS.items()},
    **{a: _named(COLOURS[a], CHOICES[a], *patterns) for a, patterns in _COLOUR_PATTERNS.items()},
}


def words_of(attribute: str, value: str) -> Words:
    """The noun phrases of a value, of the added ones too; none where there is nothing to say."""
    return SYNONYMS.get(attribute, {}).get(value) or added_words().get(attribute, {}).get(value, ())
