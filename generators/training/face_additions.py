"""What the widened drawn world has beside the values that z stands for: garments, hats, hair, colours of what is worn.

An added value takes the place of a choice where it shows, so that judge and reader, which do not know it, pass over the
attribute; two attributes, the colours of glasses and earrings, are new altogether. The tables only ever grow at their
ends, since the face vector has an entry for every value in their order. All parts are drawn here.
"""

from __future__ import annotations

from functools import cache

from .face_parts import dots, hair_shape, line, ring, tufts

GLASSES_COLOURS = {"blue": "2463c9", "red": "c8322b", "gold": "c99a2e", "white": "f4f2ec", "green": "2a8a4f"}
EARRING_COLOURS = {
    "silver": "b9bec6",
    "red": "c8322b",
    "blue": "2f6fd6",
    "green": "2a8a4f",
    "pearl": "f6efe2",
}

# attribute -> its added values; a widened face has each attribute's in ADDED_CHANCE of the cases.
ADDED: dict[str, tuple[str, ...]] = {
    "clothes": ("hoodie", "striped shirt", "dungarees", "dotted shirt"),
    "hat": ("straw hat", "headscarf"),
    "hair_style": ("quiff", "curly fringe"),
    "hair_length": ("thick plaits",),
    "glasses_colour": tuple(GLASSES_COLOURS),
    "earrings_colour": tuple(EARRING_COLOURS),
}
ADDED_CHANCE = 0.25

# As in `face_words.SYNONYMS`, the last two of each are held out of training.
_WORDINGS: dict[str, dict[str, str]] = {
    "clothes": {
        "hoodie": "a hoodie, a hooded sweatshirt, a hooded sweater, a sweatshirt with a hood, a hooded top, "
        "a sweater with a hood",
        "striped shirt": "a striped shirt, a stripy shirt, a shirt with stripes, a striped top, "
        "a stripy top, a top with stripes",
        "dungarees": "dungarees, overalls, bib overalls, denim dungarees, denim overalls, dungarees with a bib",
        "dotted shirt": "a dotted shirt, a polka dot shirt, a shirt with dots, a spotted shirt, "
        "a shirt with polka dots, a spotted top",
    },
    "hat": {
        "straw hat": "a straw hat, a sun hat, a hat made of straw, a wide-brimmed hat, a wide straw hat, "
        "a wide-brimmed sun hat",
        "headscarf": "a headscarf, a hijab, a head scarf, a scarf over the hair, a scarf over the head, "
        "hair under a headscarf",
    },
    "hair_style": {
        "quiff": "a quiff, a pompadour, hair brushed up, swept-up hair, hair in a quiff, hair swept up",
        "curly fringe": "a curly fringe, curly bangs, curls over the forehead, a fringe of curls, "
        "bangs of curls, a fringe with curls",
    },
    "hair_length": {
        "thick plaits": "thick plaits, thick braids, long thick plaits, heavy braids, two thick plaits, "
        "long thick braids",
    },
}


def _coloured(pattern: str, colours: tuple[str, ...]) -> dict[str, str]:
    return {colour: ", ".join(each.format(colour) for each in pattern.split(", ")) for colour in colours}


_GLASSES = (
    "{0} glasses, glasses with {0} frames, {0} frames, {0} spectacles, {0} glasses frames, spectacles in {0}"
)
_EARRINGS = (
    "{0} earrings, earrings in {0}, {0} ear jewellery, a pair of {0} earrings, two {0} earrings, "
    "ears with {0} earrings"
)


@cache
def added_words() -> dict[str, dict[str, tuple[str, ...]]]:
    """The noun phrases of every added value, by attribute; the plainest first, the last two held out."""
    texts = {
        **_WORDINGS,
        "glasses_colour": _coloured(_GLASSES, ADDED["glasses_colour"]),
        "earrings_colour": _coloured(_EARRINGS, ADDED["earrings_colour"]),
    }
    return {a: {v: tuple(text.split(", ")) for v, text in each.items()} for a, each in texts.items()}


_TORSO = (
    "M356.88 46.52C461.33 80.32 536.96 178.76 537.18 295h-520c.22-116.24 75.85-214.69 180.3-248.48"
    "C222.52 82.94 248.8 101 276.68 101s55.15-18.06 80.2-54.48Z"
)
_AT_TORSO = '<g transform="translate(107.32 587.5)">'


def _torso(fill: str, over: str, clip: str) -> str:
    """A shirt with something drawn over it, cut off at its outline."""
    shape = f'<path d="{_TORSO}" fill="{fill}" stroke="{{stroke}}"/>'
    cut = f'<clipPath id="{clip}"><path d="{_TORSO}"/></clipPath><g clip-path="url(#{clip})">{over}</g>'
    edge = f'<path d="{_TORSO}" fill="none" stroke="{{stroke}}"/>'
    return f"{_AT_TORSO}{shape}{cut}{edge}</g>"


def _clothes() -> dict[str, str]:
    bands = "".join(f"M0 {y}Q277 {y + 50} 560 {y}" for y in range(60, 330, 44))
    spots = dots(
        [(x + 22 * (row % 2), y) for row, y in enumerate(range(80, 300, 38)) for x in range(10, 560, 44)], 9
    )
    bib = "M176 160L378 160L392 300L162 300ZM176 160L204 60L232 60L214 160ZM378 160L350 60L322 60L340 160Z"
    pocket = "M206 206L348 206L342 262Q277 280 212 262Z"
    hood = "M150 72C160 10 220 -14 277 -14S394 10 404 72C372 118 330 136 277 136S182 118 150 72Z"
    inside = "M186 78C220 120 334 120 368 78C340 60 214 60 186 78Z"
    strings = line("M236 128L230 196M318 128L324 196", 7, "#f4f2ec")
    front = '<path d="M170 300Q176 222 214 214L340 214Q378 222 384 300Z" fill="#000000" fill-opacity=".16"/>'
    return {
        "hoodie": _torso("{clothes}", front, "hoodie")
        + f'{_AT_TORSO}<path d="{hood}" fill="{{clothes}}" stroke="{{stroke}}"/>'
        + f'<path d="{inside}" fill="#000000" fill-opacity=".3"/>{strings}</g>',
        "striped shirt": _torso(
            "#f2f0ea", f'<path d="{bands}" fill="none" stroke="{{clothes}}" stroke-width="20"/>', "bands"
        ),
        "dungarees": _torso(
            "#f2f0ea",
            f'<path d="{bib}" fill="{{clothes}}" stroke="{{stroke}}"/>'
            f'<path d="{pocket}" fill="#000000" fill-opacity=".18"/>'
            f'<path d="{dots([(208, 172), (346, 172)], 10)}" fill="#e8b923" stroke="{{stroke}}"/>',
            "bib",
        ),
        "dotted shirt": _torso("{clothes}", f'<path d="{spots}" fill="#f2f0ea"/>', "spots"),
    }


def _hats() -> dict[str, str]:
    brim = (
        "M96 262C150 214 280 206 384 206S618 214 672 262C690 292 640 300 596 284C500 250 268 250 172 284"
        "C128 300 78 292 96 262Z"
    )
    dome = "M222 236C222 120 290 70 384 70S546 120 546 236Q384 200 222 236Z"
    band = "M221 196Q384 164 547 196L546 236Q384 200 222 236Z"
    weave = line("M250 160Q384 128 518 160M274 122Q384 96 494 122M130 262Q384 214 638 262", 5, "#9a7432", 0.6)
    veil = (
        "M384 92C236 92 168 200 172 360C174 470 196 560 176 640C250 700 520 700 592 640C572 560 594 470 596 360"
        "C600 200 532 92 384 92Z"
        "M384 214C470 214 520 270 526 370C530 480 470 560 384 560S238 480 242 370C248 270 298 214 384 214Z"
    )
    folds = line(
        "M196 430C206 540 300 622 384 626M572 430C562 540 480 622 400 626M232 246Q300 150 384 150",
        8,
        "#000000",
        0.2,
    )
    return {
        "straw hat": f'<path d="{dome}" fill="#e3c27a" stroke="{{stroke}}"/><path d="{band}" fill="{{hat}}"/>'
        f'<path d="{brim}" fill="#d9b366" stroke="{{stroke}}"/>{weave}',
        "headscarf": f'<path d="{veil}" fill="{{hat}}" fill-rule="evenodd" stroke="{{stroke}}"/>{folds}',
    }


def _hair() -> dict[tuple[str, str], str]:
    quiff = (
        "M196 400C186 330 190 270 214 236C196 170 236 84 330 62C420 40 540 60 596 132C600 176 584 204 560 222"
        "C582 270 582 330 572 400C562 340 552 296 540 262C470 262 400 250 352 214C300 224 250 250 232 292"
        "C216 330 204 360 196 400Z"
    )
    cap = (
        "M196 400C176 250 250 116 384 116S592 250 572 400C566 330 540 290 520 268C470 296 298 296 248 268"
        "C228 290 202 330 196 400Z"
    )
    over = [(244 + 56 * i, 262 + 16 * (i % 2)) for i in range(6)]
    crown = [*ring(166, 9, 182, 358), *ring(90, 5, 200, 340, 270), (384, 240)]
    shade = line("M250 176C300 110 420 90 540 140M300 196C360 150 450 140 552 190", 7, "#000000", 0.2)
    rows = "M232 270Q248 290 266 274M288 286Q304 304 322 288M344 274Q360 292 378 276M400 288Q416 304 434 288"
    return {
        ("hair_style", "quiff"): hair_shape(quiff) + shade,
        ("hair_style", "curly fringe"): hair_shape(cap)
        + tufts([*over, *crown], 44)
        + line(rows, 6, "#000000", 0.2),
        ("hair_length", "thick plaits"): _plaits(),
    }


def _plaits() -> str:
    """Two plaits over the clothes, whose strands cross from side to side."""
    drawn = hair_shape("M215 300L160 460L225 500ZM553 300L608 460L543 500Z")
    for side, middle in ((-1, 178), (1, 590)):
        for i in range(7):
            x, y = middle + 16 * (1 if i % 2 else -1), 430 + 50 * i
            strand = f"M{x - 46} {y}Q{x} {y - 34} {x + 46} {y - 4}Q{x + 20 * side} {y + 44} {x} {y + 44}"
            drawn += hair_shape(f"{strand}Q{x - 40} {y + 40} {x - 46} {y}Z")
            drawn += line(f"M{x - 24} {y + 4}Q{x} {y - 8} {x + 24} {y + 2}", 5, "#000000", 0.25)
        drawn += f'<circle cx="{middle}" cy="792" r="20" fill="#000000" fill-opacity=".35"/>'
    return drawn


@cache
def added_fragments() -> dict[tuple[str, str], str]:
    """The added parts as SVG text, keyed as `face_parts.fragments`."""
    own = {"clothes": _clothes(), "hat": _hats()}
    parts = {(attribute, value): text for attribute, each in own.items() for value, text in each.items()}
    return {**parts, **_hair()}
