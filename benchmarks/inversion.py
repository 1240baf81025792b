"""How much of a face its inversion keeps, judged by a classifier that guides nothing.

    python benchmarks/inversion.py [--faces 500]

Every face is unseen, 256 px, and inverted alone, as the commands do. Kept: the share of the visible attributes whose
value the judge sees in the face and in what the generator draws of the latent alike.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
from faces import JUDGE, NAMES, judged, unseen
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.latent.subjects import inverted
from promptbrush.editing.models import Models
from promptbrush.generators.training.judge import load_judge

FIRST_SEED = 25_000_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--judge", type=Path, default=JUDGE)
    parser.add_argument("--faces", type=int, default=500)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--pack", default="mini")
    arguments = parser.parse_args()
    judge, models = load_judge(arguments.judge), Models(ModelChoice(pack=arguments.pack))
    faces = unseen(arguments.faces, arguments.first_seed)
    found, seconds = [], []
    for picture in faces.pictures.split(1):
        start = time.perf_counter()
        found.append(inverted(models, picture).image.cpu())
        seconds.append(time.perf_counter() - start)
    before, after = judged(judge, faces.pictures), judged(judge, torch.cat(found))
    print(f"{'attribute':18s} {'judge right':>11s} {'kept':>6s}")
    for index, name in enumerate(NAMES):
        seen = faces.visible[:, index]
        right = (before == faces.labels)[seen, index].float().mean()
        kept = (before == after)[seen, index].float().mean()
        print(f"{name:18s} {right:11.3f} {kept:6.3f}")
    kept = (before == after)[faces.visible].float().mean()
    print(f"kept {kept:.3f} of {len(seconds)} faces, {statistics.median(seconds):.2f} s each (median)")


if __name__ == "__main__":
    sys.exit(main())
