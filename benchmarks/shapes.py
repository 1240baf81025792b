"""Drawings of shapes: how near they come to photographs, what words become, and what which optimizer reaches.

    python benchmarks/shapes.py target [--counts 10 25 50 200] [--paper-steps 2500] [--primitive DIR] [--photos 6]
    python benchmarks/shapes.py words --data DATA [--prompts 40] [--sheet sheet.png]
    python benchmarks/shapes.py optimizers [--seconds 30] [--plot plot.png]
    python benchmarks/shapes.py renderer

- target: photographs of scikit-image, 200 px high. 100 % - L2 of our default, of the preset `paper` (PGPE with ClipUp,
  256 candidates on 5 backgrounds of noise; on white and as its own measure, whichever is better, with the seconds when
  ours had been reached), and of the greedy hill climber `primitive` (npm, `npm install --prefix DIR primitive@1.0.1`)
  as it comes and with as many tries as fit into the seconds that ours took. All on one thread.
- words: names of icons whose unseen drawing both CLIPs name among 100, so that figures are the method's and not the
  models'. The second CLIP (`benchmarks/clip-judge`), which never guides, names each drawing among 100 such names.
- optimizers: the loss that each reaches in the same time, on one photograph with 50 triangles.
- renderer: milliseconds a candidate, against Pillow, on one thread.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import promptbrush
import torch
from PIL import Image, ImageDraw
from promptbrush._settings import chosen
from promptbrush.editing.edit import Edit, Source
from promptbrush.editing.models import Models
from promptbrush.editing.pictures import read_picture, write_png
from promptbrush.editing.resumable import run_to_end
from promptbrush.editing.shapes.compose import compose
from promptbrush.editing.shapes.curve import plot
from promptbrush.editing.shapes.settings import ShapesSettings
from promptbrush.generators.shapes import Shapes, coverage
from promptbrush.generators.training.sheets import save_sheet
from torch import Tensor

HERE = Path(__file__).parent
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "camera", "hubble_deep_field")
HEIGHT, AMONG, UNSEEN, SHEET = 200, 100, 300, 8
# What the hill climber tries for each shape: as it comes, and in steps up to what fits into a time.
TRIES = ((1, 50, 100), (1, 100, 200), (2, 200, 200), (4, 300, 300), (8, 500, 500), (16, 1000, 500))


def photo(name: str) -> Tensor:
    """(1,3,200,W) in [0,1]."""
    from skimage import data

    picture = Image.fromarray(getattr(data, name)()).convert("RGB")
    size = (round(picture.width * HEIGHT / picture.height), HEIGHT)
    levels = np.array(picture.resize(size, Image.Resampling.LANCZOS))
    return torch.from_numpy(levels).permute(2, 0, 1)[None].float() / 255


def nearness(picture: Tensor, target: Tensor) -> float:
    """100 % - L2, of pictures of whole levels."""
    return 100 * (1 - float(((picture * 255).round() / 255 - target).square().mean()))


def search_of(target: Tensor, preset: str = "default", **values: object) -> Edit:
    """The search that draws a target."""
    settings = chosen(ShapesSettings, preset, {"target": target, **values})
    return compose(Models(), Source(None), settings)


@torch.no_grad()
def loss_of(edit: Edit, seed: int) -> float:
    """The loss of the answer so far."""
    objective: Any = edit.stages[-1].objective
    return float(objective.losses(edit.answer()[None], seed))  # type: ignore[index]


def ours(target: Tensor, count: int, steps: int | None = None) -> tuple[float, float, int]:
    """Nearness, seconds, and drawings made."""
    began = time.monotonic()
    edit = search_of(target, count=count, steps=steps)
    run_to_end(edit)
    drawn = edit.total + 8 * (count + 1)
    return nearness(edit.output().drawing.picture(), target), time.monotonic() - began, drawn


def paper(target: Tensor, count: int, steps: int, goal: float) -> tuple[float, float, float | None]:
    """Nearness after all steps, seconds, and those after which `goal` was reached."""
    began, reached = time.monotonic(), None
    edit = search_of(target, "paper", count=count, steps=steps)
    best = 0.0
    for step in edit.run():
        if step.index % 50 and step.index + 1 < steps:
            continue
        best = max(nearness(step.image(), target), 100 * (1 - loss_of(edit, 1)))
        if reached is None and best >= goal:
            reached = time.monotonic() - began
    return best, time.monotonic() - began, reached


def climber(folder: Path, target: Tensor, count: int, tries: tuple[int, int, int]) -> tuple[float, float]:
    """Nearness and seconds of `primitive`."""
    script = (
        "const [input, output, ...n] = process.argv.slice(1); const t = Date.now();"
        "require('primitive')({ input, output, shapeType: 'triangle', numSteps: +n[0], numCandidates: +n[1],"
        "numCandidateShapes: +n[2], numCandidateMutations: +n[3] }).then(() => console.log('took', Date.now() - t))"
    )
    with tempfile.TemporaryDirectory() as place:
        source, made = Path(place) / "in.png", Path(place) / "out.png"
        write_png(target, source)
        words = ["node", "-e", script, source, made, count, *tries]
        told = subprocess.run(
            [str(word) for word in words], cwd=folder, capture_output=True, text=True, check=True
        ).stdout
        seconds = float(told.split("took")[-1]) / 1000
        return nearness(read_picture(made).image, target), seconds


def target_table(arguments: argparse.Namespace) -> None:
    """Every photograph and count."""
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    ours(photo(PHOTOS[0]), 10, 20)  # compiles
    for count in arguments.counts:
        rows = []
        for name in PHOTOS[: arguments.photos]:
            target = photo(name)
            near, seconds, drawn = ours(target, count)
            told = f"{name:18s} {count:4d}  ours {near:.2f} % in {seconds:.1f} s, {drawn} drawings"
            found = [near, seconds]
            if arguments.primitive:
                plain = best = climber(arguments.primitive, target, count, TRIES[0])
                for tries in TRIES[1:]:
                    if best[1] > seconds:
                        break
                    best = climber(arguments.primitive, target, count, tries)
                told += f"; climber {plain[0]:.2f} % in {plain[1]:.1f} s, {best[0]:.2f} % in {best[1]:.1f} s"
                found += [plain[0], best[0]]
            if arguments.paper_steps:
                last, took, reached = paper(target, count, arguments.paper_steps, near)
                told += f"; paper {last:.2f} % in {took:.0f} s, ours reached "
                told += "never" if reached is None else f"after {reached:.0f} s"
                found.append(last)
            print(told, flush=True)
            rows.append(found)
        means = [statistics.fmean(column) for column in zip(*rows, strict=True)]
        print(f"mean, {count} triangles: " + " ".join(f"{mean:.2f}" for mean in means), flush=True)


def known_names(data: Path, count: int) -> tuple[list[str], list[str]]:
    """Prompts whose unseen drawing both CLIPs name among 100, and the other names to compare with."""
    from promptbrush.guidance import load_perceptor
    from promptbrush.guidance.training.pictures import held_out_drawings, with_article
    from promptbrush.guidance.training.sources.drawings import draw
    from promptbrush.guidance.training.sources.icons import icons
    from promptbrush.guidance.training.views import premultiplied

    drawings = icons(data)
    named = {drawings[i].names[0]: drawings[i] for i in held_out_drawings(drawings)}
    chosen = random.Random(5).sample(sorted(named), UNSEEN)
    drawn = torch.stack([premultiplied(draw(named[name], 96)[None])[0] for name in chosen])
    pictures, texts = drawn[:, :3] + 1 - drawn[:, 3:], [with_article(name) for name in chosen]
    right = torch.ones(UNSEEN, dtype=torch.bool)
    for spec in (HERE / "clip-judge", HERE.parent / "generators" / "packs" / "mini" / "clip"):
        perceptor = load_perceptor(spec)
        with torch.no_grad():
            scores = perceptor.encode_image(pictures) @ perceptor.encode_text(texts).T
        own, group = torch.arange(UNSEEN), torch.arange(UNSEEN) // AMONG
        rivals = scores.masked_fill(group[:, None] != group[None], -1)
        right &= rivals.argmax(1) == own
    prompts = [text for text, good in zip(texts, right.tolist(), strict=True) if good]
    random.Random(11).shuffle(prompts)
    return prompts[:count], [text for text in texts if text not in prompts[:count]][: AMONG - count]


def words_table(arguments: argparse.Namespace) -> None:
    """Drawings of prompts, named by the judge."""
    from promptbrush.guidance import load_perceptor

    prompts, others = known_names(arguments.data, arguments.prompts)
    made, seconds = [], []
    for prompt in prompts:
        began = time.monotonic()
        made.append(promptbrush.shapes(prompt, count=arguments.count).output.drawing.picture())
        seconds.append(time.monotonic() - began)
    pictures = torch.cat(made)
    judge = load_perceptor(HERE / "clip-judge")
    with torch.no_grad():
        scores = judge.encode_image(pictures) @ judge.encode_text(prompts + others).T
    ranks = (scores > scores[:, : len(prompts)].diagonal()[:, None]).sum(1)
    print(f"named {float((ranks == 0).float().mean()):.3f} of {len(prompts)} (goal 0.80), "
          f"among the first five {float((ranks < 5).float().mean()):.3f}, "
          f"median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s")  # fmt: skip
    print("not named: " + ", ".join(p for p, rank in zip(prompts, ranks.tolist(), strict=True) if rank))
    if arguments.sheet:
        left = torch.ones(-len(pictures) % SHEET, *pictures.shape[1:])
        save_sheet(list(torch.cat([pictures, left]).split(SHEET)), arguments.sheet)


def optimizers_table(arguments: argparse.Namespace) -> None:
    """The loss that each reaches in the same time."""
    target, lines, places = photo("chelsea"), {}, {}
    ours(target, 10, 20)
    for name in ("adam", "hybrid", "PGPE", "CMA", "DiagonalCMA", "DE", "OnePlusOne"):
        rate, steps = 1.0, 20
        for _ in range(2):  # a short run tells how many steps fit
            began = time.monotonic()
            edit = search_of(target, optimizer=name, count=50, steps=steps)
            values, times = [], []
            for step in edit.run():
                if step.index % max(1, steps // 100) == 0:
                    values.append(loss_of(edit, 0))
                    times.append(time.monotonic() - began)
            rate = (time.monotonic() - began) / steps
            steps = max(20, int(arguments.seconds / rate))
        loss = loss_of(edit, 0)
        lines[name], places[name] = values, times
        print(
            f"{name:12s} {100 * (1 - loss):.2f} % after {times[-1]:.1f} s, {edit.done} steps",
            flush=True,
        )
    if arguments.plot:
        write_png(plot(lines, "seconds", "L2", places), arguments.plot)


def renderer_table(_: argparse.Namespace) -> None:
    """Milliseconds a candidate on one background, ours with its error, and Pillow's; one thread."""
    numba.set_num_threads(1)
    torch.set_num_threads(1)
    white = torch.full((1, 3, 224, 224), 255, dtype=torch.uint8)
    for count in (50, 100, 200, 400):
        latents = torch.randn(64, count * 10, generator=torch.Generator().manual_seed(0))
        exact, smooth = Shapes(count=count, mode="pillow"), Shapes(count=count)
        corners, colours = exact.outlines(latents)
        canvas = torch.zeros(64, 3, 224, 224)
        pillow = timed(partial(by_pillow, corners, colours), len(latents))
        whole = timed(partial(exact.errors, latents, white, white[0]), len(latents))
        shapes = smooth.outlines(smooth.init(64, torch.Generator().manual_seed(0)))
        fine = timed(partial(coverage.draw, *(each.numpy() for each in (*shapes, canvas))), len(latents))
        print(
            f"{count:4d} triangles: Pillow {pillow:.2f} ms; mode pillow {whole:.2f} ms, {pillow / whole:.1f}x; "
            f"mode smooth {fine:.2f} ms of smaller triangles"
        )


def timed(run: Callable[[], object], count: int) -> float:
    """Milliseconds for each of so many, the best of three runs after a first one that compiles."""
    run()
    spans = []
    for _ in range(3):
        began = time.perf_counter()
        run()
        spans.append(time.perf_counter() - began)
    return 1e3 * min(spans) / count


def by_pillow(corners: Tensor, colours: Tensor) -> None:
    """The published way."""
    for triangles, tints in zip(corners.tolist(), colours.tolist(), strict=True):
        canvas = Image.new("RGB", (224, 224), "white")
        pen = ImageDraw.Draw(canvas, "RGBA")
        for triangle, tint in zip(triangles, tints, strict=True):
            pen.polygon([tuple(point) for point in triangle], fill=tuple(tint))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tables = parser.add_subparsers(dest="table", required=True)
    target = tables.add_parser("target")
    target.add_argument("--counts", type=int, nargs="+", default=[10, 25, 50, 200])
    target.add_argument(
        "--paper-steps", type=int, default=2500, help="the published number is 10000; 0: leave it out"
    )
    target.add_argument("--photos", type=int, default=len(PHOTOS))
    target.add_argument("--primitive", type=Path, help="folder in which `primitive` is installed")
    words = tables.add_parser("words")
    words.add_argument("--data", type=Path, required=True)
    words.add_argument("--prompts", type=int, default=40)
    words.add_argument("--count", type=int, default=50)
    words.add_argument("--sheet", type=Path)
    optimizers = tables.add_parser("optimizers")
    optimizers.add_argument("--seconds", type=float, default=30)
    optimizers.add_argument("--plot", type=Path)
    tables.add_parser("renderer")
    arguments = parser.parse_args()
    run = {
        "target": target_table,
        "words": words_table,
        "optimizers": optimizers_table,
        "renderer": renderer_table,
    }
    run[arguments.table](arguments)


if __name__ == "__main__":
    sys.exit(main())
