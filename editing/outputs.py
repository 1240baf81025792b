"""Where the results of a command go, and what is written beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .._base import Entry, InputFileError, UsageError, load_target
from .._files import prepare_folder, write_error
from .consumers import Consumer, Trace
from .editor import Result
from .films import Frames, Gif, Mp4
from .framing import strip
from .latents import save_latent
from .metadata import embed, read_recipe, to_exif
from .named import label
from .pictures import write_picture

# Of EXIF in a JPEG: one marker holds no more.
_MOST_EXIF = 65_533
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

    def check(self) -> None:
        """Find out whether everything is installed that these need.

        Raises:
            MissingError: it is not.
        """
        if self.mp4:
            load_target(Entry("av:open", "video"), "an MP4")

    def beside(self, path: Path) -> list[Path]:
        """The files and folders that are written beside a result at `path`."""
        named = {
            path.with_name(f"{path.stem}-strip.png"): self.strip,
            path.with_name(f"{path.stem}-frames"): self.frames,
            path.with_suffix(".gif"): self.gif,
            path.with_suffix(".mp4"): self.mp4,
            path.with_suffix(".trace.jsonl"): self.trace,
            path.with_suffix(".start.safetensors"): self.latents,
            path.with_suffix(".latent.safetensors"): self.latents,
        }
        return [name for name, wanted in named.items() if wanted]


@dataclass(frozen=True)
class Care:
    """What must not be lost when results are written.

    Attributes:
        inputs: files that are read; no result takes their place.
        overwrite: replace files that promptbrush did not make.
        beside: the path of a result -> what else is written with it.
    """

    inputs: Sequence[Path] = ()
    overwrite: bool = False
    beside: Callable[[Path], list[Path]] = lambda path: []


def plan(
    names: Sequence[str],
    count: int,
    output: Path | None,
    word: str = "edit",
    care: Care | None = None,
    kinds: tuple[str, ...] = PICTURES,
) -> list[list[Path]]:
    """The output of each result: one list a subject, one path a variation.

    Without `output` the results go to the current folder under names that are still free. A result that
    promptbrush wrote may be written again with what lies beside it; any other file only if `care` allows.
    Nothing is made yet, also no folder.

    Args:
        names: one for each subject, e.g. the picture's name without its suffix.
        output: a file for a single subject, or a folder.
        kinds: suffixes that a file may have; the first is that of files which the command names.

    Raises:
        UsageError: a file for several subjects, of an unknown kind, or one that is read. InputFileError: a folder
            that cannot be written to, or a file that would be lost.
    """
    care = care or Care()
    folder, stems, suffix = _folder_and_names(names, output, word, kinds)
    paths = [[folder / f"{stem}{_number(i, count)}{suffix}" for i in range(count)] for stem in stems]
    if output is None:
        paths = [[_free(path, care) for path in row] for row in paths]
    for path in (path for row in paths for path in row):
        _check_loss(path, care)
    _prove(folder)
    return paths


def _prove(folder: Path) -> None:
    """Make the folder, to see that it can be, and unmake it: there may be no result to put in."""
    try:
        made = [each for each in (folder, *folder.parents) if not _is_there(each)]
        prepare_folder(folder)
        for each in made:
            each.rmdir()
    except (OSError, ValueError) as error:
        raise write_error(folder, error) from error


def _folder_and_names(
    names: Sequence[str], output: Path | None, word: str, kinds: tuple[str, ...]
) -> tuple[Path, list[str], str]:
    own = [f"{name}-{word}" for name in _distinct(names)]
    if output is None:
        return Path(), own, kinds[0]
    if output.suffix == "" or (_is_there(output) and output.is_dir()):
        return output, own, kinds[0]
    if output.suffix.lower() not in kinds:
        what = "picture" if kinds == PICTURES else "film"
        raise UsageError(f"{output}: '{output.suffix}' is no kind of {what} to write; use {', '.join(kinds)}")
    if len(names) > 1:
        raise UsageError(f"{output}: {len(names)} pictures need a folder; give -o one without a suffix")
    return output.parent, [output.stem], output.suffix


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that occur twice, from two folders, get a number that no other has."""
    result: list[str] = []
    for name in names:
        chosen, number = name, 2
        while chosen in result or (chosen != name and chosen in names):
            chosen, number = f"{name}-{number}", number + 1
        result.append(chosen)
    return result


def _number(index: int, count: int) -> str:
    return "" if count == 1 else f"-{index + 1:0{len(str(count))}}"


def _free(path: Path, care: Care) -> Path:
    number, candidate = 2, path
    while any(_is_there(each) for each in (candidate, *care.beside(candidate))):
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return candidate


def _check_loss(path: Path, care: Care) -> None:
    there = [each for each in (path, *care.beside(path)) if _is_there(each)]
    read = {given.resolve() for given in care.inputs}
    for each in there:
        if each.resolve() in read:
            raise UsageError(f"{each}: is read by this command; choose another name for the result")
    if there and not care.overwrite and not _is_own(path):
        raise InputFileError(
            f"{there[0]}: is there and was not made by promptbrush; choose another name or --overwrite"
        )


def _is_own(path: Path) -> bool:
    with suppress(InputFileError):
        return bool(read_recipe(path))
    return False


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError) as error:
        raise write_error(path, error) from error


def consumers_for(path: Path, extras: Extras) -> list[Consumer]:
    """Those who watch the edit whose result goes to `path`.

    Raises:
        InputFileError: a file that cannot be made. MissingError: a film without the extra it needs.
    """
    found: list[Consumer] = []
    # First the one that may lack its extra: the others make files at once.
    if extras.mp4:
        found.append(Mp4(path.with_suffix(".mp4")))
    if extras.gif:
        found.append(Gif(path.with_suffix(".gif")))
    if extras.frames:
        found.append(Frames(path.with_name(f"{path.stem}-frames"), extras.every))
    if extras.trace:
        found.append(Trace(path.with_suffix(".trace.jsonl")))
    return found


def recipe_fits(result: Result, path: Path) -> bool:
    """Whether a picture of this suffix can hold the recipe: a JPEG may be too small for a long prompt."""
    if path.suffix.lower() not in (".jpg", ".jpeg"):
        return True
    return len(to_exif(embed(result.recipe.to_toml())).tobytes()) <= _MOST_EXIF


def save(result: Result, path: Path, extras: Extras, metadata: bool = True) -> list[Path]:
    """Write a result and what was asked for beside it; everything that is there now, consumers' files included.

    A recipe that the picture cannot hold is left out; `recipe_fits` tells.

    Raises:
        InputFileError: a file that cannot be written.
    """
    prepare_folder(path.parent)
    result.save(path, metadata and recipe_fits(result, path))
    if extras.strip:
        pictures, labels = [result.before, result.image], ["before", label(result.recipe.settings.prompt)]
        write_picture(strip(pictures, labels), path.with_name(f"{path.stem}-strip.png"))
    if extras.latents:
        save_latent(path.with_suffix(".start.safetensors"), result.start)
        save_latent(path.with_suffix(".latent.safetensors"), result.latent)
    return [each for each in (path, *extras.beside(path)) if _is_there(each)]
