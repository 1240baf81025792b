"""How well the mini generator's pictures of random z match the drawn faces that it learnt from.

    python benchmarks/samples.py [--samples 10000] [--work runs/samples] [--sheet samples.png]

Drawn faces are unseen, as many as samples, and rendered at the generator's resolution; WORK keeps what was seen in
them. Printed, each with its goal:

- values in bounds: the share of the attributes' values whose frequency among the samples is within 30 % of the data's,
  both as the judge sees them, whose own errors so cancel; beside it, the same for other drawn faces (what the count
  alone allows), and both against the exact frequencies of the labels (where the judge's errors count). The judge has
  no class for what is hidden. What it sees itself says what that is, by the rule of the data (`resolve`): where it
  sees no hat, the colour of the hat does not count, where it sees sunglasses, the eyes do not, on both sides alike.
  Hair under a hat is the exception: it names a style that goes with hats, on both sides, but the labels have none.
- Frechet distance (FD) of pooled features of EfficientNet-Lite0 at 128 px, samples to drawn faces; beside it, other
  drawn faces to the same (what the count alone leaves), and others jittered a little (see `jittered`).
- perceptual path length in W (Karras et al. 2019, section 4.1): for pairs of random w, the squared distance of the
  pictures at t and t + 1e-4 between them, over 1e-8, t uniform; the distance is `squared_distance`, not VGG's.

FD has a bias that grows with features / pictures: figures of other counts do not compare.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from faces import JUDGE, NAMES, judged
from perception import FINER, jittered, pooled, squared_distance
from promptbrush.editing.pictures import write_png
from promptbrush.generators import load_generator
from promptbrush.generators.stylegan2.generator import StyleGAN2
from promptbrush.generators.training.face_set import face_of
from promptbrush.generators.training.faces import CHOICES, Face, render
from promptbrush.generators.training.frechet import frechet_distance, moments
from promptbrush.generators.training.judge import Judge, load_judge
from promptbrush.generators.training.labels import HIDDEN, labels_of_faces, labels_of_seeds
from promptbrush.guidance.training.photos import photo_network
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

FIRST_SEED, OTHER_SEED = 29_000_000, 29_500_000
BATCH, COLUMNS = 50, 10
BOUND, SHARE_GOAL, FD_GOAL = 0.3, 0.95, 3.0
EPSILON = 1e-4
MINI = Path(__file__).parents[1] / "generators" / "packs" / "mini"
VALUES = [(name, value) for name, odds in CHOICES.items() for value in odds]


@dataclass(frozen=True)
class Seen:
    """What the networks see in N pictures.

    Attributes:
        features: (N,1280), of the network of photographs.
        values: (N, attributes), the judge's; HIDDEN where what it sees hides the attribute.
    """

    features: Tensor
    values: Tensor


@dataclass(frozen=True)
class Eyes:
    """The networks that look, and the file of the judge."""

    judge_file: Path
    judge: Judge
    network: nn.Module

    def look(self, batches: Iterable[Tensor]) -> Seen:
        """What they see in batches of pictures (B,3,H,W) in [0,1]."""
        found = [(pooled(self.network, each), judged(self.judge, each)) for each in batches]
        return Seen(torch.cat([one for one, _ in found]), visible(torch.cat([other for _, other in found])))


def visible(values: Tensor) -> Tensor:
    """Judged values (N, attributes), with HIDDEN where the others say that an attribute cannot be seen."""
    choices = [[*odds] for odds in CHOICES.values()]
    rows = ([options[i] for options, i in zip(choices, row, strict=True)] for row in values.tolist())
    labels = labels_of_faces([Face(dict(zip(NAMES, row, strict=True)), {}) for row in rows])
    # Only what is hidden is taken from the rule: values that it would change stay as they were seen.
    return torch.where(labels == HIDDEN, HIDDEN, values)


def frequencies(values: Tensor) -> Tensor:
    """The share of N faces that show each value, in the order of VALUES; values (N, attributes)."""
    counts = [
        torch.bincount(column[column != HIDDEN], minlength=len(odds))
        for column, odds in zip(values.T, CHOICES.values(), strict=True)
    ]
    return torch.cat(counts).double() / len(values)


def in_bounds(found: Tensor, wanted: Tensor) -> Tensor:
    """Which frequencies are within BOUND of the wanted ones."""
    return (found - wanted).abs() <= BOUND * wanted


def drawn_batches(seeds: range, size: int) -> Iterator[Tensor]:
    """The drawn faces, as batches of pictures of `size` px."""
    for first in range(0, len(seeds), BATCH):
        rendered = [torch.from_numpy(render(face_of(seed), size)) for seed in seeds[first : first + BATCH]]
        yield torch.stack(rendered).permute(0, 3, 1, 2).float() / 255


def jittered_batches(seeds: range, size: int) -> Iterator[Tensor]:
    """The same faces, each with a small jitter of its own."""
    rng = torch.Generator().manual_seed(seeds.start)
    return (rounded(jittered(each, rng)) for each in drawn_batches(seeds, FINER * size))


def sample_batches(generator: StyleGAN2, z: Tensor, psi: float = 1.0) -> Iterator[Tensor]:
    """The generator's pictures of z."""
    for part in z.split(BATCH):
        with torch.no_grad():
            yield rounded(generator.decode(generator.mapping(part, truncation_psi=psi)))


def rounded(pictures: Tensor) -> Tensor:
    """To 8 bits, as files and drawn faces are."""
    return pictures.mul(255).round().div(255)


def look_once(eyes: Eyes, kind: str, seeds: range, size: int, work: Path) -> Seen:
    """What is seen in drawn faces, "drawn" or "jittered", from the folder if it is there."""
    batches: dict[str, Callable[[range, int], Iterator[Tensor]]] = {
        "drawn": drawn_batches,
        "jittered": jittered_batches,
    }
    # Another judge, or faces that are drawn otherwise, are other files.
    first = next(drawn_batches(seeds[:4], size)).numpy().tobytes()
    mark = hashlib.sha256(eyes.judge_file.read_bytes() + first).hexdigest()[:12]
    path = work / f"{kind}-{size}px-{seeds.start}-{len(seeds)}-{mark}.safetensors"
    if not path.exists():
        found = eyes.look(batches[kind](seeds, size))
        work.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        save_file({"features": found.features, "values": found.values}, part)
        part.replace(path)
    return Seen(**load_file(path))


@torch.no_grad()
def path_lengths(generator: StyleGAN2, network: nn.Module, pairs: int, rng: torch.Generator) -> Tensor:
    """Perceptual path length of each of some random pairs in W, (pairs,)."""
    ends = generator.mapping.single(torch.randn(2 * pairs, generator.z_dim, generator=rng))
    place = torch.rand(pairs, 1, generator=rng)
    lengths = []
    for one, other, t in zip(*(each.split(BATCH) for each in (*ends.chunk(2), place)), strict=True):
        near = [torch.lerp(one, other, step)[:, None] for step in (t, t + EPSILON)]
        here, there = (generator.decode(w.expand(-1, generator.num_ws, -1)) for w in near)
        lengths.append(squared_distance(network, here, there) / EPSILON**2)
    return torch.cat(lengths)


def write_sheets(generator: StyleGAN2, z: Tensor, path: Path) -> None:
    """COLUMNS x COLUMNS samples as they are, and beside them, in a file with "-0.7" in its name, truncated."""
    for psi, place in ((1.0, path), (0.7, path.with_stem(f"{path.stem}-0.7"))):
        pictures = torch.cat([*sample_batches(generator, z[: COLUMNS**2], psi)])
        rows = [torch.cat([*row], dim=2) for row in pictures.split(COLUMNS)]
        write_png(torch.cat(rows, dim=1), place)


def report_values(samples: Tensor, drawn: Tensor, others: Tensor, labels: Tensor) -> None:
    """Print how many values are in bounds, and list those that are not; all (N, attributes)."""
    made, data, again, exact = (frequencies(each) for each in (samples, drawn, others, labels))

    def share(found: Tensor, wanted: Tensor) -> float:
        return float(in_bounds(found, wanted).double().mean())

    print(f"values in bounds (goal {SHARE_GOAL}): {share(made, data):.3f} of {len(VALUES)}", end="")
    print(f", other drawn faces {share(again, data):.3f}")
    print(f"  against the labels: {share(made, exact):.3f}, drawn faces {share(data, exact):.3f}")
    out = (~in_bounds(made, data)).nonzero().flatten().tolist()
    if out:
        print(f"  {'out of bounds':34s} {'samples':>8s} {'drawn':>8s} {'labels':>8s}")
    for i in out:
        name = " ".join(VALUES[i])
        print(f"  {name:34s} {made[i]:8.4f} {data[i]:8.4f} {exact[i]:8.4f}")


def report_distances(samples: Tensor, drawn: Tensor, others: Tensor, jitter: Tensor) -> None:
    """Print the Frechet distances of features (N,1280) to those of the drawn faces."""
    data = moments(drawn)
    made, again, moved = (frechet_distance(moments(each), data) for each in (samples, others, jitter))
    print(f"FD: samples {made:.3f}, other drawn faces {again:.3f}, jittered {moved:.3f}")
    print(f"  samples / jittered (goal <= {FD_GOAL:g}): {made / moved:.2f}", end="")
    print(f"; both less what the count leaves: {made - again:.3f} / {moved - again:.3f}")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generator", type=Path, default=MINI / "stylegan2.safetensors")
    parser.add_argument("--judge", type=Path, default=JUDGE)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("runs") / "samples")
    parser.add_argument("--sheet", type=Path, help="write 100 samples, and truncated ones beside them")
    return parser.parse_args()


def main() -> None:
    arguments, start = options(), time.perf_counter()

    def clock(what: str) -> None:
        print(f"[{time.perf_counter() - start:.0f} s] {what}", flush=True)

    generator, rng = load_generator(arguments.generator), torch.Generator().manual_seed(arguments.seed)
    eyes = Eyes(arguments.judge, load_judge(arguments.judge), photo_network())
    count, size = arguments.samples, generator.resolution
    z = torch.randn(count, generator.z_dim, generator=rng)
    if arguments.sheet:
        write_sheets(generator, z, arguments.sheet)
    samples = eyes.look(sample_batches(generator, z))
    clock(f"{count} samples of {size} px")
    seeds, other = (range(first, first + count) for first in (FIRST_SEED, OTHER_SEED))
    once = partial(look_once, eyes, size=size, work=arguments.work)
    drawn, others = once("drawn", seeds), once("drawn", other)
    jitter = once("jittered", other)
    clock("drawn faces")
    report_values(samples.values, drawn.values, others.values, labels_of_seeds(seeds))
    report_distances(*(each.features for each in (samples, drawn, others, jitter)))
    lengths = path_lengths(generator, eyes.network, arguments.pairs, rng)
    mean, median = float(lengths.mean()), float(lengths.median())
    print(f"path length in W of {len(lengths)} pairs: mean {mean:.2f}, median {median:.2f}")
    clock("done")


if __name__ == "__main__":
    sys.exit(main())
