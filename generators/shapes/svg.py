"""Drawings as SVG, and back: each shape is the element that vector programs know it by."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence

import torch

from ..._base import InputFileError
from .drawing import Drawing
from .forms import LARGEST, MOST

_NAMESPACE = "{http://www.w3.org/2000/svg}"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_MEND = "give an SVG that promptbrush wrote"


def to_svg(drawing: Drawing) -> str:
    """SVG text; drawn by any viewer it is the drawing's picture, up to rounding."""
    height, width = drawing.size
    write = _WRITERS[drawing.kind]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" fill="{_colour(drawing.background.tolist())}"/>',
        *(
            write(row[:-4], _colour(row[-4:-1]), _number(row[-1]), drawing.size)
            for row in drawing.numbers.tolist()
        ),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _colour(channels: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * min(max(value, 0), 1)):02x}" for value in channels)


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"


def _points(places: Sequence[float], size: tuple[int, int]) -> list[str]:
    height, width = size
    pairs = zip(places[0::2], places[1::2], strict=True)
    return [f"{_number(x * width)},{_number(y * height)}" for y, x in pairs]


Writer = Callable[[Sequence[float], str, str, tuple[int, int]], str]


def _polygon(places: Sequence[float], colour: str, opacity: str, size: tuple[int, int]) -> str:
    points = " ".join(_points(places, size))
    return f'<polygon points="{points}" fill="{colour}" fill-opacity="{opacity}"/>'


def _turn(places: Sequence[float], size: tuple[int, int]) -> tuple[float, float, float, float, str]:
    """The middle, half the width and height in pixels, and the transform of an ellipse or rectangle."""
    y, x = places[0] * size[0], places[1] * size[1]
    half_height, half_width = (abs(value) * min(size) for value in places[2:4])
    degrees = places[4] % 2 * 180
    return x, y, half_width, half_height, f'transform="rotate({_number(degrees)} {_number(x)} {_number(y)})"'


def _ellipse(places: Sequence[float], colour: str, opacity: str, size: tuple[int, int]) -> str:
    x, y, half_width, half_height, turn = _turn(places, size)
    shape = f'cx="{_number(x)}" cy="{_number(y)}" rx="{_number(half_width)}" ry="{_number(half_height)}"'
    return f'<ellipse {shape} {turn} fill="{colour}" fill-opacity="{opacity}"/>'


def _rectangle(places: Sequence[float], colour: str, opacity: str, size: tuple[int, int]) -> str:
    x, y, half_width, half_height, turn = _turn(places, size)
    corner = f'x="{_number(x - half_width)}" y="{_number(y - half_height)}"'
    shape = f'{corner} width="{_number(2 * half_width)}" height="{_number(2 * half_height)}"'
    return f'<rect {shape} {turn} fill="{colour}" fill-opacity="{opacity}"/>'


def _stroke(path: str, width: float, colour: str, opacity: str, size: tuple[int, int]) -> str:
    thick = _number(abs(width) * min(size))
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-opacity="{opacity}" stroke-width="{thick}"/>'
    )


def _line(places: Sequence[float], colour: str, opacity: str, size: tuple[int, int]) -> str:
    start, end = _points(places[:4], size)
    return _stroke(f"M {start} L {end}", places[4], colour, opacity, size)


def _bezier(places: Sequence[float], colour: str, opacity: str, size: tuple[int, int]) -> str:
    start, middle, end = _points(places[:6], size)
    return _stroke(f"M {start} Q {middle} {end}", places[6], colour, opacity, size)


_WRITERS: dict[str, Writer] = {
    "triangle": _polygon,
    "quadrilateral": _polygon,
    "ellipse": _ellipse,
    "rectangle": _rectangle,
    "line": _line,
    "bezier": _bezier,
}


def from_svg(text: str, where: str) -> Drawing:
    """Read what `to_svg` wrote; `where` is named in errors.

    Raises:
        InputFileError: not SVG, or with elements that no kind of shape is drawn as.
    """
    try:
        root = ET.fromstring(text)  # noqa: S314 (expat refuses entities that grow; no other kind is read)
    except (ET.ParseError, ValueError) as error:
        raise InputFileError(f"{where}: not SVG ({error}); {_MEND}") from error
    size = _size(root, where)
    elements = list(root)
    background = torch.ones(3)
    if elements and _is_background(elements[0], size):
        background = torch.tensor(_channels(elements.pop(0).get("fill", ""), where))
    if not 1 <= len(elements) <= MOST:
        raise InputFileError(f"{where}: holds {len(elements)} shapes; 1 to {MOST:,} can be drawn")
    rows = [_row(element, size, where) for element in elements]
    kinds = sorted({kind for kind, _ in rows})
    if len(kinds) > 1:
        raise InputFileError(f"{where}: holds shapes of several kinds ({', '.join(kinds)}); {_MEND}")
    return Drawing(kinds[0], torch.tensor([row for _, row in rows]), size, background)


def _size(root: ET.Element, where: str) -> tuple[int, int]:
    box = [float(each) for each in re.findall(_NUMBER, root.get("viewBox", ""))]
    if root.tag != f"{_NAMESPACE}svg" or len(box) != 4:
        raise InputFileError(f"{where}: not an SVG with a viewBox; {_MEND}")
    width, height = round(box[2]), round(box[3])
    if box[:2] != [0, 0] or not 1 <= min(width, height) <= max(width, height) <= LARGEST:
        raise InputFileError(
            f"{where}: its viewBox is {root.get('viewBox')}; it must be 0 0 and 1 to {LARGEST:,} a side"
        )
    return height, width


def _is_background(element: ET.Element, size: tuple[int, int]) -> bool:
    own = {"width": str(size[1]), "height": str(size[0])}
    there = {name: value for name, value in element.attrib.items() if name != "fill"}
    return element.tag == f"{_NAMESPACE}rect" and there == own


def _channels(colour: str, where: str) -> list[float]:
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise InputFileError(f"{where}: the colour '{colour[:40]}' is not written as #rrggbb; {_MEND}")
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _row(element: ET.Element, size: tuple[int, int], where: str) -> tuple[str, list[float]]:
    """The kind of an element and its numbers."""
    name = str(element.tag).removeprefix(_NAMESPACE)
    try:
        kind, places = _READERS[name](element, size)
        paint = "stroke" if name == "path" else "fill"
        opacity = float(element.get(f"{paint}-opacity", "1"))
    except KeyError as error:
        known = ", ".join(_READERS)
        raise InputFileError(
            f"{where}: holds <{name[:40]}>, where only {known} are drawn; {_MEND}"
        ) from error
    except (ValueError, TypeError) as error:
        raise InputFileError(f"{where}: a <{name}> cannot be read ({error}); {_MEND}") from error
    row = [*places, *_channels(element.get(paint, ""), where), min(max(opacity, 0.0), 1.0)]
    if not all(math.isfinite(value) for value in row):
        raise InputFileError(f"{where}: a <{name}> holds a number that is not finite; {_MEND}")
    return kind, row


def _places(text: str, size: tuple[int, int]) -> list[float]:
    numbers = [float(each) for each in re.findall(_NUMBER, text)]
    points = zip(numbers[0::2], numbers[1::2], strict=True)
    return [share for x, y in points for share in (y / size[0], x / size[1])]


def _read_polygon(element: ET.Element, size: tuple[int, int]) -> tuple[str, list[float]]:
    places = _places(element.get("points", ""), size)
    kinds = {6: "triangle", 8: "quadrilateral"}
    if len(places) not in kinds:
        raise ValueError(f"{len(places) // 2} corners where 3 or 4 can be")
    return kinds[len(places)], places


def _angle(element: ET.Element) -> float:
    turn = element.get("transform", "rotate(0)")
    if not turn.startswith("rotate("):
        raise ValueError(f"transform '{turn[:40]}'")
    return float(re.findall(_NUMBER, turn)[0]) / 180


def _read_ellipse(element: ET.Element, size: tuple[int, int]) -> tuple[str, list[float]]:
    x, y, half_width, half_height = (_attribute(element, name) for name in ("cx", "cy", "rx", "ry"))
    short = min(size)
    return "ellipse", [y / size[0], x / size[1], half_height / short, half_width / short, _angle(element)]


def _read_rectangle(element: ET.Element, size: tuple[int, int]) -> tuple[str, list[float]]:
    left, top, width, height = (_attribute(element, name) for name in ("x", "y", "width", "height"))
    y, x, short = top + height / 2, left + width / 2, min(size)
    return "rectangle", [y / size[0], x / size[1], height / 2 / short, width / 2 / short, _angle(element)]


def _attribute(element: ET.Element, name: str) -> float:
    value = element.get(name)
    if value is None:
        raise ValueError(f"{name} is missing")
    return float(value)


def _read_path(element: ET.Element, size: tuple[int, int]) -> tuple[str, list[float]]:
    path = element.get("d", "")
    forms = {"line": "M (.+) L (.+)", "bezier": "M (.+) Q (.+) (.+)"}
    for kind, form in forms.items():
        places = _places(path, size) if re.fullmatch(form, path) else []
        if len(places) == {"line": 4, "bezier": 6}[kind]:
            return kind, [*places, _attribute(element, "stroke-width") / min(size)]
    raise ValueError(f"the path '{path[:40]}'")


Reader = Callable[[ET.Element, tuple[int, int]], tuple[str, list[float]]]
_READERS: dict[str, Reader] = {
    "polygon": _read_polygon,
    "ellipse": _read_ellipse,
    "rect": _read_rectangle,
    "path": _read_path,
}
