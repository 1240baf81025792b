"""From z and w to what a generator takes, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from promptbrush.editing.sample.prior_latents import PriorLatents, WayBack, w_of
from promptbrush.generators import load_generator
from promptbrush.generators.prior.kinds import Space
from promptbrush.generators.prior.mini import MiniPrior
from promptbrush.generators.prior.prior import Home, Prior, Spread
from promptbrush.generators.stylegan2 import StyleGAN2
from promptbrush.generators.stylegan2.layers import normalise


@pytest.fixture(scope="module")
def generator(tiny_pack: Path) -> StyleGAN2:
    return load_generator(tiny_pack / "generator.safetensors")


def latents_of(generator: StyleGAN2, space: Space, first: int = 2) -> PriorLatents:
    length = {"z": generator.z_dim, "w": generator.w_dim}[space]
    spread = Spread(torch.full((2, length), 0.5), torch.full((2, length), 2.0))
    if space == "z":
        spread = Spread(torch.zeros(2, length), torch.ones(2, length))
    network = MiniPrior(length, 8, 16, 1, latents=2)
    prior = Prior(network, (first, generator.num_ws - first), spread, Home(), space=space)
    return PriorLatents(prior, generator)


def test_each_latent_feeds_its_layers_the_coarse_one_too(generator: StyleGAN2) -> None:
    for space, wanted in (
        ("w", lambda x: 0.5 + 2 * x),
        ("z", lambda x: generator.mapping.single(x.flatten(0, 1)).view(3, 2, -1)),
    ):
        latents = latents_of(generator, space)
        x = torch.randn(3, 2, latents.prior.shape[1])
        found, w = latents.latents(x), wanted(x)
        assert found.shape == (3, generator.num_ws, generator.w_dim)
        assert torch.equal(found[:, 1], w[:, 0]) and torch.equal(found[:, 2], w[:, 1])


def test_truncation_0_is_the_mean(generator: StyleGAN2) -> None:
    latents = latents_of(generator, "z")
    found = latents.latents(torch.randn(3, 2, generator.z_dim), 0.0)
    torch.testing.assert_close(found, generator.w_avg.expand_as(found))


@pytest.mark.parametrize("space", ["z", "w"])
def test_a_picture_starts_where_it_is(generator: StyleGAN2, space: Space) -> None:
    latents = latents_of(generator, space)
    own = latents.latents(torch.randn(1, 2, latents.prior.shape[1])) + 0.1 * torch.randn(
        1, 1, generator.w_dim
    )
    start = latents.start(own)
    torch.testing.assert_close(latents.latents(start.x, rest=start.rest), own, atol=1e-4, rtol=1e-4)


def test_z_is_found_of_w(generator: StyleGAN2) -> None:
    z = torch.randn(50, 2, generator.z_dim)
    found, wanted = WayBack.of(generator)(w_of(generator, z)), normalise(z)
    # What is linear in w: most of it in the tiny mapping network, where a guess without w has an error of 1.
    assert float((found - wanted).square().mean()) < 0.7
    # A mapping network looks at the direction alone.
    torch.testing.assert_close(w_of(generator, wanted), w_of(generator, z))
