"""Drawn faces that no model has seen, and what the generator draws of the latents found for them.

python gallery/inversions.py         # writes inversions.png beside this file; needs promptbrush[train]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.framing import letterbox
from promptbrush.editing.latent.subjects import inverted
from promptbrush.editing.models import Models
from promptbrush.editing.pictures import write_png
from promptbrush.generators.training.face_set import face_of
from promptbrush.generators.training.faces import render

FIRST_SEED = 30_000_000


def drawn(count: int, first_seed: int, size: int) -> torch.Tensor:
    """Faces (count,3,size,size) in [0,1]."""
    faces = [torch.from_numpy(render(face_of(first_seed + i), size).copy()) for i in range(count)]
    return torch.stack(faces).permute(0, 3, 1, 2).float() / 255


def sheet(pack: str, columns: int, first_seed: int) -> torch.Tensor:
    """(1,3,H,W): rows of faces and of their inversions in turn."""
    models = Models(ModelChoice(pack=pack))
    pictures = drawn(2 * columns, first_seed, 256)
    small = letterbox(pictures, models.generator.resolution)[0]
    found = inverted(models, pictures).image
    rows = [part for pair in zip(small.split(columns), found.split(columns), strict=True) for part in pair]
    return torch.cat([torch.cat([*row], dim=2) for row in rows], dim=1)[None]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", default="mini")
    parser.add_argument("--columns", type=int, default=12)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    arguments = parser.parse_args()
    write_png(sheet(arguments.pack, arguments.columns, arguments.first_seed), arguments.output)


if __name__ == "__main__":
    main()
