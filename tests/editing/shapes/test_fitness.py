"""Drawings judged by words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from promptbrush.editing.shapes.fitness import Guide, TextFitness
from promptbrush.generators.shapes import Shapes
from torch import Tensor


class Eye:
    """A CLIP that gives every picture the same feature, and counts pictures."""

    image_size = 16

    def __init__(self, cosine: float) -> None:
        self.feature = torch.tensor([cosine, (1 - cosine**2) ** 0.5])
        self.seen: list[int] = []

    def encode_image(self, images: Tensor) -> Tensor:
        self.seen.append(len(images))
        return self.feature.expand(len(images), 2) + 0 * images.mean((1, 2, 3))[:, None]


def guide(eye: Eye, weight: float) -> Guide:
    prompt: Any = SimpleNamespace(features=torch.tensor([[1.0, 0.0]]), weights=torch.tensor([1.0]))
    return Guide(eye, prompt, weight)  # type: ignore[arg-type]


@pytest.mark.parametrize(("views", "seen"), [(1, (1, 1)), (2, (1, 1)), (3, (2, 1)), (6, (4, 2)), (7, (5, 2))])
def test_guides_share_views_by_their_weights(views: int, seen: tuple[int, int]) -> None:
    first, second = Eye(0.9), Eye(0.3)
    generator = Shapes(count=3, size=(16, 16))
    fitness = TextFitness(generator, [guide(first, 2.0), guide(second, 1.0)], views)
    latents = generator.init(4, torch.Generator().manual_seed(0))
    losses = fitness.losses(latents, 0)
    assert (first.seen, second.seen) == ([4 * seen[0]], [4 * seen[1]]), "as many views as one guide would see"
    assert losses.tolist() == pytest.approx([-(2 * 0.9 + 0.3) / 3] * 4, abs=1e-6), (
        "each weighs what it should"
    )
