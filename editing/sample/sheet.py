"""All pictures of a run on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ..metadata import embed
from ..outputs import Outputs
from ..pictures import write_picture
from ..result import Result

_COLUMNS = 8


def write_sheet(results: Sequence[Result], path: Path, outputs: Outputs) -> None:
    """The pictures in rows of up to eight; the sheet carries the first one's recipe, by which it is known again.

    Raises:
        InputFileError: the file cannot be written.
    """
    images = [each.tensor for each in results]
    width = min(_COLUMNS, len(images))
    filled = [*images, *[torch.ones_like(images[0])] * (-len(images) % width)]
    rows = [torch.cat(filled[at : at + width], dim=3) for at in range(0, len(filled), width)]
    metadata = embed(results[0].recipe.to_toml()) if outputs.metadata else None
    write_picture(torch.cat(rows, dim=2), path, metadata)
