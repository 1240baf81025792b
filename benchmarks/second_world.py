"""Faces in another hand: other proportions, lines, colours and garments than the drawn world that models learn from.

    python benchmarks/second_world.py sheet.png

For measuring only: nothing is trained or tuned on these. They are told by the same names (`CHOICES`), so that the same
prompts can be asked for and the same judge can look.
"""

from __future__ import annotations

import colorsys
import math
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from promptbrush.editing.pictures import write_png
from promptbrush.generators.training.faces import rasterise, svg
from promptbrush.generators.training.other_drawings import oval, rgb_of, shade, to_hex

NONE = "none"
VALUES: dict[str, tuple[str, ...]] = {
    "hair_style": (
        "side swept",
        "spiky",
        "bun",
        "fringe",
        "afro",
        "curly",
        "mohawk",
        "bob",
        "buzz cut",
        "bald",
    ),
    "hair_length": ("short", "shoulder-length", "long straight", "long wavy", "braids"),
    "hair_colour": ("black", "brown", "blonde", "red", "grey", "white", "blue", "pink", "green", "purple"),
    "skin": ("light", "tan", "olive", "brown", "dark"),
    "beard": (NONE, NONE, NONE, "full beard", "moustache", "goatee"),
    "glasses": (NONE, NONE, "round glasses", "square glasses", "sunglasses"),
    "hat": (NONE, NONE, NONE, "beanie", "cap", "top hat", "crown"),
    "hat_colour": ("black", "white", "red", "blue", "green", "yellow", "pink", "purple"),
    "earrings": (NONE, "hoop", "stud"),
    "mouth": ("smile", "laugh", "sad", "surprised", "neutral"),
    "eyes": ("open", "wide", "closed", "winking"),
    "clothes_colour": (
        "black",
        "white",
        "grey",
        "red",
        "blue",
        "green",
        "yellow",
        "orange",
        "pink",
        "purple",
    ),
    "background": ("plain", "gradient", "rays", "waves", "grid"),
    "background_colour": (
        "white",
        "grey",
        "black",
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "purple",
        "pink",
    ),
    "freckles": ("no", "no", "no", "yes"),
    "age": ("young", "young", "old"),
}
# Not in any name, but in every picture.
GARMENTS = ("v-neck", "button-up", "polo neck", "poncho", "scarf")
_HAIR = {
    "black": "2a2230", "brown": "7a4a30", "blonde": "f3d27e", "red": "b8432a", "grey": "a7a6a0",
    "white": "fbf8f0", "blue": "3a5fc4", "pink": "f08fb0", "green": "3f8f4a", "purple": "8a52a8",
}  # fmt: skip
_SKIN = {"light": "ffdfc8", "tan": "e8b088", "olive": "c8a878", "brown": "a06a48", "dark": "5c3a2c"}
_BRIGHT = {
    "black": "2b2d33", "white": "f7f4ea", "grey": "8b8d92", "red": "c8383a", "blue": "2c5aa0", "green": "3c8c58",
    "yellow": "f0c840", "orange": "ee8840", "pink": "e87aa8", "purple": "84489c",
}  # fmt: skip
_GROUND = {
    "white": "fcfaf5", "grey": "a8a8a8", "black": "303038", "red": "d87068", "orange": "f4b888", "yellow": "f4e4a0",
    "green": "a8d0a0", "blue": "98c0e0", "purple": "c0b0e0", "pink": "f4c4d0",
}  # fmt: skip


@dataclass(frozen=True)
class SecondFace:
    """A face of the second world: its choices by name, and the seed of everything that has no name."""

    choices: Mapping[str, str]
    seed: int


def second_face(seed: int) -> SecondFace:
    """The face of a seed."""
    rng = random.Random(f"second {seed}")
    return SecondFace({name: rng.choice(values) for name, values in VALUES.items()}, seed)


def shown(face: SecondFace) -> dict[str, str]:
    """What can be seen of each choice; "none" for what is absent or hidden."""
    found = dict(face.choices)
    if found["hair_style"] == "bald":
        found["hair_colour"] = found["hair_length"] = NONE
    if found["hair_style"] not in ("side swept", "fringe"):
        found["hair_length"] = NONE if found["hair_style"] == "bald" else "short"
    if found["hat"] in ("beanie", "cap", "top hat"):
        hides = found["hair_style"] not in ("afro", "curly", "bob", "fringe", "bald")
        found["hair_style"] = NONE if hides or found["hair_style"] == "bald" else found["hair_style"]
    if found["hat"] in (NONE, "crown"):
        found["hat_colour"] = NONE
    if found["glasses"] == "sunglasses":
        found["eyes"] = NONE
    return found


def render_second(face: SecondFace, size: int) -> NDArray[np.uint8]:
    """The picture of a face, uint8 (size, size, 3)."""
    return rasterise(svg(_Drawing(face).document()), size)


def _jittered(text: str, rng: random.Random) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(*rgb_of(text))
    moved = (
        hue + rng.uniform(-0.012, 0.012),
        saturation * rng.uniform(0.9, 1.08),
        value * rng.uniform(0.94, 1.04),
    )
    return to_hex(colorsys.hsv_to_rgb(moved[0] % 1, min(1, moved[1]), min(1, moved[2])))


class _Drawing:
    """One face on paper; all lengths in units of a 768th of the side."""

    def __init__(self, face: SecondFace) -> None:
        rng = random.Random(f"hand {face.seed}")
        self.rng, self.seen = rng, shown(face)
        self.choices = face.choices
        self.width = rng.choice((0.0, 4.0, 8.0))
        self.x, self.y = 384 + rng.uniform(-24, 24), 372 + rng.uniform(-20, 24)
        self.across, self.down = rng.uniform(140, 172), rng.uniform(168, 200)
        self.chin = rng.uniform(0.62, 0.95)
        self.eye_level, self.apart = self.y + rng.uniform(4, 26), self.across * rng.uniform(0.4, 0.5)
        self.hair = _jittered(_HAIR[face.choices["hair_colour"]], rng)
        self.skin = _jittered(_SKIN[face.choices["skin"]], rng)
        self.cloth = _jittered(_BRIGHT[face.choices["clothes_colour"]], rng)
        self.hat = _jittered(_BRIGHT[face.choices["hat_colour"]], rng)
        self.ground = _jittered(_GROUND[face.choices["background_colour"]], rng)
        self.garment = rng.choice(GARMENTS)
        self.size = rng.uniform(1.15, 1.35)
        self.metal = rng.choice(("#d8b040", "#c0c4cc", "#c8506a"))
        self.frame = rng.choice(("#303038", "#8a3c30", "#2c4a80"))

    def shape(self, d: str, fill: str) -> str:
        line = f' stroke="{shade(fill, 0.55)}" stroke-width="{self.width}"' if self.width else ""
        return f'<path d="{d}" fill="{fill}" stroke-linejoin="round"{line}/>'

    def stroke(self, d: str, width: float, colour: str) -> str:
        return f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round"/>'

    def document(self) -> str:
        drawn = (
            self.behind()
            + self.body()
            + self.head()
            + self.beard()
            + self.features()
            + self.front()
            + self.glasses()
            + self.jewels()
            + self.headwear()
        )
        size, x, y = self.size, 384 * (1 - self.size), 470 * (1 - self.size)
        return f'{self.background()}<g transform="translate({x:.1f} {y:.1f}) scale({size:.3f})">{drawn}</g>'

    def background(self) -> str:
        kind, dark = self.seen["background"], shade(self.ground, 0.86)
        base = f'<rect width="768" height="768" fill="{self.ground}"/>'
        if kind == "gradient":
            stops = (
                f'<stop stop-color="{self.ground}"/><stop offset="1" stop-color="{shade(self.ground, 0.7)}"/>'
            )
            gradient = f'<linearGradient id="g" x1="0" y1="0" x2="1" y2="1">{stops}</linearGradient>'
            return gradient + '<rect width="768" height="768" fill="url(#g)"/>'
        if kind == "rays":
            angles = [math.tau * i / 16 for i in range(16)]
            rays = "".join(
                f"M384 420L{384 + 800 * math.cos(a):.0f} {420 + 800 * math.sin(a):.0f}"
                f"L{384 + 800 * math.cos(a + 0.2):.0f} {420 + 800 * math.sin(a + 0.2):.0f}Z"
                for a in angles
            )
            return base + f'<path d="{rays}" fill="{dark}"/>'
        if kind == "waves":
            rows = "".join(
                f"M-20 {y}" + "q50 -40 100 0t100 0t100 0t100 0t100 0t100 0t100 0t100 0"
                for y in range(40, 800, 90)
            )
            return base + self.stroke(rows, 18, dark)
        if kind == "grid":
            lines = "".join(f"M{i} 0V768M0 {i}H768" for i in range(32, 768, 64))
            return base + self.stroke(lines, 7, dark)
        return base

    def behind(self) -> str:
        """Hair behind the head."""
        x, y, a, d = self.x, self.y, self.across, self.down
        style, length = self.choices["hair_style"], self.seen["hair_length"]
        if style == "afro":
            return self.shape(oval(x, y - 40, a * 1.5, d * 1.28), self.hair)
        if style == "curly":
            rim = [
                (x + a * 1.12 * math.cos(t), y - 30 + d * 1.0 * math.sin(t))
                for t in np.linspace(2.7, 6.72, 13)
            ]
            return self.shape("".join(oval(px, py, 46, 46) for px, py in rim), self.hair)
        if style == "bob":
            return self.shape(self._curtain(d * 0.95, 1.16), self.hair)
        if length == "shoulder-length":
            return self.shape(self._curtain(d * 1.15, 1.2), self.hair)
        if length == "long straight":
            return self.shape(self._curtain(d * 1.9, 1.22), self.hair)
        if length == "long wavy":
            low = y + d * 1.8
            side = f"q-46 60 0 120t0 120t0 {low - y - 240:.0f}"
            other = f"q46 -60 0 -120t0 -120t0 -{low - y - 240:.0f}"
            path = f"M{x - a * 1.14:.0f} {y:.0f}{side}H{x + a * 1.14:.0f}{other}Q{x + a * 1.2:.0f} {y - d * 1.2:.0f} {x:.0f} {y - d * 1.16:.0f}"
            return self.shape(
                f"{path}Q{x - a * 1.2:.0f} {y - d * 1.2:.0f} {x - a * 1.14:.0f} {y:.0f}Z", self.hair
            )
        if length == "braids":
            beads = [(x + side * a * 1.12, y + 40 + 46 * i) for side in (-1, 1) for i in range(7)]
            return self.shape("".join(oval(px, py, 25, 29) for px, py in beads), self.hair)
        return ""

    def _curtain(self, low: float, wide: float) -> str:
        x, y, a, d = self.x, self.y, self.across * wide, self.down
        return (
            f"M{x - a:.0f} {y + low:.0f}V{y - 20:.0f}Q{x - a:.0f} {y - d * 1.2:.0f} {x:.0f} {y - d * 1.2:.0f}"
            f"Q{x + a:.0f} {y - d * 1.2:.0f} {x + a:.0f} {y - 20:.0f}V{y + low:.0f}Z"
        )

    def body(self) -> str:
        x, top = self.x, self.y + self.down * 0.86
        wide = self.across * 1.55
        neck = self.across * 0.36
        drawn = self.shape(
            f"M{x - neck:.0f} {top - 90:.0f}H{x + neck:.0f}V{top + 90:.0f}H{x - neck:.0f}Z",
            shade(self.skin, 0.9),
        )
        torso = f"M{x - wide:.0f} 790Q{x - wide:.0f} {top + 64:.0f} {x - neck * 1.5:.0f} {top + 44:.0f}"
        torso += f"H{x + neck * 1.5:.0f}Q{x + wide:.0f} {top + 64:.0f} {x + wide:.0f} 790Z"
        dark, drawn = shade(self.cloth, 0.78), drawn + self.shape(torso, self.cloth)
        middle = top + 44
        if self.garment == "v-neck":
            drawn += self.shape(
                f"M{x - neck:.0f} {middle:.0f}L{x:.0f} {middle + 80:.0f}L{x + neck:.0f} {middle:.0f}Z",
                self.skin,
            )
        elif self.garment == "button-up":
            dots = "".join(oval(x, middle + 40 + 52 * i, 7, 7) for i in range(5))
            drawn += self.stroke(f"M{x:.0f} {middle:.0f}V780", 5, dark) + f'<path d="{dots}" fill="#fdfbf4"/>'
            for side in (-1, 1):
                drawn += self.shape(
                    f"M{x:.0f} {middle + 26:.0f}l{side * neck * 1.3:.0f} -46l{side * 26} 58Z", dark
                )
        elif self.garment == "polo neck":
            drawn += self.shape(
                f"M{x - neck * 1.15:.0f} {top - 6:.0f}H{x + neck * 1.15:.0f}V{middle + 22:.0f}H{x - neck * 1.15:.0f}Z",
                self.cloth,
            )
        elif self.garment == "poncho":
            zigzag = "".join(f"L{x - wide + wide * i / 6:.0f} {690 + 34 * (i % 2):.0f}" for i in range(13))
            drawn += self.stroke(f"M{x - wide:.0f} 690{zigzag}", 14, dark)
        else:
            scarf = self.shape(
                f"M{x - neck * 1.7:.0f} {top + 8:.0f}Q{x:.0f} {top + 62:.0f} {x + neck * 1.7:.0f} {top + 8:.0f}l6 52Q{x:.0f} {top + 130:.0f} {x - neck * 1.7 - 6:.0f} {top + 60:.0f}Z",
                dark,
            )
            drawn += scarf + self.shape(f"M{x + 20:.0f} {top + 88:.0f}h52l10 150h-70Z", dark)
        return drawn

    def _face(self, grow: float = 1.0) -> str:
        x, y, a, d = self.x, self.y, self.across * grow, self.down * grow
        jaw = a * self.chin
        return (
            f"M{x - a:.0f} {y - 10:.0f}C{x - a:.0f} {y - d * 1.25:.0f} {x + a:.0f} {y - d * 1.25:.0f} {x + a:.0f} {y - 10:.0f}"
            f"C{x + a:.0f} {y + d * 0.6:.0f} {x + jaw * 0.7:.0f} {y + d:.0f} {x:.0f} {y + d:.0f}"
            f"C{x - jaw * 0.7:.0f} {y + d:.0f} {x - a:.0f} {y + d * 0.6:.0f} {x - a:.0f} {y - 10:.0f}Z"
        )

    def head(self) -> str:
        ears = "".join(oval(self.x + side * self.across, self.eye_level + 14, 24, 36) for side in (-1, 1))
        drawn = self.shape(ears, self.skin) + self.shape(self._face(), self.skin)
        if self.seen["freckles"] == "yes":
            spots = "".join(
                oval(self.x + side * (50 + 22 * i), self.eye_level + 58 + 14 * (i % 2) + 12 * j, 5.5, 5.5)
                for side in (-1, 1)
                for i in range(3)
                for j in range(2)
            )
            drawn += f'<path d="{spots}" fill="{shade(self.skin, 0.62)}"/>'
        if self.seen["age"] == "old":
            dark, x, y = shade(self.skin, 0.7), self.x, self.eye_level
            folds = f"M{x - 66:.0f} {y - 104:.0f}q66 -14 132 0M{x - 50:.0f} {y - 82:.0f}q50 -10 100 0"
            folds += f"M{x - 44:.0f} {y + 64:.0f}q-22 26 -18 56M{x + 44:.0f} {y + 64:.0f}q22 26 18 56"
            folds += f"M{x - 92:.0f} {y + 34:.0f}q30 18 62 2M{x + 92:.0f} {y + 34:.0f}q-30 18 -62 2"
            drawn += self.stroke(folds, 6, dark)
        return drawn

    def features(self) -> str:
        x, y, ink = self.x, self.eye_level, "#2a2028"
        drawn, kind = "", self.seen["eyes"]
        for side in (-1, 1):
            at = x + side * self.apart
            shut = kind == "closed" or (kind == "winking" and side < 0)
            if kind == NONE or shut:
                drawn += self.stroke(f"M{at - 26:.0f} {y:.0f}q26 22 52 0", 7, ink)
            elif kind == "wide":
                drawn += f'<path d="{oval(at, y, 34, 38)}" fill="#ffffff" stroke="{ink}" stroke-width="4"/>'
                drawn += f'<path d="{oval(at, y, 13, 15)}" fill="{ink}"/>'
            else:
                drawn += f'<path d="{oval(at, y, 27, 24)}" fill="#ffffff" stroke="{ink}" stroke-width="4"/>'
                drawn += f'<path d="{oval(at + 3, y, 14, 17)}" fill="{ink}"/>'
            brow = shade(self.hair, 0.75)
            drawn += self.stroke(f"M{at - 32:.0f} {y - 48:.0f}q32 -16 64 0", 9, brow)
        nose = y + 52
        drawn += self.stroke(f"M{x - 4:.0f} {nose - 34:.0f}q-22 40 10 42", 6, shade(self.skin, 0.62))
        return drawn + self.mouth(y + 104)

    def mouth(self, y: float) -> str:
        x, kind, lip = self.x, self.seen["mouth"], "#8c2c34"
        if kind == "smile":
            return self.stroke(f"M{x - 46:.0f} {y:.0f}q46 42 92 0", 9, lip)
        if kind == "sad":
            return self.stroke(f"M{x - 42:.0f} {y + 24:.0f}q42 -40 84 0", 9, lip)
        if kind == "surprised":
            return f'<path d="{oval(x, y + 12, 21, 27)}" fill="#6a1c28"/>'
        if kind == "laugh":
            open_mouth = f'<path d="M{x - 52:.0f} {y - 8:.0f}h104q-4 62 -52 62t-52 -62Z" fill="#6a1c28"/>'
            return open_mouth + f'<path d="M{x - 44:.0f} {y - 6:.0f}h88l-6 16h-76Z" fill="#ffffff"/>'
        return self.stroke(f"M{x - 36:.0f} {y + 8:.0f}h72", 9, lip)

    def beard(self) -> str:
        x, y, d, kind = self.x, self.eye_level + 104, self.down, self.seen["beard"]
        if kind == "full beard":
            a, low = self.across, self.y + d
            path = f"M{x - a:.0f} {self.y + 30:.0f}Q{x - a:.0f} {low + 40:.0f} {x:.0f} {low + 36:.0f}Q{x + a:.0f} {low + 40:.0f} {x + a:.0f} {self.y + 30:.0f}"
            path += f"Q{x + a * 0.75:.0f} {y - 30:.0f} {x + 64:.0f} {y - 34:.0f}Q{x:.0f} {y - 52:.0f} {x - 64:.0f} {y - 34:.0f}Q{x - a * 0.75:.0f} {y - 30:.0f} {x - a:.0f} {self.y + 30:.0f}Z"
            return self.shape(path, self.hair)
        if kind == "moustache":
            return self.shape(
                f"M{x:.0f} {y - 34:.0f}q-30 -12 -70 26q40 10 70 -6q30 16 70 6q-40 -38 -70 -26Z", self.hair
            )
        if kind == "goatee":
            return self.shape(f"M{x - 34:.0f} {y + 42:.0f}h68q4 56 -34 70q-38 -14 -34 -70Z", self.hair)
        return ""

    def front(self) -> str:
        """Hair in front of the forehead."""
        style = self.choices["hair_style"]
        if style == "bald":
            return ""
        if self.seen["hat"] in ("beanie", "cap", "top hat"):
            return self.shape(self._sides(), self.hair)
        x, y, a, d = self.x, self.y, self.across, self.down
        low = y - d * 0.42
        swept = f"Q{x + a * 0.7:.0f} {low - 10:.0f} {x - a * 0.4:.0f} {low - 46:.0f}Q{x - a * 0.8:.0f} {low + 10:.0f}"
        straight = f"L{x + a * 0.86:.0f} {low + 20:.0f}H{x - a * 0.86:.0f}Z"
        paths = {
            "fringe": self._cap() + straight,
            "bob": self._cap() + straight,
            "side swept": f"{self._cap()}{swept} {x - a * 1.05:.0f} {y + 6:.0f}Z",
            "spiky": self._spikes(low),
            "mohawk": self._mohawk(low),
        }
        drawn = self.shape(paths.get(style, self._round(low, 60)), self.hair)
        if style == "buzz cut":
            return f'<g opacity=".75">{drawn}</g>'
        if style == "bun":
            return self.shape(oval(x, y - d * 1.2, 62, 54), self.hair) + drawn
        if style == "curly":
            row = [(x - a * 0.84 + a * 0.28 * i, low - 26 - 30 * math.sin(math.pi * i / 6)) for i in range(7)]
            return drawn + self.shape("".join(oval(px, py, 36, 36) for px, py in row), self.hair)
        return drawn

    def _sides(self) -> str:
        """What shows of hair under a hat."""
        x, y, a, d = self.x, self.y, self.across, self.down
        return "".join(
            f"M{x + s * a * 1.04:.0f} {y + 40:.0f}L{x + s * a * 1.02:.0f} {y - d * 0.5:.0f}"
            f"L{x + s * a * 0.84:.0f} {y - d * 0.5:.0f}Z"
            for s in (-1, 1)
        )

    def _cap(self) -> str:
        """Over the top of the head from one side to the other, left open."""
        x, y, a, d = self.x, self.y, self.across, self.down
        over = f"{x - a * 1.15:.0f} {y - d * 1.4:.0f} {x + a * 1.15:.0f} {y - d * 1.4:.0f}"
        return f"M{x - a * 1.05:.0f} {y + 6:.0f}C{over} {x + a * 1.05:.0f} {y + 6:.0f}"

    def _round(self, low: float, rise: float) -> str:
        return (
            f"{self._cap()}Q{self.x:.0f} {low - rise:.0f} {self.x - self.across * 1.05:.0f} {self.y + 6:.0f}Z"
        )

    def _spikes(self, low: float) -> str:
        x, y, a, d = self.x, self.y, self.across, self.down
        heights = [0.86 + (0.62 if i % 2 else 0.12) * math.sin(math.pi * i / 12) for i in range(13)]
        tips = "".join(
            f"L{x - a * 1.05 + a * 2.1 * i / 12:.0f} {y - d * up:.0f}" for i, up in enumerate(heights)
        )
        back = f"L{x + a * 1.05:.0f} {y:.0f}Q{x:.0f} {low - 74:.0f} {x - a * 1.05:.0f} {y:.0f}Z"
        return f"M{x - a * 1.05:.0f} {y:.0f}{tips}{back}"

    def _mohawk(self, low: float) -> str:
        x, y, d = self.x, self.y, self.down
        tips = "".join(f"L{x - 44 + 22 * i:.0f} {y - d * (1.5 if i % 2 else 1.28):.0f}" for i in range(5))
        back = f"L{x + 46:.0f} {low - 20:.0f}Q{x:.0f} {low - 50:.0f} {x - 46:.0f} {low - 20:.0f}Z"
        return f"M{x - 46:.0f} {low - 20:.0f}{tips}{back}"

    def glasses(self) -> str:
        kind, x, y = self.seen["glasses"], self.x, self.eye_level
        if kind == NONE:
            return ""
        fill = "#23232b" if kind == "sunglasses" else "#ffffff"
        opacity = "1" if kind == "sunglasses" else "0.12"
        lenses = ""
        for side in (-1, 1):
            at = x + side * self.apart
            lenses += (
                oval(at, y, 50, 48)
                if kind == "round glasses"
                else f"M{at - 54:.0f} {y - 40:.0f}h108v74q0 8 -8 8h-92q-8 0 -8 -8Z"
            )
        path = f'<path d="{lenses}" fill="{fill}" fill-opacity="{opacity}" stroke="{self.frame}" stroke-width="9"/>'
        arms = f"M{x - self.apart + 50:.0f} {y - 6:.0f}H{x + self.apart - 50:.0f}"
        arms += "".join(
            f"M{x + s * (self.apart + 50):.0f} {y - 8:.0f}H{x + s * self.across:.0f}" for s in (-1, 1)
        )
        return path + self.stroke(arms, 8, self.frame)

    def jewels(self) -> str:
        kind, low = self.seen["earrings"], self.eye_level + 52
        if kind == "hoop":
            rings = "".join(oval(self.x + s * (self.across + 12), low + 24, 22, 24) for s in (-1, 1))
            return self.stroke(rings, 8, self.metal)
        if kind == "stud":
            return self.shape(
                "".join(oval(self.x + s * (self.across + 8), low, 12, 12) for s in (-1, 1)), self.metal
            )
        return ""

    def headwear(self) -> str:
        kind, x, a = self.seen["hat"], self.x, self.across
        top, low = self.y - self.down * 1.1, self.y - self.down * 0.5
        dark = shade(self.hat, 0.75)
        if kind == "beanie":
            dome = f"M{x - a * 1.06:.0f} {low:.0f}C{x - a:.0f} {top - 60:.0f} {x + a:.0f} {top - 60:.0f} {x + a * 1.06:.0f} {low:.0f}Z"
            brim = f"M{x - a * 1.12:.0f} {low - 22:.0f}h{a * 2.24:.0f}v52h-{a * 2.24:.0f}Z"
            ribs = "".join(f"M{x - a + i * a / 4:.0f} {low - 14:.0f}v36" for i in range(9))
            return self.shape(dome, self.hat) + self.shape(brim, dark) + self.stroke(ribs, 4, self.hat)
        if kind == "cap":
            dome = f"M{x - a * 1.04:.0f} {low + 8:.0f}C{x - a:.0f} {top - 40:.0f} {x + a:.0f} {top - 40:.0f} {x + a * 1.04:.0f} {low + 8:.0f}Z"
            peak = f"M{x - a * 0.9:.0f} {low + 6:.0f}Q{x:.0f} {low - 40:.0f} {x + a * 1.5:.0f} {low + 26:.0f}Q{x + a * 0.5:.0f} {low + 44:.0f} {x - a * 0.9:.0f} {low + 6:.0f}Z"
            return self.shape(dome, self.hat) + self.shape(peak, dark)
        if kind == "top hat":
            tube = f"M{x - a * 0.72:.0f} {low:.0f}L{x - a * 0.8:.0f} {top - 100:.0f}Q{x:.0f} {top - 130:.0f} {x + a * 0.8:.0f} {top - 100:.0f}L{x + a * 0.72:.0f} {low:.0f}Z"
            band = f"M{x - a * 0.73:.0f} {low - 44:.0f}h{a * 1.46:.0f}v34h-{a * 1.46:.0f}Z"
            return (
                self.shape(tube, self.hat)
                + self.shape(band, dark)
                + self.shape(oval(x, low, a * 1.4, 26), self.hat)
            )
        if kind == "crown":
            w = a * 0.86
            path = f"M{x - w:.0f} {low - 30:.0f}L{x - w * 1.1:.0f} {top - 20:.0f}L{x - w / 2:.0f} {low - 100:.0f}L{x:.0f} {top - 60:.0f}L{x + w / 2:.0f} {low - 100:.0f}L{x + w * 1.1:.0f} {top - 20:.0f}L{x + w:.0f} {low - 30:.0f}Z"
            gems = "".join(oval(x + i * w / 2, low - 52, 10, 10) for i in (-1, 0, 1))
            return self.shape(path, "#e8c040") + f'<path d="{gems}" fill="#4878c0"/>'
        return ""


def pictures(faces: list[SecondFace], size: int) -> torch.Tensor:
    """The pictures of faces, (N,3,size,size) in [0,1]."""
    drawn = np.stack([render_second(face, size) for face in faces])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255


def main() -> None:
    drawn = pictures([second_face(seed) for seed in range(24)], 256)
    rows = [torch.cat([*drawn[i : i + 8]], dim=2) for i in range(0, 24, 8)]
    write_png(torch.cat(rows, dim=1)[None], Path(sys.argv[1]))


if __name__ == "__main__":
    main()
