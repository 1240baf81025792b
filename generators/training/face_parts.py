"""The drawing behind the face domain: palettes and every part as a fragment of SVG.

Head, body, clothes, eyes, eyebrows, three mouths, two beards and some of the hair are DiceBear's "ToonHead"
(remix of ToonHead by Johan Melin, CC BY 4.0), read at run time from the installed package dicebear-styles.
Everything else is drawn here. Coordinates are ToonHead's: a square of 768, the head around (384, 365).
In a fragment, "{hair}" and the like stand for colours that are filled in for each face.
"""

from __future__ import annotations

import importlib.resources
import json
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from ..._base import MissingError

HAIR = {
    "black": "1c1718",
    "brown": "6b4226",
    "blonde": "e6c46a",
    "red": "bf3d1c",
    "grey": "9a9ca3",
    "white": "f1f0ee",
    "blue": "2f6fd6",
    "pink": "f277b5",
    "green": "2f9e58",
    "purple": "7c3fb5",
}
SKIN = {"light": "f8d8c3", "tan": "e0a57c", "olive": "c29d69", "brown": "9f6844", "dark": "66402e"}
CLOTHES = {
    "black": "1b1c1e",
    "white": "eeeeea",
    "grey": "6d6f73",
    "red": "c0221f",
    "blue": "1d4fb0",
    "green": "1b8a45",
    "yellow": "edbd16",
    "orange": "f47a1c",
    "pink": "ee5fa2",
    "purple": "7a2fc0",
}
HAT = {name: CLOTHES[name] for name in ("black", "white", "red", "blue", "green", "yellow", "pink", "purple")}
BACKGROUND = {
    "white": "f5f5f3",
    "grey": "9aa0a6",
    "black": "25272c",
    "red": "dd6058",
    "orange": "f9b77a",
    "yellow": "f8e38a",
    "green": "9fd9ac",
    "blue": "96c9ef",
    "purple": "bda9ea",
    "pink": "fcc0d2",
}

_TOONHEAD = {  # our name -> the component and variant of ToonHead
    ("hair_style", "side swept"): ("hair", "sideComed"),
    ("hair_style", "undercut"): ("hair", "undercut"),
    ("hair_style", "spiky"): ("hair", "spiky"),
    ("hair_style", "bun"): ("hair", "bun"),
    ("hair_length", "bob"): ("rearHair", "neckHigh"),
    ("beard", "full beard"): ("beard", "fullBeard"),
    ("beard", "long beard"): ("beard", "longBeard"),
    ("mouth", "laugh"): ("mouth", "laugh"),
    ("mouth", "gritted teeth"): ("mouth", "angry"),
    ("mouth", "surprised"): ("mouth", "agape"),
    ("eyes", "open"): ("eyes", "happy"),
    ("eyes", "wide"): ("eyes", "wide"),
    ("eyes", "smiling"): ("eyes", "bow"),
    ("eyes", "closed"): ("eyes", "humble"),
    ("eyes", "winking"): ("eyes", "wink"),
    ("eyebrows", "raised"): ("eyebrows", "raised"),
    ("eyebrows", "angry"): ("eyebrows", "angry"),
    ("eyebrows", "high"): ("eyebrows", "happy"),
    ("eyebrows", "worried"): ("eyebrows", "sad"),
    ("eyebrows", "neutral"): ("eyebrows", "neutral"),
    ("clothes", "turtleneck"): ("clothes", "turtleNeck"),
    ("clothes", "jacket"): ("clothes", "openJacket"),
    ("clothes", "dress"): ("clothes", "dress"),
    ("clothes", "sweater"): ("clothes", "shirt"),
    ("clothes", "t-shirt"): ("clothes", "tShirt"),
    ("head", "round"): ("head", "head"),
    ("body", "body"): ("body", "body"),
}
_SCALE = {"mouth": (1.3, 384, 508), "eyes": (1.14, 384, 404), "eyebrows": (1.12, 384, 345)}
_ROUND_JAW = "c-5.93 50.4-91.5 95.5-141.5 95.5S61.91 406.4 55.98 356"
_SQUARE_JAW = "C338 440 330 451.5 290 451.5L105 451.5C65 451.5 57 440 55.98 356"
_JAW_BEARD = (
    '<path fill="{hair}" d="M240 470C241 578 252 592 292 592L476 592C516 592 527 578 528 470'
    'Q515 540 480 555L384 580L288 555Q253 540 240 470Z"/>'
)


def _node(element: dict[str, Any]) -> str:
    """SVG text of one element of a DiceBear style."""
    if element.get("type") != "element":
        return ""
    words = []
    for key, value in element.get("attributes", {}).items():
        text = "{" + value["name"] + "}" if isinstance(value, dict) else str(value)
        words.append(f' {key}="{text}"')
    inside = "".join(_node(child) for child in element.get("children", []))
    return f"<{element['name']}{''.join(words)}>{inside}</{element['name']}>"


def _load_toonhead() -> dict[str, Any]:
    try:
        root = importlib.resources.files("dicebear_styles")
    except ModuleNotFoundError as error:
        raise MissingError(
            "drawing faces needs dicebear_styles, which is not installed: pip install 'promptbrush[train]'"
        ) from error
    style: dict[str, Any] = json.loads(root.joinpath("toon-head.json").read_text(encoding="utf-8"))
    return style


def _toonhead() -> dict[tuple[str, str], str]:
    style = _load_toonhead()
    places = {e["name"]: e["attributes"].get("transform", "") for e in style["canvas"]["elements"]}
    parts = {}
    for name, (component, variant) in _TOONHEAD.items():
        elements = style["components"][component]["variants"][variant]["elements"]
        body = f'<g transform="{places[component]}">{"".join(map(_node, elements))}</g>'
        parts[name] = _scaled(body, *_SCALE[name[0]]) if name[0] in _SCALE else body
    return parts


def _scaled(body: str, factor: float, x: float, y: float, down: float = 0.0) -> str:
    offset = f"translate({x} {y + down}) scale({factor}) translate({-x} {-y})"
    return f'<g transform="{offset}">{body}</g>'


def dots(centres: Sequence[tuple[float, float]], radius: float) -> str:
    """Path data of discs of one radius."""
    arc = f"a{radius} {radius} 0 1 0 {2 * radius} 0a{radius} {radius} 0 1 0 {-2 * radius} 0Z"
    return "".join(f"M{x - radius:.0f} {y:.0f}{arc}" for x, y in centres)


def ring(radius: float, count: int, start: float, stop: float, y: float = 290.0) -> list[tuple[float, float]]:
    """Points on an arc around (384, y); angles in degrees, clockwise from the right."""
    angles = [math.radians(start + (stop - start) * i / (count - 1)) for i in range(count)]
    return [(384 + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]


def hair_shape(*shapes: str) -> str:
    """Outlined shapes in the colour of the hair."""
    return "".join(f'<path d="{shape}" fill="{{hair}}" stroke="{{stroke}}"/>' for shape in shapes)


_CAP = (
    "M196 400C176 250 250 116 384 116S592 250 572 400C566 330 540 290 520 268C470 296 298 296 248 268"
    "C228 290 202 330 196 400Z"
)
_FRINGE = (
    "M192 425C166 240 240 108 384 108S602 240 576 425L546 425C550 370 545 330 532 312C480 330 290 330"
    " 236 312C223 330 218 370 222 425Z"
)
_PARTED = (
    "M192 425C166 240 240 108 384 108S602 240 576 425L546 425C548 330 470 280 388 178C310 280 220 330"
    " 222 425Z"
)
_SIDES = (
    "M196 400C186 330 190 260 215 235L262 235C235 270 218 330 216 402ZM572 400C582 330 578 260 553 235"
    "L506 235C533 270 550 330 552 402Z"
)
_MOHAWK = (
    "M330 290C316 200 322 110 338 62L364 96L384 40L406 96L432 62C446 110 452 200 438 290C410 268 358"
    " 268 330 290Z"
)


def tufts(centres: Sequence[tuple[float, float]], radius: float) -> str:
    """Discs that share one outline: the strokes are covered by a second coat."""
    d = dots(centres, radius)
    return hair_shape(d) + f'<path d="{d}" fill="{{hair}}"/>'


def _hair_styles() -> dict[str, str]:
    rows = "M258 215Q272 195 288 212M330 175Q346 155 362 174M410 174Q426 155 442 174M480 212Q496 195 510 215"
    curls = ring(172, 10, 178, 362) + ring(105, 6, 195, 345, 270)
    afro = ring(168, 11, 183, 357)
    shade = line("M388 178C372 200 350 225 330 245", 7, "#000000", 0.2)
    return {
        "fringe": hair_shape(_FRINGE),
        "centre parting": hair_shape(_PARTED) + shade,
        "bob": hair_shape(
            _FRINGE.replace("425", "500").replace("L546 500", "L520 500").replace("222 500Z", "248 500Z")
        ),
        "curly": hair_shape(_CAP) + tufts(curls, 46) + line(rows, 7, "#000000", 0.22),
        "afro": hair_shape(_CAP) + f'<path d="{dots(afro, 50)}" fill="{{hair}}"/>',
        "mohawk": hair_shape(_MOHAWK),
        "buzz cut": f'<g opacity=".62">{hair_shape(_CAP.replace("116", "132"))}</g>',
        "under crown": hair_shape(_CAP),
        "under hat": hair_shape(_SIDES),
        "curly under hat": hair_shape(_SIDES) + tufts(ring(185, 4, 165, 205) + ring(185, 4, -25, 15), 42),
    }


def _afro(start: float, stop: float) -> str:
    return f'<path d="{dots(ring(215, 22, start, stop, 300), 56)}" fill="{{hair}}"/>'


_LOCKS = {  # the lock on the left, over the clothes; the right one is its mirror image
    "shoulder-length": "M200 300C170 380 168 480 138 555C126 590 100 606 78 608"
    "C130 660 235 645 262 600C262 560 248 520 240 470Z",
    "long straight": "M198 290C168 400 150 600 146 790L258 790C262 650 250 560 240 470Z",
    "long wavy": "M200 290C112 350 158 430 116 485C80 535 138 570 98 625C66 675 116 715 88 790"
    "L268 790C290 715 240 680 262 630C282 580 228 560 240 470Z",
}
_NAPE = (
    '<path d="M225 430L543 430L525 660L243 660Z" fill="{hair}"/>'
    '<path d="M225 430L543 430L525 660L243 660Z" fill="#000000" fill-opacity=".22"/>'
)


def _locks() -> dict[str, str]:
    mirrored = {name: hair_shape(d) for name, d in _LOCKS.items()}
    return {name: d + f'<g transform="translate(768 0) scale(-1 1)">{d}</g>' for name, d in mirrored.items()}


def _hair_lengths() -> dict[str, str]:
    tail = "M520 240C650 210 720 330 690 480C676 570 640 640 590 690C612 590 600 470 520 370Z"
    tie = '<circle cx="540" cy="300" r="26" fill="#000000" fill-opacity=".3"/>'
    tails = "M235 310C100 240 50 400 92 560C104 600 130 620 150 630C160 570 200 500 235 430Z"
    tails += "M533 310C668 240 718 400 676 560C664 600 638 620 618 630C608 570 568 500 533 430Z"
    knots = [(x, 455 + 52 * i) for x in (178, 590) for i in range(6)]
    braid = "".join(
        f'<ellipse cx="{x}" cy="{y}" rx="42" ry="36" fill="{{hair}}" stroke="{{stroke}}"/>' for x, y in knots
    )
    return {
        **_locks(),
        "nape": _NAPE,
        "afro": '<circle cx="384" cy="300" r="215" fill="{hair}"/>' + _afro(0, 345),
        "afro under hat": _afro(-20, 40) + _afro(140, 200),
        "ponytail": hair_shape(tail) + tie,
        "pigtails": hair_shape(tails),
        "braids": hair_shape("M215 300L170 460L225 500ZM553 300L598 460L543 500Z") + braid,
    }


def _beards(full: str) -> dict[str, str]:
    moustache = "M384 472C350 452 316 474 282 496C300 520 350 520 384 500"
    moustache += "C418 520 468 520 486 496C452 474 418 452 384 472Z"
    chin = "M326 562Q384 540 442 562Q446 628 384 648Q322 628 326 562Z"
    return {
        "stubble": f'<g opacity=".38">{full}</g>',
        "moustache": hair_shape(moustache),
        "goatee": hair_shape(chin),
        "jaw": _JAW_BEARD,
        "jaw stubble": f'<g opacity=".38">{_JAW_BEARD}</g>',
    }


def line(d: str, width: float = 13, colour: str = "#3a1114", opacity: float = 1.0) -> str:
    """A stroke with round ends."""
    extra = f' stroke-opacity="{opacity}"' if opacity < 1 else ""
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round"{extra}/>'
    )


def _mouths() -> dict[str, str]:
    bends = {
        "smile": "M318 505Q384 568 450 505",
        "sad": "M326 548Q384 492 442 548",
        "neutral": "M338 526L430 526",
    }
    # A light line inside a dark one, so that it shows on every skin.
    return {name: line(d, 19) + line(d, 8, "#e06a6c") for name, d in bends.items()}


def _noses() -> dict[str, str]:
    shade = '<path d="{0}" fill="#000000" fill-opacity=".22"/>'
    return {
        "small": shade.format("M366 452Q384 464 402 452Q400 474 384 476Q368 474 366 452Z"),
        "round": '<ellipse cx="384" cy="455" rx="31" ry="25" fill="#000000" fill-opacity=".2"/>',
        "wide": shade.format(
            "M326 462C326 440 356 440 384 452C412 440 442 440 442 462C430 484 338 484 326 462Z"
        ),
        "pointed": shade.format("M386 372L348 474Q384 486 398 472Z"),
    }


def _glasses() -> dict[str, str]:
    frame = ' stroke="{glasses}" stroke-width="14"'
    bridge = f'<path d="M372 404Q384 394 396 404M246 404L196 396M522 404L572 396" fill="none"{frame}/>'
    rounds = "".join(f'<circle cx="{x}" cy="412" r="66" fill="none"{frame}/>' for x in (310, 458))
    boxes = [
        f'<rect x="{x - 68}" y="356" width="136" height="104" rx="{{r}}" fill="{{f}}"{frame}/>'
        for x in (308, 460)
    ]
    squares = "".join(boxes).replace("{r}", "8").replace("{f}", "none")
    return {
        "round glasses": rounds + bridge,
        "square glasses": squares + bridge,
        "sunglasses": "".join(boxes)
        .replace("{r}", "38")
        .replace("{f}", "#15161a")
        .replace("{glasses}", "#15161a")
        + bridge.replace("{glasses}", "#15161a"),
    }


def _earrings() -> dict[str, str]:
    ears = (205, 563)
    hoop = "".join(
        f'<circle cx="{x}" cy="522" r="34" fill="none" stroke="{{gold}}" stroke-width="14"/>' for x in ears
    )
    stud = "".join(f'<circle cx="{x}" cy="490" r="25" fill="{{gold}}" stroke="{{stroke}}"/>' for x in ears)
    return {"hoop": hoop, "stud": stud}


def _hats() -> dict[str, str]:
    def piece(d: str, shade: str = "") -> str:
        dark = f'<path d="{d}" fill="#000000" fill-opacity="{shade}"/>' if shade else ""
        return f'<path d="{d}" fill="{{hat}}" stroke="{{stroke}}"/>{dark}'

    peak = "M172 285C250 222 518 222 596 285"
    peak += "C640 322 600 334 556 316C470 278 298 278 212 316C168 334 128 322 172 285Z"
    crown = "M238 210L218 62L304 128L384 40L464 128L550 62L530 210Q384 180 238 210Z"
    return {
        "beanie": piece(dots([(384, 66)], 40))
        + piece("M182 260C182 130 270 76 384 76S586 130 586 260Z")
        + piece(
            "M196 232L572 232Q598 232 598 262Q598 294 572 294L196 294Q170 294 170 262Q170 232 196 232Z", ".18"
        ),
        "cap": piece("M182 282C182 150 270 82 384 82S586 150 586 282Q384 210 182 282Z") + piece(peak, ".22"),
        "top hat": piece("M236 226L222 30Q384 4 546 30L532 226Z")
        + piece("M229 150L539 150L532 226L236 226Z", ".3")
        + piece("M140 232Q384 178 628 232Q650 262 610 274Q384 226 158 274Q118 262 140 232Z"),
        "crown": f'<path d="{crown}" fill="#f2b90f" stroke="{{stroke}}"/>'
        f'<path d="{dots([(300, 168), (384, 156), (468, 168)], 15)}" fill="#c81e3a"/>',
    }


def _skin_details() -> dict[tuple[str, str], str]:
    cheek = [(262, 455), (290, 470), (318, 452), (276, 488), (306, 494)]
    spots = dots(cheek + [(768 - x, y) for x, y in cheek], 9)
    folds = "M290 228Q384 212 478 228M300 262Q384 248 468 262M322 470Q296 492 292 524M446 470Q472 492 476 524"
    folds += "M270 448Q306 470 344 452M498 448Q462 470 424 452"
    folds += "M228 392L206 380M228 410L204 412M540 392L562 380M540 410L564 412"
    return {
        ("freckles", "yes"): f'<path d="{spots}" fill="#7a3b1a" fill-opacity=".6"/>',
        ("age", "old"): line(folds, 9, "#000000", 0.36),
    }


@cache
def fragments() -> dict[tuple[str, str], str]:
    """Every part as SVG text, keyed by (attribute or body part, value); read once.

    Raises:
        MissingError: the package dicebear-styles is not installed.
    """
    parts = _toonhead()
    own = {
        "hair_style": _hair_styles(),
        "hair_length": _hair_lengths(),
        "beard": _beards(parts["beard", "full beard"]),
        "mouth": _mouths(),
        "nose": _noses(),
        "glasses": _glasses(),
        "earrings": _earrings(),
        "hat": _hats(),
    }
    for attribute, shapes in own.items():
        parts.update({(attribute, value): shape for value, shape in shapes.items()})
    parts.update(_skin_details())
    for value in ("smiling", "closed", "winking"):
        parts["eyes", value] = parts["eyes", value].replace("#4B2422", "#2a1210")
    parts["head", "square"] = parts["head", "round"].replace(_ROUND_JAW, _SQUARE_JAW)
    for value in ("raised", "angry", "high", "worried", "neutral"):
        brow = parts["eyebrows", value].replace("{hair}", "{brow}").replace("{stroke}", "{brow}")
        parts["eyebrows", value] = f'<g stroke-width="7">{brow}</g>'
    return parts
