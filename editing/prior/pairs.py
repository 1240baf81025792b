"""Making pairs: random latents, the pictures that the generator draws of them, and what CLIP sees in these.

The data of clip2latent (Pinkney & Li 2022, section 3): no captions, no photographs, just the two models.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ..._base import InputFileError, UsageError
from ..._devices import coarse
from ...generators.stylegan2 import StyleGAN2
from ...guidance.cutouts import step_seed
from ...guidance.perceptor import Perceptor
from ..sample.prior_latents import w_of, w_plus
from .shards import ForeignShardError, Origin, Pairs, joined, read_shard, save_shard, shard_path

# Pixels that are drawn at a time: what a laptop's caches still hold.
_PIXELS = 2**19


@dataclass(frozen=True)
class PairMaker:
    """Makes shards of pairs; shard k is the same whoever makes it and whatever was made before.

    Args:
        perceptor: one CLIP, whose `preprocessing` is the origin's `clip_input`.
        origin: see `Origin`.
    """

    generator: StyleGAN2
    perceptor: Perceptor
    origin: Origin

    def make(self, index: int, count: int) -> Iterator[Pairs]:
        """The first `count` pairs of a shard, in batches."""
        rng = torch.Generator().manual_seed(step_seed(self.origin.seed, index))
        # Every group has a latent of its own, as style mixing makes them.
        z = torch.randn(count * len(self.origin.groups), self.generator.z_dim, generator=rng)
        z = z.view(count, len(self.origin.groups), -1)
        for part in torch.split(z, max(1, _PIXELS // self.generator.resolution**2)):
            yield Pairs(self._seen(part).cpu(), part)

    @torch.no_grad()
    def _seen(self, z: Tensor) -> Tensor:
        """CLIP's features (B,D) of the pictures of z (B,G,z_dim)."""
        w = w_of(self.generator, z, self.origin.psi)
        codes = w_plus(w, self.origin.groups)
        # Coarse numbers are far below what CLIP distinguishes, and several times faster.
        with coarse(codes.device):
            images = self.generator.decode(codes).float()
        return self.perceptor.encode_image(images, normalise=False)


def checked_groups(groups: Sequence[int], num_ws: int) -> tuple[int, ...]:
    """Groups of layers for a generator; none stands for one w for all.

    Raises:
        UsageError: they do not add up to its layers.
    """
    found = tuple(groups) or (num_ws,)
    if any(count < 1 for count in found) or sum(found) != num_ws:
        given = ",".join(map(str, found))
        raise UsageError(
            f"groups is {given}, but the generator has {num_ws} layers; give counts that add up to {num_ws}"
        )
    return found


class Maker(Protocol):
    """Makes shards of pairs."""

    @property
    def origin(self) -> Origin:
        """What they come from."""

    def make(self, index: int, count: int) -> Iterator[Pairs]:
        """The first `count` pairs of a shard, in batches."""


def make_shards(maker: Maker, folder: Path, count: int) -> Iterator[int]:
    """Make the shards that are not there yet, or damaged; yields how many pairs each batch added, kept ones at once.

    Several processes, as torchrun and accelerate start them, each make a part.

    Raises:
        InputFileError: a folder that cannot be written, or shards of other models in it.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    size = maker.origin.shard
    for index in range(rank, -(-count // size), world):
        wanted = min(size, count - index * size)
        if _is_kept(shard_path(folder, index, maker.origin.kind), maker.origin, wanted):
            yield wanted
            continue
        parts = []
        for part in maker.make(index, wanted):
            parts.append(part)
            yield len(part)
        save_shard(folder, index, joined(parts), maker.origin)


def _is_kept(path: Path, origin: Origin, wanted: int) -> bool:
    """Whether a shard is there and whole; one that was cut short is made again."""
    if not path.exists():
        return False
    try:
        return len(read_shard(path, origin)) >= wanted
    except ForeignShardError:
        raise
    except InputFileError:
        return False


def read_pairs(folder: Path, origin: Origin, count: int) -> Pairs:
    """The first `count` pairs of a folder.

    Raises:
        InputFileError: a shard that is missing, cut short, or of other models.
    """
    size = origin.shard
    paths = [shard_path(folder, index, origin.kind) for index in range(-(-count // size))]
    for path in paths:
        if not path.exists():
            raise InputFileError(f"{path}: is missing; run 'promptbrush train pairs' with the same options")
    found = joined([read_shard(path, origin) for path in paths])
    if len(found) < count:
        raise InputFileError(
            f"{folder}: holds {len(found)} pairs of the {count} that are asked for; run 'promptbrush train pairs' again"
        )
    return Pairs(found.features[:count], found.latents[:count])
