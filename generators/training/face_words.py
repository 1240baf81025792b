"""The words that captions use for what a face shows.

In SYNONYMS the last two wordings of every value that has four or more are held out of training.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .faces import CHOICES, NONE

Words = tuple[str, ...]

HAIR_WORDS: dict[str, Words] = {  # the last two of each are held out
    "black": ("black", "dark black", "black coloured", "jet black", "raven"),
    "brown": ("brown", "brunette", "dark brown", "brown coloured", "chestnut", "chocolate brown"),
    "blonde": ("blonde", "blond", "yellow", "light blonde", "golden", "fair"),
    "red": ("red", "ginger", "orange red", "red coloured", "copper", "fiery red"),
    "grey": ("grey", "gray", "grey coloured", "silver", "ash grey"),
    "white": ("white", "pure white", "white coloured", "snow white", "snowy"),
    "blue": ("blue", "bright blue", "blue dyed", "azure", "royal blue"),
    "pink": ("pink", "bright pink", "pink dyed", "rose coloured", "bubblegum pink"),
    "green": ("green", "bright green", "green dyed", "emerald", "grass green"),
    "purple": ("purple", "bright purple", "purple dyed", "violet", "lilac"),
}
SKIN_WORDS: dict[str, Words] = {
    "light": ("light", "pale", "white", "fair", "porcelain"),
    "tan": ("tan", "tanned", "light tan", "sun-kissed", "peach"),
    "olive": ("olive", "olive coloured", "medium", "golden olive", "mediterranean"),
    "brown": ("brown", "medium brown", "light brown", "caramel", "bronze"),
    "dark": ("dark", "dark brown", "black", "deep brown", "ebony"),
}
COLOUR_WORDS: dict[str, Words] = {
    "black": ("black", "dark", "jet black", "coal black"),
    "white": ("white", "plain white", "ivory", "snow white"),
    "grey": ("grey", "gray", "slate", "ash grey"),
    "red": ("red", "bright red", "scarlet", "crimson"),
    "blue": ("blue", "blue coloured", "azure", "cobalt"),
    "green": ("green", "green coloured", "emerald", "grass green"),
    "yellow": ("yellow", "yellow coloured", "golden", "lemon"),
    "orange": ("orange", "orange coloured", "tangerine", "apricot"),
    "pink": ("pink", "pink coloured", "rose", "fuchsia"),
    "purple": ("purple", "purple coloured", "violet", "lilac"),
}


def with_article(text: str) -> str:
    """Write "an" for "a" before a vowel."""
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


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


_WORDINGS: dict[str, dict[str, str]] = {
    "hair_style": {
        "side swept": "side-swept hair, hair swept to one side, "
        "a side parting, hair combed over, a side sweep",
        "undercut": "an undercut, an undercut hairstyle, shaved sides, short back and sides, a faded haircut",
        "spiky": "spiky hair, spiked hair, messy spiky hair, "
        "hair standing up, a spiky hairstyle, pointy hair",
        "bun": "a bun, hair in a bun, a hair bun, hair tied up, a topknot, hair pinned up",
        "fringe": "a fringe, hair with a fringe, bangs, straight bangs, hair over the forehead, blunt bangs",
        "centre parting": "a centre parting, a middle part, hair parted in the middle, "
        "a center part, curtains",
        "afro": "an afro, afro hair, a big afro, an afro hairstyle, a round afro, big round hair",
        "curly": "curly hair, curls, short curls on top, a curly hairstyle, ringlets, frizzy hair",
        "mohawk": "a mohawk, a mohawk hairstyle, a punk mohawk, mohawk hair, a mohican, a punk hairstyle",
        "bob": "a bob, a bob haircut, bob hair, a chin-length bob, a bobbed haircut, a pageboy cut",
        "buzz cut": "a buzz cut, very short hair, closely cropped hair, cropped hair, a crew cut, shorn hair",
        "bald": "a bald head, no hair, a bald scalp, a hairless head, a smooth bald head",
    },
    "hair_length": {
        "short": "short hair, hair cut short, a short haircut, a short hairstyle, close-cut hair",
        "shoulder-length": "shoulder-length hair, medium-length hair, hair down to the shoulders, "
        "shoulder length hair, mid-length hair",
        "long straight": "long straight hair, straight long hair, "
        "long hair, sleek long hair, long smooth hair",
        "long wavy": "long wavy hair, wavy hair, long hair, wavy long hair, long flowing hair, long waves",
        "ponytail": "a ponytail, hair in a ponytail, a side ponytail, a pony tail, hair tied at the back",
        "pigtails": "pigtails, hair in pigtails, two pigtails, two ponytails, hair in bunches, twin tails",
        "braids": "braids, braided hair, two braids, hair in braids, plaits, plaited hair",
    },
    "beard": {
        NONE: "no beard, no facial hair, a shaved chin, a clean-shaven face, a smooth chin, a beardless face",
        "stubble": "stubble, light stubble, a stubbly chin, a short stubble, "
        "a five o'clock shadow, designer stubble",
        "full beard": "a full beard, a beard, a thick beard, a trimmed beard, "
        "a bushy beard, a complete beard",
        "long beard": "a long beard, a beard, a big long beard, a very long beard, "
        "a wizard's beard, a flowing beard",
        "moustache": "a moustache, a mustache, a thick moustache, "
        "a big mustache, whiskers, a handlebar moustache",
        "goatee": "a goatee, a goatee beard, a chin beard, a small beard on the chin, "
        "a pointed beard, a chin tuft",
    },
    "glasses": {
        NONE: "no glasses, no eyeglasses, no spectacles, bare eyes, no eyewear",
        "round glasses": "round glasses, glasses, circular glasses, "
        "round eyeglasses, round spectacles, round specs",
        "square glasses": "square glasses, glasses, rectangular glasses, "
        "square eyeglasses, square spectacles, boxy specs",
        "sunglasses": "sunglasses, dark glasses, black sunglasses, a pair of sunglasses, shades, dark shades",
    },
    "hat": {
        NONE: "no hat, a bare head, nothing on the head, no cap, no headwear, an uncovered head",
        "beanie": "a beanie, a beanie hat, a woolly hat, a knitted hat, a bobble hat, a winter hat",
        "cap": "a cap, a baseball cap, a peaked cap, a sports cap, a ball cap, a visor cap",
        "top hat": "a top hat, a tall hat, a magician's hat, a tall top hat, "
        "a stovepipe hat, a gentleman's hat",
        "crown": "a crown, a golden crown, a gold crown, a royal crown, a king's crown, a crown of gold",
    },
    "earrings": {
        NONE: "no earrings, bare ears, no jewellery, plain ears, unadorned ears",
        "hoop": "hoop earrings, earrings, big hoop earrings, gold hoops, ring earrings, large round earrings",
        "stud": "stud earrings, earrings, small earrings, gold studs, ear studs, little round earrings",
    },
    "mouth": {
        "smile": "a smile, a slight smile, a closed smile, a gentle smile, "
        "a curved-up mouth, a contented look",
        "laugh": "a laugh, a big smile, an open smile, a laughing mouth, a broad grin, a beaming smile",
        "sad": "a sad mouth, a frown, a sad face, a sad expression, downturned lips, an unhappy look",
        "gritted teeth": "gritted teeth, an angry mouth, bared teeth, clenched teeth, a grimace, a snarl",
        "surprised": "an open mouth, a surprised mouth, a round open mouth, "
        "a surprised expression, a gasp, a dropped jaw",
        "neutral": "a straight mouth, a neutral mouth, a neutral expression, "
        "a serious expression, a poker face, a flat mouth",
    },
    "eyes": {
        "open": "open eyes, normal eyes, brown eyes, calm open eyes, relaxed eyes, almond eyes",
        "wide": "wide eyes, wide open eyes, big eyes, big round eyes, staring eyes, huge eyes",
        "smiling": "smiling eyes, happy closed eyes, laughing eyes, eyes squeezed shut, arched closed eyes",
        "closed": "closed eyes, eyes closed, shut eyes, eyes looking down, sleeping eyes, lowered eyelids",
        "winking": "a wink, one eye closed, a winking eye, one closed eye, one eye shut, a playful wink",
    },
    "eyebrows": {
        "neutral": "neutral eyebrows, relaxed eyebrows, normal eyebrows, level eyebrows, calm brows",
        "raised": "a raised eyebrow, one raised eyebrow, one eyebrow up, a cocked eyebrow, a quizzical brow",
        "angry": "angry eyebrows, frowning eyebrows, lowered eyebrows, furrowed brows, cross brows",
        "high": "high eyebrows, raised eyebrows, both eyebrows raised, arched eyebrows, lifted brows",
        "worried": "worried eyebrows, sad eyebrows, slanted eyebrows, anxious eyebrows, pleading brows",
    },
    "clothes": {
        "turtleneck": "a turtleneck, a turtleneck sweater, a high collar, a roll-neck, a polo neck",
        "jacket": "a jacket, an open jacket, a jacket over a shirt, a coat, a blazer",
        "dress": "a dress, a sleeveless dress, a tank top, a sleeveless top, a strappy top",
        "sweater": "a sweater over a shirt, a shirt collar, a collared shirt, a v-neck sweater, a jumper",
        "t-shirt": "a t-shirt, a tee shirt, a tshirt, a crew-neck shirt, a cotton tee",
    },
    "background": {
        "plain": "a plain background, a solid background, a simple background, "
        "a blank backdrop, a flat backdrop",
        "gradient": "a gradient background, a shaded background, a fading background, "
        "a smooth gradient backdrop, a background that darkens",
        "stripes": "a striped background, stripes in the background, diagonal stripes behind, "
        "a stripy backdrop, a background of lines",
        "dots": "a dotted background, a polka dot background, dots in the background, "
        "a spotted backdrop, a polka-dotted wall",
        "checks": "a checked background, a checkered background, a checkerboard background, "
        "a chequered backdrop, a background of squares",
    },
    "head_shape": {
        "round": "a round face, a round head, a wide face, a circular face, a full face",
        "long": "a long face, a long head, a tall face, an elongated face, an oblong face",
        "square": "a square face, a square jaw, a square head, a broad jaw, a boxy face",
        "narrow": "a narrow face, a thin face, a slim face, a slender face, a lean face",
    },
    "nose": {
        "small": "a small nose, a little nose, a tiny nose, a button nose, a dainty nose",
        "round": "a round nose, a rounded nose, a bulb nose, a bulbous nose, a ball-shaped nose",
        "wide": "a wide nose, a broad nose, a big nose, a flat nose, a large nose",
        "pointed": "a pointed nose, a pointy nose, a long nose, a sharp nose, an angular nose",
    },
    "freckles": {
        "no": "no freckles, clear cheeks, unfreckled skin, plain cheeks",
        "yes": "freckles, freckles on the cheeks, a freckled face, freckled cheeks, spots on the cheeks",
    },
    "age": {
        "young": "a young face, no wrinkles, smooth skin, a youthful look, an unlined face",
        "old": "wrinkles, an old face, a wrinkled face, lines on the face, an aged face, deep wrinkles",
    },
}

SYNONYMS: dict[str, dict[str, Words]] = {
    **{a: {v: tuple(text.split(", ")) for v, text in kinds.items()} for a, kinds in _WORDINGS.items()},
    "hair_colour": _named(HAIR_WORDS, HAIR_WORDS, "{} hair", "hair that is {}"),
    "skin": _named(SKIN_WORDS, SKIN_WORDS, "{} skin", "a {} skin tone", "a {} complexion"),
    "hat_colour": _named(COLOUR_WORDS, CHOICES["hat_colour"], "a {} hat", "{} headwear"),
    "clothes_colour": _named(COLOUR_WORDS, CHOICES["clothes_colour"], "{} clothes", "a {} top"),
    "background_colour": _named(
        COLOUR_WORDS, CHOICES["background_colour"], "a {} background", "a {} backdrop"
    ),
}

ADJECTIVES: dict[tuple[str, str], Words] = {
    ("hair_style", "bald"): ("bald",),
    ("hair_style", "curly"): ("curly-haired",),
    ("beard", NONE): ("clean-shaven",),
    ("beard", "full beard"): ("bearded",),
    ("beard", "long beard"): ("bearded",),
    ("beard", "stubble"): ("unshaven",),
    ("mouth", "smile"): ("smiling", "happy", "friendly"),
    ("mouth", "laugh"): ("laughing", "happy", "grinning", "joyful"),
    ("mouth", "sad"): ("sad", "unhappy", "frowning"),
    ("mouth", "gritted teeth"): ("angry", "furious"),
    ("mouth", "surprised"): ("surprised", "shocked", "astonished"),
    ("mouth", "neutral"): ("serious", "expressionless"),
    ("eyes", "winking"): ("winking",),
    ("freckles", "yes"): ("freckled",),
    ("age", "old"): ("old", "elderly", "wrinkled"),
    ("age", "young"): ("young",),
    **{("hair_colour", colour): (f"{colour}-haired",) for colour in HAIR_WORDS},
    **{("skin", tone): (f"{tone}-skinned",) for tone in SKIN_WORDS},
}
GENERAL: dict[tuple[str, str], Words] = {  # true, but said of other values as well
    **{("beard", kind): ("facial hair",) for kind in CHOICES["beard"] if kind != NONE},
    **{("hat", kind): ("a hat",) for kind in ("beanie", "cap", "top hat")},
    **{("background", kind): ("a patterned background",) for kind in ("stripes", "dots", "checks")},
    **{
        ("hair_colour", colour): ("dyed hair", "colourful hair")
        for colour in ("blue", "pink", "green", "purple")
    },
}
