"""Photographs in a style: train a network for one, or draw it with one that is trained already (CLIPstyler)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from ..._base import PromptbrushError, UsageError
from ...generators.packs.pack import load_pack
from ...generators.style.styler import Styler, save_styler
from ...generators.style.stylist import Stylist
from ..doctor import resolve_device
from ..models import ModelChoice
from ..optimise import signed_prompts
from ..pictures import Picture, read_picture, write_picture
from ..running import run_to_end
from ..watching import Consumer
from .finish import finished, in_style
from .regions import region_mask
from .settings import StyleSettings, style_settings
from .stylists import Published, Taught, fast_stylist, named_stylist
from .task import Task, task_of


@dataclass(frozen=True)
class StyleResult:
    """A picture in a style.

    Attributes:
        image, before: (1,3,H,W) in [0,1], the result and the photograph.
        stylist: the network that drew it.
        losses: of every step.
        alpha: (1,1,H,W), the photograph's own transparency.
        interrupted: stopped early. failure: of a consumer. notes: remarks for the user.
    """

    image: Tensor
    before: Tensor
    stylist: Stylist
    settings: StyleSettings
    losses: tuple[float, ...] = ()
    alpha: Tensor | None = None
    interrupted: bool = False
    failure: PromptbrushError | None = None
    notes: tuple[str, ...] = ()

    def save(self, path: str | Path) -> None:
        """Write the picture as .png, .jpg or .webp.

        Raises:
            UsageError, InputFileError: as `write_picture`.
        """
        write_picture(self.image, path, None, self.alpha)

    def save_styler(self, path: str | Path) -> None:
        """Write the network that was trained, for `--styler`.

        Raises:
            UsageError: it is none of ours. InputFileError: it cannot be written.
        """
        network = self.stylist.network
        if not isinstance(network, Styler) or network.shape["features"]:
            raise UsageError("only a styler that was trained for a style can be kept; take --network styler")
        save_styler(network, path)


@dataclass(frozen=True)
class Canvas:
    """A photograph and where it may change.

    Attributes:
        image: (1,3,H,W) in [0,1]. mask, alpha: (1,1,H,W) in [0,1] or None.
    """

    image: Tensor
    mask: Tensor | None = None
    alpha: Tensor | None = None
    notes: tuple[str, ...] = field(default=())


def run_task(
    task: Task, canvas: Canvas, consumers: Sequence[Consumer] = (), checkpoint: Path | None = None
) -> StyleResult:
    """Train to the end and draw; Ctrl-C ends the training early.

    Args:
        checkpoint: a file that keeps the state; where it exists already, the training goes on from it.

    Raises:
        KeyboardInterrupt: before the first step.
        InputFileError: the checkpoint is of another run or cannot be written.
    """
    interrupted, failure = run_to_end(task, consumers, checkpoint)
    made = finish(canvas, task.picture(), task.settings)
    losses, notes = tuple(task.losses), (*canvas.notes, *task.notes)
    return StyleResult(
        made,
        canvas.image,
        task.stylist,
        task.settings,
        losses,
        canvas.alpha,
        interrupted,
        failure,
        notes,
    )


def draw(stylist: Stylist, canvas: Canvas, settings: StyleSettings) -> StyleResult:
    """A picture by a network that has its style already, in one pass."""
    made = finish(canvas, in_style(stylist, canvas.image, settings), settings)
    return StyleResult(made, canvas.image, stylist, settings, alpha=canvas.alpha, notes=canvas.notes)


def finish(canvas: Canvas, made: Tensor, settings: StyleSettings) -> Tensor:
    """The result of a styled picture, on the CPU."""
    return finished(
        canvas.image.cpu(),
        made.cpu(),
        settings.strength,
        settings.colours,
        settings.contrast,
        canvas.mask,
    )


def style(
    photo: str | Path | Tensor,
    prompt: str = "",
    *,
    fast: bool = False,
    styler: str | None = None,
    mask: Tensor | None = None,
    preset: str = "default",
    models: ModelChoice | None = None,
    published: Published | None = None,
    **settings: Any,
) -> StyleResult:
    """A photograph in a style: `promptbrush.style("cat.jpg", "a stained glass window").save("glass.png")`.

    Args:
        photo: a file, or (1,3,H,W) in [0,1].
        prompt: the style, in the notation of `parse_prompts`.
        fast: one pass of the network that knows every style, instead of training one for this picture.
        styler: name or file of a network that is trained already; several with commas and weights.
        mask: (1,1,H,W) in [0,1], 1 where the style shows.
        preset: "default" or "paper".
        models: the pack, the CLIP and the device.
        published: files of published networks.
        settings: fields of `StyleSettings`.

    Raises:
        UsageError, InputFileError, MissingError: in one line that says what to do.
    """
    wanted, choice = style_settings(preset, prompt=prompt, **settings), models or ModelChoice()
    canvas = canvas_of(photo, mask, wanted, choice)
    stylist = trained(wanted, choice, fast, styler, published or Published())
    if stylist is not None:
        return draw(stylist, canvas, wanted)
    return run_task(task_of(wanted, canvas.image, choice), canvas)


def canvas_of(
    photo: str | Path | Tensor, mask: Tensor | None, settings: StyleSettings, choice: ModelChoice
) -> Canvas:
    """Read a photograph and find where it may change.

    Raises:
        InputFileError: it cannot be read. UsageError: the region is nowhere.
    """
    picture = Picture(None, photo) if isinstance(photo, Tensor) else read_picture(photo)
    where = region_mask(picture.image, mask, settings, choice)
    return Canvas(picture.image, where, picture.alpha, picture.notes)


def trained(
    settings: StyleSettings,
    choice: ModelChoice,
    fast: bool,
    styler: str | None,
    published: Published,
    known: Taught | None = None,
) -> Stylist | None:
    """The network that has its style already, if one is asked for.

    Args:
        known: the pack's styler with its CLIP, if they are loaded already.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    if fast and styler:
        raise UsageError("--fast makes a styler of words, and --styler names one; give one of them")
    device, pack = resolve_device(choice.device), load_pack(choice.pack)
    if styler:
        return named_stylist(styler, pack, published, device)[0]
    if not fast:
        return None
    if not settings.prompt.strip():
        raise UsageError('there is no style; write one, such as "a stained glass window"')
    prompts = signed_prompts(settings.prompt, settings.negative)
    return fast_stylist(prompts, pack, device, published, choice.clip, known, choice.offline)
