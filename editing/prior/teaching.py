"""What `train pairs` and `train prior` do: make pairs, train on them, write the prior."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..._base import Entry, UsageError, load_target
from ..._files import prepare_folder, prove_folder
from ...generators.prior.prior import save_prior
from ...generators.stylegan2 import StyleGAN2
from ..commands import enough_memory
from ..models import LoadedModels, ModelChoice, load_models
from .captions import CaptionMaker
from .codes import w_of
from .home import home_of, the_clip
from .pairs import Maker, PairMaker, checked_groups, make_shards, read_pairs
from .presets import PriorSettings
from .shards import CAPTIONS, Origin, Pairs, joined
from .training import PriorTraining

LICENCE = "CC-BY-4.0"
_EVERY_SECONDS = 20.0


@dataclass(frozen=True)
class PairRequest:
    """Which pairs are wanted.

    Attributes:
        pictures, captions: how many of each; captions only of generators that `train stylegan2` made.
        groups: how many layers each w of a picture feeds; () is one w for all.
        psi: truncation of w. shard: pairs in a file. seed: of all that is random.
        folder: where they are kept; None keeps them in memory.
    """

    pictures: int
    captions: int = 0
    groups: tuple[int, ...] = ()
    psi: float = 1.0
    shard: int = 1000
    seed: int = 0
    folder: Path | None = None


def make_pairs(choice: ModelChoice, request: PairRequest) -> Iterator[str]:
    """Make the pairs that are not in the folder yet; a line now and then.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    if request.folder is None:
        raise UsageError("there is no folder for the pairs; give one with --data")
    with enough_memory():
        models = load_models(_own_device(choice))
        for maker, count in _makers(models, request):
            yield from _made(maker, request.folder, count, models.device)
    yield f"{request.folder}: {request.pictures} pairs, {request.captions} captions"


def train_prior(
    choice: ModelChoice,
    request: PairRequest,
    settings: PriorSettings,
    output: Path,
    checkpoint: Path | None = None,
) -> Iterator[str]:
    """Make the pairs that are not there yet, train a prior on them and write it; a stopped training goes on.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    if output.suffix != ".safetensors":
        raise UsageError(f"{output}: a prior is written as .safetensors; give such a name")
    for name, known in (("space", ("z", "w")), ("network", ("mini", "published"))):
        if getattr(settings, name) not in known:
            raise UsageError(f"{name} is '{getattr(settings, name)}'; give {' or '.join(known)}")
    if settings.space == "z" and request.psi != 1:
        raise UsageError(
            f"psi is {request.psi:g}, but z have no truncation; leave --psi out, or give --space w"
        )
    prove_folder(output.parent)
    with enough_memory():
        models = load_models(_own_device(choice))
        found: list[Pairs] = []
        for maker, count in _makers(models, request):
            if request.folder is None:
                found.append(joined([*maker.make(0, count)]))
                continue
            yield from _made(maker, request.folder, count, models.device)
            found.append(read_pairs(request.folder, maker.origin, count))
        groups = checked_groups(request.groups, models.generator.num_ws)
        if settings.space == "w":
            found = [_in_w(models.generator, pairs, request.psi) for pairs in found]
        captions = found[1] if len(found) > 1 else None
        training = PriorTraining(
            found[0],
            captions,
            groups,
            home_of(models),
            settings,
            request.seed,
            checkpoint,
            models.device.type,
        )
        yield from _told(training)
    if training.is_main:
        prepare_folder(output.parent)
        header = {"licence": LICENCE, "steps": str(settings.steps), "seed": str(request.seed)}
        save_prior(training.prior(), output, header)
        yield f"{output}: {settings.steps} steps on {request.pictures} pairs, {request.captions} captions"


def _makers(models: LoadedModels, request: PairRequest) -> Iterator[tuple[Maker, int]]:
    """Who makes the pairs of pictures and those of captions, and how many of each."""
    if request.pictures < 2:
        raise UsageError(f"{request.pictures} pairs were asked for; give 2 or more, better 10000")
    home, generator, clip = home_of(models), models.generator, the_clip(models)
    groups = checked_groups(request.groups, generator.num_ws)
    shard = request.shard if request.folder else max(request.pictures, request.captions)
    origin = Origin(home.generator, home.clip, home.clip_input, groups, request.seed, request.psi, shard)
    yield PairMaker(generator, clip, origin), request.pictures
    if request.captions:
        yield CaptionMaker(generator, clip, replace(origin, kind=CAPTIONS)), request.captions


def _in_w(generator: StyleGAN2, pairs: Pairs, psi: float) -> Pairs:
    """The same pairs with w in place of z."""
    return Pairs(pairs.features, w_of(generator, pairs.latents, psi).cpu())


def _own_device(choice: ModelChoice) -> ModelChoice:
    """The same, on the GPU of this process where several share a machine."""
    rank = os.environ.get("LOCAL_RANK")
    if rank is None or choice.device not in ("auto", "cuda") or not torch.cuda.is_available():
        return choice
    return replace(choice, device=f"cuda:{rank}")


def _made(maker: Maker, folder: Path, count: int, device: torch.device) -> Iterator[str]:
    """Make shards; a line now and then. Where several processes share the work, each waits for the others' files."""
    prepare_folder(folder)
    done, began, told = 0, time.monotonic(), time.monotonic()
    for more in make_shards(maker, folder, count):
        done += more
        if time.monotonic() - told > _EVERY_SECONDS:
            told = time.monotonic()
            yield f"{maker.origin.kind} {done}/{count}  {done / (told - began):.1f} a second"
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        state = load_target(Entry("accelerate:PartialState", "train"), "sharing the work")
        state(cpu=device.type == "cpu").wait_for_everyone()


def _told(training: PriorTraining) -> Iterator[str]:
    """Run a training; a line now and then, from one process."""
    total = training.settings.steps
    every, mean = max(1, min(200, total // 10)), 0.0
    for done, loss in training.run():
        mean = loss if not mean else mean + 0.02 * (loss - mean)
        if training.is_main and (done % every == 0 or done == total):
            yield f"prior {done}/{total}  loss {mean:.4f}"
