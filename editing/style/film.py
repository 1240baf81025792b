"""Films in a style, frame by frame, with what hardly moves held still; sound is kept as it is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..._base import InputFileError, UsageError
from ..._files import PendingFile, input_file, reason
from ..edit import Step
from ..films import add_pictures, even, import_av, levels_of
from .blending import blend_style, in_style

# Pixels whose colours differ by less than this, over a few pixels around, count as still.
_STILL, _AROUND = 0.03, 7


@dataclass(frozen=True)
class Film:
    """A film that can be read.

    Attributes:
        frames: how many, about; 0 if the file does not say. rate: of them a second.
    """

    path: Path
    height: int
    width: int
    frames: int
    rate: Any


def open_film(path: str | Path) -> Film:
    """What a film is like.

    Raises:
        MissingError: PyAV is not installed. InputFileError: no film, or a damaged one.
    """
    av, path = import_av(), input_file(path)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputFileError(f"{path}: there are no pictures in it; give a film")
            stream = container.streams.video[0]
            rate = stream.average_rate or 25
            return Film(path, stream.height, stream.width, stream.frames, rate)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputFileError(
            f"{path}: cannot be read as a film ({reason(error)}); convert it to MP4"
        ) from error


def frames(film: Film) -> Iterator[Tensor]:
    """All frames, (1,3,H,W) in [0,1].

    Raises:
        InputFileError: the film is damaged.
    """
    av = import_av()
    try:
        with av.open(str(film.path)) as container:
            for frame in container.decode(video=0):
                levels = torch.from_numpy(frame.to_ndarray(format="rgb24"))
                yield levels.permute(2, 0, 1)[None].float() / 255
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputFileError(f"{film.path}: is damaged ({reason(error)}); convert it to MP4") from error


def middle_frame(film: Film) -> Tensor:
    """The frame that stands for a film, (1,3,H,W) in [0,1].

    Raises:
        InputFileError: the film is damaged, or has no frames.
    """
    for wanted in (film.frames // 2, 0):  # a file may promise more frames than it has
        for frame in itertools.islice(frames(film), wanted, None):
            return frame
    raise InputFileError(f"{film.path}: there are no pictures in it; give a film")


class Steady:
    """Keeps what hardly moves: a style's noise would flicker in it.

    Args:
        smooth: fraction of the previous frame that stays where nothing moves.
    """

    def __init__(self, smooth: float) -> None:
        self.smooth = smooth
        self.before: tuple[Tensor, Tensor] | None = None

    def __call__(self, photo: Tensor, styled: Tensor) -> Tensor:
        """The styled frame (1,3,H,W) with its still parts drawn towards those of the previous frame."""
        if self.before is not None and self.smooth:
            apart = (photo - self.before[0]).abs().mean(1, keepdim=True)
            around = F.avg_pool2d(apart, _AROUND, 1, _AROUND // 2, count_include_pad=False)
            still = torch.exp(-((around / _STILL) ** 2))
            styled = torch.lerp(styled, self.before[1], self.smooth * still)
        self.before = (photo, styled)
        return styled


def write_film(result: Any, path: Path) -> Iterator[Step]:
    """Write a result's film as MP4, frame by frame, whole or not at all; a step for each frame that is done.

    Raises:
        UsageError: the result is a picture. InputFileError: the film cannot be read or written.
    """
    film, settings = result.output.film, result.recipe.settings
    if film is None:
        raise UsageError(f"{path}: this result is a picture; save it as .png")
    av, steady, transfer = import_av(), Steady(settings.smooth), result.output.transfer
    pending = PendingFile(path)
    try:
        with av.open(str(pending.temporary), "w", format="mp4") as target, av.open(str(film.path)) as source:
            sides = (film.height + film.height % 2, film.width + film.width % 2)
            picture = add_pictures(av, target, film.rate, *sides)
            sound = _sound(source, target)
            for index, photo in enumerate(frames(film)):
                made = steady(photo, blend_style(photo, in_style(transfer, photo, settings), settings))
                levels = levels_of(even(made))
                target.mux(picture.encode(av.VideoFrame.from_ndarray(levels.numpy(), format="rgb24")))
                yield _step(index, film, made)
            target.mux(picture.encode(None))
            _copy(source, sound, target)
        pending.commit()
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputFileError(
            f"{path}: the film cannot be written ({reason(error)}); free some space or choose another output"
        ) from error
    finally:
        pending.discard()


def _step(index: int, film: Film, image: Tensor) -> Step:
    return Step(
        index, max(film.frames, index + 1), {}, torch.zeros(1, dtype=torch.long), image, lambda: image
    )


def _sound(source: Any, target: Any) -> tuple[Any, Any] | None:
    """The sound's stream in both films, if there is one that an MP4 holds as it is."""
    streams = [
        each for each in source.streams.audio if each.codec_context.name in ("aac", "mp3", "ac3", "alac")
    ]
    return (streams[0], target.add_stream_from_template(streams[0])) if streams else None


def _copy(source: Any, sound: tuple[Any, Any] | None, target: Any) -> None:
    if sound is None:
        return
    for packet in source.demux(sound[0]):
        if packet.dts is not None:
            packet.stream = sound[1]
            target.mux(packet)
