"""A result: the picture, what it was made of, and the recipe that makes it again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from .._base import PromptbrushError
from .._files import prepare_folder
from .drivers import Latent
from .edit import Output, Step
from .framing import strip
from .latents import save_latent
from .metadata import embed, to_exif
from .methods import METHODS, resolved
from .outputs import PICTURES
from .pictures import to_pillow, write_picture
from .record import Record, label

# Of EXIF in a JPEG: one marker holds no more.
_MOST_EXIF = 65_533


@dataclass(frozen=True)
class Result:
    """What a method made.

    Attributes:
        output: the tensors, and what else the method gives, such as the drawing of `shapes`.
        recipe: makes the same picture again; `save` embeds it.
        seed: of this result.
        losses: of every step, by name.
        seconds: how long it took.
        interrupted: stopped early; the best so far.
        failure: of a consumer, such as a film whose disk is full; the picture is whole all the same.
        notes: remarks for the user.
    """

    output: Output
    recipe: Record
    seed: int = 0
    losses: tuple[dict[str, float], ...] = ()
    seconds: float = 0.0
    interrupted: bool = False
    failure: PromptbrushError | None = None
    notes: tuple[str, ...] = ()

    @property
    def tensor(self) -> Tensor:
        """The picture, (1,3,H,W) in [0,1]."""
        return self.output.image

    @property
    def image(self) -> Image.Image:
        """The picture as Pillow has it, with its transparency."""
        return to_pillow(self.output.image, self.output.alpha)

    @property
    def before(self) -> Tensor | None:
        """What was edited, of the picture's size; None if the method edits nothing."""
        return self.output.before

    @property
    def latent(self) -> Latent | None:
        """The latent of the picture, if it has one."""
        return self.output.latent

    @property
    def start(self) -> Latent | None:
        """The latent of the picture as it was."""
        return self.output.start

    @property
    def score(self) -> float | None:
        """The method's own measure, larger is better; None if it has none."""
        return self.output.score

    def __repr__(self) -> str:
        width, height = (self.tensor.shape[-1], self.tensor.shape[-2])
        score = "" if self.score is None else f", score {self.score:.3f}"
        return f"<{self.recipe.method} result, {width}x{height} px, seed {self.seed}{score}>"

    def _repr_png_(self) -> bytes:
        """For notebooks."""
        buffer = io.BytesIO()
        self.image.save(buffer, format="PNG")
        return buffer.getvalue()

    def metadata(self) -> dict[str, str]:
        """What its file carries."""
        return {**embed(self.recipe.to_toml()), **self.output.metadata}

    def save(self, path: str | Path, metadata: bool = True) -> None:
        """Write the result: .png, .jpg or .webp with its recipe inside, or another kind that the method has.

        Raises:
            UsageError: an unknown suffix. InputFileError: the file cannot be written.
        """
        for _ in self.written(path, metadata):
            pass

    def written(self, path: str | Path, metadata: bool = True) -> Iterator[Step]:
        """As `save`; a step for each part of a long work that is done, such as a frame of a film."""
        path = Path(path)
        prepare_folder(path.parent)
        kinds = METHODS.load(self.recipe.method).kinds
        if path.suffix.lower() in kinds and path.suffix.lower() not in PICTURES:
            yield from resolved(kinds[path.suffix.lower()])(self, path) or ()
            return
        held = self.metadata() if metadata else None
        write_picture(self.output.image, path, held, self.output.alpha)

    def recipe_fits(self, path: Path) -> bool:
        """Whether a picture of this suffix can hold the recipe: a JPEG may be too small for a long prompt."""
        if path.suffix.lower() not in (".jpg", ".jpeg"):
            return True
        return len(to_exif(self.metadata()).tobytes()) <= _MOST_EXIF


def write_strip(result: Any, path: Path) -> None:
    """The picture before and after, side by side."""
    labels = ["before", label(getattr(result.recipe.settings, "prompt", "")) or "after"]
    write_picture(strip([result.before, result.tensor], labels), path)


def write_latent(result: Any, path: Path) -> None:
    """The latent of the picture."""
    save_latent(path, result.latent, tuned=result.output.tuned)
