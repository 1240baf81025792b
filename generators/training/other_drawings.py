"""Drawings in other hands than the drawn world's: for networks that should know lines, not one script's faces.

Each is a head of random proportions over shoulders, with features and patterns of plain shapes, in random colours and
a random width of line, from none to thick; now and then no face at all, but shapes one over another.
"""

from __future__ import annotations

import colorsys
import math
import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .faces import rasterise, svg

_SIDE = 768


class Hand:
    """How one drawing is drawn: its source of chance, its lines' width and their colour.

    Args:
        own_lines: outlines are a darker shade of what they bound, in place of ink.
    """

    def __init__(self, rng: random.Random, width: float, ink: str, own_lines: bool = False) -> None:
        self.rng, self.width, self.ink, self.own_lines = rng, width, ink, own_lines

    def between(self, low: float, high: float) -> float:
        """A number by chance."""
        return self.rng.uniform(low, high)

    def maybe(self, chance: float) -> bool:
        """Whether something is, by chance."""
        return self.rng.random() < chance

    def any_colour(self) -> str:
        """Any colour, greys and pale ones too."""
        hue, rng = self.rng.random(), self.rng
        saturation = rng.random() * rng.random() if self.maybe(0.4) else self.between(0.3, 0.95)
        return to_hex(colorsys.hsv_to_rgb(hue, saturation, math.sqrt(rng.random())))

    def shape(self, d: str, fill: str, lined: bool = True) -> str:
        """A filled path, with the hand's outline."""
        colour = shade(fill, 0.5) if self.own_lines else self.ink
        line = f' stroke="{colour}" stroke-width="{self.width:.1f}"' if lined and self.width else ""
        return f'<path d="{d}" fill="{fill}" stroke-linejoin="round"{line}/>'

    def line(self, d: str, width: float, colour: str | None = None) -> str:
        """A stroke with round ends, in ink if no colour is given."""
        ends = 'stroke-linecap="round" stroke-linejoin="round"'
        return f'<path d="{d}" fill="none" stroke="{colour or self.ink}" stroke-width="{width:.1f}" {ends}/>'


def rgb_of(text: str) -> tuple[float, float, float]:
    """Red, green and blue in [0,1] of six digits, with or without a # before them."""
    red, green, blue = (int(text[-6:][i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def to_hex(rgb: Sequence[float]) -> str:
    """A colour of SVG from red, green and blue in [0,1]."""
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, value))):02x}" for value in rgb)


def shade(colour: str, factor: float) -> str:
    """A colour times a factor."""
    return to_hex([value * factor for value in rgb_of(colour)])


def oval(x: float, y: float, across: float, down: float) -> str:
    """A closed ellipse around a point."""
    arc = f"a{across:.1f} {down:.1f} 0 1 0"
    return f"M{x - across:.1f} {y:.1f}{arc} {2 * across:.1f} 0{arc} {-2 * across:.1f} 0Z"


def outline(points: Sequence[tuple[float, float]], curved: bool) -> str:
    """A closed line through points, or one that they pull into curves."""
    if not curved:
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z"
    middles = [
        ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(points, [*points[1:], points[0]], strict=True)
    ]
    bends = "".join(
        f"Q{p[0]:.1f} {p[1]:.1f} {m[0]:.1f} {m[1]:.1f}"
        for p, m in zip([*points[1:], points[0]], [*middles[1:], middles[0]], strict=True)
    )
    return f"M{middles[0][0]:.1f} {middles[0][1]:.1f}{bends}Z"


def _star(hand: Hand, x: float, y: float, radius: float) -> str:
    """A blob, star or polygon around a point."""
    count, depth = hand.rng.randint(3, 16), hand.between(0.4, 1.0)
    turn = hand.between(0, math.tau)
    points = [
        (
            x + radius * (depth if i % 2 else 1) * math.cos(turn + math.tau * i / count),
            y + radius * (depth if i % 2 else 1) * math.sin(turn + math.tau * i / count),
        )
        for i in range(count)
    ]
    return outline(points, hand.maybe(0.5))


def _pattern(hand: Hand, box: tuple[float, float, float, float], fill: str) -> str:
    """Dots, lines or a hatch over a box of left, top, right, bottom."""
    left, top, right, bottom = box
    step = hand.between(18, 90)
    columns = [left + step * i for i in range(int((right - left) / step) + 1)]
    rows = [top + step * i for i in range(int((bottom - top) / step) + 1)]
    kind = hand.rng.choice(("dots", "lines", "bars"))
    if kind == "dots":
        radius = step * hand.between(0.08, 0.35)
        return (
            f'<path d="{"".join(oval(x, y, radius, radius) for x in columns for y in rows)}" fill="{fill}"/>'
        )
    lean, width = hand.between(-120, 120), step * hand.between(0.05, 0.5)
    d = "".join(f"M{x:.0f} {top:.0f}l{lean:.0f} {bottom - top:.0f}" for x in columns)
    if kind == "bars":
        d = "".join(f"M{left:.0f} {y:.0f}L{right:.0f} {y + lean / 4:.0f}" for y in rows)
    return f'<path d="{d}" stroke="{fill}" stroke-width="{width:.1f}" fill="none"/>'


def _eyes(hand: Hand, x: float, y: float, apart: float, size: float) -> str:
    """Two eyes of one kind: whites with a pupil, beads, or arcs; brows and lashes over some."""
    kind, pupil, drawn = hand.rng.choice(("white", "bead", "arc")), hand.between(0.35, 0.75), ""
    lashes, brow, lift = hand.maybe(0.3), hand.maybe(0.7), hand.between(-0.4, 0.4)
    for side in (-1, 1):
        at = x + side * apart
        if kind == "white":
            drawn += hand.shape(oval(at, y, size, size * hand.between(0.8, 1.2)), "#ffffff")
        if kind == "arc":
            drawn += hand.line(f"M{at - size:.0f} {y:.0f}q{size:.0f} {-size:.0f} {2 * size:.0f} 0", size / 4)
        else:
            drawn += hand.shape(oval(at, y, size * pupil, size * pupil), hand.ink, lined=False)
            drawn += hand.shape(oval(at - size / 5, y - size / 5, size / 6, size / 6), "#ffffff", lined=False)
        if lashes:
            flick = "".join(
                f"M{at + side * size * k:.0f} {y - size * 0.8:.0f}l{side * 8} -12" for k in (0.4, 0.8)
            )
            drawn += hand.line(flick, 3)
        if brow:
            height, slope = y - size * 1.8, side * lift * size
            d = f"M{at - size:.0f} {height - slope:.0f}Q{at:.0f} {height - size / 2:.0f}"
            d += f" {at + size:.0f} {height + slope:.0f}"
            drawn += hand.line(d, hand.between(4, 16))
    return drawn


def _mouth(hand: Hand, x: float, y: float, size: float) -> str:
    bend = hand.between(-0.8, 0.8) * size
    if hand.maybe(0.5):
        d = f"M{x - size:.0f} {y:.0f}Q{x:.0f} {y + bend:.0f} {x + size:.0f} {y:.0f}"
        return hand.line(d, hand.between(3, 14))
    open_mouth = f"M{x - size:.0f} {y:.0f}Q{x:.0f} {y + abs(bend) + 20:.0f} {x + size:.0f} {y:.0f}Z"
    return hand.shape(open_mouth, "#7a1622") + hand.shape(
        f"M{x - size * 0.7:.0f} {y:.0f}h{1.4 * size:.0f}l-6 9h{12 - 1.4 * size:.0f}Z", "#ffffff", lined=False
    )


def _hair(hand: Hand, x: float, y: float, across: float, down: float, fill: str) -> str:
    """Spikes, curls or a cap round the upper half of the head."""
    kind = hand.rng.choice(("spikes", "curls", "cap", "none"))
    if kind == "none":
        return ""
    count, points = hand.rng.randint(5, 22), []
    if kind == "curls":
        radius = hand.between(0.16, 0.3) * across
        angles = [math.pi + math.pi * i / count for i in range(count + 1)]
        d = "".join(oval(x + across * math.cos(a), y + down * math.sin(a), radius, radius) for a in angles)
        return hand.shape(d, fill) + hand.shape(d, fill, lined=False)
    for i in range(2 * count + 1):
        angle = math.pi + math.pi * i / (2 * count)
        far = hand.between(1.1, 1.5) if kind == "spikes" and i % 2 else 1.08
        points.append((x + far * across * math.cos(angle), y + far * down * math.sin(angle)))
    inner = [(x + across * 0.95, y), (x + across * 0.5, y - down * 0.5), (x - across * 0.5, y - down * 0.5)]
    return hand.shape(outline([*points, *inner, (x - across * 0.95, y)], hand.maybe(0.3)), fill)


def _extras(hand: Hand, x: float, y: float, apart: float, size: float, across: float) -> str:
    """Spots on the cheeks, glasses, rings at the ears, a nose, each at times."""
    drawn = ""
    if hand.maybe(0.4):
        spots = [
            (side * hand.between(0.2, 0.8) * across, hand.between(20, 90))
            for side in (-1, 1)
            for _ in range(6)
        ]
        radius = hand.between(3, 9)
        dots = "".join(oval(x + dx, y + dy, radius, radius) for dx, dy in spots)
        drawn += f'<path d="{dots}" fill="{hand.ink}" fill-opacity="{hand.between(0.3, 1):.2f}"/>'
    if hand.maybe(0.35):
        frame = size * hand.between(1.2, 1.8)
        d = oval(x - apart, y, frame, frame) + oval(x + apart, y, frame, frame)
        d += f"M{x - apart + frame:.0f} {y:.0f}L{x + apart - frame:.0f} {y:.0f}"
        drawn += f'<path d="{d}" fill="none" stroke="{hand.any_colour()}" stroke-width="{hand.between(4, 16):.1f}"/>'
    if hand.maybe(0.4):
        ring, low = hand.between(8, 34), y + size * 2
        d = oval(x - across, low + ring, ring, ring) + oval(x + across, low + ring, ring, ring)
        drawn += f'<path d="{d}" fill="none" stroke="{hand.any_colour()}" stroke-width="{hand.between(3, 12):.1f}"/>'
    nose = hand.between(6, 34)
    return drawn + hand.line(f"M{x:.0f} {y + 20:.0f}q{nose:.0f} {nose:.0f} 0 {nose:.0f}", hand.between(2, 9))


def _figure(hand: Hand) -> str:
    x, y = 384 + hand.between(-60, 60), 380 + hand.between(-60, 60)
    across, down = hand.between(130, 230), hand.between(150, 250)
    skin, hair, cloth = hand.any_colour(), hand.any_colour(), hand.any_colour()
    shoulder, neck = hand.between(180, 330), hand.between(0.25, 0.5) * across
    low = y + down * 0.8
    body = f"M{x - shoulder:.0f} 790Q{x - shoulder:.0f} {low + 90:.0f} {x:.0f} {low + 60:.0f}"
    body += f"Q{x + shoulder:.0f} {low + 90:.0f} {x + shoulder:.0f} 790Z"
    apart, size = across * hand.between(0.35, 0.5), across * hand.between(0.12, 0.26)
    level = y + down * hand.between(-0.15, 0.15)
    drawn = hand.shape(oval(x, y, across * 1.15, down * 1.3), hair) if hand.maybe(0.3) else ""
    drawn += hand.shape(f"M{x - neck:.0f} {y:.0f}V{low + 110:.0f}H{x + neck:.0f}V{y:.0f}Z", skin)
    drawn += hand.shape(body, cloth)
    if hand.maybe(0.3):
        drawn += _pattern(hand, (x - shoulder * 0.6, low + 110, x + shoulder * 0.6, 768), hand.any_colour())
    if hand.maybe(0.7):
        drawn += hand.shape(oval(x - across, level + 20, 26, 34) + oval(x + across, level + 20, 26, 34), skin)
    drawn += hand.shape(oval(x, y, across, down), skin)
    drawn += _eyes(hand, x, level, apart, size) + _mouth(
        hand, x, y + down * hand.between(0.45, 0.65), across * 0.35
    )
    return (
        drawn
        + _extras(hand, x, level, apart, size, across)
        + _hair(hand, x, y - down * 0.15, across, down, hair)
    )


def _clutter(hand: Hand) -> str:
    """Shapes and lines one over another."""
    drawn = ""
    for _ in range(hand.rng.randint(6, 24)):
        x, y = hand.between(0, _SIDE), hand.between(0, _SIDE)
        if hand.maybe(0.3):
            bend = f"M{x:.0f} {y:.0f}q{hand.between(-200, 200):.0f} {hand.between(-200, 200):.0f}"
            drawn += hand.line(
                f"{bend} {hand.between(-200, 200):.0f} {hand.between(-200, 200):.0f}", hand.between(2, 16)
            )
        else:
            drawn += hand.shape(_star(hand, x, y, hand.between(10, 190)), hand.any_colour(), hand.maybe(0.6))
    return drawn


def other_drawing(seed: int) -> str:
    """The drawing of a seed as SVG, 768 x 768 units."""
    rng = random.Random(seed)
    ink = to_hex(colorsys.hsv_to_rgb(rng.random(), 0.6 * rng.random(), 0.35 * rng.random()))
    hand = Hand(rng, 0.0 if rng.random() < 0.25 else rng.uniform(2, 13), ink)
    ground = f'<rect width="768" height="768" fill="{hand.any_colour()}"/>'
    if hand.maybe(0.3):
        ground += _pattern(hand, (-100, -20, 900, 800), hand.any_colour())
    return svg(ground + (_clutter(hand) if hand.maybe(0.2) else _figure(hand)))


def render_other(seed: int, size: int) -> NDArray[np.uint8]:
    """The drawing of a seed: uint8 (size, size, 3), RGB."""
    return rasterise(other_drawing(seed), size)
