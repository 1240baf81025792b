"""Captions of the embedded generator's random pictures: its z stand for drawn faces, which a grammar describes.

What CLIP reads and what it sees lie apart in its space, and noise bridges that only in part. Where it is known what a
z stands for, a prior can also learn from captions. They use the wordings for training alone, and never name both
values of a pair that is held out. Faces that show such a pair are among them: without these, a prior would learn that
pink hair speaks against a full beard.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ..._base import UsageError
from ...generators.stylegan2 import StyleGAN2
from ...generators.training.face_captions import caption
from ...generators.training.face_latents import Z_DIM, faces_of_z
from ...guidance.cutouts import step_seed
from ...guidance.perceptor import TEXT_BATCH, Perceptor
from .shards import Origin, Pairs

# Beside the seeds of pictures.
_OFFSET = 1 << 40


@dataclass(frozen=True)
class CaptionMaker:
    """Makes shards of (CLIP's features of a caption, z); see `PairMaker`.

    Raises:
        UsageError: a generator whose z stand for nothing that is known, or several w for a picture.
    """

    generator: StyleGAN2
    perceptor: Perceptor
    origin: Origin

    def __post_init__(self) -> None:
        if self.generator.z_dim != Z_DIM or len(self.origin.groups) != 1:
            raise UsageError(
                "captions are known only of generators that 'promptbrush train stylegan2' made, with one w for all "
                "layers; leave --captions and --groups out"
            )

    @torch.no_grad()
    def make(self, index: int, count: int) -> Iterator[Pairs]:
        """The first `count` pairs of a shard, in batches."""
        seed = step_seed(self.origin.seed + _OFFSET, index)
        rng, words = torch.Generator().manual_seed(seed), random.Random(seed)
        made = 0
        while made < count:
            z = torch.randn(min(TEXT_BATCH, count - made), Z_DIM, generator=rng)
            texts = [caption(face, words, apart=True) for face in faces_of_z(z)]
            made += len(z)
            yield Pairs(self.perceptor.encode_text(texts, normalise=False).cpu(), z[:, None])
