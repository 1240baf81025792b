"""Pictures between two known faces, which a generator makes and a CLIP learns from."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..._devices import coarse
from ..._resize import resize_linear
from ...generators.training.face_captions import is_held_out
from ...generators.training.face_set import vectors_of
from ...generators.training.faces import CHOICES, Face
from ...generators.training.fit import PairedModel
from ...generators.training.labels import labels_of_faces
from ...guidance.training.parts import Batch
from ...guidance.training.views import moved
from .clip_world import FACE_VIEWS, FacePart

_CHUNK = 256
_BLENDS = 12_000
# Fractions of the others, how far blends go beyond both ends, and how far off W, in its standard deviations.
_CHANGED_ONCE, _CHANGED_THRICE = 0.65, 0.15
_BEYOND, _OFF_W = 0.15, 0.25


@dataclass(frozen=True)
class Blends:
    """A generator's pictures between two known faces.

    Args:
        images: uint8 (N,3,S,S).
        first, second: int64 (N, attributes), the answers at both ends, -1 where there is none.
        share: float32 (N,) in [0,1], the weight of the second.
    """

    images: Tensor
    first: Tensor
    second: Tensor
    share: Tensor


class BlendPart:
    """Blends, whose labels are mixed in proportion (Zhang et al. 2018, mixup, but along the generator's latents).

    A guide is asked about pictures that no drawing shows: the half-way points of an edit.
    """

    taught = False

    def __init__(self, blends: Blends, faces: FacePart) -> None:
        self.blends, self.faces, self.sizes, self.apart = blends, faces, faces.sizes, faces.apart

    def batch(
        self, count: int, _captions: int, size: int, rng: torch.Generator, _words: random.Random
    ) -> Batch:
        """See `Part`; blends have no captions."""
        rows, blends = torch.randint(len(self.blends.share), (count,), generator=rng), self.blends
        images = moved(blends.images[rows].float() / 255, size, FACE_VIEWS, rng, "border")
        return Batch(images, [], [], blends.first[rows], blends.second[rows], blends.share[rows])

    def wordings(self, question: int, values: list[int], words: random.Random) -> list[str]:
        """See `Part`."""
        return self.faces.wordings(question, values, words)


@torch.no_grad()
def draw_blends(
    faces: FacePart, model: PairedModel, size: int, count: int = _BLENDS, seed: int = 0
) -> Blends:
    """For some faces, the generator's picture of a point in W on the way to another, or a little beyond.

    Two of three others differ in one choice, the rest in three or in everything. Half of the pictures are off W:
    every layer's w is moved a little on its own.

    Args:
        size: of the pictures' sides.
    """
    rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    known = faces.known[:count]
    others = [_another(face, known, rng) for face in known]
    ends = [torch.from_numpy(vectors_of(each)) for each in (known, others)]
    share = torch.rand(len(others), generator=noise) * (1 + 2 * _BEYOND) - _BEYOND
    place = next(model.parameters()).device
    first, second = (
        torch.cat([model.attributes(part.to(place)) for part in torch.split(end, _CHUNK)]) for end in ends
    )
    w = torch.lerp(first, second, share[:, None].to(place))
    images = torch.cat([_drawn(model, part, first.std(0), size, noise) for part in torch.split(w, _CHUNK)])
    return Blends(images, faces.labels[: len(known)], labels_of_faces(others), share.clamp(0, 1))


def _another(face: Face, faces: list[Face], rng: random.Random) -> Face:
    """Another face to blend with, without a held-out pair."""
    kind = rng.random()
    if kind > _CHANGED_ONCE + _CHANGED_THRICE:
        return rng.choice(faces)
    times = 1 if kind < _CHANGED_ONCE else 3
    made = _changed(face, times, rng)
    while is_held_out(made):
        made = _changed(face, times, rng)
    return made


def _changed(face: Face, times: int, rng: random.Random) -> Face:
    """A face with some choices changed."""
    for _ in range(times):
        name = rng.choice(list(CHOICES))
        value = rng.choice([value for value in CHOICES[name] if value != face.choices[name]])
        face = replace(face, choices={**face.choices, name: value})
    return face


def _drawn(model: PairedModel, w: Tensor, spread: Tensor, size: int, rng: torch.Generator) -> Tensor:
    """uint8 (B,3,size,size)."""
    codes = w[:, None].repeat(1, model.generator.num_ws, 1)
    amount, moved = torch.rand(2, len(w), 1, 1, generator=rng)
    off = _OFF_W * amount * (moved < 0.5) * torch.randn(codes.shape, generator=rng)
    codes += off.to(w.device) * spread
    with coarse(w.device):
        images = model.generator.synthesis(codes, noise="none").float()
    images = resize_linear(images, size, size)
    levels: Tensor = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return levels.cpu()
