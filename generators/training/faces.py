"""Procedural cartoon faces whose every attribute is known: the domain of the embedded models.

A face is a set of independent choices and independent continuous values. `resolve` says what can be seen of
them, and the drawing depends on nothing else, so labels, captions, masks and pictures always agree.
Artwork: see `face_parts`.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..._base import MissingError
from .face_additions import ADDED, ADDED_CHANCE, EARRING_COLOURS, GLASSES_COLOURS, added_fragments
from .face_parts import BACKGROUND, CLOTHES, HAIR, HAT, SKIN, fragments

NONE = "none"
Rgb = tuple[float, float, float]


def _even(*values: str) -> dict[str, float]:
    return {value: 1 / len(values) for value in values}


CHOICES: dict[str, dict[str, float]] = {
    "hair_style": {
        "side swept": 0.1,
        "undercut": 0.07,
        "spiky": 0.08,
        "bun": 0.08,
        "fringe": 0.12,
        "centre parting": 0.1,
        "afro": 0.08,
        "curly": 0.1,
        "mohawk": 0.08,
        "bob": 0.07,
        "buzz cut": 0.05,
        "bald": 0.07,
    },
    "hair_length": {
        "short": 0.22,
        "shoulder-length": 0.13,
        "long straight": 0.13,
        "long wavy": 0.13,
        "ponytail": 0.13,
        "pigtails": 0.13,
        "braids": 0.13,
    },
    "hair_colour": _even(*HAIR),
    "skin": _even(*SKIN),
    "beard": {
        NONE: 0.55,
        "stubble": 0.07,
        "full beard": 0.1,
        "long beard": 0.09,
        "moustache": 0.1,
        "goatee": 0.09,
    },
    "glasses": {NONE: 0.52, "round glasses": 0.16, "square glasses": 0.16, "sunglasses": 0.16},
    "hat": {NONE: 0.6, "beanie": 0.1, "cap": 0.1, "top hat": 0.1, "crown": 0.1},
    "hat_colour": _even(*HAT),
    "earrings": {NONE: 0.5, "hoop": 0.25, "stud": 0.25},
    "mouth": {
        "smile": 0.2,
        "laugh": 0.2,
        "sad": 0.16,
        "gritted teeth": 0.14,
        "surprised": 0.16,
        "neutral": 0.14,
    },
    "eyes": {"open": 0.3, "wide": 0.25, "smiling": 0.15, "closed": 0.15, "winking": 0.15},
    "eyebrows": _even("neutral", "raised", "angry", "high", "worried"),
    "clothes": _even("turtleneck", "jacket", "dress", "sweater", "t-shirt"),
    "clothes_colour": _even(*CLOTHES),
    "background": {"plain": 0.36, "gradient": 0.16, "stripes": 0.16, "dots": 0.16, "checks": 0.16},
    "background_colour": _even(*BACKGROUND),
    "head_shape": _even("round", "long", "square", "narrow"),
    "nose": _even("small", "round", "wide", "pointed"),
    "freckles": {"no": 0.75, "yes": 0.25},
    "age": {"young": 0.7, "old": 0.3},
}
CONTINUOUS: tuple[str, ...] = (
    *(f"{part}_{channel}" for part in ("hair", "skin", "clothes", "background") for channel in "rgb"),
    "background_second",
    "scale",
    "tx",
    "ty",
    "rotation",
    "light_x",
    "light_y",
)
# Of a face vector: one-hots, five colours and these values. What follows them is 0 in faces that are not widened.
PLAIN_ENTRIES = sum(map(len, CHOICES.values())) + 15 + len(CONTINUOUS)
# What z does not stand for: 0 in every face that it draws, in [-1, 1] in the widened world.
WIDENED: tuple[str, ...] = ("line", "head", "framing", "brightness")

_WITH_LENGTH = ("side swept", "fringe", "centre parting", "curly", "curly fringe")
_SHOWN_UNDER_HAT = ("fringe", "afro", "curly", "bob")
_TIED = ("ponytail", "pigtails", "braids", "thick plaits")
_LENGTHS = (*CHOICES["hair_length"], *ADDED["hair_length"])
_POKES_THROUGH_CROWN = ("bun", "mohawk", "spiky")
_PALETTES = {"hair": HAIR, "skin": SKIN, "clothes": CLOTHES, "background": BACKGROUND, "hat": HAT}
_JITTER = {"hair": 0.035, "skin": 0.025, "clothes": 0.035, "background": 0.03, "hat": 0.0}
_HEADS = {"round": (1.07, 0.95), "square": (1.04, 0.98), "long": (0.95, 1.07), "narrow": (0.86, 1.0)}


@dataclass(frozen=True)
class Face:
    """One face: the raw choices (see CHOICES) and the continuous values in [-1, 1] (see CONTINUOUS).

    The values of WIDENED may be left out, which is 0. What is `added` (see `face_additions.ADDED`) takes the place of
    the choice of that attribute. With a `hand`, a seed, the face is drawn in another hand (see `other_faces`), in which
    the continuous values and what is added of colours say nothing.
    """

    choices: Mapping[str, str]
    continuous: Mapping[str, float]
    added: Mapping[str, str] = field(default_factory=dict)
    hand: int | None = None


def sample_face(rng: random.Random) -> Face:
    """A face with every choice and every continuous value drawn independently."""
    choices = {name: rng.choices(list(odds), list(odds.values()))[0] for name, odds in CHOICES.items()}
    return Face(choices, {name: rng.uniform(-1.0, 1.0) for name in CONTINUOUS})


def widened(face: Face, rng: random.Random) -> Face:
    """The same face with other lines, another size of the head, another framing, a lighter or darker backdrop, and now
    and then a garment, a hat, hair or colours that are added.

    Half of the faces stay as they are, so that the world that z stands for is learnt as well as before.
    """
    if rng.random() < 0.5:
        return face
    values = {name: rng.uniform(-1.0, 1.0) if rng.random() < 0.7 else 0.0 for name in WIDENED}
    added = {name: rng.choice(each) for name, each in ADDED.items() if rng.random() < ADDED_CHANCE}
    return Face(face.choices, {**face.continuous, **values}, added)


def resolve(face: Face) -> dict[str, str]:
    """What can be seen of each choice; "none" for what is absent or hidden by something else.

    Hats other than a crown hide the hair style unless it shows at the sides, sunglasses hide the eyes, a
    crown has its own colour, and a bald head has no hair length and no hair colour. Added values stand for their
    attributes, but those of attributes that are new; a headscarf hides all hair.
    """
    shown = {name: face.added.get(name, value) for name, value in face.choices.items()}
    style, hat = shown["hair_style"], shown["hat"]
    if style not in _WITH_LENGTH:
        shown["hair_length"] = "short"
    if style == "bald" or hat == "headscarf":
        shown["hair_length"] = shown["hair_colour"] = NONE
    covered = hat not in (NONE, "crown") and style not in _SHOWN_UNDER_HAT
    if covered or hat == "headscarf" or (hat == "crown" and style in _POKES_THROUGH_CROWN):
        shown["hair_style"] = NONE
    if hat in (NONE, "crown", "straw hat"):
        shown["hat_colour"] = NONE
    if shown["glasses"] == "sunglasses":
        shown["eyes"] = NONE
    return shown


def shown_added(face: Face) -> dict[str, str]:
    """What can be seen of each attribute of ADDED; "none" where it is as `resolve` says, or hidden."""
    resolved = resolve(face)
    coloured = {
        "glasses_colour": resolved["glasses"] not in (NONE, "sunglasses"),
        "earrings_colour": resolved["earrings"] != NONE,
    }
    shows = {name: coloured.get(name, resolved.get(name) == value) for name, value in face.added.items()}
    return {name: face.added[name] if shows.get(name) else NONE for name in ADDED}


def _rgb(face: Face, part: str) -> Rgb:
    """The jittered colour of hair, skin, clothes, background or hat, in [0, 1]."""
    text = _PALETTES[part][face.choices[part if part == "skin" else f"{part}_colour"]]
    base = [int(text[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    shift = [face.continuous.get(f"{part}_{channel}", 0.0) * _JITTER[part] for channel in "rgb"]
    if part == "background":
        base = _lit(base, face.continuous.get("brightness", 0.0))
    red, green, blue = (min(1.0, max(0.0, value + move)) for value, move in zip(base, shift, strict=True))
    return red, green, blue


def _lit(rgb: list[float], brightness: float) -> list[float]:
    """A colour up to a fifth of the way to white or, below 0, to black, so that its name still fits."""
    towards = 1.0 if brightness > 0 else 0.0
    return [value + 0.2 * abs(brightness) * (towards - value) for value in rgb]


def _hex(rgb: Rgb, factor: float = 1.0) -> str:
    return "#" + "".join(f"{round(255 * factor * value):02x}" for value in rgb)


def _colours(face: Face) -> dict[str, str]:
    named = {part: _hex(_rgb(face, part)) for part in ("hair", "skin", "clothes", "hat")}
    brow = _hex(_rgb(face, "hair"), 0.72)
    gold = EARRING_COLOURS.get(face.added.get("earrings_colour", NONE), "e8b923")
    frame = GLASSES_COLOURS.get(face.added.get("glasses_colour", NONE), "23252b")
    return {**named, "brow": brow, "stroke": "#2a1a16", "gold": f"#{gold}", "glasses": f"#{frame}"}


def _hair_parts(shown: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Names of the fragments in front of and behind the head."""
    style, length, hatted = shown["hair_style"], shown["hair_length"], shown["hat"] not in (NONE, "crown")
    if style == "bald" or shown["hair_colour"] == NONE:
        return None, None
    if style == "afro":
        return ("under hat", "afro under hat") if hatted else ("afro", "afro")
    behind = {"bob": "bob"}.get(style, None if length == "short" else length)
    if style == NONE:
        return "under hat" if hatted else "under crown", behind
    return ("curly under hat" if hatted and style == "curly" else style), behind


def layers(face: Face) -> Iterator[tuple[str, str, bool]]:
    """The parts from back to front, as (part name, SVG text with colour names, belongs to the head)."""
    shown, parts = resolve(face), {**fragments(), **added_fragments()}
    front, behind = _hair_parts(shown)
    over_clothes = behind in _LENGTHS
    rear = parts.get(("hair_length", behind or NONE), "")
    if over_clothes and behind not in _TIED:
        yield "hair", parts["hair_length", "nape"], True
    torso = [("skin", parts["body", "body"], False), ("clothes", parts["clothes", shown["clothes"]], False)]
    yield from [*torso, ("hair", rear, True)] if over_clothes else [("hair", rear, True), *torso]
    square = shown["head_shape"] == "square"
    yield "skin", parts["head", "square" if square else "round"], True
    for attribute in ("age", "freckles"):
        yield "skin", parts.get((attribute, shown[attribute]), ""), True
    if square:
        jaw = {"full beard": "jaw", "long beard": "jaw", "stubble": "jaw stubble"}.get(shown["beard"], NONE)
        yield "beard", parts.get(("beard", jaw), ""), True
    for part in ("beard", "nose", "mouth", "eyes"):
        if part == "mouth" and shown["beard"] == "moustache":
            yield "mouth", f'<g transform="translate(0 16)">{parts["mouth", shown["mouth"]]}</g>', True
        else:
            yield part, parts.get((part, shown[part]), ""), True
    yield "hair", parts.get(("hair_style", front or NONE), ""), True
    for part in ("eyebrows", "earrings", "glasses", "hat"):
        yield part, parts.get((part, shown[part]), ""), True


def place(face: Face, drawn: Iterator[tuple[str, bool]]) -> str:
    """Put the drawn layers into the picture: the head's shape and size, then scale, shift and rotation."""
    value = face.continuous
    size = 1 + 0.1 * value.get("head", 0.0)
    wide, tall = (round(size * each, 4) for each in _HEADS[face.choices["head_shape"]])
    head = f'<g transform="translate(384 590) scale({wide} {tall}) translate(-384 -590)">'
    body = "".join(
        head + text + "</g>" if of_head else f'<g transform="translate(0 -40)">{text}</g>'
        for text, of_head in drawn
        if text
    )
    near = 0.18 * value.get("framing", 0.0)
    scale, turn = 1.12 + 0.04 * value["scale"] + near, 5.0 * value["rotation"]
    # From further away or nearer, the body still reaches the lower edge.
    x, y = 384 + 16 * value["tx"], 384 + 12 * value["ty"] - 366 * near
    pose = f"translate({x:.2f} {y:.2f}) rotate({turn:.2f}) scale({scale:.4f}) translate(-384 -362)"
    stroke = f"{4 * 2.2 ** value.get('line', 0.0):.4g}"
    return f'<g transform="{pose}" stroke-width="{stroke}">{body}</g>'


_PATTERNS = {
    "stripes": "".join(f"M{x} 0h64l-256 768h-64Z" for x in range(0, 1100, 128)),
    "dots": "".join(
        f"M{x - 26} {y}a26 26 0 1 0 52 0a26 26 0 1 0 -52 0Z"
        for row, y in enumerate(range(24, 800, 80))
        for x in range(20 + 48 * (row % 2), 800, 96)
    ),
    "checks": "".join(f"M{x} {y}h96v96h-96Z" for y in range(0, 768, 96) for x in range(y % 192, 768, 192)),
}


def _background(face: Face) -> str:
    """The backdrop; its second colour is a darker shade of the first."""
    rgb, kind = _rgb(face, "background"), face.choices["background"]
    second = _hex(rgb, 0.76 + 0.08 * face.continuous["background_second"])
    if kind == "gradient":
        stops = f'<stop stop-color="{_hex(rgb)}"/><stop offset="1" stop-color="{_hex(rgb, 0.55)}"/>'
        fill = f'<linearGradient id="back" x1="0" y1="0" x2="0" y2="1">{stops}</linearGradient>'
        return f'{fill}<rect width="768" height="768" fill="url(#back)"/>'
    plain = f'<rect width="768" height="768" fill="{_hex(rgb)}"/>'
    return plain + (f'<path d="{_PATTERNS[kind]}" fill="{second}"/>' if kind in _PATTERNS else "")


def _light(face: Face) -> str:
    """A soft light from one side over the whole picture."""
    x, y = face.continuous["light_x"], face.continuous["light_y"]
    opacity = 0.13 * (x * x + y * y) ** 0.5
    ends = f'x1="{0.5 - x / 2:.3f}" y1="{0.5 - y / 2:.3f}" x2="{0.5 + x / 2:.3f}" y2="{0.5 + y / 2:.3f}"'
    bright = f'<stop stop-color="#ffffff" stop-opacity="{opacity:.3f}"/>'
    gradient = f'<linearGradient id="light" {ends}>{bright}<stop offset="1" stop-opacity="{opacity:.3f}"/>'
    return f'{gradient}</linearGradient><rect width="768" height="768" fill="url(#light)"/>'


def svg(body: str, crisp: bool = False) -> str:
    """A whole document of 768 x 768 units around the given elements."""
    edges = ' shape-rendering="crispEdges"' if crisp else ""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 768 768" fill="none"{edges}>{body}</svg>'


def face_svg(face: Face) -> str:
    """The picture of a face as SVG."""
    if face.hand is not None:
        from .other_faces import other_layers

        return svg("".join(text for _, text in other_layers(face)))
    colours = _colours(face)
    drawn = ((text.format_map(colours), of_head) for _, text, of_head in layers(face))
    return svg(_background(face) + place(face, drawn) + _light(face))


def rasterise(document: str, size: int) -> NDArray[np.uint8]:
    """Draw SVG as a (size, size, 3) picture.

    Raises:
        MissingError: the package resvg-py is not installed.
    """
    try:
        import resvg_py
    except ModuleNotFoundError as error:
        raise MissingError("drawing faces needs resvg_py: pip install 'promptbrush[train]'") from error
    png = resvg_py.svg_to_bytes(svg_string=document, width=size, height=size, skip_system_fonts=True)
    return np.array(Image.open(io.BytesIO(bytes(png))).convert("RGB"))


def render(face: Face, size: int) -> NDArray[np.uint8]:
    """The picture of a face: uint8 (size, size, 3), RGB."""
    return rasterise(face_svg(face), size)


def face_vector(face: Face) -> NDArray[np.float32]:
    """All that determines the picture: one-hots in the order of CHOICES, five colours, CONTINUOUS, then WIDENED,
    and one-hots of ADDED.

    Colours are hair, skin, clothes, background and hat as jittered RGB in [-1, 1]. What cannot be seen is
    zero, but the hair colour always shows in the eyebrows and stays.
    """
    shown = {**resolve(face), "hair_colour": face.choices["hair_colour"]}
    hots = [float(shown[name] == value) for name, odds in CHOICES.items() for value in odds]
    hat_shown = float(shown["hat_colour"] != NONE)
    colours = [
        (2 * value - 1) * (hat_shown if part == "hat" else 1.0)
        for part in _PALETTES
        for value in _rgb(face, part)
    ]
    values = [face.continuous[name] for name in CONTINUOUS]
    wide = [face.continuous.get(name, 0.0) for name in WIDENED]
    additions = shown_added(face)
    added = [float(additions[name] == value) for name, each in ADDED.items() for value in each]
    return np.array([*hots, *colours, *values, *wide, *added], np.float32)
