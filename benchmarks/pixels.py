"""Whether a CLIP's gradients paint: pixels moved towards prompts, named by a second CLIP that never guides.

    python benchmarks/pixels.py --data DATA [--clip CLIP ...] [--prompts 100] [--sheet sheet.png]

The prompts are names of concepts that four sets of icons draw. A picture is the sum of a pyramid of grids, 3 x 3 to
96 x 96, through a sigmoid: all sizes of things move at one rate, where pixels alone make fine patterns first. It
follows the gradient of the cosine with the prompt over random views; nothing else shapes it. Then the second CLIP
(`benchmarks/clip-judge`) compares every picture with all prompts; `named` is the share whose own is the best.
Every --clip is measured in turn: by default the pack's painter and its CLIP as learnt, which is not hardened.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from promptbrush._devices import auto_precision
from promptbrush.generators.training.sheets import save_sheet
from promptbrush.guidance import load_perceptor
from promptbrush.guidance.perceptor import Perceptor
from promptbrush.guidance.training.pictures import with_article
from promptbrush.guidance.training.sources.icons import icons
from promptbrush.guidance.training.views import Views, moved
from torch import Tensor

HERE = Path(__file__).parent
PRECISION = "bfloat16" if auto_precision(torch.device("cpu")) == torch.bfloat16 else "float32"
MINI = HERE.parent / "generators" / "packs" / "mini" / "clip"
CLIPS = (MINI / "painter.json", MINI)
JUDGE = HERE / "clip-judge"
SIDES = (3, 6, 12, 24, 48, 96)
SIDE, VIEWS, STEPS, BATCH = SIDES[-1], 4, 80, 10
RATE, MOMENTS, NOISE = 0.04, (0.8, 0.95), 0.03
WOBBLE = Views(zoom=(0.85, 1.2), shift=0.08, turn=8.0)


def prompts_of(data: Path, count: int, seed: int = 0) -> list[str]:
    """Names of random concepts that four sets draw, no two the same."""
    sets: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for each in icons(data):
        sets.setdefault(each.concept, set()).add(each.origin)
        names[each.concept] = each.names[0]
    known = sorted({names[concept] for concept, origins in sets.items() if len(origins) == 4})
    return [with_article(name) for name in random.Random(seed).sample(known, count)]


def painted(perceptor: Perceptor, prompts: Sequence[str], steps: int, seed: int) -> Tensor:
    """Pictures (N,3,SIDE,SIDE) in [0,1] that follow the gradients of `perceptor` towards the prompts."""
    rng = torch.Generator().manual_seed(seed)
    wanted = perceptor.encode_text(prompts).detach().repeat_interleave(VIEWS, 0)
    levels = [0.01 * torch.randn(len(prompts), 3, side, side, generator=rng) for side in SIDES]
    optimizer = torch.optim.Adam([each.requires_grad_() for each in levels], RATE, betas=MOMENTS)
    for index in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - 0.9 * index / steps)
        views = moved(shown(levels).repeat_interleave(VIEWS, 0), SIDE, WOBBLE, rng, "reflection")
        views = views + NOISE * torch.randn(views.shape, generator=rng)
        loss = -(perceptor.encode_image(views) * wanted).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return shown(levels).detach()


def shown(levels: Sequence[Tensor]) -> Tensor:
    """The picture (N,3,SIDE,SIDE) in [0,1] of grids (N,3,S,S)."""
    whole = [
        F.interpolate(each, size=(SIDE, SIDE), mode="bicubic", align_corners=False) for each in levels[:-1]
    ]
    return torch.sigmoid(torch.stack([*whole, levels[-1]]).sum(0))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", nargs="+", default=[str(each) for each in CLIPS])
    parser.add_argument("--judge", default=str(JUDGE))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path)
    arguments = parser.parse_args()
    prompts, judge = prompts_of(arguments.data, arguments.prompts), load_perceptor(arguments.judge)
    rows = []
    with torch.no_grad():
        texts = judge.encode_text(prompts)
    for spec in arguments.clip:
        began, perceptor = time.monotonic(), load_perceptor(spec, precision=PRECISION)
        parts = [prompts[first : first + BATCH] for first in range(0, len(prompts), BATCH)]
        made = torch.cat([painted(perceptor, part, arguments.steps, arguments.seed) for part in parts])
        with torch.no_grad():
            named = (judge.encode_image(made) @ texts.T).argmax(1) == torch.arange(len(prompts))
        seconds = (time.monotonic() - began) / len(prompts)
        print(
            f"{spec}: named {float(named.float().mean()):.3f} (goal 0.70), {seconds:.1f} s a picture",
            flush=True,
        )
        print(
            "  not named: " + ", ".join(text for text, right in zip(prompts, named, strict=True) if not right)
        )
        rows += [*made.split(20)]
    if arguments.sheet:
        save_sheet([row for row in rows if len(row) == 20], arguments.sheet)


if __name__ == "__main__":
    sys.exit(main())
