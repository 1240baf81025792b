"""Photographs and prompts drawn with triangles by `promptbrush.shapes`.

python gallery/shapes.py             # writes shapes.png beside this file; needs promptbrush[train] for the photographs
"""

from __future__ import annotations

import argparse
from pathlib import Path

import promptbrush
import torch
from PIL import Image
from promptbrush.editing.framing import strip
from promptbrush.editing.pictures import write_png
from torchvision.transforms.functional import to_tensor

SIDE = 256
PHOTOS = [("astronaut", 25), ("chelsea", 50), ("coffee", 100), ("rocket", 200)]
PROMPTS = [
    "a red heart",
    "a sun",
    "a blue fish",
    "a green tree",
    "a racing car",
    "a door",
    "a fly",
    "a sparkler",
]


def photographs(steps: int | None) -> tuple[list[torch.Tensor], list[str]]:
    """Each photograph and its drawing."""
    from skimage import data

    pictures, labels = [], []
    for name, count in PHOTOS:
        picture = Image.fromarray(getattr(data, name)()).convert("RGB")
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.crop((left, top, left + side, top + side)).resize(
            (SIDE, SIDE), Image.Resampling.LANCZOS
        )
        target = to_tensor(square)[None]
        drawn = promptbrush.shapes(target=target, count=count, steps=steps, size=SIDE).tensor
        pictures.append(torch.cat([target, drawn], dim=3))
        labels.append(f"{name}, {count} triangles")
    return pictures, labels


def sheet(pack: str, steps: int | None, limit: int | None) -> torch.Tensor:
    """(1,3,H,W): photographs above, prompts below."""
    above = strip(*photographs(steps))
    drawn = [
        promptbrush.shapes(prompt, steps=steps, size=SIDE, pack=pack).tensor for prompt in PROMPTS[:limit]
    ]
    below = strip(drawn, PROMPTS[:limit])
    width = max(above.shape[-1], below.shape[-1])
    rows = [torch.nn.functional.pad(row, (0, width - row.shape[-1]), value=1) for row in (above, below)]
    return torch.cat(rows, dim=2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", default="mini")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--limit", type=int, help="only so many prompts")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    arguments = parser.parse_args()
    write_png(sheet(arguments.pack, arguments.steps, arguments.limit), arguments.output)


if __name__ == "__main__":
    main()
