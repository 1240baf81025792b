"""The drawn world's faces in other hands: the same names, other proportions, lines, colours and shapes.

A network that learns from one script's drawings knows that script's curves. Here every face has a hand of its own, which
sets the form of the head, where features sit, how wide lines are and what colour, and how each part is drawn; what is
drawn is told by the same choices (`faces.CHOICES`), so that captions, labels and masks are made as for `faces`.
"""

from __future__ import annotations

import colorsys
import random
from collections.abc import Iterator

from .face_parts import BACKGROUND, CLOTHES, HAIR, HAT, SKIN
from .faces import NONE, Face, resolve
from .other_drawings import Hand, oval, rgb_of, shade, to_hex
from .other_hair import behind, front, hat, locks

Layer = tuple[str, str]
_RED, _WHITE = "#7d1f2b", "#ffffff"


def other_layers(face: Face) -> list[Layer]:
    """What is drawn of a face with a hand, from back to front: the part of a face (`parser.PARTS`) and its SVG."""
    return [*Figure(face, random.Random(f"hand {face.hand}")).layers()]


class Figure(Hand):
    """One face in one hand; lengths are in units of a 768th of the side."""

    def __init__(self, face: Face, rng: random.Random) -> None:
        width, own_lines = 0.0 if rng.random() < 0.25 else rng.uniform(2, 14), rng.random() < 0.5
        ink = to_hex(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0, 0.6), rng.uniform(0, 0.3)))
        super().__init__(rng, width, ink, own_lines)
        self.shown, self.raw = resolve(face), {**face.choices, **face.added}
        self.x, self.y = 384 + rng.uniform(-40, 40), 390 + rng.uniform(-40, 40)
        wide, tall = {
            "round": (1.08, 0.96),
            "square": (1.02, 0.98),
            "long": (0.94, 1.12),
            "narrow": (0.84, 1.02),
        }[self.raw["head_shape"]]
        size = rng.uniform(150, 232)
        self.across, self.down = size * wide * rng.uniform(0.95, 1.05), size * tall * rng.uniform(1.0, 1.18)
        self.level = self.y + self.down * rng.uniform(-0.08, 0.16)
        self.apart, self.eye = self.across * rng.uniform(0.36, 0.52), self.across * rng.uniform(0.12, 0.23)
        self.lips = min(self.y + self.down * 0.82, self.level + self.down * rng.uniform(0.42, 0.58))
        self.hair = self.colour(HAIR[self.raw["hair_colour"]])
        self.skin = self.colour(SKIN[self.raw["skin"]])
        self.cloth = self.colour(CLOTHES[self.raw["clothes_colour"]])
        self.hat = self.colour(HAT[self.raw["hat_colour"]])
        self.ground = self.colour(BACKGROUND[self.raw["background_colour"]])

    def colour(self, text: str) -> str:
        """A named colour as another hand would mix it."""
        hue, saturation, value = colorsys.rgb_to_hsv(*rgb_of(text))
        hue += self.between(-0.018, 0.018)
        saturation *= self.between(0.82, 1.12)
        value *= self.between(0.88, 1.08)
        return to_hex(colorsys.hsv_to_rgb(hue % 1, min(1, saturation), min(1, value)))

    def layers(self) -> Iterator[Layer]:
        """See `other_layers`."""
        yield "background", self._background()
        yield "hair", behind(self)
        yield "skin", self._neck()
        yield "clothes", self._clothes()
        yield "hair", locks(self)
        yield "skin", self._head()
        yield "beard", self._beard()
        yield "mouth", self._mouth()
        yield "nose", self._nose()
        yield "eyes", self._eyes()
        yield "eyebrows", self._brows()
        yield "hair", front(self)
        yield "glasses", self._glasses()
        yield "earrings", self._earrings()
        yield "hat", hat(self)

    def _background(self) -> str:
        kind, base = self.shown["background"], f'<rect width="768" height="768" fill="{self.ground}"/>'
        dark, step = shade(self.ground, self.between(0.72, 0.9)), self.between(50, 120)
        many = range(-4, int(768 / step) + 5)
        if kind == "gradient":
            across, down = self.rng.choice(((0, 1), (1, 0), (1, 1)))
            stops = f'<stop stop-color="{self.ground}"/><stop offset="1" stop-color="{shade(self.ground, 0.62)}"/>'
            gradient = f'<linearGradient id="ground" x1="0" y1="0" x2="{across}" y2="{down}">{stops}</linearGradient>'
            return f'{gradient}<rect width="768" height="768" fill="url(#ground)"/>'
        if kind == "stripes":
            lean = self.between(-300, 300)
            return base + self.line(
                "".join(f"M{i * step:.0f} -10l{lean:.0f} 800" for i in many), step / 2, dark
            )
        if kind == "dots":
            radius = step * self.between(0.14, 0.3)
            spots = "".join(
                oval(i * step + step / 2 * (j % 2), j * step, radius, radius) for i in many for j in many
            )
            return base + f'<path d="{spots}" fill="{dark}"/>'
        if kind == "checks":
            squares = "".join(
                f"M{i * step:.1f} {j * step:.1f}h{step:.1f}v{step:.1f}h{-step:.1f}Z"
                for i in many
                for j in many
                if (i + j) % 2
            )
            return base + f'<path d="{squares}" fill="{dark}"/>'
        return base

    def _neck(self) -> str:
        half, low = self.across * self.between(0.26, 0.4), self.y + self.down * 0.95
        fill = shade(self.skin, 0.9 if self.maybe(0.5) else 1)
        d = f"M{self.x - half:.0f} {self.y:.0f}V{low + 120:.0f}H{self.x + half:.0f}V{self.y:.0f}Z"
        return self.shape(d, fill)

    def _clothes(self) -> str:
        x, kind, top = self.x, self.shown["clothes"], self.y + self.down * self.between(0.98, 1.12)
        wide, neck = self.across * self.between(1.25, 1.75), self.across * self.between(0.34, 0.48)
        bare = kind == "dress"
        drop = self.between(20, 90)
        torso = f"M{x - wide:.0f} 800Q{x - wide * 0.98:.0f} {top + drop:.0f} {x - neck:.0f} {top:.0f}"
        torso += f"Q{x:.0f} {top + self.between(10, 60):.0f} {x + neck:.0f} {top:.0f}"
        torso += f"Q{x + wide * 0.98:.0f} {top + drop:.0f} {x + wide:.0f} 800Z"
        if bare:
            strap = wide * 0.62
            front = f"M{x - strap:.0f} 800L{x - neck * 1.25:.0f} {top + 26:.0f}Q{x:.0f} {top + 110:.0f}"
            front += f" {x + neck * 1.25:.0f} {top + 26:.0f}L{x + strap:.0f} 800Z"
            return self.shape(torso, self.skin) + self.shape(front, self.cloth)
        drawn, dark = self.shape(torso, self.cloth), shade(self.cloth, self.between(0.7, 0.85))
        if kind == "turtleneck":
            roll = f"M{x - neck * 1.05:.0f} {top - 44:.0f}h{neck * 2.1:.0f}v62q{-neck:.0f} 30 {-neck * 2.1:.0f} 0Z"
            return drawn + self.shape(roll, self.cloth)
        if kind == "jacket":
            lapel = f"M{x:.0f} {top + 120:.0f}L{x - neck * 1.3:.0f} {top - 6:.0f}L{x + neck * 1.3:.0f} {top - 6:.0f}Z"
            return drawn + self.shape(lapel, "#cfe3ea") + self.line(f"M{x:.0f} {top + 120:.0f}V800", 6, dark)
        if kind == "sweater":
            collar = "".join(
                f"M{x:.0f} {top + 40:.0f}l{side * neck:.0f} -44l{side * 16} 50Z" for side in (-1, 1)
            )
            return drawn + self.shape(collar, "#dfeaf0")
        if kind == "hoodie":
            hood = f"M{x - neck * 1.9:.0f} {top + 30:.0f}Q{x:.0f} {top - 50:.0f} {x + neck * 1.9:.0f} {top + 30:.0f}"
            return drawn + self.shape(
                f"{hood}Q{x:.0f} {top + 90:.0f} {x - neck * 1.9:.0f} {top + 30:.0f}Z", dark
            )
        return drawn + self.line(
            f"M{x - neck:.0f} {top + 2:.0f}Q{x:.0f} {top + 56:.0f} {x + neck:.0f} {top + 2:.0f}", 9, dark
        )

    def head_outline(self, grow: float = 1.0) -> str:
        """The head, of this hand's form."""
        x, y, a, d = self.x, self.y, self.across * grow, self.down * grow
        square = {"square": 0.9, "round": 0.62}.get(self.raw["head_shape"], 0.7)
        bend = 0.55 + 0.35 * square
        return (
            f"M{x - a:.1f} {y - d * 0.1:.1f}C{x - a:.1f} {y - d * 1.32:.1f} {x + a:.1f} {y - d * 1.32:.1f}"
            f" {x + a:.1f} {y - d * 0.1:.1f}C{x + a:.1f} {y + d * bend:.1f} {x + a * square * 0.75:.1f} {y + d:.1f}"
            f" {x:.1f} {y + d:.1f}C{x - a * square * 0.75:.1f} {y + d:.1f} {x - a:.1f} {y + d * bend:.1f}"
            f" {x - a:.1f} {y - d * 0.1:.1f}Z"
        )

    def _head(self) -> str:
        across, down = self.across * self.between(0.11, 0.2), self.across * self.between(0.16, 0.26)
        ears = "".join(oval(self.x + side * self.across, self.level + 16, across, down) for side in (-1, 1))
        drawn = self.shape(ears, self.skin) + self.shape(self.head_outline(), self.skin)
        if self.shown["freckles"] == "yes":
            radius = self.between(4, 9)
            spots = [
                (side * self.between(0.25, 0.75) * self.across, self.between(0.16, 0.4) * self.down)
                for side in (-1, 1)
                for _ in range(5)
            ]
            d = "".join(oval(self.x + dx, self.level + dy, radius, radius) for dx, dy in spots)
            drawn += f'<path d="{d}" fill="{shade(self.skin, 0.6)}"/>'
        if self.shown["age"] == "old":
            drawn += self._folds()
        return drawn

    def _folds(self) -> str:
        x, a, high = self.x, self.across, self.level - self.eye * 2.4
        folds = "".join(
            f"M{x - a * 0.4:.0f} {high - 26 * i:.0f}q{a * 0.4:.0f} -14 {a * 0.8:.0f} 0" for i in range(2)
        )
        for side in (-1, 1):
            folds += (
                f"M{x + side * a * 0.3:.0f} {self.level + self.eye * 1.5:.0f}q{side * 26} 26 {side * 20} 64"
            )
            folds += f"M{x + side * (self.apart + self.eye):.0f} {self.level + self.eye:.0f}q{-side * self.eye:.0f} 18"
            folds += f" {-side * self.eye * 2:.0f} 4"
        return self.line(folds, self.between(4, 9), shade(self.skin, 0.66))

    def _eyes(self) -> str:
        kind, drawn = self.shown["eyes"], ""
        if kind == NONE:
            return ""
        style, look = self.rng.choice(("white", "bead", "ring")), self.between(-0.2, 0.2)
        for side in (-1, 1):
            x, y, size = self.x + side * self.apart, self.level, self.eye
            if kind == "closed" or (kind == "winking" and side < 0):
                drawn += self.line(
                    f"M{x - size:.0f} {y:.0f}q{size:.0f} {size * 0.7:.0f} {2 * size:.0f} 0", size / 4
                )
            elif kind == "smiling":
                drawn += self.line(
                    f"M{x - size:.0f} {y + 6:.0f}q{size:.0f} {-size:.0f} {2 * size:.0f} 0", size / 4
                )
            else:
                tall = size * (1.25 if kind == "wide" else 0.8)
                pupil = size * (0.42 if kind == "wide" else 0.55)
                if style != "bead" or kind == "wide":
                    drawn += self.shape(oval(x, y, size, tall), _WHITE)
                drawn += f'<path d="{oval(x + look * size, y, pupil, pupil)}" fill="{self.ink}"/>'
                shine = oval(x + look * size - pupil / 3, y - pupil / 3, pupil / 3, pupil / 3)
                drawn += f'<path d="{shine}" fill="{_WHITE}"/>'
        return drawn

    def _brows(self) -> str:
        tilt = {"angry": 0.4, "worried": -0.4}.get(self.raw["eyebrows"], 0.0) * self.eye
        lift = self.eye * {"raised": 2.3, "high": 2.7}.get(self.raw["eyebrows"], 1.8)
        colour, width, drawn = shade(self.hair, self.between(0.6, 0.9)), self.between(6, 18), ""
        for side in (-1, 1):
            x, y = self.x + side * self.apart, self.level - lift
            inner, outer = x - side * self.eye, x + side * self.eye
            drawn += f"M{inner:.0f} {y + tilt:.0f}Q{x:.0f} {y - self.eye / 2:.0f} {outer:.0f} {y - tilt:.0f}"
        return self.line(drawn, width, colour)

    def _nose(self) -> str:
        x, y, size = self.x, self.level + self.eye * 1.7, self.across * 0.14
        dark = shade(self.skin, 0.64)
        kind = self.raw["nose"]
        if kind == "round":
            return self.shape(oval(x, y, size * 0.7, size * 0.6), shade(self.skin, 0.88))
        if kind == "wide":
            return self.line(f"M{x - size:.0f} {y:.0f}q{size:.0f} {size:.0f} {2 * size:.0f} 0", 8, dark)
        if kind == "pointed":
            return self.line(
                f"M{x - 4:.0f} {y - size * 1.4:.0f}l{size * 0.8:.0f} {size * 1.7:.0f}h{-size:.0f}", 7, dark
            )
        return self.line(
            f"M{x - size / 3:.0f} {y:.0f}q{size / 3:.0f} {size / 3:.0f} {size * 0.66:.0f} 0", 7, dark
        )

    def _mouth(self) -> str:
        x, y, size, kind = self.x, self.lips, self.across * self.between(0.26, 0.4), self.shown["mouth"]
        lip = self.rng.choice(("#b8444e", "#8c2c3a", self.ink))
        width = self.between(6, 15)
        if kind == "smile":
            return self.line(f"M{x - size:.0f} {y:.0f}q{size:.0f} {size:.0f} {2 * size:.0f} 0", width, lip)
        if kind == "sad":
            return self.line(
                f"M{x - size:.0f} {y + size / 2:.0f}q{size:.0f} {-size:.0f} {2 * size:.0f} 0", width, lip
            )
        if kind == "surprised":
            return self.shape(oval(x, y + 6, size * 0.5, size * self.between(0.5, 0.75)), _RED)
        if kind == "neutral":
            return self.line(f"M{x - size * 0.9:.0f} {y:.0f}h{size * 1.8:.0f}", width, lip)
        if kind == "laugh":
            open_mouth = f"M{x - size:.0f} {y - 10:.0f}h{2 * size:.0f}q{-size * 0.1:.0f} {size:.0f} {-size:.0f} {size:.0f}"
            teeth = f"M{x - size * 0.85:.0f} {y - 8:.0f}h{1.7 * size:.0f}l-8 {size * 0.3:.0f}h{16 - 1.7 * size:.0f}Z"
            shape = self.shape(f"{open_mouth}T{x - size:.0f} {y - 10:.0f}Z", _RED)
            return shape + f'<path d="{teeth}" fill="{_WHITE}"/>'
        teeth = f"M{x - size:.0f} {y - 12:.0f}h{2 * size:.0f}v{size * 0.55:.0f}h{-2 * size:.0f}Z"
        gaps = "".join(f"M{x - size + size * i / 2:.0f} {y - 10:.0f}v{size * 0.5:.0f}" for i in range(1, 4))
        return self.shape(teeth, _WHITE) + self.line(gaps, 3)

    def _beard(self) -> str:
        x, y, a, kind = self.x, self.lips, self.across, self.shown["beard"]
        size = a * 0.36
        chin = f"M{x - size * 0.8:.0f} {y + size * 0.7:.0f}h{size * 1.6:.0f}q0 {size:.0f} {-size * 0.8:.0f} {size * 1.3:.0f}"
        if kind == "goatee":
            return self.shape(
                f"{chin}q{-size * 0.8:.0f} {-size * 0.3:.0f} {-size * 0.8:.0f} {-size * 1.3:.0f}Z", self.hair
            )
        if kind == "moustache":
            curl = self.between(-10, 16)
            d = f"M{x:.0f} {y - size * 0.75:.0f}Q{x + size:.0f} {y - size:.0f} {x + size * 1.5:.0f} {y - size * 0.3 - curl:.0f}"
            d += f"Q{x + size * 0.7:.0f} {y - size * 0.05:.0f} {x:.0f} {y - size * 0.3:.0f}"
            d += f"Q{x - size * 0.7:.0f} {y - size * 0.05:.0f} {x - size * 1.5:.0f} {y - size * 0.3 - curl:.0f}"
            return self.shape(f"{d}Q{x - size:.0f} {y - size:.0f} {x:.0f} {y - size * 0.75:.0f}Z", self.hair)
        if kind not in ("full beard", "long beard", "stubble"):
            return ""
        low = self.y + self.down * {"long beard": 1.7, "stubble": 1.0}.get(kind, 1.16)
        side, high = a * 0.99, self.level + self.eye * 1.6
        d = f"M{x - side:.0f} {high:.0f}C{x - side:.0f} {low:.0f} {x - a * 0.4:.0f} {low:.0f} {x:.0f} {low:.0f}"
        d += f"C{x + a * 0.4:.0f} {low:.0f} {x + side:.0f} {low:.0f} {x + side:.0f} {high:.0f}"
        d += f"Q{x + size * 1.5:.0f} {y - size * 0.7:.0f} {x:.0f} {y - size * 0.75:.0f}"
        d += f"Q{x - size * 1.5:.0f} {y - size * 0.7:.0f} {x - side:.0f} {high:.0f}Z"
        if kind == "stubble":
            return f'<path d="{d}" fill="{self.hair}" opacity="{self.between(0.3, 0.45):.2f}"/>'
        return self.shape(d, self.hair)

    def _glasses(self) -> str:
        kind = self.shown["glasses"]
        if kind == NONE:
            return ""
        dark = kind == "sunglasses"
        round_ones = kind == "round glasses" or (dark and self.maybe(0.4))
        frame = self.rng.choice(("#20222a", "#20222a", "#7a3b28", "#2c4f8a", "#b8902e"))
        size, lenses, level = self.eye * self.between(1.4, 1.75), "", self.level
        size = min(size, self.apart * 0.92)
        for side in (-1, 1):
            x = self.x + side * self.apart
            box = f"M{x - size:.0f} {level - size * 0.8:.0f}h{2 * size:.0f}v{size * 1.6:.0f}h{-2 * size:.0f}Z"
            lenses += oval(x, level, size, size) if round_ones else box
        fill = "#22242c" if dark else "none"  # clear lenses are what lies behind them
        width = self.between(6, 15)
        d = f"M{self.x - self.apart + size:.0f} {level:.0f}H{self.x + self.apart - size:.0f}"
        for side in (-1, 1):
            d += f"M{self.x + side * (self.apart + size):.0f} {level:.0f}H{self.x + side * self.across:.0f}"
        frames = f'<path d="{lenses}" fill="{fill}" stroke="{frame}" stroke-width="{width:.1f}"/>'
        return frames + self.line(d, width, frame)

    def _earrings(self) -> str:
        kind, metal = self.shown["earrings"], self.rng.choice(("#e0b030", "#c8ccd4", "#d05a70", "#e0b030"))
        low = self.level + self.across * 0.3
        if kind == "hoop":
            radius = self.across * self.between(0.11, 0.2)
            d = "".join(
                oval(self.x + side * self.across * 1.06, low + radius, radius, radius) for side in (-1, 1)
            )
            return self.line(d, self.between(5, 12), metal)
        if kind == "stud":
            radius = self.across * self.between(0.05, 0.09)
            return self.shape(
                "".join(oval(self.x + s * self.across * 1.05, low, radius, radius) for s in (-1, 1)), metal
            )
        return ""
