"""How well CLIP tells the values of each attribute apart, in words, on unseen drawn faces.

    python benchmarks/clip.py [--faces 1000]

For every visible attribute the picture is compared with one text for each value, in the plainest wording; right is
the value drawn. `always` is what the commonest value alone would reach.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import torch
from faces import NAMES, unseen
from promptbrush.generators.training.face_captions import attribute_prompt
from promptbrush.generators.training.faces import CHOICES
from promptbrush.guidance import load_perceptor

FIRST_SEED = 26_000_000
BATCH = 100
MINI = Path(__file__).parents[1] / "generators" / "packs" / "mini" / "clip"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", default=str(MINI))
    parser.add_argument("--faces", type=int, default=1000)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    arguments = parser.parse_args()
    perceptor, faces = load_perceptor(arguments.clip), unseen(arguments.faces, arguments.first_seed)
    shares = []
    with torch.no_grad():
        features = torch.cat([perceptor.encode_image(part) for part in faces.pictures.split(BATCH)])
        print(f"{'attribute':18s} {'right':>6s} {'always':>7s}")
        for index, name in enumerate(NAMES):
            texts = perceptor.encode_text([attribute_prompt(name, value) for value in CHOICES[name]])
            seen = faces.visible[:, index]
            labels = faces.labels[seen, index]
            found = (features[seen] @ texts.T).argmax(dim=1)
            shares.append(float((found == labels).float().mean()))
            print(f"{name:18s} {shares[-1]:6.3f} {float(labels.bincount().max() / len(labels)):7.3f}")
    print(f"mean over {len(NAMES)} attributes {statistics.fmean(shares):.3f}")


if __name__ == "__main__":
    sys.exit(main())
