"""What gets a style: a photograph and where it may change, or a film."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..._base import UsageError
from ..edit import Source
from ..models import Models
from ..pictures import Picture, read_mask
from .film import Film, middle_frame, open_film
from .regions import region_mask
from .settings import FILMS, StyleSettings


@dataclass(frozen=True)
class Photograph:
    """A photograph and where it may change.

    Attributes:
        image: (1,3,H,W) in [0,1]; of a film, the frame that stands for it.
        mask: (1,1,H,W) in [0,1], 1 where the style shows; None: everywhere.
        alpha: (1,1,H,W) in [0,1], its own transparency.
        film: that it is a frame of.
    """

    image: Tensor
    mask: Tensor | None = None
    alpha: Tensor | None = None
    film: Film | None = None


def check(settings: StyleSettings, source: Source) -> None:
    """Find what is wrong with an input before a model is loaded.

    Raises:
        UsageError: settings that do not fit it. InputFileError, MissingError: a film that cannot be read.
    """
    if source.path is not None and source.path.suffix.lower() in FILMS:
        if settings.mask or settings.region or settings.keep_subject:
            raise UsageError(
                f"{source.path}: a film gets its style as a whole; leave mask, region and keep_subject out"
            )
        open_film(source.path)
    elif settings.smooths:
        raise UsageError("smooth has no effect on pictures; leave it out, or give a film")


def open_subject(models: Models, source: Source, settings: StyleSettings) -> Photograph:
    """The input of a style transfer.

    Raises:
        InputFileError: it cannot be read. UsageError: the region is nowhere.
    """
    if source.picture is None:
        if source.path is None:
            raise UsageError("PICTURE is missing; give the photograph or the film that gets the style")
        film = open_film(source.path)
        return Photograph(middle_frame(film), film=film)
    picture: Picture = source.picture
    mask = read_mask(settings.mask, picture) if settings.mask else None
    return Photograph(picture.image, region_mask(models, picture.image, mask, settings), picture.alpha)
