"""How well the face parser finds each part, in drawings and in the mini generator's pictures of the same faces.

    python benchmarks/parser.py --parser parser.safetensors [--faces 500]

The measure is intersection over union over all pixels of unseen faces; the truth is the drawing's exact mask. The
attribute network gives the w of each face, so what the generator draws elsewhere than the drawing counts as wrong.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from promptbrush.generators import load_generator
from promptbrush.generators.parser import PARTS, SIZE, load_parser
from promptbrush.generators.training.face_masks import render_mask
from promptbrush.generators.training.face_set import face_of, vectors_of
from promptbrush.generators.training.faces import render
from promptbrush.generators.training.fit import read_attributes
from promptbrush.generators.training.parser import overlaps
from torch import Tensor

FIRST_SEED = 28_000_000
BATCH = 50
MINI = Path(__file__).parents[1] / "generators" / "packs" / "mini"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parser", type=Path, default=MINI / "parser.safetensors")
    parser.add_argument("--generator", type=Path, default=MINI / "stylegan2.safetensors")
    parser.add_argument("--attributes", type=Path, default=MINI / "attributes.safetensors")
    parser.add_argument("--faces", type=int, default=500)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.faces)
    network = load_parser(arguments.parser)
    generator, attributes = load_generator(arguments.generator), read_attributes(arguments.attributes)
    # Pixels in both masks and in either, of drawn and of made pictures.
    counts = torch.zeros(2, 2, len(PARTS), dtype=torch.int64)
    with torch.no_grad():
        for vectors, pictures, masks in batches(seeds):
            codes = attributes(vectors)[:, None].expand(-1, generator.num_ws, -1)
            for which, shown in enumerate((pictures, generator.decode(codes))):
                counts[which] += torch.stack(overlaps(network(shown).argmax(1), masks))
    report(counts)


def batches(seeds: range) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Face vectors (B,D), pictures (B,3,SIZE,SIZE) in [0,1] and masks (B,SIZE,SIZE) of the faces of some seeds."""
    for start in range(0, len(seeds), BATCH):
        faces = [face_of(seed) for seed in seeds[start : start + BATCH]]
        pictures = np.stack([render(face, SIZE) for face in faces])
        masks = torch.from_numpy(np.stack([render_mask(face, SIZE) for face in faces]))
        images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        yield torch.from_numpy(vectors_of(faces)), images, masks


def report(counts: Tensor) -> None:
    """Print the table of counts (2,2,12): drawn and made; in both masks, and in either."""
    shares = (counts[:, 0] / counts[:, 1].clamp(min=1)).tolist()
    print(f"{'part':12s} {'drawn':>6s} {'made':>6s}")
    for part, drawn, made in zip(PARTS, *shares, strict=True):
        print(f"{part:12s} {drawn:6.3f} {made:6.3f}")
    print(f"{'mean':12s} {statistics.fmean(shares[0]):6.3f} {statistics.fmean(shares[1]):6.3f}")


if __name__ == "__main__":
    sys.exit(main())
