"""What is written of a drawing: pictures of any size, SVG, JSON, and the curve of its losses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..._base import Entry, InputFileError, UsageError, load_target
from ..._files import atomic_file, input_file, prepare_folder, read_text
from ...generators.shapes import Drawing, from_json, from_svg, to_json, to_svg
from ..consumers import Consumer, Frames, Gif, Mp4, Trace
from ..metadata import embed
from ..outputs import PICTURES
from ..pictures import write_picture
from .curve import plot

if TYPE_CHECKING:
    from .method import ShapesResult

_MOST_BYTES = 2**25
# So many pictures a film has, about.
_FRAMES = 100


@dataclass(frozen=True)
class ShapesExtras:
    """What is written beside a drawing: name.svg, .json, .gif, .mp4, .trace.jsonl, name-frames/, name-curve.png."""

    svg: bool = True
    json: bool = True
    gif: bool = False
    mp4: bool = False
    frames: bool = False
    trace: bool = False
    curve: bool = False

    def check(self) -> None:
        """Find out whether everything is installed that these need.

        Raises:
            MissingError: it is not.
        """
        if self.mp4:
            load_target(Entry("av:open", "video"), "an MP4")

    def beside(self, path: Path) -> list[Path]:
        """The files and folders that are written beside a drawing at `path`."""
        named = {
            path.with_suffix(".svg"): self.svg,
            path.with_suffix(".json"): self.json,
            path.with_suffix(".gif"): self.gif,
            path.with_suffix(".mp4"): self.mp4,
            path.with_name(f"{path.stem}-frames"): self.frames,
            path.with_suffix(".trace.jsonl"): self.trace,
            path.with_name(f"{path.stem}-curve.png"): self.curve,
        }
        return [name for name, wanted in named.items() if wanted]

    def consumers(self, path: Path, steps: int) -> list[Consumer]:
        """Those that watch a search of so many steps."""
        every = max(1, steps // _FRAMES)
        found: list[Consumer] = []
        if self.gif:
            found.append(Gif(path.with_suffix(".gif"), every=every))
        if self.mp4:
            found.append(Mp4(path.with_suffix(".mp4"), every=every))
        if self.frames:
            found.append(Frames(path.with_name(f"{path.stem}-frames"), every))
        if self.trace:
            found.append(Trace(path.with_suffix(".trace.jsonl")))
        return found


def write_drawing(
    result: ShapesResult, path: Path, height: int | None = None, recipe: str | None = None
) -> None:
    """Write a drawing as .png, .jpg, .webp, .svg or .json.

    Args:
        height: of a picture in pixels; that of the canvas by default.
        recipe: to keep in a picture.

    Raises:
        UsageError: another suffix. InputFileError: it cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix == ".svg":
        _write_text(path, to_svg(result.drawing))
    elif suffix == ".json":
        _write_text(path, to_json(result.drawing, settings=result.settings.model_dump(exclude_none=True)))
    elif suffix in PICTURES:
        image = result.image if height is None else result.drawing.picture(height)
        write_picture(image, path, embed(recipe) if recipe else None)
    else:
        raise UsageError(
            f"{path}: '{suffix}' is no kind of drawing to write; use .svg, .json, {', '.join(PICTURES)}"
        )


def _write_text(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def save(
    result: ShapesResult, path: Path, extras: ShapesExtras, height: int | None, recipe: str | None
) -> list[Path]:
    """Write a drawing and what was asked for beside it; all that is there now, consumers' files included.

    Raises:
        InputFileError: a file that cannot be written.
    """
    prepare_folder(path.parent)
    write_drawing(result, path, height, recipe)
    for suffix, wanted in ((".svg", extras.svg), (".json", extras.json)):
        if wanted:
            write_drawing(result, path.with_suffix(suffix))
    if extras.curve:
        curve = plot({"loss of a step": list(result.losses)}, "step", "loss")
        write_picture(curve, path.with_name(f"{path.stem}-curve.png"))
    return [each for each in (path, *extras.beside(path)) if each.exists()]


def read_drawing(path: str | Path) -> Drawing:
    """The shapes of an .svg or .json that promptbrush wrote.

    Raises:
        InputFileError: anything else.
    """
    path = input_file(path)
    if path.suffix.lower() not in (".svg", ".json"):
        raise InputFileError(f"{path}: shapes are read from .svg or .json; give one that promptbrush wrote")
    text = read_text(path, _MOST_BYTES, "a drawing")
    return (from_svg if path.suffix.lower() == ".svg" else from_json)(text, str(path))


def described(result: ShapesResult) -> str:
    """How near the answer came, in a line."""
    if result.settings.prompt:
        return f"CLIP's cosine {-result.loss:.3f}"
    return f"{100 * (1 - result.loss):.2f} % like the target (100 % - {result.settings.loss.upper()})"
