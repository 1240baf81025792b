"""What shapes there are and within which bounds they can be asked for; imported without torch."""

from __future__ import annotations

from typing import Literal

Size = tuple[int, int]
Mode = Literal["smooth", "pillow"]
MODES = ("smooth", "pillow")
# Shapes of a drawing, and pixels of a side.
MOST, LARGEST = 10_000, 8_192
COLOUR = ("red", "green", "blue", "opacity")


def _points(count: int) -> tuple[str, ...]:
    return tuple(f"{axis}{i}" for i in range(count) for axis in "yx")


# Kind of shape -> what its numbers are; y and x are places, all others lengths or an angle.
COLUMNS = {
    "triangle": _points(3),
    "quadrilateral": _points(4),
    "ellipse": (*_points(1), "height", "width", "angle"),
    "rectangle": (*_points(1), "height", "width", "angle"),
    "line": (*_points(2), "width"),
    "bezier": (*_points(3), "width"),
}
