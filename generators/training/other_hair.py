"""Hair and hats of faces in other hands (see `other_faces`): what lies behind the head, over it and before the clothes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from .faces import NONE
from .other_drawings import outline, oval, shade

if TYPE_CHECKING:
    from .other_faces import Figure

_HATTED = ("beanie", "cap", "top hat", "straw hat")


def _covered(figure: Figure) -> bool:
    return figure.shown["hat"] in _HATTED


def behind(figure: Figure) -> str:
    """Hair behind the head."""
    x, y, a, d, style = figure.x, figure.y, figure.across, figure.down, figure.raw["hair_style"]
    if figure.shown["hat"] == "headscarf" or style == "bald":
        return ""
    if style == "afro":
        reach = figure.between(1.38, 1.6)
        if figure.maybe(0.5):
            return figure.shape(oval(x, y - d * 0.18, a * reach, d * reach * 0.9), figure.hair)
        ring = [
            (x + a * reach * math.cos(t), y - d * 0.16 + d * reach * 0.88 * math.sin(t)) for t in _turn(19)
        ]
        return figure.shape(outline(ring, True), figure.hair) + _tufts(figure, ring, a * 0.2)
    length = figure.shown["hair_length"]
    hang = {"shoulder-length": 1.2, "long straight": 2.0, "long wavy": 2.0}.get(length)
    if style == "bob":
        hang = figure.between(0.62, 0.86)
    if hang is None:
        return ""
    return figure.shape(
        _curtain(figure, d * hang * figure.between(0.94, 1.06), length == "long wavy"), figure.hair
    )


def _curtain(figure: Figure, low: float, wavy: bool) -> str:
    x, y, a, d = figure.x, figure.y, figure.across * figure.between(1.1, 1.28), figure.down
    top, foot = y - d * 1.1, min(y + low, 800)
    rows = [y - d * 0.3 + (foot - y + d * 0.3) * i / 5 for i in range(6)]
    bulge = a * (0.12 if wavy else 0.02)
    left = [(x - a - bulge * (i % 2), row) for i, row in enumerate(rows)]
    right = [(x + a + bulge * (i % 2), row) for i, row in enumerate(rows)]
    crown = [(x + a * 0.9, y - d * 0.8), (x, top), (x - a * 0.9, y - d * 0.8)]
    return outline([*left, *reversed(right), *crown], True)


def locks(figure: Figure) -> str:
    """Tied hair in front of the clothes."""
    x, y, a, d, length = figure.x, figure.y, figure.across, figure.down, figure.shown["hair_length"]
    sides = (-1, 1) if length in ("pigtails", "braids", "thick plaits") else (1,)
    if length in ("braids", "thick plaits"):
        size = a * (0.15 if length == "braids" else 0.24) * figure.between(0.9, 1.2)
        beads = [
            (x + side * a * 1.1, y + d * 0.3 + size * 1.5 * i)
            for side in sides
            for i in range(int(d * 1.15 / size / 1.5) + 2)
        ]
        return figure.shape("".join(oval(px, py, size, size * 0.95) for px, py in beads), figure.hair)
    if length in ("ponytail", "pigtails"):
        tails = ""
        for side in sides:
            root, out = x + side * a * 0.95, a * figure.between(0.35, 0.7)
            points = [
                (root, y - d * 0.3),
                (root + side * out, y - d * 0.2),
                (root + side * out * 1.1, y + d * 0.6),
            ]
            points += [(root + side * out * 0.4, y + d * 0.95), (root + side * a * 0.12, y + d * 0.3)]
            tails += outline(points, True)
        return figure.shape(tails, figure.hair)
    return ""


def front(figure: Figure) -> str:
    """Hair over the forehead."""
    style = figure.raw["hair_style"]
    if style == "bald" or figure.shown["hat"] == "headscarf":
        return ""
    if _covered(figure):
        return _under_hat(figure) if figure.shown["hair_colour"] != NONE else ""
    if style == "buzz cut":
        return f'<g opacity="{figure.between(0.55, 0.8):.2f}">{figure.shape(_cap(figure, 0.34), figure.hair)}</g>'
    drawing: dict[str, Callable[[], str]] = {
        "mohawk": lambda: _mohawk(figure),
        "spiky": lambda: _jagged(figure, figure.between(0.3, 0.55)),
        "undercut": lambda: _jagged(figure, figure.between(0.12, 0.2)),
        "curly": lambda: _curls(figure),
        "curly fringe": lambda: _curls(figure),
        "bun": lambda: _bun(figure),
        "afro": lambda: figure.shape(_cap(figure, 0.5), figure.hair),
        "quiff": lambda: _quiff(figure),
    }
    return drawing.get(style, lambda: _combed(figure))()


def _cap(figure: Figure, low: float, lean: float = 0.0) -> str:
    """Over the skull down to `low` of the way to the eyes; the fringe's middle is moved by `lean`."""
    x, y, a, d = figure.x, figure.y, figure.across * 1.06, figure.down
    edge = y - d * 0.12
    brow = y - d * (1.0 - low)
    return (
        f"M{x - a:.1f} {edge:.1f}C{x - a * 1.04:.1f} {y - d * 1.42:.1f} {x + a * 1.04:.1f} {y - d * 1.42:.1f}"
        f" {x + a:.1f} {edge:.1f}Q{x + a * (0.5 + lean):.1f} {brow:.1f} {x + a * lean:.1f} {brow:.1f}"
        f"Q{x - a * (0.5 - lean):.1f} {brow:.1f} {x - a:.1f} {edge:.1f}Z"
    )


def _combed(figure: Figure) -> str:
    style, x, y, a, d = figure.raw["hair_style"], figure.x, figure.y, figure.across, figure.down
    if style in ("fringe", "bob"):
        edge, low = a * 1.06, y - d * figure.between(0.3, 0.42)
        over = f"M{x - edge:.0f} {y:.0f}C{x - edge:.0f} {y - d * 1.45:.0f} {x + edge:.0f} {y - d * 1.45:.0f} {x + edge:.0f} {y:.0f}"
        return figure.shape(
            f"{over}L{x + a * 0.84:.0f} {low:.0f}Q{x:.0f} {low + figure.between(-8, 24):.0f} {x - a * 0.84:.0f} {low:.0f}Z",
            figure.hair,
        )
    if style == "centre parting":
        top, edge = y - d * 1.0, a * 1.06
        d_path = f"M{x:.0f} {y - d * 0.78:.0f}Q{x + a * 0.9:.0f} {y - d * 0.6:.0f} {x + edge:.0f} {y:.0f}"
        d_path += f"C{x + edge * 1.1:.0f} {top - d * 0.3:.0f} {x - edge * 1.1:.0f} {top - d * 0.3:.0f} {x - edge:.0f} {y:.0f}"
        return figure.shape(
            f"{d_path}Q{x - a * 0.9:.0f} {y - d * 0.6:.0f} {x:.0f} {y - d * 0.78:.0f}Z", figure.hair
        )
    return figure.shape(
        _cap(figure, figure.between(0.36, 0.5), figure.rng.choice((-0.45, 0.45))), figure.hair
    )


def _jagged(figure: Figure, rise: float) -> str:
    x, y, a, d = figure.x, figure.y, figure.across * 1.06, figure.down
    count = figure.rng.randint(5, 10)
    points = [(x - a, y - d * 0.1)]
    for i in range(2 * count + 1):
        angle = math.pi + math.pi * i / (2 * count)
        far = 1.06 + (rise if i % 2 else 0)
        points.append((x + a * 0.98 * far * math.cos(angle), y - d * 0.16 + d * 0.98 * far * math.sin(angle)))
    points += [(x + a, y - d * 0.1), (x + a * 0.5, y - d * 0.58), (x - a * 0.5, y - d * 0.58)]
    return figure.shape(outline(points, False), figure.hair)


def _mohawk(figure: Figure) -> str:
    x, y, a, d = figure.x, figure.y, figure.across, figure.down
    half, high = a * figure.between(0.14, 0.26), d * figure.between(1.3, 1.55)
    if figure.maybe(0.5):
        return figure.shape(
            f"M{x - half:.0f} {y - d * 0.6:.0f}Q{x - half * 1.6:.0f} {y - high:.0f} {x:.0f} {y - high:.0f}Q{x + half * 1.6:.0f} {y - high:.0f} {x + half:.0f} {y - d * 0.6:.0f}Z",
            figure.hair,
        )
    tips = [(x - half + half * i / 2, y - high + (0 if i % 2 else d * 0.2)) for i in range(5)]
    return figure.shape(
        outline([(x - half, y - d * 0.6), *tips, (x + half, y - d * 0.6)], False), figure.hair
    )


def _tufts(figure: Figure, centres: Sequence[tuple[float, float]], radius: float) -> str:
    d = "".join(oval(x, y, radius, radius) for x, y in centres)
    covered = f'<path d="{d}" fill="{figure.hair}"/>' if figure.maybe(0.6) else ""
    return figure.shape(d, figure.hair) + covered


def _curls(figure: Figure) -> str:
    x, y, a, d = figure.x, figure.y, figure.across, figure.down
    radius = a * figure.between(0.2, 0.3)
    ring = [
        (x + a * 0.98 * math.cos(t), y - d * 0.2 + d * 0.86 * math.sin(t))
        for t in (math.pi * (1 + i / 7) for i in range(8))
    ]
    row = [(x + a * (i / 2.5 - 0.8), y - d * figure.between(0.6, 0.68)) for i in range(5)]
    return _tufts(figure, [*ring, *row], radius)


def _bun(figure: Figure) -> str:
    knot = figure.shape(
        oval(
            figure.x,
            figure.y - figure.down * 1.16,
            figure.across * figure.between(0.3, 0.42),
            figure.across * 0.32,
        ),
        figure.hair,
    )
    return knot + figure.shape(_cap(figure, figure.between(0.2, 0.34)), figure.hair)


def _quiff(figure: Figure) -> str:
    x, y, a, d = figure.x, figure.y, figure.across, figure.down
    points = [(x - a * 1.05, y - d * 0.1), (x - a * 1.0, y - d * 1.2), (x + a * 0.4, y - d * 1.5)]
    points += [(x + a * 1.1, y - d * 1.1), (x + a * 1.05, y - d * 0.1), (x + a * 0.4, y - d * 0.66)]
    return figure.shape(outline([*points, (x - a * 0.6, y - d * 0.6)], True), figure.hair)


def _under_hat(figure: Figure) -> str:
    """What a hat leaves of the hair at both sides."""
    x, y, a, d = figure.x, figure.y, figure.across, figure.down
    if figure.raw["hair_style"] == "curly":
        places = [(x + side * a, y - d * (0.45 - 0.18 * i)) for side in (-1, 1) for i in range(3)]
        return _tufts(figure, places, a * 0.2)
    low = y + d * (0.1 if figure.shown["hair_length"] in (NONE, "short") else 0.4)
    sides = "".join(
        f"M{x + s * a * 1.06:.0f} {y - d * 0.6:.0f}L{x + s * a * 1.08:.0f} {low:.0f}L{x + s * a * 0.84:.0f} {y - d * 0.6:.0f}Z"
        for s in (-1, 1)
    )
    return figure.shape(sides, figure.hair)


def hat(figure: Figure) -> str:
    """What is worn on the head."""
    kind, x, a, d = figure.shown["hat"], figure.x, figure.across, figure.down
    low, top, dark = figure.y - d * figure.between(0.5, 0.6), figure.y - d * 1.15, shade(figure.hat, 0.7)
    if kind == "beanie":
        dome = f"M{x - a * 1.1:.0f} {low:.0f}C{x - a * 1.1:.0f} {top - d * 0.3:.0f} {x + a * 1.1:.0f} {top - d * 0.3:.0f} {x + a * 1.1:.0f} {low:.0f}Z"
        cuff = f"M{x - a * 1.14:.0f} {low - d * 0.14:.0f}h{a * 2.28:.0f}v{d * 0.24:.0f}h{-a * 2.28:.0f}Z"
        bobble = (
            figure.shape(oval(x, top - d * 0.06, a * 0.2, a * 0.2), figure.hat) if figure.maybe(0.6) else ""
        )
        return bobble + figure.shape(dome, figure.hat) + figure.shape(cuff, shade(figure.hat, 0.85))
    if kind == "cap":
        dome = f"M{x - a * 1.06:.0f} {low:.0f}C{x - a * 1.06:.0f} {top - d * 0.24:.0f} {x + a * 1.06:.0f} {top - d * 0.24:.0f} {x + a * 1.06:.0f} {low:.0f}Z"
        far = a * figure.between(1.15, 1.5)
        left = -1.2 if figure.maybe(0.5) else -0.7
        peak = f"M{x + a * left:.0f} {low:.0f}Q{x:.0f} {low - d * 0.2:.0f} {x + far:.0f} {low + 6:.0f}Q{x:.0f} {low + d * 0.22:.0f} {x + a * left:.0f} {low:.0f}Z"
        return figure.shape(dome, figure.hat) + figure.shape(peak, dark)
    if kind == "top hat":
        rise, flare = d * figure.between(0.7, 1.0), figure.between(0.66, 0.86)
        tube = f"M{x - a * 0.78:.0f} {low:.0f}L{x - a * flare:.0f} {low - rise:.0f}H{x + a * flare:.0f}L{x + a * 0.78:.0f} {low:.0f}Z"
        band = f"M{x - a * 0.78:.0f} {low - d * 0.2:.0f}h{a * 1.56:.0f}v{d * 0.13:.0f}h{-a * 1.56:.0f}Z"
        return (
            figure.shape(tube, figure.hat)
            + figure.shape(band, dark)
            + figure.shape(oval(x, low, a * 1.36, d * 0.1), figure.hat)
        )
    if kind == "crown":
        count, rise = figure.rng.choice((2, 3, 4)), d * figure.between(0.35, 0.6)
        points = [(x - a * 0.9, low)]
        points += [
            (x - a * 0.95 + a * 1.9 * i / (2 * count), low - (rise if i % 2 == 0 else rise * 0.4))
            for i in range(2 * count + 1)
        ]
        gems = "".join(oval(x + a * 0.5 * i, low - rise * 0.2, 11, 11) for i in (-1, 0, 1))
        return (
            figure.shape(outline([*points, (x + a * 0.9, low)], False), "#eabb2c")
            + f'<path d="{gems}" fill="#c0304a"/>'
        )
    if kind == "straw hat":
        dome = f"M{x - a * 0.8:.0f} {low:.0f}C{x - a * 0.8:.0f} {top - d * 0.2:.0f} {x + a * 0.8:.0f} {top - d * 0.2:.0f} {x + a * 0.8:.0f} {low:.0f}Z"
        return figure.shape(dome, "#e6c87e") + figure.shape(oval(x, low, a * 1.6, d * 0.14), "#d8b468")
    if kind == "headscarf":
        veil = f"{figure.head_outline(1.22)}{figure.head_outline(0.84)}"
        return figure.shape(veil, figure.hat).replace("<path ", '<path fill-rule="evenodd" ')
    return ""


def _turn(count: int) -> Iterator[float]:
    return (math.tau * i / count for i in range(count))
