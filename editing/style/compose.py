"""CLIPstyler (Kwon & Ye 2022) and its fast variants: a style by a network that is trained for it, or has it already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..._base import UsageError
from ...generators.style.styler import Styler, save_styler
from ...generators.style.transfer import StyleTransfer
from ..drivers import Latent
from ..edit import Edit, Output, Place
from ..models import Models
from .blending import blend_style, in_style
from .film import Film
from .picture_training import trained_picture, training
from .settings import StyleSettings
from .style_index import unknown_styles
from .style_networks import styled_network, word_styler_of
from .subjects import Photograph


@dataclass(kw_only=True)
class StyleOutput(Output):
    """A picture in a style.

    Attributes:
        transfer: the network that drew it.
        film: what the picture is a frame of; saved as .mp4, the result is the whole film.
    """

    transfer: StyleTransfer
    film: Film | None = None

    def save_styler(self, path: str | Path) -> None:
        """Write the network that was trained, for `--styler`.

        Raises:
            UsageError: it is none of ours. InputFileError: it cannot be written.
        """
        network = self.transfer.network
        if not isinstance(network, Styler) or network.shape["features"]:
            raise UsageError("only a styler that was trained for a style can be kept; choose network styler")
        save_styler(network, path)


def write_styler(result: Any, path: Path) -> None:
    """Write the network of a result, see `StyleOutput.save_styler`."""
    result.output.save_styler(path)


def compose(models: Models, subject: Photograph, settings: StyleSettings, place: Place | None = None) -> Edit:  # noqa: ARG001
    """The style transfer of a photograph: a training, or one pass of a network.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    transfer = styled_network(models, settings)
    if transfer is not None:
        ready = transfer
        edit = Edit(
            finish=lambda _: _output(subject, in_style(ready, subject.image, settings), ready, settings)
        )
    else:
        edit, trained = training(models, subject.image, settings)

        def finish(weights: Latent | None) -> StyleOutput:
            made = trained_picture(trained, weights, subject.image, settings)
            return _output(subject, made, trained, settings)

        edit.finish = finish
    edit.notes = (*_unknown(models, settings), *edit.notes)
    return edit


def _output(
    subject: Photograph, styled: Tensor, transfer: StyleTransfer, settings: StyleSettings
) -> StyleOutput:
    return StyleOutput(
        image=blend_style(subject.image, styled, settings, subject.mask),
        before=subject.image.cpu(),
        alpha=subject.alpha,
        transfer=transfer,
        film=subject.film,
    )


def _unknown(models: Models, settings: StyleSettings) -> tuple[str, ...]:
    """Remarks on styles that the embedded models can only guess."""
    if settings.styler or not models.pack.styler:
        return ()
    return unknown_styles(settings, word_styler_of(models), models.pack.name)
