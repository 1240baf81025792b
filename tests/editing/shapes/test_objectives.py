"""Drawings judged by words and by a picture: views, noise, weights of guides."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from promptbrush.editing.shapes.objectives import Guide, Legibility, Likeness
from promptbrush.editing.shapes.views import random_views, shared_crop
from promptbrush.generators.shapes import Shapes
from promptbrush.guidance.objective import Context, needs_images
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
def test_views_are_divided_among_guides_by_their_weights(views: int, seen: tuple[int, int]) -> None:
    first, second = Eye(0.9), Eye(0.3)
    generator = Shapes(count=3, size=(16, 16))
    objective = Legibility(generator, [guide(first, 2.0), guide(second, 1.0)], views)
    latents = generator.init(4, torch.Generator().manual_seed(0))
    losses = objective.losses(latents, 0)
    assert (first.seen, second.seen) == ([4 * seen[0]], [4 * seen[1]]), "as many views as one guide would see"
    assert losses.tolist() == pytest.approx([-(2 * 0.9 + 0.3) / 3] * 4, abs=1e-6), (
        "each weighs what it should"
    )
    drawn = objective(generator.decode(latents), Context(latents, [0]))
    assert torch.equal(drawn["clip"], losses), "as an objective it says the same"


def test_noise_is_the_same_for_all_candidates_and_differs_by_seed() -> None:
    generator = Shapes(count=3, size=(16, 20))
    objective = Likeness(generator, torch.rand(1, 3, 16, 20), noise=5)
    assert not needs_images(objective)
    twice = generator.init(1, torch.Generator().manual_seed(0)).expand(2, -1)
    blank = torch.empty(2, 3, 0, 0)
    first, other = (objective(blank, Context(twice, [seed]))["l2"] for seed in (1, 2))
    assert first[0] == first[1]
    assert first[0] != other[0]
    still = objective.still()
    assert needs_images(still)
    assert torch.equal(still.losses(twice, 1), still.losses(twice, 2))


def test_views_are_of_each_picture_its_own_and_show_it_whole() -> None:
    picture = torch.zeros(2, 3, 20, 40)
    white = torch.ones(1, 3, 1, 1)
    views = random_views(picture, white, 32, 3, seed=0)
    assert views.shape == (6, 3, 32, 32)
    assert not torch.equal(views[0], views[3])
    # The black canvas is 2:1 and takes 0.6 to 1 of a square side across.
    dark = (views[:, 0] < 0.5).float().mean((1, 2))
    assert float(dark.min()) > 0.5 * 0.6**2 * 0.8
    assert float(dark.max()) < 0.5
    crops = shared_crop(torch.rand(1, 3, 20, 20).expand(2, -1, -1, -1), 16, seed=0)
    assert torch.equal(crops[0], crops[1])
