"""Pictures drawn from words, by `promptbrush.sample`: rows of one prompt each, then a walk from one prompt to another.

python gallery/sample.py             # writes sample.jpg beside this file
"""

from __future__ import annotations

import argparse
from pathlib import Path

import promptbrush
import torch
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.framing import strip
from promptbrush.editing.models import Models
from promptbrush.editing.pictures import write_picture
from torch import Tensor

PROMPTS = (
    "a bald man with a red beard",
    "a woman with long blue hair and round glasses",
    "someone with a green beanie and a big smile",
    "an old person with a white moustache on a pink background",
    "a person with a purple afro",
    "a person with dark skin wearing a crown",
)
WALK = ("a sad man with a black beard", "a laughing person with long blonde hair")


def sheet(pack: str, columns: int, limit: int | None) -> Tensor:
    """(1,3,H,W): a row for each prompt, seeds from 0, and one from a prompt to another."""
    models = Models(ModelChoice(pack=pack, device="cpu"))
    rows = []
    for prompt in PROMPTS[:limit]:
        made = [each.tensor for each in promptbrush.sample(prompt, columns, models=models)]
        rows.append(strip([strip(made)], [prompt]))
    walk = [each.tensor for each in promptbrush.sample(WALK[0], columns, models=models, to=WALK[1], seed=4)]
    rows.append(strip([strip(walk)], [" ... ".join(WALK)]))
    return torch.cat(rows, dim=2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", default="mini")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--limit", type=int, help="only so many prompts")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".jpg"))
    arguments = parser.parse_args()
    write_picture(sheet(arguments.pack, arguments.columns, arguments.limit), arguments.output)


if __name__ == "__main__":
    main()
