"""Drawings as SVG with names of what they show, and how they become pixels."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...._base import InputFileError, MissingError

CLIP_ART = "openclipart"
# How much a page is enlarged at most to fill the picture; what is smaller still stays small.
MAX_ZOOM = 8
# Size of the page on which the picture's place is looked for.
_MEASURED = 256
# Fainter pixels do not count as part of the picture.
_VISIBLE = 8


@dataclass(frozen=True)
class Drawing:
    """An icon or a piece of clip art.

    Args:
        svg: a whole SVG document.
        concept: what is shown, the same for all sets that show it: for icons a code point sequence such as
            "1f408", for clip art the path below its folder.
        origin: "noto", "fluent-emoji-flat", "fluent-emoji", "twemoji" or "openclipart".
        names: what it shows in lower-case words, best first.
    """

    svg: str
    concept: str
    origin: str
    names: tuple[str, ...]


def draw(drawing: Drawing, size: int) -> NDArray[np.uint8]:
    """The picture, centred and whole: uint8 (size, size, 4), RGBA with straight alpha.

    Icons keep the margin that their set gave them, because it tells small things from large ones. Clip art lies
    anywhere on its page, so the page is cut to what can be seen.

    Raises:
        InputFileError: a broken SVG.
        MissingError: the package resvg-py is not installed.
    """
    page = _cut_page(drawing, size) if drawing.origin == CLIP_ART else _page(drawing, size)
    square = Image.new("RGBA", (size, size))
    square.paste(page, ((size - page.width) // 2, (size - page.height) // 2))
    return np.array(square)


def _cut_page(drawing: Drawing, size: int) -> Image.Image:
    """What can be seen of the page, with its longer side `size` or a little less."""
    measured = _page(drawing, _MEASURED)
    box = _visible_box(measured)
    if box is None:
        return _page(drawing, size)
    zoom = min(size / max(box[2] - box[0], box[3] - box[1]), MAX_ZOOM * size / _MEASURED)
    page = _page(drawing, round(_MEASURED * zoom))
    page = page.crop(_visible_box(page))
    if max(page.size) <= size:
        return page
    # Rounding left it a pixel too large. Premultiplied, or the clear pixels' colour would bleed in.
    return page.convert("RGBa").resize(_fitted(page.size, size), Image.Resampling.BOX).convert("RGBA")


def is_visible(picture: NDArray[np.uint8]) -> bool:
    """Whether an RGBA picture (H,W,4) shows something on white: neither empty nor one colour nor all white."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    shown = picture[..., :3] * alpha + 255 * (1 - alpha)
    return bool((alpha > 0.25).mean() > 0.02 and shown.std(axis=(0, 1)).max() > 10)


def _page(drawing: Drawing, size: int) -> Image.Image:
    """The whole page with its longer side `size`."""
    try:
        import resvg_py
    except ModuleNotFoundError as error:
        raise MissingError("drawing icons needs resvg_py: pip install 'promptbrush[train]'") from error
    try:
        # Without dpi, a page measured in points or millimetres has no size.
        png = resvg_py.svg_to_bytes(
            svg_string=drawing.svg, width=size, height=size, dpi=96, skip_system_fonts=True
        )
        return Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputFileError(
            f"{drawing.origin} {drawing.concept}: cannot be drawn ({reason}); leave it out"
        ) from error


def _visible_box(page: Image.Image) -> tuple[int, int, int, int] | None:
    return page.getchannel("A").point([255 if alpha >= _VISIBLE else 0 for alpha in range(256)]).getbbox()


def _fitted(shape: tuple[int, int], size: int) -> tuple[int, int]:
    scale = size / max(shape)
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))
