"""Training a prior: make pairs of pictures and features, train on them, write the prior."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from ..._base import Entry, UsageError, load_target
from ..._devices import memory_checked
from ..._files import prepare_folder, prove_folder
from ...generators.prior.prior import save_prior
from ...generators.stylegan2 import StyleGAN2
from ..choice import ModelChoice
from ..models import Models
from ..prior.captions import CaptionMaker
from ..prior.pairs import Maker, PairMaker, checked_groups, make_shards, read_pairs
from ..prior.shards import CAPTIONS, Origin, Pairs, joined
from ..sample.prior_identity import identity_of, only_clip
from ..sample.prior_latents import w_of
from .generator import LICENCE
from .options import PairsOptions, PriorOptions, part_of
from .prior_trainer import PriorData, PriorTrainer
from .settings import PriorSettings

_EVERY_SECONDS = 20.0
_LESS = "a smaller --batch or --clip, or --device cpu"


@memory_checked(_LESS)
def make_pairs(options: PairsOptions) -> Iterator[str]:
    """Make the pairs that are not in the folder yet; a line now and then.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    models = Models(_choice(options))
    for maker, count in _makers(models, options, options.data):
        yield from _made(maker, options.data, count, models.device)
    yield f"{options.data}: {options.pairs} pairs, {options.captions} captions"


@memory_checked(_LESS)
def train_prior(options: PriorOptions) -> Iterator[str]:
    """Make the pairs that are not there yet, train a prior on them and write it.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    output, settings = options.output, part_of(PriorSettings, options)
    if output.suffix != ".safetensors":
        raise UsageError(f"{output}: a prior is written as .safetensors; give such a name")
    if settings.space == "z" and options.psi != 1:
        raise UsageError(
            f"psi is {options.psi:g}, but z have no truncation; leave --psi out, or give --space w"
        )
    prove_folder(output.parent)
    models, found = Models(_choice(options)), list[Pairs]()
    for maker, count in _makers(models, options, options.data):
        if options.data is None:
            found.append(joined([*maker.make(0, count)]))
            continue
        yield from _made(maker, options.data, count, models.device)
        found.append(read_pairs(options.data, maker.origin, count))
    if settings.space == "w":
        found = [_in_w(models.generator, pairs, options.psi) for pairs in found]
    groups = checked_groups(options.layers, models.generator.num_ws)
    data = PriorData(
        found[0], found[1] if len(found) > 1 else None, groups, identity_of(models, options.clip_input)
    )
    trainer = PriorTrainer(data, settings, options.seed, options.checkpoint, models.device)
    yield from trainer.lines()
    if trainer.processes.is_main:
        prepare_folder(output.parent)
        header = {"licence": LICENCE, "steps": str(settings.steps), "seed": str(options.seed)}
        save_prior(trainer.prior(), output, header)
        yield f"{output}: {settings.steps} steps on {options.pairs} pairs, {options.captions} captions"


def _makers(
    models: Models, options: PairsOptions | PriorOptions, folder: Path | None
) -> Iterator[tuple[Maker, int]]:
    """Who makes the pairs of pictures and those of captions, and how many of each."""
    clip = only_clip(models, options.clip_input)
    home, generator = identity_of(models, options.clip_input), models.generator
    groups = checked_groups(options.layers, generator.num_ws)
    shard = options.shard if folder else max(options.pairs, options.captions)
    origin = Origin(home.generator, home.clip, home.clip_input, groups, options.seed, options.psi, shard)
    yield PairMaker(generator, clip, origin), options.pairs
    if options.captions:
        yield CaptionMaker(generator, clip, replace(origin, kind=CAPTIONS)), options.captions


def _in_w(generator: StyleGAN2, pairs: Pairs, psi: float) -> Pairs:
    """The same pairs with w in place of z."""
    return Pairs(pairs.features, w_of(generator, pairs.latents, psi).cpu())


def _choice(options: PairsOptions | PriorOptions) -> ModelChoice:
    """The models, on the GPU of this process where several share a machine."""
    rank, device = os.environ.get("LOCAL_RANK"), options.device
    if rank is not None and device in ("auto", "cuda") and torch.cuda.is_available():
        device = f"cuda:{rank}"
    return ModelChoice(
        pack=options.pack,
        generator=options.generator,
        clip=options.clip,
        device=device,
        precision=options.precision,
    )


def _made(maker: Maker, folder: Path, count: int, device: torch.device) -> Iterator[str]:
    """Make shards, with a line of progress now and then; several processes wait for each other's files."""
    prepare_folder(folder)
    done, began, reported = 0, time.monotonic(), time.monotonic()
    for more in make_shards(maker, folder, count):
        done += more
        if time.monotonic() - reported > _EVERY_SECONDS:
            reported = time.monotonic()
            yield f"{maker.origin.kind} {done}/{count}  {done / (reported - began):.1f} a second"
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        state = load_target(Entry("accelerate:PartialState", "train"), "sharing the work")
        state(cpu=device.type == "cpu").wait_for_everyone()
