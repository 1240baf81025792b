"""How well `promptbrush sample` draws what a prompt names, and how much it leaves open, judged by a classifier.

    python benchmarks/prior.py [draw] [--prior FILE] [--guidance 3] [--sheet sheet.png]
    python benchmarks/prior.py tune [--guidances 3,5,7,9]       # chooses the guidance, on other prompts
    python benchmarks/prior.py rivals [--prompts 30]          # random search and optimisation with the same models

The judge guides nothing. Of 100 prompts of the grammar half name a pair of values that no caption for training has, a
quarter use words that none has; see prompts.py. Counted over 8 pictures a prompt:
- named: the share of pictures that show all that their prompt names, for prompts of one, two and three values;
- diversity: the entropy of the judged values of each attribute that the prompt leaves open, over that of as many random
  pictures of the generator; the mean over attributes and prompts.
Both for DPM-Solver++ in 15 steps and for DDPM in 1000, from the same seeds, with the seconds of the latents alone.
Beside them, what the judge finds in faces of the generator that are known to stand for the values.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from faces import JUDGE, NAMES, judged
from promptbrush import ModelChoice, Models, sample
from promptbrush._settings import chosen
from promptbrush.editing.callbacks import watch
from promptbrush.editing.latent.compose import latent_edit, origin_of
from promptbrush.editing.latent.settings import EditSettings
from promptbrush.editing.pictures import write_png
from promptbrush.editing.sample.conditions import Conditions, conditions_of
from promptbrush.editing.sample.prior_identity import only_clip
from promptbrush.editing.sample.prior_latents import PriorLatents
from promptbrush.editing.sample.proposal import draw_latents, seeded
from promptbrush.editing.sample.settings import SampleSettings
from promptbrush.generators.training.face_latents import faces_of_z
from promptbrush.generators.training.faces import resolve
from promptbrush.generators.training.judge import Judge, load_judge
from promptbrush.guidance.perceptor import Perceptor
from prompts import Asked, named_in, prompts
from torch import Tensor

MEASURED, TUNING = 1000, 2000
BATCH, GOALS = 50, {1: 0.85, 2: 0.75, 3: 0.6}
SEARCHED = 1000
KNOWN = 60_000


def latents(own: Models, asked: Sequence[Asked], each: int, settings: SampleSettings) -> Tensor:
    """Latents (prompts*each,1,w_dim) for prompts, all with as many phrases in one batch."""
    own_conditions = [_conditions(own, one.text, settings) for one in asked]
    latents_of = PriorLatents(own.prior(), own.generator)
    found: dict[int, Tensor] = {}
    for count in sorted({len(one.weights) for one in own_conditions}):
        rows = [index for index, one in enumerate(own_conditions) if len(one.weights) == count]
        conditions = torch.cat([own_conditions[row].features for row in rows]).repeat_interleave(each, 0)
        rngs = seeded([1000 * row + number for row in rows for number in range(each)])
        weights = own_conditions[rows[0]].weights
        x = draw_latents(own.prior(), conditions, weights, rngs, settings, chunk=len(rngs))
        found |= dict(zip(rows, latents_of.latents(x, settings.truncation).split(each), strict=True))
    return torch.cat([found[row] for row in range(len(asked))])


def _conditions(own: Models, text: str, settings: SampleSettings) -> Conditions:
    """What the prior is conditioned on for a prompt."""
    prior = own.prior()
    return conditions_of(clip_of(own), prior.unit, settings.model_copy(update={"prompt": text}), 1)


def clip_of(own: Models) -> Perceptor:
    """The CLIP that the prior is conditioned on."""
    return only_clip(own, own.prior().home.clip_input)


@torch.no_grad()
def pictures(own: Models, w: Tensor) -> Tensor:
    """Pictures of W (N,w_dim), rounded as files are."""
    drawn = [own.generator.decode(part) for part in torch.split(w, BATCH)]
    return torch.cat(drawn).mul(255).round().div(255)


def entropies(values: Tensor, each: int) -> Tensor:
    """Entropy of each attribute's judged values among every `each` pictures, (groups, attributes), in nats."""
    rows = values.view(-1, each, values.shape[1])
    found = []
    for column in rows.unbind(2):
        shares = torch.stack([torch.bincount(row, minlength=16) / each for row in column])
        found.append(-(shares * shares.clamp(min=1e-9).log()).sum(1))
    return torch.stack(found, dim=1)


def diversity(values: Tensor, data: Tensor, asked: Sequence[Asked], each: int) -> float:
    """See the module; `data` are judged values of random pictures."""
    usual = entropies(data, each).mean(0)
    own = entropies(values, each) / usual
    free = torch.tensor([[name not in one.decided for name in NAMES] for one in asked])
    return float(own[free].mean())


def by_count(shown: Tensor, asked: Sequence[Asked], kind: str | None = None) -> dict[int, float]:
    """Share of pictures that show all that is named, by the number of values."""
    groups: dict[int, list[float]] = {}
    for one, row in zip(asked, shown, strict=True):
        if kind in (None, one.kind):
            groups.setdefault(len(one.values), []).append(float(row.float().mean()))
    return {count: statistics.fmean(found) for count, found in sorted(groups.items())}


def listed(shares: dict[int, float]) -> str:
    return ", ".join(f"{count}: {share:.3f}" for count, share in shares.items())


def draw(own: Models, judge: Judge, arguments: argparse.Namespace) -> None:
    """The table of both samplers."""
    asked, each = prompts(arguments.prompts, MEASURED), arguments.each
    rng = torch.Generator().manual_seed(7)
    data = judged(judge, pictures(own, own.generator.latent_space.random(100 * each, rng)))
    for name, steps in (("dpm++", 15), ("ddpm", 1000)):
        settings = _settings(scheduler=name, steps=steps, **_given(arguments))
        # The first draw imports diffusers and prepares kernels for the size of the batch, once for all.
        latents(own, asked, each, settings.model_copy(update={"steps": 1}))
        began = time.perf_counter()
        w = latents(own, asked, each, settings)
        seconds = time.perf_counter() - began
        drawn = pictures(own, w)
        values = judged(judge, drawn)
        shown = named_in(values, asked, each)
        scale = settings.guided(own.prior().space)
        print(f"{name}, {steps} steps, guidance {scale:g}: {seconds:.2f} s for {len(w)} latents")
        print(f"  named: {listed(by_count(shown, asked))} (goals {listed(GOALS)})")
        for kind in ("pair", "synonym", "plain"):
            print(f"    {kind}: {listed(by_count(shown, asked, kind))}")
        print(f"  diversity: {diversity(values, data, asked, each):.3f} (goal 0.8)", flush=True)
        if name == "dpm++":
            _attributes(values, asked, each)
            if arguments.sheet:
                rows = drawn.view(len(asked), each, *drawn.shape[1:])[:, :8]
                write_png(torch.cat([torch.cat([*row], dim=2) for row in rows], dim=1)[None], arguments.sheet)
    _known(own, judge, asked, each)
    if arguments.rank > 1:
        _ranked(own, judge, asked, arguments)
    prompt, given = "a bald man with a red beard", _given(arguments)
    next(sample(prompt, models=own, **given))
    began = time.perf_counter()
    list(sample(prompt, 8, models=own, **given))
    print(f"8 pictures after loading: {time.perf_counter() - began:.2f} s (goal 3)")


@torch.no_grad()
def _known(own: Models, judge: Judge, asked: Sequence[Asked], each: int) -> None:
    """What the judge sees where it is known that the generator was asked for the very values: the most there is."""
    generator = own.generator
    z = torch.randn(KNOWN, generator.z_dim, generator=torch.Generator().manual_seed(5))
    faces = [resolve(face) for face in faces_of_z(z)]
    rows = []
    for one in asked:
        fit = [
            row
            for row, face in enumerate(faces)
            if all(face[name] == value for name, value in one.values.items())
        ]
        rows += (fit * each)[:each]
    values = judged(judge, pictures(own, generator.mapping.single(z[rows])))
    print(f"faces of z that stand for the values: {listed(by_count(named_in(values, asked, each), asked))}")


def _ranked(own: Models, judge: Judge, asked: Sequence[Asked], arguments: argparse.Namespace) -> None:
    """What CLIP's pick among some candidates shows, four pictures a prompt."""
    rank, each = arguments.rank, 4
    settings = _settings(**_given(arguments))
    drawn = pictures(own, latents(own, asked, rank * each, settings))
    with torch.no_grad():
        seen = torch.cat([clip_of(own).encode_image(part) for part in torch.split(drawn, BATCH)])
    wanted = torch.cat([_conditions(own, one.text, settings).features[:, 0] for one in asked])
    scores = (seen.view(len(asked), each, rank, -1) * wanted[:, None, None]).sum(-1)
    best = scores.argmax(2).flatten() + rank * torch.arange(len(asked) * each)
    values = judged(judge, drawn[best])
    print(f"best of {rank} by CLIP (--rank {rank}): {listed(by_count(named_in(values, asked, each), asked))}")


def _attributes(values: Tensor, asked: Sequence[Asked], each: int) -> None:
    """Of each attribute, how often it is as named."""
    found: dict[str, list[float]] = {}
    for index, one in enumerate(asked):
        for name, value in one.values.items():
            alone = Asked("", {name: value}, one.kind)
            shown = named_in(values[index * each : (index + 1) * each], [alone], each)
            found.setdefault(name, []).append(float(shown.float().mean()))
    print("  " + ", ".join(f"{name} {statistics.fmean(row):.2f}" for name, row in sorted(found.items())))


def tune(own: Models, judge: Judge, arguments: argparse.Namespace) -> None:
    """Named shares and diversity at some guidances, on other prompts."""
    asked, each = prompts(arguments.prompts, TUNING), arguments.each
    rng = torch.Generator().manual_seed(8)
    data = judged(judge, pictures(own, own.generator.latent_space.random(50 * each, rng)))
    for guidance in map(float, arguments.guidances.split(",")):
        settings = _settings(**{**_given(arguments), "guidance": guidance})
        values = judged(judge, pictures(own, latents(own, asked, each, settings)))
        shares = by_count(named_in(values, asked, each), asked)
        varied = diversity(values, data, asked, each)
        print(f"guidance {guidance:g}: {listed(shares)}, diversity {varied:.3f}", flush=True)


def rivals(own: Models, judge: Judge, arguments: argparse.Namespace) -> None:
    """One picture a prompt by each method, the rivals in as much time as each number of candidates takes."""
    asked = prompts(100, MEASURED)[:: max(1, 100 // arguments.prompts)][: arguments.prompts]
    search, look_seconds = _search(own)
    began = time.perf_counter()
    _optimised(own, asked[0], 5)
    step_seconds = (time.perf_counter() - began) / 5

    def row(name: str, method: Callable[[Asked], Tensor], seconds: float | None = None) -> float:
        began, made = time.perf_counter(), [method(one) for one in asked]
        taken = (time.perf_counter() - began) / len(asked) if seconds is None else seconds
        shown = named_in(judged(judge, torch.cat(made)), asked, 1)
        every = float(shown.float().mean())
        print(
            f"{name}: {listed(by_count(shown, asked))}, all {every:.3f}, {taken:.2f} s a prompt", flush=True
        )
        return taken

    for rank in map(int, arguments.ranks.split(",")):
        seconds = row(f"sample --rank {rank}", lambda one, rank=rank: _sampled(own, one, rank, arguments))
        looks, steps = (max(1, round(seconds / each)) for each in (look_seconds, step_seconds))
        count = min(looks, SEARCHED)
        row(f"  random search of {count} by CLIP", lambda one, n=count: search(one, n), count * look_seconds)
        row(f"  optimisation from the mean, {steps} steps", lambda one, n=steps: _optimised(own, one, n))
    row(f"random search of {SEARCHED} by CLIP", lambda one: search(one, SEARCHED), SEARCHED * look_seconds)


def _sampled(own: Models, one: Asked, rank: int, arguments: argparse.Namespace) -> Tensor:
    return next(sample(one.text, models=own, rank=rank, **_given(arguments))).tensor


@torch.no_grad()
def _search(own: Models) -> tuple[Callable[[Asked, int], Tensor], float]:
    """The best by CLIP of the first of some random pictures, and the seconds that each of these takes.

    They are the same for all prompts here; a user draws them for his own.
    """
    began = time.perf_counter()
    w = own.generator.latent_space.random(SEARCHED, torch.Generator().manual_seed(3))
    parts = [own.generator.decode(part) for part in torch.split(w, BATCH)]
    seen = torch.cat([clip_of(own).encode_image(part) for part in parts])
    drawn, seconds = torch.cat(parts), (time.perf_counter() - began) / SEARCHED

    def found(one: Asked, count: int) -> Tensor:
        scores = seen[:count] @ clip_of(own).encode_text([one.text])[0]
        return drawn[scores.argmax()][None]

    return found, seconds


def _optimised(own: Models, one: Asked, steps: int) -> Tensor:
    """StyleCLIP's optimisation from the mean w, in the units of an edit, by the cosine with the prompt."""
    given = {"steps": steps, "space": "w", "clip_loss": "similarity", "explore": 0, "picture_weight": 0.0}
    settings = chosen(EditSettings, given={"prompt": one.text, **given})
    edit = latent_edit(own, origin_of(own, own.generator.w_avg[None], settings), settings)
    watch(edit.run(), [])
    with torch.no_grad():
        return own.generator.decode(edit.answer())


def _settings(**given: Any) -> SampleSettings:
    """For prompts that are filled in later."""
    return chosen(SampleSettings, given={"prompt": "-", **given})


def _given(arguments: argparse.Namespace) -> dict[str, float]:
    chosen = {name: getattr(arguments, name) for name in ("guidance", "phrases")}
    return {name: value for name, value in chosen.items() if value is not None}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=["draw", "tune", "rivals"], default="draw")
    parser.add_argument("--judge", type=Path, default=JUDGE)
    parser.add_argument("--pack", default="mini")
    parser.add_argument("--prior", type=Path)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--each", type=int, default=8, help="pictures a prompt")
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--phrases", type=float, help="share of the guidance that goes to each phrase alone")
    parser.add_argument(
        "--rank", type=int, default=4, help="candidates that CLIP picks from; 1 leaves it out"
    )
    parser.add_argument("--ranks", default="1,8,64", help="of sample, beside its rivals")
    parser.add_argument("--guidances", default="3,5,7,9")
    parser.add_argument("--sheet", type=Path)
    arguments = parser.parse_args()
    judge = load_judge(arguments.judge)
    prior = str(arguments.prior) if arguments.prior else None
    own = Models(ModelChoice(pack=arguments.pack, prior=prior, device="cpu", precision="float32"))
    {"draw": draw, "tune": tune, "rivals": rivals}[arguments.what](own, judge, arguments)


if __name__ == "__main__":
    sys.exit(main())
