"""Photographs in styles described by words, by `promptbrush.style`.

python gallery/style.py             # writes style.jpg beside this file; the photographs are scikit-image's and -learn's
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import promptbrush
import torch
from PIL import Image
from promptbrush import ModelChoice, Models
from promptbrush._resize import resize
from promptbrush.editing.framing import strip
from promptbrush.editing.pictures import write_picture
from torch import Tensor

SIDE, SHOWN = 512, 210
PHOTOS = ("astronaut", "chelsea", "coffee", "china")
STYLES = (
    "a pencil drawing",
    "neon lights",
    "a woodcut print",
    "a stained glass window",
    "a Roman mosaic",
    "an oil painting",
    "a charcoal sketch",
    "a thermal image",
    "a blueprint",
    "knitted wool",
)


def photograph(name: str) -> Tensor:
    """(1,3,H,W) in [0,1], the longest side 512 px."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    levels = load_sample_image("china.jpg") if name == "china" else getattr(data, name)()
    picture = Image.fromarray(levels).convert("RGB")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def smaller(image: Tensor) -> Tensor:
    """As it is shown in the sheet."""
    high, wide = image.shape[-2:]
    return resize(image, round(high * SHOWN / wide), SHOWN)


def sheet(pack: str, fast: bool, steps: int | None, limit: int | None) -> Tensor:
    """(1,3,H,W): a row for each photograph and five styles."""
    models, chosen, rows = Models(ModelChoice(pack=pack)), STYLES[:limit], []
    for name in PHOTOS[:limit]:
        photo = photograph(name)
        for at in range(0, len(chosen), 5):
            words = chosen[at : at + 5]
            made = [
                smaller(promptbrush.style(photo, each, fast=fast, models=models, steps=steps).tensor)
                for each in words
            ]
            pictures, labels = ([smaller(photo), *made], [name, *words]) if not at else (made, list(words))
            rows.append(strip(pictures, labels))
    width = max(row.shape[-1] for row in rows)
    return torch.cat(
        [torch.nn.functional.pad(row, (0, width - row.shape[-1]), value=1) for row in rows], dim=2
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", default="mini")
    parser.add_argument("--fast", action="store_true", help="one pass of the styler of all styles")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--limit", type=int, help="maximum number of photographs and of styles")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".jpg"))
    arguments = parser.parse_args()
    made = sheet(arguments.pack, arguments.fast, arguments.steps, arguments.limit)
    write_picture(made, arguments.output)


if __name__ == "__main__":
    main()
