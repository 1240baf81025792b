"""Whether the mini generator draws the attributes that its w stands for.

    python benchmarks/generator.py [--faces 1000]

The attribute network gives the w of unseen faces, the generator draws them, and the judge names what it sees; beside
it, what the judge sees in the true drawings.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import torch
from faces import JUDGE, NAMES, judged, unseen
from promptbrush.generators import load_generator
from promptbrush.generators.training.face_set import face_of, vectors_of
from promptbrush.generators.training.fit import read_attributes
from promptbrush.generators.training.judge import load_judge

FIRST_SEED = 27_000_000
BATCH = 100
MINI = Path(__file__).parents[1] / "generators" / "packs" / "mini"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generator", type=Path, default=MINI / "stylegan2.safetensors")
    parser.add_argument("--attributes", type=Path, default=MINI / "attributes.safetensors")
    parser.add_argument("--judge", type=Path, default=JUDGE)
    parser.add_argument("--faces", type=int, default=1000)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    arguments = parser.parse_args()
    generator, attributes = load_generator(arguments.generator), read_attributes(arguments.attributes)
    judge, faces = load_judge(arguments.judge), unseen(arguments.faces, arguments.first_seed)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.faces)
    with torch.no_grad():
        w = attributes(torch.from_numpy(vectors_of([face_of(seed) for seed in seeds])))
        codes = w[:, None].expand(-1, generator.num_ws, -1)
        made = torch.cat([judged(judge, generator.decode(part)) for part in torch.split(codes, BATCH)])
    true = torch.cat([judged(judge, part) for part in torch.split(faces.pictures, BATCH)])
    shares = []
    print(f"{'attribute':18s} {'drawn':>6s} {'made':>6s}")
    for index, name in enumerate(NAMES):
        seen = faces.visible[:, index]
        right = [float((each == faces.labels)[seen, index].float().mean()) for each in (true, made)]
        shares.append(right)
        print(f"{name:18s} {right[0]:6.3f} {right[1]:6.3f}")
    drawn, generated = (statistics.fmean(share[i] for share in shares) for i in (0, 1))
    print(f"mean over {len(NAMES)} attributes: drawn {drawn:.3f}, made {generated:.3f}")


if __name__ == "__main__":
    sys.exit(main())
