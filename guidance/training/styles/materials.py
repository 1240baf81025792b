"""Materials: the subject's tones and edges shape a texture, as if it were made of it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .canvas import (
    Array,
    Rng,
    blur,
    contours,
    flow,
    from_image,
    grid,
    levels,
    light,
    luma,
    mix,
    ramp,
    rgb,
    saturate,
    smear,
    step,
    turned,
    unit,
    warp,
)
from .noise import cells, fbm, flecks, grain, noise, veins


def _relief(picture: Array, rng: Rng, sigma: float = 1.5, steep: float = 6.0) -> tuple[Array, Array]:
    """The subject carved: its tones (H, W) and the light on them, both in [0, 1]."""
    size = unit(picture)
    grey = levels(blur(luma(picture), sigma * size))
    return grey, light(grey, rng.uniform(-2.8, -0.4), steep * size)


def marble(picture: Array, rng: Rng) -> Array:
    """Polished stone with veins."""
    grey, lit = _relief(picture, rng)
    bend = 14.0 * unit(picture) * (fbm(picture, 30, rng) - 0.5)
    lines = warp(veins(picture, rng.uniform(28, 45), rng), bend, bend) ** 3
    clouds = fbm(picture, 35, rng)
    stone, vein = (("e4e2de ffffff", "6a6d75"), ("e9e4da fffdf6", "8a7a66"), ("26292d 5c6068", "f0ece2"))[
        rng.choice(3, p=(0.5, 0.3, 0.2))
    ]
    slab = mix(ramp(clouds, stone), rgb(vein)[0], 0.7 * lines)
    shade = 0.2 + 0.4 * grey + 0.62 * lit
    return slab * shade[..., None] + (0.3 * step(lit, 0.88, 1.0))[..., None]


def wood(picture: Array, rng: Rng) -> Array:
    """Grain and rings of a plank, the subject carved into it."""
    grey, lit = _relief(picture, rng)
    along, across = turned(picture, rng.choice((0.0, np.pi / 2)) + rng.normal(0.0, 0.06))
    size = unit(picture)
    squeeze = (
        (60.0, 9.0)
        if abs(float(along[-1, 0] - along[0, 0])) > abs(float(along[0, -1] - along[0, 0]))
        else (9.0, 60.0)
    )
    rings = across / (rng.uniform(5.0, 8.0) * size) + 3.5 * fbm(picture, squeeze, rng, 3) + 0.8 * grey
    saw = rings % 1.0
    fibre = noise(picture, (squeeze[0] / 6, squeeze[1] / 6), rng) - 0.5
    browns = ("3d2210 7a4a22 b98148 dcae74", "2a150c 5b3018 8f5530 b87f52", "7d5a2e b98d52 dfbd85 f0d9ab")[
        rng.integers(3)
    ]
    board = ramp(np.clip(0.25 + 0.5 * saw + 0.35 * fibre, 0.0, 1.0), browns)
    return board * (0.3 + 0.5 * grey + 0.55 * lit)[..., None]


def _reflection(picture: Array, rng: Rng, turns: float) -> Array:
    """What a polished relief mirrors, (H, W) in [0, 1]: bands that follow its slopes."""
    grey, lit = _relief(picture, rng, 1.3, 7.0)
    bands = 0.5 + 0.5 * np.sin(
        turns * (lit + 0.35 * grey) + 1.5 * noise(picture, 50, rng) + rng.uniform(0.0, 1.5)
    )
    return np.clip(0.45 * grey + 0.3 * lit + 0.35 * bands - 0.08, 0.0, 1.0)


def steel(picture: Array, rng: Rng) -> Array:
    """Brushed, cool grey metal with hard highlights."""
    brushed = smear(grain(picture, rng), rng.normal(0.0, 0.08), 9 * unit(picture))
    tone = _reflection(picture, rng, rng.uniform(8.0, 11.0)) + 0.16 * brushed
    polished = ramp(np.clip(tone, 0.0, 1.0), "0a0c10 3a414b 77818d a8b1bb dfe5ea ffffff")
    rivet = step(tone, 0.92, 1.1)
    return polished + 0.2 * rivet[..., None]


def gold(picture: Array, rng: Rng) -> Array:
    """Polished warm metal with sparks of light."""
    tone = _reflection(picture, rng, rng.uniform(6.0, 8.5)) + 0.04 * (fbm(picture, 4, rng) - 0.5)
    metal = ramp(np.clip(tone, 0.0, 1.0), "2b1503 7a4706 c98a12 f2c230 ffe98a fffbe6")
    size = unit(picture)
    sparks = flecks(picture, 0.0012, rng) * (tone > 0.55)
    star = smear(sparks, 0.0, 3 * size) * 7 + smear(sparks, np.pi / 2, 3 * size) * 7 + blur(sparks, size) * 4
    return metal + np.clip(star, 0.0, 1.0)[..., None]


def rust(picture: Array, rng: Rng) -> Array:
    """Corroded iron: orange and brown blotches eating a dull grey sheet."""
    grey, lit = _relief(picture, rng)
    eaten = fbm(picture, 26, rng, 5)
    amount = step(eaten + 0.5 * (0.5 - grey), 0.36, 0.5)
    oxide = ramp(
        np.clip(fbm(picture, 9, rng, 5) * 1.2 - 0.1 + 0.1 * grain(picture, rng), 0.0, 1.0),
        "2c120a 6e2a0e b04d15 d9792a",
    )
    sheet = ramp(grey, "4e585a 8d979a")
    pits = 0.85 + 0.15 * light(fbm(picture, 4, rng), -2.2, 6.0)
    return np.asarray(mix(sheet, oxide, amount) * ((0.05 + 0.85 * grey + 0.7 * lit) * pits)[..., None])


def fire(picture: Array, rng: Rng) -> Array:
    """Flames that lick upwards from the subject's bright parts and edges, on black."""
    size = unit(picture)
    grey = levels(blur(luma(picture), size))
    sway = 10.0 * size * (noise(picture, (24, 14), rng) - 0.5)
    tongues = warp(fbm(picture, (34, 9), rng), 0.0, sway)
    fuel = np.clip(0.55 * grey + 0.6 * contours(grey, 1.5 * size), 0.0, 1.0)
    lick = np.zeros_like(fuel)
    # Heat rises: what burns below shines above, weaker with the distance.
    for rise in range(0, round(18 * size) + 1, max(round(3 * size), 1)):
        lick = np.maximum(
            lick, np.roll(np.pad(fuel, ((0, rise), (0, 0))), -rise, 0)[: len(fuel)] * 0.94 ** (rise / size)
        )
    heat = 0.3 * lick + 0.55 * fuel + 1.1 * (tongues - 0.5)
    return ramp(np.clip(0.1 + heat, 0.0, 1.0), "000000 3a0500 a31500 ee5a00 ffb010 ffec70 fffbe0")


def lava(picture: Array, rng: Rng) -> Array:
    """Black crust broken by glowing cracks, wider where the subject is bright."""
    size = unit(picture)
    grey, lit = _relief(picture, rng, 1.5, 5.0)
    bend = [7.0 * size * (fbm(picture, 12, rng) - 0.5) for _ in range(2)]
    _, first, second = cells(picture, rng.uniform(9, 13), rng, 0.95)
    gap = warp(second - first, bend[0], bend[1])
    width = 0.05 + 0.55 * grey**2
    glow = np.exp(-gap / width)
    edge = contours(grey, 1.2 * size)
    heat = np.clip(
        1.1 * glow - 0.3 + 0.35 * grey + 0.5 * edge + 0.3 * (fbm(picture, 14, rng) - 0.5), 0.0, 1.0
    )
    crust = ramp(np.clip(lit * (0.5 + 0.6 * fbm(picture, 5, rng)), 0.0, 1.0), "070505 2a2220 4a3f3b")
    molten = ramp(heat, "1a0200 8c0f00 e83c00 ff8a00 ffd84a")
    return mix(crust, molten, step(heat, 0.2, 0.5))


def water(picture: Array, rng: Rng) -> Array:
    """Under rippling blue water: bent shapes, a net of light."""
    size = unit(picture)
    waves = [noise(picture, (8, 16), rng) - 0.5 for _ in range(2)]
    bent = warp(picture, 7.0 * size * waves[0], 9.0 * size * waves[1])
    grey = levels(luma(bent))
    deep = ramp(grey, ("04243f 0c5d8f 2b9fd0 a8e6f5", "03303a 0a6f7c 2cb6b8 b5f2e6")[rng.integers(2)])
    _, first, second = cells(picture, rng.uniform(12, 18), rng, 1.0)
    net = warp(np.exp(-(second - first) / 0.09), 9.0 * size * waves[1], 9.0 * size * waves[0])
    caustics = (0.55 * net * (0.35 + 0.65 * grey))[..., None] * rgb("d8fbff")[0]
    return np.asarray(mix(deep, bent, rng.uniform(0.08, 0.2)) + caustics)


def ice(picture: Array, rng: Rng) -> Array:
    """Pale blue, clear and cracked; facets and white fractures."""
    size = unit(picture)
    grey, lit = _relief(picture, rng, 1.2, 8.0)
    labels, first, second = cells(picture, rng.uniform(16, 26), rng, 1.0)
    facet = rng.normal(0.0, 0.11, int(labels.max()) + 1)[labels]
    jag = 4.0 * size * (fbm(picture, 8, rng) - 0.5)
    cracks = np.exp(-np.abs(warp(second - first, jag, jag)) / 0.035)
    frost = step(fbm(picture, 14, rng, 5), 0.52, 0.72) * 0.3 + 0.03 * np.clip(grain(picture, rng), 0.0, 3.0)
    tone = -0.08 + 0.5 * grey + 0.4 * lit + facet
    clear = ramp(np.clip(tone, 0.0, 1.0), "1d5a86 5ba4cc a5d8ee dff4fb ffffff")
    return clear + (0.45 * cracks + 0.6 * frost + 0.25 * step(lit, 0.85, 1.0))[..., None]


def fur(picture: Array, rng: Rng) -> Array:
    """Dense hairs that lie along the shapes."""
    size = unit(picture)
    grey = levels(blur(luma(picture), 1.5 * size))
    lie = flow(grey, 8 * size)
    swirl = 0.5 * np.pi + 1.6 * (noise(picture, 40, rng) - 0.5)
    direction = np.arctan2(
        np.sin(swirl) + 0.8 * np.sin(lie) * np.sign(np.sin(lie)),
        np.cos(swirl) + 0.8 * np.cos(lie) * np.sign(np.sin(lie)),
    )
    hairs = smear(grain(picture, rng, 0.55), direction, 6 * size)
    hairs = hairs / (hairs.std() + 1e-6)
    tufts = light(noise(picture, 7, rng), 1.0, 2.0 * size) - 0.7
    coats = (
        "1c0f08 6b4020 b77a41 f0cf9a",
        "2a1405 a0480f e08a35 fbe0b0",
        "15151a 55565c 9a9aa0 eeeeee",
        "2b2420 8d7f72 cfc4b6 fffaf0",
    )
    tone = 0.12 + 0.72 * grey + 0.13 * hairs + 0.25 * tufts
    return ramp(np.clip(tone, 0.0, 1.0), coats[rng.integers(4)])


def leaves(picture: Array, rng: Rng) -> Array:
    """Overlapping leaves, green or of autumn, light and dark after the subject."""
    size, height, width = unit(picture), *picture.shape[:2]
    grey = levels(blur(luma(picture), 1.5 * size))
    canvas = Image.new("RGB", (2 * width, 2 * height), (10, 22, 8))
    draw = ImageDraw.Draw(canvas)
    length = rng.uniform(7.5, 10.5) * size
    count = int(7.0 * height * width / (length * length))
    season = rgb("2f7d1e 4f9a2a 7cb83c 1f6128") if rng.random() < 0.7 else rgb("c0391b e08a1e d9b02c 8a5a1c")
    rows, columns = rng.integers(0, height, count), rng.integers(0, width, count)
    angles, kinds = rng.uniform(0, 2 * np.pi, count), rng.integers(0, 4, count)
    bright = 0.15 + 1.4 * grey[rows, columns] + rng.normal(0.0, 0.07, count)
    colours = np.clip(season[kinds] * bright[:, None], 0.0, 1.0)
    for x, y, angle, colour in zip(2 * columns, 2 * rows, angles, 255 * colours, strict=True):
        _leaf(draw, (float(x), float(y)), float(angle), length, colour)
    return from_image(canvas.resize((width, height), Image.Resampling.BOX))


_OUTLINE = np.array(
    [[-1, 0], [-0.5, 0.36], [0.1, 0.42], [0.6, 0.22], [1, 0], [0.6, -0.22], [0.1, -0.42], [-0.5, -0.36]]
)


def _leaf(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], angle: float, length: float, colour: Array
) -> None:
    """One leaf with a dark half, an edge and a rib; `length` is half of it in pixels of the canvas."""
    turn = length * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    outline = [tuple(point) for point in (_OUTLINE @ turn + at).tolist()]
    fill, dark, rib = (tuple((colour * share).astype(int).tolist()) for share in (1.0, 0.72, 0.45))
    draw.polygon(outline, fill=fill, outline=rib)
    draw.polygon(outline[:5], fill=dark)
    draw.line([outline[0], outline[4]], fill=rib, width=max(round(length / 8), 1))


def sand(picture: Array, rng: Rng) -> Array:
    """Grains and wind ripples, the subject drawn into it."""
    size = unit(picture)
    grey, lit = _relief(picture, rng, 1.6, 6.0)
    _, across = turned(picture, rng.uniform(-0.5, 0.5))
    ripples = np.sin(
        2 * np.pi * (across / (rng.uniform(7, 11) * size) + 1.8 * fbm(picture, 40, rng) + 0.7 * grey)
    )
    tone = 0.12 + 0.38 * grey + 0.38 * lit + 0.09 * ripples + 0.075 * grain(picture, rng, 0.4)
    return ramp(
        np.clip(tone, 0.0, 1.0),
        ("6b4a22 b98d4f dfbd80 f6e3b4", "7a4a26 c48a52 e3b27c f5dcb4")[rng.integers(2)],
    )


def clouds(picture: Array, rng: Rng) -> Array:
    """Billows of white in a blue sky, in the shape of the subject's light."""
    size = unit(picture)
    grey = levels(blur(luma(picture), 2.0 * size))
    down, right = (9.0 * size * (fbm(picture, 16, rng) - 0.5) for _ in range(2))
    density = warp(grey, down, right) + 0.95 * (fbm(picture, 26, rng, 5) - 0.5)
    cover = step(density, 0.32, 0.85)
    lit = light(blur(density, 0.8 * size), -1.9, 4.5 * size)
    rows, _ = grid(picture)
    height = np.broadcast_to(rows / len(grey), grey.shape)
    sky = ramp(height, ("2f74c4 8fc4ee", "1f5fb5 6fb1e8", "4a8fd0 b5daf2")[rng.integers(3)])
    return mix(sky, ramp(np.clip(0.05 + lit, 0.0, 1.0), "7f94b0 bccadb f4f7fb ffffff"), cover)


def grass(picture: Array, rng: Rng) -> Array:
    """Blades of grass, bright and dark after the subject."""
    size = unit(picture)
    grey = levels(blur(luma(picture), 1.3 * size))
    lean = np.pi / 2 + 0.9 * (noise(picture, 9, rng) - 0.5)
    blades = smear(grain(picture, rng, 0.6), lean, 6 * size)
    blades = blades / (blades.std() + 1e-6)
    tone = np.clip(0.1 + 0.62 * grey + 0.17 * blades, 0.0, 1.0)
    grassy = ramp(tone, "071a05 1d5212 3f8f1f 86c43a d6ef8a")
    return saturate(grassy, rng.uniform(0.8, 1.2))
