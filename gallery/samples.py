"""Random faces of the embedded generator, at two truncations, and the way between two of them in W.

python gallery/samples.py            # writes samples.png beside this file
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from promptbrush.editing.pictures import write_png
from promptbrush.generators import load_generator
from promptbrush.generators.packs import load_pack


def sheet(pack: str, columns: int, seed: int) -> torch.Tensor:
    """(1,3,H,W): three rows at psi 1, one at psi 0.6, one from the first face to the last."""
    generator = load_generator(load_pack(pack).path("generator"))
    z = torch.randn(3 * columns, generator.z_dim, generator=torch.Generator().manual_seed(seed))
    full, truncated = generator.mapping(z), generator.mapping(z[:columns], truncation_psi=0.6)
    shares = torch.linspace(0, 1, columns)[:, None, None]
    codes = torch.cat([full, truncated, torch.lerp(full[:1], full[columns - 1 : columns], shares)])
    pictures = generator.decode(codes)
    rows = [torch.cat([*row], dim=2) for row in pictures.split(columns)]
    return torch.cat(rows, dim=1)[None]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", default="mini")
    parser.add_argument("--columns", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    arguments = parser.parse_args()
    write_png(sheet(arguments.pack, arguments.columns, arguments.seed), arguments.output)


if __name__ == "__main__":
    main()
