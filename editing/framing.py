"""A picture of any shape in a generator's square and back, without squashing; before/after strips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont

from .._base import UsageError
from .._resize import resize, stretch


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in its square.

    Attributes:
        height, width: the original picture's size.
        size: the side of the square.
        top, left, inner_height, inner_width: the rectangle of the square that shows the picture.
    """

    height: int
    width: int
    size: int
    top: int
    left: int
    inner_height: int
    inner_width: int

    def restore(self, square: torch.Tensor) -> torch.Tensor:
        """The picture in a square, at its original size and aspect.

        Args:
            square: (B,C,s,s); s may differ from `size` (a generator's output at another resolution).

        Returns:
            (B,C,height,width), clamped to [0,1].
        """
        return self._restored(square, resize)

    def spread(self, square: torch.Tensor) -> torch.Tensor:
        """Like `restore`, for numbers of any size, which are interpolated linearly and not clamped."""
        return self._restored(square, stretch)

    def _restored(
        self, square: torch.Tensor, to_size: Callable[[torch.Tensor, int, int], torch.Tensor]
    ) -> torch.Tensor:
        if square.ndim != 4 or square.shape[-1] != square.shape[-2]:
            raise UsageError(f"a square (B,C,s,s) is needed, not {tuple(square.shape)}; letterbox it first")
        if square.shape[-1] != self.size:
            square = to_size(square, self.size, self.size)
        inner = square[..., self.top : self.top + self.inner_height, self.left : self.left + self.inner_width]
        return to_size(inner, self.height, self.width)


def letterbox(image: torch.Tensor, size: int, fill: str = "edge") -> tuple[torch.Tensor, Placement]:
    """Fit a picture into a square by padding its short sides; its aspect stays.

    Args:
        image: (B,C,H,W) in [0,1].
        size: side of the square.
        fill: what to pad with: "edge" repeats the border, "mean" takes each picture's mean colour.

    Returns:
        the square (B,C,size,size) and the Placement that leads back.
    """
    height, width = image.shape[-2:]
    scale = size / max(height, width)
    inner_h, inner_w = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (size - inner_h) // 2, (size - inner_w) // 2
    inner = resize(image, inner_h, inner_w)
    place = Placement(height, width, size, top, left, inner_h, inner_w)
    return _pad(inner, place, fill), place


def _pad(inner: torch.Tensor, place: Placement, fill: str) -> torch.Tensor:
    right = place.size - place.left - place.inner_width
    bottom = place.size - place.top - place.inner_height
    sides = (place.left, right, place.top, bottom)
    if fill == "edge":
        return F.pad(inner, sides, mode="replicate")
    if fill == "mean":
        mean = inner.mean(dim=(-2, -1), keepdim=True)
        return F.pad(inner - mean, sides) + mean
    raise UsageError(f"letterbox fill '{fill}' is not known; known: edge, mean")


def paste_back(
    original: torch.Tensor,
    edited_square: torch.Tensor,
    placement: Placement,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Put an edited square back into the picture that it came from.

    Args:
        original: (1,3,H,W), the picture that `letterbox` was given.
        edited_square: (B,3,s,s) of any resolution.
        mask: (1 or B,1,H,W) over the original or (1 or B,1,s,s) over the square, in [0,1]: where the edit
            shows; soft edges blend. None shows it everywhere.

    Returns:
        (B,3,H,W); pixels with mask 0 are the original's, bit for bit.
    """
    edited = placement.restore(edited_square)
    if mask is None:
        return edited
    if mask.shape[-2:] == edited_square.shape[-2:]:
        mask = placement.restore(mask)
    if mask.shape[-2:] != original.shape[-2:]:
        raise UsageError(
            f"the mask is {mask.shape[-1]}x{mask.shape[-2]}, the picture {original.shape[-1]}x{original.shape[-2]}; "
            "give a mask of the picture's size"
        )
    return blend(original, edited, mask)


def blend(original: torch.Tensor, edited: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Two pictures of one size by a mask in [0,1], 1 for the edited one; where it is 0, the original bit for bit."""
    return torch.where(mask > 0, torch.lerp(original.expand_as(edited), edited, mask), original)


_GAP = 8
_MARGIN = 6


def strip(images: Sequence[torch.Tensor], labels: Sequence[str] | None = None) -> torch.Tensor:
    """Pictures side by side on white, all as high as the highest, with a line of text over each if wanted.

    Args:
        images: (1,3,H,W) or (3,H,W) each, in [0,1], of any sizes.
        labels: one a picture; long ones are cut to the picture's width.

    Returns:
        (1,3,H',W') on the CPU.
    """
    if not images or (labels is not None and len(labels) != len(images)):
        raise UsageError(f"a strip needs pictures and one label for each, not {len(images)} and {labels!r}")
    rows = [image.detach().float().cpu().reshape(1, *image.shape[-3:]) for image in images]
    height = max(row.shape[-2] for row in rows)
    rows = [resize(row, height, max(1, round(row.shape[-1] * height / row.shape[-2]))) for row in rows]
    if labels is not None:
        rows = [
            torch.cat([_label(text, row.shape[-1], height), row], -2)
            for text, row in zip(labels, rows, strict=True)
        ]
    gap = torch.ones(1, 3, rows[0].shape[-2], _GAP)
    spaced = [part for row in rows for part in (row, gap)]
    return torch.cat(spaced[:-1], dim=-1)


def _label(text: str, width: int, height: int) -> torch.Tensor:
    """A white bar (1,3,h,width) with a text whose size follows the pictures' height."""
    letters = max(10, min(48, height // 16))
    font = ImageFont.load_default(letters)
    text = " ".join(text.split())
    shown = text
    while shown and font.getlength(shown) > width - _MARGIN:
        text = text[:-1]
        shown = f"{text.rstrip()}…" if text else ""
    bar = Image.new("RGB", (width, letters + 2 * _MARGIN), "white")
    ImageDraw.Draw(bar).text((_MARGIN // 2, _MARGIN // 2), shown, fill="black", font=font)
    return torch.from_numpy(np.array(bar)).permute(2, 0, 1)[None].float() / 255
