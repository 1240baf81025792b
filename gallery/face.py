"""The face that the README edits, a drawn one that no model was trained on.

python gallery/face.py               # writes face.png beside this file; needs promptbrush[train]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image
from promptbrush.generators.training.face_set import face_of
from promptbrush.generators.training.faces import render

SEED = 30_000_033


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    arguments = parser.parse_args()
    Image.fromarray(render(face_of(arguments.seed), arguments.size)).save(arguments.output, optimize=True)


if __name__ == "__main__":
    main()
