"""Whether the features of drawn faces tell persons apart: one identity, drawn three times with all else anew.

    python benchmarks/features.py [--features features.safetensors] [--identities 300]

No identity was seen in training. Printed for the network and, beside it, for the pack's CLIP, which learnt to see
everything:

- in order: the share of triples in which two pictures of one identity are nearer than two of different ones;
- recognised: the share of pictures whose nearest other one, of all, shows the same identity.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from promptbrush.generators.packs import load_pack
from promptbrush.generators.training.faces import render
from promptbrush.generators.training.features import VARIANTS, recognised, variants
from promptbrush.guidance import load_perceptor
from promptbrush.guidance.face_features import SIZE, load_face_features
from torch import Tensor

FIRST_SEED, CHUNK = 35_000_000, 60


def in_order(features: Tensor, identities: Tensor) -> float:
    """Share of (picture, another of it, one of another) whose first pair is the nearer; features are unit vectors."""
    nearness, same = features @ features.T, identities[:, None] == identities
    alone = torch.eye(len(features), dtype=torch.bool)
    shares = [
        (row[mates & ~own][:, None] > row[~mates]).float().mean()
        for row, mates, own in zip(nearness, same, alone, strict=True)
    ]
    return float(torch.stack(shares).mean())


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, help="the pack's if not given")
    parser.add_argument("--identities", type=int, default=300)
    parser.add_argument("--pack", default="mini")
    arguments = parser.parse_args()
    pack, count = load_pack(arguments.pack), arguments.identities
    faces = [face for seed in range(FIRST_SEED, FIRST_SEED + count) for face in variants(seed)]
    drawn = torch.stack([torch.from_numpy(render(face, SIZE).copy()) for face in faces])
    pictures = drawn.permute(0, 3, 1, 2).float() / 255
    identities = torch.arange(count).repeat_interleave(VARIANTS)
    seen: dict[str, Callable[[Tensor], Tensor]] = {
        "features": load_face_features(arguments.features or pack.path("face_encoder")),
        "CLIP": load_perceptor(pack.path("clip")).encode_image,
    }
    for name, see in seen.items():
        features = torch.cat([see(part) for part in torch.split(pictures, CHUNK)]).float()
        ordered, known = in_order(features, identities), recognised(features, identities)
        print(f"{name}: in order {ordered:.3f}, recognised {known:.3f} of {len(pictures)}")


if __name__ == "__main__":
    sys.exit(main())
