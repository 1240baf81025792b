"""The table of styles and materials, the words for them, and how to apply one by name."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...._base import UsageError, did_you_mean
from . import drawn, graphic, materials, painted, pieced, weather
from .canvas import Array, Picture, Rng

Draw = Callable[[Array, Rng], Array]


@dataclass(frozen=True)
class Style:
    """One look and its words.

    Args:
        name: what the table calls it, e.g. "pencil sketch".
        synonyms: other wordings as people type them. Those with an article stand for a picture or a thing
            ("a pencil drawing"), those that begin with one of `FOLLOWS` go after a subject ("made of gold").
        kind: "style" is a way of drawing a subject, "material" what the subject is made of or stands in.
        apply: from a picture (H, W, 3) in [0, 1], H and W at least 16, to one of the same shape and range; the
            random generator chooses sizes, colours, angles and strength.
    """

    name: str
    synonyms: tuple[str, ...]
    kind: str
    apply: Callable[[Picture, Rng], Picture]


def _bounded(draw: Draw) -> Callable[[Picture, Rng], Picture]:
    def apply(picture: Picture, rng: Rng) -> Picture:
        return np.clip(draw(picture, rng), 0.0, 1.0).astype(np.float32)

    return apply


# name: (function, wordings separated by |)
_STYLES: dict[str, tuple[Draw, str]] = {
    "pencil sketch": (
        drawn.pencil,
        "a pencil sketch|a pencil drawing|a graphite drawing|drawn in pencil|pencil art",
    ),
    "charcoal": (
        drawn.charcoal,
        "a charcoal drawing|a charcoal sketch|drawn in charcoal|black charcoal on paper",
    ),
    "ink wash": (
        drawn.ink_wash,
        "an ink wash painting|sumi-e|a Chinese ink painting|painted in black ink|a brush and ink painting",
    ),
    "watercolour": (
        painted.watercolour,
        "watercolor|a watercolour painting|a watercolor painting|painted in watercolour|aquarelle",
    ),
    "oil paint": (
        painted.oil,
        "an oil painting|oil on canvas|painted in oil|a thick impasto painting|oil colours",
    ),
    "impressionist dabs": (
        painted.impressionist,
        "an impressionist painting|impressionism|in the manner of Monet|painted in short dabs|visible brush strokes",
    ),
    "pointillism": (
        painted.pointillism,
        "a pointillist painting|in the manner of Seurat|painted in dots|pointillist",
    ),
    "mosaic": (
        pieced.mosaic,
        "a mosaic|a Roman mosaic|made of mosaic tiles|mosaic tiles|a picture of small tiles",
    ),
    "stained glass": (
        pieced.stained_glass,
        "a stained glass window|made of stained glass|a church window|leaded glass",
    ),
    "halftone": (
        drawn.halftone,
        "a halftone print|printed in halftone dots|newspaper dots|a dotted newsprint picture",
    ),
    "comic": (
        graphic.comic,
        "a comic book drawing|comic book|a comic panel|drawn as a comic|cartoon ink with bold outlines",
    ),
    "pop art": (
        graphic.pop_art,
        "a pop art print|in the manner of Warhol|a Warhol silkscreen|a pop art poster",
    ),
    "pixel art": (
        graphic.pixel_art,
        "8-bit|a pixel art picture|made of pixels|a retro video game sprite|pixelated",
    ),
    "low poly": (
        pieced.low_poly,
        "a low poly render|made of triangles|low-poly|a polygon art picture|flat triangles",
    ),
    "neon": (graphic.neon, "a neon sign|made of neon lights|neon lights|glowing neon|drawn in glowing lines"),
    "blueprint": (
        drawn.blueprint,
        "a blueprint|a technical drawing on blue paper|drawn as a blueprint|a cyanotype plan",
    ),
    "sepia": (
        graphic.sepia,
        "a sepia photograph|an old brown photograph|in sepia tones|a vintage photo|a Victorian photograph",
    ),
    "black and white": (
        graphic.black_and_white,
        "a black and white photograph|in black and white|monochrome|a greyscale picture|grayscale",
    ),
    "woodcut": (
        drawn.woodcut,
        "a woodcut|a woodcut print|an engraving|carved as a woodblock|a black line engraving",
    ),
    "linocut": (
        drawn.linocut,
        "a linocut|a linocut print|a lino print|printed in one colour from linoleum|a block print",
    ),
    "duotone": (
        drawn.duotone,
        "a duotone print|in two colours|two-tone|a risograph in two inks|duotone colours",
    ),
    "embroidery": (
        pieced.embroidery,
        "an embroidered picture|embroidered on cloth|satin stitch|an embroidery patch|needlework",
    ),
    "cross-stitch": (
        pieced.cross_stitch,
        "a cross-stitch pattern|stitched in little crosses|cross stitch|a cross-stitch sampler",
    ),
    "chalk": (
        drawn.chalk,
        "a chalk drawing|drawn in chalk on a blackboard|chalk on a blackboard|a chalkboard drawing",
    ),
    "crayon": (
        drawn.crayon,
        "a crayon drawing|drawn with wax crayons|wax crayons|a child's crayon picture|a sketch with crayon",
    ),
    "graffiti": (
        painted.graffiti,
        "a graffiti picture|sprayed on a wall|street art|spray paint|a graffiti mural",
    ),
    "cubist facets": (
        pieced.cubist,
        "cubism|a cubist painting|in the manner of Braque|painted in facets|cubist",
    ),
    "art deco": (graphic.art_deco, "an art deco poster|art-deco|in art deco gold and black|a 1920s poster"),
    "ukiyo-e": (
        graphic.ukiyo_e,
        "a ukiyo-e print|a Japanese woodblock print|in the manner of Hokusai|Japanese print in flat colours",
    ),
    "glitch": (
        graphic.glitch,
        "glitch art|a corrupted video frame|a broken VHS picture|in glitched colours|digital glitch",
    ),
    "paper cut-out": (
        graphic.cut_paper,
        "a paper cut-out|papercut|cut out of coloured paper|layered paper|a paper collage",
    ),
    "thermal camera": (
        graphic.thermal,
        "a thermal image|infrared heat map|seen by a thermal camera|a heat map|thermal vision",
    ),
    "x-ray": (graphic.xray, "an x-ray|an x-ray picture|seen through x-rays|a radiograph|xray"),
    "vaporwave": (
        graphic.vaporwave,
        "a vaporwave picture|synthwave|in pink and cyan retro colours|retrowave|an 80s synthwave poster",
    ),
}
_MATERIALS: dict[str, tuple[Draw, str]] = {
    "fire": (materials.fire, "made of fire|in flames|flames|burning|made of burning flames|on fire"),
    "lava": (materials.lava, "made of lava|molten lava|covered by glowing magma|magma|made of molten rock"),
    "water": (materials.water, "made of water|under water|underwater|ripples of water|blue water"),
    "ice": (materials.ice, "made of ice|frozen|carved in ice|an ice sculpture|covered by ice|cracked ice"),
    "snow": (weather.snow, "covered by snow|in the snow|snowy|a snowy winter picture|in a snowstorm"),
    "marble": (
        materials.marble,
        "made of marble|a marble statue|carved in marble|white marble|veined marble",
    ),
    "wood": (materials.wood, "made of wood|wooden|a wood carving|carved in wood|wood grain"),
    "metal": (
        materials.steel,
        "made of metal|made of steel|a steel sculpture|chrome|brushed steel|made of silver",
    ),
    "gold": (materials.gold, "made of gold|golden|a gold statue|cast in gold|a golden statue|shiny gold"),
    "rust": (materials.rust, "made of rusty iron|rusty|covered by rust|rusted metal|corroded iron"),
    "brick": (pieced.brick, "made of bricks|bricks|a brick wall|painted on a brick wall|red bricks"),
    "fur": (materials.fur, "made of fur|furry|covered by fur|hairy|fluffy fur"),
    "leaves": (materials.leaves, "made of leaves|covered by leaves|leafy|foliage|green leaves"),
    "grass": (materials.grass, "made of grass|grassy|covered by grass|a grass sculpture|green grass"),
    "sand": (materials.sand, "made of sand|a sand sculpture|sandy|desert sand|drawn in the sand"),
    "clouds": (materials.clouds, "made of clouds|a cloud in the sky|cloudy|white clouds|in the clouds"),
    "wool": (pieced.knitted, "made of wool|knitted|knitted wool|made of yarn|a knitted sweater pattern"),
    "night": (weather.night, "at night|in the moonlight|starry night|under the stars|a night picture"),
    "rain": (weather.rain, "in the rain|rainy|a rainy picture|behind a wet window|rainy weather"),
    "fog": (weather.fog, "in the fog|foggy|in the mist|a misty picture|misty"),
    "sunset": (weather.sunset, "at sunset|in the evening sun|at dusk|a sunset picture|golden evening light"),
}


def _entries(rows: dict[str, tuple[Draw, str]], kind: str) -> dict[str, Style]:
    return {
        name: Style(name, tuple(words.split("|")), kind, _bounded(draw))
        for name, (draw, words) in rows.items()
    }


STYLES: dict[str, Style] = {**_entries(_STYLES, "style"), **_entries(_MATERIALS, "material")}


def stylise(picture: Picture, name: str, rng: Rng) -> Picture:
    """The picture (H, W, 3) in [0, 1] in the named style, same shape and range.

    Raises:
        UsageError: no such style, or the picture is smaller than 16 pixels a side or not (H, W, 3).
    """
    if name not in STYLES:
        raise UsageError(
            f"no style is called '{name}'{did_you_mean(name, list(STYLES))}; known: {', '.join(STYLES)}"
        )
    if picture.ndim != 3 or picture.shape[2] != 3 or min(picture.shape[:2]) < 16:
        raise UsageError(
            f"a picture to stylise is (H, W, 3) with 16 pixels a side or more, not {picture.shape}"
        )
    return STYLES[name].apply(picture, rng)


FOLLOWS = frozenset(
    "in made at on under underwater by with behind seen drawn painted carved cast cut covered embroidered stitched "
    "sprayed printed burning frozen knitted".split()
)
_ARTICLES = ("a", "an", "the")
# What "... of a cat" may follow without an article: "pencil sketch of a cat", never "halftone of a cat".
_PICTURES = frozenset(
    "sketch drawing painting print photo woodcut linocut mosaic blueprint x-ray watercolour watercolor cut-out "
    "papercut embroidery".split()
)
_OF = ("{words} of {subject}", "{words} of {subject}")
_THING = (*_OF, "{subject} as {words}", "{subject}, {words}")
_FOLLOWING = ("{subject} {words}", "{subject} {words}", "{subject}, {words}")
_NAMED = ("{subject}, {words}", "{words}, {subject}")
_STYLED = ("{subject} in the style of {words}", "{subject} in {words} style", *_NAMED)
_DESCRIBED = ("{described}", "{described}", "{subject}, {words}")
_STUFF = (
    "{subject} made of {words}",
    "{subject} out of {words}",
    "{subject} covered by {words}",
    "{words}, {subject}",
)


def style_caption(style: Style, subject: str | None, rng: random.Random) -> str:
    """A caption for a picture in a style: "a pencil sketch of a cat", "a golden cat", "pencil sketch".

    Args:
        style: one of STYLES.
        subject: what is shown, with its article ("a cat"), or None for the style's words alone.
    """
    words = rng.choice((style.name, style.name, *style.synonyms))
    if subject is None:
        return rng.choice(_alone(style, words)).format(words=words)
    described = _described(words, subject)
    return rng.choice(_templates(style, words)).format(words=words, subject=subject, described=described)


def _alone(style: Style, words: str) -> tuple[str, ...]:
    first = words.split()[0]
    if style.kind == "material" or first in FOLLOWS:
        return ("{words}",)
    return (
        ("{words}", "in the style of {words}")
        if first in _ARTICLES
        else ("{words}", "{words}", "{words} style")
    )


def _templates(style: Style, words: str) -> tuple[str, ...]:
    """The sentences that wording goes into, by its first and last word."""
    first, last = words.split()[0], words.split()[-1]
    if first in FOLLOWS:
        return _FOLLOWING
    if first in _ARTICLES:
        return (*_THING, "{subject} in the style of {words}") if style.kind == "style" else _THING
    if style.kind == "style":
        return (*_STYLED, *_OF) if last in _PICTURES else _STYLED
    if words == style.name and f"made of {words}" in style.synonyms:
        return _STUFF if words.endswith("s") else (*_STUFF, "{described}")
    return _DESCRIBED if first == last and words.endswith(("y", "en")) else _NAMED


def _described(words: str, subject: str) -> str:
    """The words as an adjective, behind the subject's article if it has one: "an icy cat"."""
    article, _, rest = subject.partition(" ")
    if article not in _ARTICLES or not rest:
        return f"{words} {subject}"
    if article != "the":
        article = "an" if words[0] in "aeiou" else "a"
    return f"{article} {words} {rest}"
