"""Pictures of a run: preview frames, GIF, and MP4 with the extra `video`."""

from __future__ import annotations

import importlib
import re
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image

from .._base import DECODER_ERRORS, InputFileError, MissingError, UsageError
from .._files import (
    PendingFile,
    atomic_file,
    prepare_folder,
    prove_folder,
    reason,
    refuse_folder,
    write_error,
)
from .._resize import resize
from .callbacks import Step, Watcher
from .metadata import FRAME_MARK
from .pictures import write_png


class _Sampled(Watcher):
    """Takes every so many steps' pictures and always the last one, also of a run that stops early."""

    def __init__(self, every: int) -> None:
        if every < 1:
            raise UsageError(f"a picture every {every} steps cannot be taken; give 1 or more")
        self._every = every
        self._skipped: Step | None = None

    def see(self, step: Step) -> None:
        """Take the step's picture if it is its turn."""
        taken = step.index % self._every == 0
        self._skipped = None if taken else step
        if taken:
            self._take(step)

    def close(self) -> None:
        """Take the last step's picture."""
        if self._skipped is not None:
            self._take(self._skipped)

    @abstractmethod
    def _take(self, step: Step) -> None:
        """Store the step's picture."""


@torch.no_grad()
def _row(step: Step, max_side: int | None = None) -> torch.Tensor:
    """The samples of a step side by side, (1,3,H,W), each shrunk to at most max_side."""
    images = step.image().detach().float()
    height, width = images.shape[-2:]
    scale = min(1.0, max_side / max(height, width)) if max_side else 1.0
    images = resize(images, max(1, round(height * scale)), max(1, round(width * scale)))
    return torch.cat([image[None] for image in images], dim=-1).cpu()


def even(row: torch.Tensor) -> torch.Tensor:
    """Pictures with both sides even, as films need them: yuv420p halves the colours' resolution."""
    return F.pad(row, (0, row.shape[-1] % 2, 0, row.shape[-2] % 2), mode="replicate")


def add_pictures(av: Any, container: Any, rate: Any, height: int, width: int) -> Any:
    """A stream of pictures in a film, H.264 where the library can."""
    stream = container.add_stream("libx264" if "libx264" in av.codecs_available else "mpeg4", rate=rate)
    stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
    return stream


def levels_of(row: torch.Tensor) -> torch.Tensor:
    """(H,W,3) uint8 of a row; NaN becomes black, since a preview must not end the run."""
    levels = (row[0].nan_to_num(0, 1, 0).clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).contiguous()


# Tells frames from pictures of the user's that happen to be called alike.


class Frames(_Sampled):
    """Writes 00000.png, 00010.png ... into a folder; the samples of a batch stand side by side.

    The folder is made for the first of them, and frames of a former run are taken away then.

    Raises:
        InputFileError: the folder or a picture cannot be written.
    """

    def __init__(self, folder: str | Path, every: int = 10) -> None:
        super().__init__(every)
        self._folder = prove_folder(folder)
        self._begun = False

    def _take(self, step: Step) -> None:
        if not self._begun:
            prepare_folder(self._folder)
            _remove_frames(self._folder)
            self._begun = True
        write_png(_row(step), self._folder / f"{step.index:05d}.png", dict([FRAME_MARK]))


def _remove_frames(folder: Path) -> None:
    try:
        for path in folder.iterdir():
            if re.fullmatch(r"[0-9]{5,}\.png", path.name) and _is_frame(path):
                path.unlink()
    except OSError as error:
        raise write_error(folder, error) from error


def _is_frame(path: Path) -> bool:
    with suppress(*DECODER_ERRORS, Image.DecompressionBombError), Image.open(path, formats=("PNG",)) as image:
        return bool(image.info.get(FRAME_MARK[0]) == FRAME_MARK[1])
    return False


def _film_path(path: str | Path, suffix: str, fps: float) -> Path:
    path = Path(path)
    if path.suffix.lower() != suffix:
        raise UsageError(f"{path}: this output needs a name that ends in {suffix}")
    if not 0 < fps <= 100:
        raise UsageError(f"{fps} frames per second cannot be shown; give 1 to 100")
    prove_folder(path.parent)
    refuse_folder(path)
    return path


class Gif(_Sampled):
    """An endless GIF of the run, whose last frame stays for a second; written when closed, whole or not at all.

    Args:
        path: ends in .gif.
        every: a frame each so many steps.
        fps: frames per second.
        max_side: larger pictures are shrunk to it.

    Raises:
        InputFileError: the file cannot be written.
    """

    def __init__(self, path: str | Path, every: int = 1, fps: float = 20, max_side: int = 512) -> None:
        super().__init__(every)
        self._path, self._fps, self._max_side = _film_path(path, ".gif", fps), fps, max_side
        self._frames: list[Image.Image] = []

    def _take(self, step: Step) -> None:
        # 256 colours already here: a third of the memory until the end of the run.
        frame = Image.fromarray(levels_of(_row(step, self._max_side)).numpy())
        self._frames.append(frame.quantize(256))

    def close(self) -> None:
        """Write the file."""
        super().close()
        if not self._frames:
            return
        first, *others = self._frames
        prepare_folder(self._path.parent)
        durations = [max(10, round(1000 / self._fps))] * len(others) + [1000]
        with atomic_file(self._path) as temporary:
            first.save(
                temporary, format="GIF", save_all=True, append_images=others, duration=durations, loop=0
            )
        self._frames = []


class Mp4(_Sampled):
    """An H.264 film of the run, whose last frame stays for a second; whole or not at all.

    Args:
        path: ends in .mp4.
        every: a frame each so many steps.
        fps: frames per second.

    Raises:
        MissingError: PyAV is not installed.
        InputFileError: the file cannot be written.
    """

    def __init__(self, path: str | Path, every: int = 1, fps: int = 20) -> None:
        super().__init__(every)
        self._av = import_av()
        self._path, self._fps = _film_path(path, ".mp4", fps), fps
        self._pending: PendingFile | None = None
        self._container: Any = None
        self._stream: Any = None
        self._last: Any = None
        self._failed = False

    def _take(self, step: Step) -> None:
        self._guard(self._encode, levels_of(even(_row(step))))

    def _encode(self, levels: torch.Tensor) -> None:
        if self._pending is None:
            self._begin(*levels.shape[:2])
        self._last = self._av.VideoFrame.from_ndarray(levels.numpy(), format="rgb24")
        self._mux(self._last)

    def _begin(self, height: int, width: int) -> None:
        prepare_folder(self._path.parent)
        self._pending = PendingFile(self._path)
        self._container = self._av.open(str(self._pending.temporary), "w", format="mp4")
        self._stream = add_pictures(self._av, self._container, self._fps, height, width)

    def _mux(self, frame: Any) -> None:
        self._container.mux(self._stream.encode(frame))

    def _guard(self, work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except (OSError, ValueError, self._av.FFmpegError, InputFileError) as error:
            self._abandon()
            if isinstance(error, InputFileError):
                raise
            why = reason(error)
            raise InputFileError(
                f"{self._path}: the film cannot be written ({why}); free some space or choose another output"
            ) from error

    def _abandon(self) -> None:
        self._failed = True
        if self._container is not None:
            with suppress(OSError, ValueError, self._av.FFmpegError):
                self._container.close()
        if self._pending is not None:
            self._pending.discard()

    def _end(self) -> None:
        for _ in range(self._fps):
            self._last.pts = None  # so that the encoder counts it as a new frame
            self._mux(self._last)
        self._mux(None)
        self._container.close()

    def close(self) -> None:
        """Finish the film and give it its name."""
        if self._failed:
            return
        super().close()
        if self._pending is not None:
            self._guard(self._end)
            self._pending.commit()
            self._pending = None


def import_av() -> Any:
    """PyAV.

    Raises:
        MissingError: it is not installed.
    """
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise MissingError(
            f"MP4 needs {error.name or 'av'}, which is not installed: pip install 'promptbrush[video]'"
        ) from error
