"""Other ways to say what a face shows than a noun phrase: adjectives, states, comparatives, absences.

All of them are used in training; see `face_words.SYNONYMS` for the noun phrases, of which some are held out.
"""

from __future__ import annotations

from collections.abc import Mapping

from .face_words import COLOURS, HAIR_WORDS, SKIN_WORDS, Words, training_words
from .faces import CHOICES, NONE

ByValue = dict[tuple[str, str], Words]


def _flat(kinds: Mapping[str, Mapping[str, str]]) -> ByValue:
    return {(a, v): tuple(text.split(", ")) for a, values in kinds.items() for v, text in values.items()}


ADJECTIVES: ByValue = {
    **_flat(
        {
            "hair_style": {
                "bald": "bald, bald-headed",
                "curly": "curly-haired",
                "spiky": "spiky-haired",
                "buzz cut": "crop-haired",
            },
            "hair_length": {
                "short": "short-haired",
                "long straight": "long-haired",
                "long wavy": "long-haired, wavy-haired",
                "ponytail": "ponytailed",
                "pigtails": "pigtailed",
            },
            "beard": {
                NONE: "clean-shaven, clean-shaven, beardless",
                "full beard": "bearded",
                "long beard": "bearded, long-bearded",
                "stubble": "unshaven",
                "moustache": "moustached",
            },
            "glasses": {
                NONE: "glasses-free",
                "round glasses": "bespectacled",
                "square glasses": "bespectacled",
            },
            "hat": {NONE: "hatless, bareheaded", "crown": "crowned"},
            "mouth": {
                "smile": "smiling, smiling, happy, friendly, cheerful, happier",
                "laugh": "laughing, happy, grinning, joyful, cheerful, happier",
                "sad": "sad, unhappy, frowning, gloomy, sadder",
                "gritted teeth": "angry, furious, mad, angrier",
                "surprised": "surprised, shocked, astonished, amazed",
                "neutral": "serious, expressionless, unsmiling, more serious",
            },
            "eyes": {"winking": "winking", "wide": "wide-eyed", "open": "open-eyed"},
            "head_shape": {
                "round": "round-faced, round-headed",
                "long": "long-faced",
                "square": "square-jawed, square-faced",
                "narrow": "thin-faced, narrow-faced",
            },
            "nose": {"small": "small-nosed", "wide": "big-nosed, wide-nosed", "pointed": "sharp-nosed"},
            "freckles": {"yes": "freckled, freckle-faced", "no": "unfreckled, freckle-free"},
            "age": {
                "old": "old, elderly, wrinkled, aged, older, senior",
                "young": "young, youthful, younger, unwrinkled",
            },
        }
    ),
    **{("hair_colour", colour): (f"{colour}-haired",) for colour in HAIR_WORDS},
    ("hair_colour", "blonde"): ("blonde-haired", "blonde", "blond"),
    ("hair_colour", "brown"): ("brown-haired", "brunette"),
    ("hair_colour", "red"): ("red-haired", "ginger", "red-headed"),
    ("hair_colour", "grey"): ("grey-haired", "gray-haired"),
    **{("skin", tone): (f"{tone}-skinned",) for tone in SKIN_WORDS},
    ("skin", "light"): ("light-skinned", "pale", "fair-skinned", "pale-skinned"),
    ("skin", "tan"): ("tan-skinned", "tanned"),
}

# What can be said to be so of what: "hair that is pink", "whose eyes are closed", "nose: small".
PARTS: dict[str, str] = {
    "hair_style": "hair",
    "hair_length": "hair",
    "hair_colour": "hair",
    "skin": "skin",
    "beard": "a beard",
    "glasses": "glasses",
    "hat_colour": "a hat",
    "earrings": "earrings",
    "mouth": "a mouth",
    "eyes": "eyes",
    "eyebrows": "eyebrows",
    "clothes_colour": "clothes",
    "background": "a background",
    "background_colour": "a background",
    "head_shape": "a face",
    "nose": "a nose",
    "age": "a face",
}
STATES: ByValue = {
    **_flat(
        {
            "hair_style": {
                "side swept": "swept to one side, combed to the side",
                "undercut": "shaved at the sides",
                "spiky": "spiky, spiked",
                "bun": "in a bun, tied up",
                "centre parting": "parted in the middle",
                "curly": "curly, curled",
                "buzz cut": "very short, cropped",
            },
            "hair_length": {
                "short": "short, cut short",
                "shoulder-length": "shoulder-length, down to the shoulders",
                "long straight": "long and straight, long",
                "long wavy": "long and wavy, wavy, long",
                "ponytail": "in a ponytail, tied in a ponytail",
                "pigtails": "in pigtails, tied in pigtails",
                "braids": "in braids, braided",
            },
            "beard": {"full beard": "thick, bushy, full", "long beard": "long, very long, big"},
            "glasses": {
                "round glasses": "round, circular",
                "square glasses": "square, rectangular",
                "sunglasses": "dark",
            },
            "earrings": {"hoop": "big, large", "stud": "small, little"},
            "mouth": {
                "smile": "smiling, slightly smiling",
                "laugh": "laughing",
                "sad": "sad, downturned",
                "gritted teeth": "angry",
                "surprised": "round and open, surprised",
                "neutral": "straight, neutral, flat",
            },
            "eyes": {
                "open": "open, calm, relaxed",
                "wide": "wide open, wide, big",
                "smiling": "smiling, laughing, squeezed shut",
                "closed": "closed",
            },
            "eyebrows": {
                "neutral": "neutral, relaxed, level",
                "angry": "angry, lowered, furrowed",
                "high": "high, raised, arched",
                "worried": "worried, sad, slanted",
            },
            "background": {
                "plain": "plain, simple, blank",
                "gradient": "shaded, fading",
                "stripes": "striped, stripy",
                "dots": "dotted, spotted",
                "checks": "checked, checkered",
            },
            "head_shape": {
                "round": "round, wide",
                "long": "long, tall",
                "square": "square, boxy",
                "narrow": "narrow, thin, slim",
            },
            "nose": {
                "small": "small, tiny, little",
                "round": "round, bulbous",
                "wide": "wide, broad, flat, big",
                "pointed": "pointed, pointy, long, sharp",
            },
            "age": {"young": "young, youthful, smooth", "old": "old, wrinkled, aged"},
        }
    ),
    **{(a, colour): training_words(words[colour]) for a, words in COLOURS.items() for colour in CHOICES[a]},
}

# True of the drawing on its own, in the words of someone who asks for a change.
COMPARATIVES: ByValue = _flat(
    {
        "hair_style": {
            "afro": "bigger hair, rounder hair",
            "curly": "curlier hair, more curls",
            "spiky": "spikier hair",
            "buzz cut": "much shorter hair, less hair",
            "bald": "less hair",
        },
        "hair_length": {
            "short": "shorter hair, a shorter haircut",
            "shoulder-length": "slightly longer hair",
            "long straight": "longer hair, straighter hair, much longer hair",
            "long wavy": "longer hair, wavier hair, much longer hair",
        },
        "hair_colour": {
            "black": "darker hair, blacker hair",
            "brown": "darker hair",
            "blonde": "lighter hair, blonder hair",
            "red": "redder hair",
            "grey": "greyer hair",
            "white": "lighter hair, whiter hair",
        },
        "skin": {
            "light": "lighter skin, paler skin, a lighter skin tone",
            "tan": "more tanned skin",
            "brown": "darker skin, browner skin",
            "dark": "darker skin, much darker skin, a darker skin tone",
        },
        "beard": {
            NONE: "less beard, less facial hair",
            "stubble": "a shorter beard",
            "full beard": "a bigger beard, a thicker beard, a fuller beard, more beard",
            "long beard": "a longer beard, a bigger beard, more beard",
            "moustache": "a bigger moustache, a thicker moustache",
            "goatee": "a smaller beard",
        },
        "glasses": {
            "round glasses": "rounder glasses",
            "square glasses": "squarer glasses",
            "sunglasses": "darker glasses",
        },
        "hat": {"top hat": "a taller hat"},
        "earrings": {"hoop": "bigger earrings, larger earrings", "stud": "smaller earrings"},
        "mouth": {
            "smile": "more of a smile, a happier face",
            "laugh": "a wider smile, a bigger smile, a broader smile, a happier face",
            "sad": "a sadder face, a sadder mouth",
            "gritted teeth": "an angrier face, an angrier mouth",
            "surprised": "a rounder mouth",
            "neutral": "a straighter mouth, less of a smile",
        },
        "eyes": {"wide": "bigger eyes, wider eyes, larger eyes, rounder eyes"},
        "eyebrows": {
            "neutral": "calmer eyebrows",
            "angry": "angrier eyebrows, lower eyebrows",
            "high": "higher eyebrows",
            "worried": "sadder eyebrows",
        },
        "clothes": {"turtleneck": "a higher collar"},
        "clothes_colour": {"black": "darker clothes", "white": "lighter clothes, whiter clothes"},
        "hat_colour": {"black": "a darker hat", "white": "a lighter hat"},
        "background": {"plain": "a plainer background, a simpler background"},
        "background_colour": {
            "black": "a darker background",
            "white": "a lighter background, a brighter background",
        },
        "head_shape": {
            "round": "a rounder face, a wider face, a rounder head",
            "long": "a longer face, a longer head, a taller head",
            "square": "a squarer face, a squarer jaw, a wider jaw",
            "narrow": "a narrower face, a thinner face, a slimmer face",
        },
        "nose": {
            "small": "a smaller nose, a tinier nose",
            "round": "a rounder nose",
            "wide": "a wider nose, a bigger nose, a broader nose, a flatter nose",
            "pointed": "a longer nose, a sharper nose, a pointier nose",
        },
        "freckles": {"no": "fewer freckles, clearer skin", "yes": "more freckles"},
        "age": {
            "young": "a younger face, fewer wrinkles, smoother skin",
            "old": "an older face, more wrinkles, deeper wrinkles",
        },
    }
)

ABSENT: dict[str, Words] = {
    "beard": ("a beard", "a beard", "facial hair", "any beard"),
    "glasses": ("glasses", "glasses", "eyeglasses", "any glasses"),
    "hat": ("a hat", "a hat", "a cap", "any hat"),
    "earrings": ("earrings", "earrings", "any earrings", "jewellery"),
    "freckles": ("freckles", "freckles", "any freckles"),
}

GENERAL: ByValue = {  # true, but said of other values as well
    **{("beard", kind): ("facial hair", "some facial hair") for kind in CHOICES["beard"] if kind != NONE},
    **{("glasses", kind): ("eyeglasses", "spectacles") for kind in ("round glasses", "square glasses")},
    **{("hat", kind): ("a hat", "a hat on the head", "headwear") for kind in ("beanie", "cap", "top hat")},
    **{("earrings", k): ("a pair of earrings", "two earrings", "gold earrings") for k in ("hoop", "stud")},
    **{
        ("background", kind): ("a patterned background", "a pattern in the background")
        for kind in ("stripes", "dots", "checks")
    },
    **{
        ("hair_colour", colour): ("dyed hair", "colourful hair", "bright coloured hair")
        for colour in ("blue", "pink", "green", "purple")
    },
}
