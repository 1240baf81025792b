"""Faces before and after `promptbrush.edit`: what works, and what does not.

python gallery/edits.py              # writes edits.png and failures.png beside this file; needs promptbrush[train]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import promptbrush
import torch
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.framing import strip
from promptbrush.editing.models import Models
from promptbrush.editing.pictures import write_png
from promptbrush.generators.training.face_set import face_of
from promptbrush.generators.training.faces import render

Job = tuple[int, str]
_COLUMNS = 3
GOOD: list[Job] = [
    (30_000_061, "a person with green hair"),
    (30_000_064, "a person wearing a crown"),
    (30_000_065, "a person wearing sunglasses"),
    (30_000_069, "a person with blue clothes"),
    (30_000_076, "a person wearing round glasses"),
    (30_000_071, "a person with closed eyes"),
]
FAILURES: list[Job] = [
    (30_000_072, "a person with an afro"),
    (30_000_068, "a person with a full beard"),
    (30_000_070, "a person on a green background"),
    (30_000_063, "a person with light skin"),
    (30_000_053, "a person with freckles"),
    (30_000_052, "an old person"),
]


def row(models: Models, jobs: list[Job], steps: int | None) -> torch.Tensor:
    """(1,3,H,W): before and after of each job, side by side."""
    pictures, labels = [], []
    for seed, prompt in jobs:
        face = torch.from_numpy(render(face_of(seed), 192).copy()).permute(2, 0, 1)[None].float() / 255
        result = promptbrush.edit(face, prompt, models=models, steps=steps)
        pictures.append(torch.cat([result.before, result.tensor], dim=3))
        labels.append(prompt)
    return strip(pictures, labels)


def sheet(models: Models, jobs: list[Job], columns: int, steps: int | None) -> torch.Tensor:
    """All jobs, `columns` a row."""
    rows = [row(models, jobs[i : i + columns], steps) for i in range(0, len(jobs), columns)]
    width = max(each.shape[-1] for each in rows)
    return torch.cat(
        [torch.nn.functional.pad(each, (0, width - each.shape[-1]), value=1) for each in rows], dim=2
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", default="mini")
    parser.add_argument("--limit", type=int, help="only so many edits")
    parser.add_argument("--steps", type=int)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent, help="folder")
    arguments = parser.parse_args()
    models = Models(ModelChoice(pack=arguments.pack))
    for name, jobs in (("edits", GOOD), ("failures", FAILURES)):
        picture = sheet(models, jobs[: arguments.limit], _COLUMNS, arguments.steps)
        write_png(picture, arguments.output / f"{name}.png")


if __name__ == "__main__":
    main()
