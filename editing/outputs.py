"""Where the results of a command go, and what is written beside them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .._base import InputFileError, UsageError
from .consumers import Consumer, Trace
from .editor import Result
from .files import prepare_folder
from .films import Frames, Gif, Mp4
from .framing import strip
from .latents import save_latent
from .metadata import read_recipe
from .pictures import write_picture

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Extras:
    """What is written beside a result: name-strip.png, name-frames/, name.gif, .mp4, .trace.jsonl, latents."""

    strip: bool = False
    frames: bool = False
    gif: bool = False
    mp4: bool = False
    trace: bool = False
    latents: bool = False
    every: int = 5


def plan(
    names: Sequence[str], count: int, output: Path | None, word: str = "edit", overwrite: bool = False
) -> list[list[Path]]:
    """The output of each result: one list a subject, one path a variation.

    Without `output` the results go to the current folder under names that are still free. A result that
    promptbrush wrote may be written again; any other file only with `overwrite`.

    Args:
        names: one for each subject, e.g. the picture's name without its suffix.
        output: a file for a single subject, or a folder.

    Raises:
        UsageError: a file for several subjects, or of an unknown kind. InputFileError: a folder that cannot be
            written to, or a file that would be lost.
    """
    folder, stems, suffix = _folder_and_names(names, output, word)
    prepare_folder(folder)
    paths = [[folder / f"{stem}{_number(i, count)}{suffix}" for i in range(count)] for stem in stems]
    if output is None:
        return [[_free(path) for path in row] for row in paths]
    for path in (path for row in paths for path in row):
        _check_loss(path, overwrite)
    return paths


def _folder_and_names(names: Sequence[str], output: Path | None, word: str) -> tuple[Path, list[str], str]:
    own = [f"{name}-{word}" for name in _distinct(names)]
    if output is None:
        return Path(), own, ".png"
    if output.suffix == "" or output.is_dir():
        return output, own, ".png"
    if output.suffix.lower() not in PICTURES:
        raise UsageError(
            f"{output}: '{output.suffix}' is no kind of picture to write; use {', '.join(PICTURES)}"
        )
    if len(names) > 1:
        raise UsageError(f"{output}: {len(names)} pictures need a folder; give -o one without a suffix")
    return output.parent, [output.stem], output.suffix


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that occur twice, from two folders, get a number."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return result


def _number(index: int, count: int) -> str:
    return "" if count == 1 else f"-{index + 1:0{len(str(count))}}"


def _free(path: Path) -> Path:
    number, candidate = 2, path
    while candidate.exists():
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return candidate


def _check_loss(path: Path, overwrite: bool) -> None:
    if overwrite or not path.exists():
        return
    with suppress(InputFileError):
        read_recipe(path)
        return
    raise InputFileError(
        f"{path}: is there and was not made by promptbrush; choose another name or --overwrite"
    )


def consumers_for(path: Path, extras: Extras) -> list[Consumer]:
    """Those who watch the edit whose result goes to `path`.

    Raises:
        InputFileError: a file that cannot be made. MissingError: a film without the extra it needs.
    """
    found: list[Consumer] = []
    if extras.trace:
        found.append(Trace(path.with_suffix(".trace.jsonl")))
    if extras.frames:
        found.append(Frames(path.with_name(f"{path.stem}-frames"), extras.every))
    if extras.gif:
        found.append(Gif(path.with_suffix(".gif")))
    if extras.mp4:
        found.append(Mp4(path.with_suffix(".mp4")))
    return found


def save(result: Result, path: Path, extras: Extras, metadata: bool = True) -> list[Path]:
    """Write a result and what was asked for beside it; the files written.

    Raises:
        InputFileError: a file that cannot be written.
    """
    result.save(path, metadata)
    written = [path]
    if extras.strip:
        name = path.with_name(f"{path.stem}-strip.png")
        write_picture(strip([result.before, result.image], ["before", result.recipe.settings.prompt]), name)
        written.append(name)
    if extras.latents:
        for latent, word in ((result.start, "start"), (result.latent, "latent")):
            name = path.with_name(f"{path.stem}.{word}.safetensors")
            save_latent(name, latent)
            written.append(name)
    return written
