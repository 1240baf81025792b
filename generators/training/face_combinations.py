"""Phrases that say several things of a face at once: hair with its length, colour and style, a hat with its colour."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from .face_sentences import Form, Phrase
from .face_words import COLOURS, HAIR_WORDS, Words, training_words, with_article
from .faces import NONE, Face

Topic = Callable[[Face, Mapping[str, str], random.Random], Phrase | None]

UNMEASURED = ("bun", "afro", "bob", "mohawk", "bald")  # styles of which "short" or "long" says nothing

_TIED = {
    "ponytail": " in a ponytail",
    "pigtails": " in pigtails",
    "braids": " in braids",
    "thick plaits": " in thick plaits",
}
_ANY_HAIR: Words = (
    "{measure} {colour} hair{tied}",
    "{measure} {colour} hair{tied}",
    "{colour} {measure} hair{tied}",
    "{measure} hair{tied} that is {colour}",
)
_HAIR: dict[str, Words] = {
    "side swept": (
        "{measure} side-swept {colour} hair{tied}",
        "{measure} {colour} hair{tied} with a side parting",
    ),
    "undercut": ("a {colour} undercut", "{colour} hair with shaved sides"),
    "spiky": (
        "spiky {colour} hair",
        "{colour} spiky hair",
        "{measure} spiky {colour} hair",
        "{colour} spikes",
    ),
    "bun": ("a {colour} bun", "{colour} hair in a bun", "{colour} hair tied up"),
    "fringe": (
        "{measure} {colour} hair{tied} with a fringe",
        "{colour} bangs",
        "{colour} hair{tied} with bangs",
    ),
    "centre parting": (
        "{measure} {colour} hair{tied} with a middle part",
        "{colour} hair{tied} parted in the middle",
    ),
    "afro": ("a {colour} afro", "{colour} afro hair", "a big {colour} afro"),
    "curly": (
        "curly {colour} hair{tied}",
        "{colour} curly hair{tied}",
        "{measure} curly {colour} hair{tied}",
    ),
    "mohawk": ("a {colour} mohawk", "{colour} mohawk hair", "a punk {colour} mohawk"),
    "bob": ("a {colour} bob", "{colour} hair in a bob", "a {colour} bob haircut"),
    "buzz cut": ("a {colour} buzz cut", "very short {colour} hair", "cropped {colour} hair"),
    "quiff": ("a {colour} quiff", "{colour} hair brushed up", "a tall {colour} quiff"),
    "curly fringe": ("{measure} {colour} hair{tied} with a curly fringe", "{colour} curls over the forehead"),
}
_BEARD: dict[str, Words] = {
    "stubble": ("{} stubble", "a bit of {} stubble"),
    "full beard": ("a {} beard", "a full {} beard", "a thick {} beard"),
    "long beard": ("a {} beard", "a long {} beard", "a big {} beard"),
    "moustache": ("a {} moustache", "a {} mustache", "a thick {} moustache"),
    "goatee": ("a {} goatee", "a {} beard on the chin"),
}
_HAT: dict[str, Words] = {
    "beanie": ("a {} beanie", "a {} woolly hat", "a {} knitted hat", "a {} hat"),
    "cap": ("a {} cap", "a {} baseball cap", "a cap that is {}", "a {} hat"),
    "top hat": ("a {} top hat", "a tall {} hat", "a top hat that is {}", "a {} hat"),
    "headscarf": ("a {} headscarf", "a {} hijab", "a headscarf that is {}", "a {} scarf over the hair"),
}
_CLOTHES: dict[str, Words] = {
    "turtleneck": ("a {} turtleneck", "a {} turtleneck sweater", "a {} sweater with a high collar"),
    "jacket": ("a {} jacket", "an open {} jacket", "a {} coat"),
    "dress": ("a {} dress", "a sleeveless {} dress", "a {} tank top"),
    "sweater": ("a {} sweater", "a {} sweater over a shirt", "a {} jumper"),
    "t-shirt": ("a {} t-shirt", "a {} tee shirt", "a {} tshirt"),
    "hoodie": ("a {} hoodie", "a {} hooded sweatshirt", "a hoodie that is {}"),
    "striped shirt": ("a shirt with {} stripes", "a {} striped shirt", "a {} and white striped shirt"),
    "dungarees": ("{} dungarees", "{} overalls", "{} dungarees over a white shirt"),
    "dotted shirt": ("a {} shirt with dots", "a {} polka dot shirt", "a dotted {} shirt"),
}
_BACKGROUND: dict[str, Words] = {
    "plain": ("a {} background", "a plain {} background", "a {} backdrop"),
    "gradient": ("a {} gradient background", "a {} background that gets darker", "a {} gradient"),
    "stripes": ("a striped {} background", "a {} background with stripes", "{} stripes in the background"),
    "dots": ("a dotted {} background", "a {} polka dot background", "a {} background with dots"),
    "checks": ("a checkered {} background", "a checked {} background", "a {} checkerboard background"),
}


def _tidy(text: str) -> str:
    return with_article(" ".join(text.split()))


def _hair(face: Face, shown: Mapping[str, str], rng: random.Random) -> Phrase | None:
    """Length, colour and style of the hair in one phrase."""
    if shown["hair_colour"] == NONE:
        return None
    style, length = shown["hair_style"], shown["hair_length"]
    tied = _TIED.get(length, "")
    measure = "" if tied or face.choices["hair_style"] in UNMEASURED else length
    if style in ("curly", "fringe") and length == "long wavy":
        measure = "long"
    templates = _HAIR.get(style, _ANY_HAIR)
    if style in ("side swept", "fringe", "centre parting", "curly", "undercut") and rng.random() < 0.35:
        templates = _ANY_HAIR
    colour = rng.choice(training_words(HAIR_WORDS[shown["hair_colour"]]))
    return Phrase(
        _tidy(rng.choice(templates).format(measure=measure, colour=colour, tied=tied)), "with", "hair"
    )


def _beard(face: Face, shown: Mapping[str, str], rng: random.Random) -> Phrase | None:
    """The beard with its colour, which is the hair's even on a bald head."""
    if shown["beard"] == NONE:
        return None
    colour = rng.choice(training_words(HAIR_WORDS[face.choices["hair_colour"]]))
    return Phrase(_tidy(rng.choice(_BEARD[shown["beard"]]).format(colour)), "with", "beard")


def _coloured(attribute: str, names: Mapping[str, Words], form: Form) -> Topic:
    """A topic that names a thing together with its colour."""
    colours = COLOURS[f"{attribute}_colour"]

    def phrase(_face: Face, shown: Mapping[str, str], rng: random.Random) -> Phrase | None:
        value, colour = shown[attribute], shown[f"{attribute}_colour"]
        if value == NONE or colour == NONE:
            return None
        text = _tidy(rng.choice(names[value]).format(rng.choice(training_words(colours[colour]))))
        plural = form == "on" and not text.startswith("a")
        return Phrase(text, "with" if plural else form, f"{attribute} and colour")

    return phrase


COMBINATIONS: dict[str, Topic] = {
    "coloured hair": _hair,
    "coloured beard": _beard,
    "coloured hat": _coloured("hat", _HAT, "wearing"),
    "coloured clothes": _coloured("clothes", _CLOTHES, "wearing"),
    "coloured background": _coloured("background", _BACKGROUND, "on"),
}
