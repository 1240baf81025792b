"""Smoothness and nearness to the start."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from promptbrush import UsageError
from promptbrush.guidance.objective import Context
from promptbrush.guidance.regularity import (
    LatentDistance,
    PictureDistance,
    TotalVariation,
    frobenius_variation,
    mean_variation,
)

IMAGES = torch.zeros(2, 3, 4, 4)


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("case", [0, 1, 2])
def test_frobenius_variation_is_clipstylers(golden, case):
    data = golden("clipstyler_text_tv")
    images = torch.from_numpy(data[f"tv_in_{case}"])
    # The original takes one norm over the batch: the samples stand as channels of one here.
    found = frobenius_variation(images.flatten(0, 1)[None])
    assert found.item() == pytest.approx(float(data[f"tv_out_{case}"]), rel=1e-6)


def test_variation_is_per_sample():
    images = noise(2, 3, 8, 8)
    assert torch.allclose(frobenius_variation(images)[1:], frobenius_variation(images[1:]))


def test_mean_variation_by_hand_and_at_any_size():
    ramp = (torch.arange(5.0) * 0.1).expand(1, 3, 4, 5)
    assert mean_variation(ramp).item() == pytest.approx(0.1)
    assert mean_variation(ramp.repeat(1, 1, 9, 1)).item() == pytest.approx(0.1)
    assert mean_variation(noise(2, 3, 1, 1)).tolist() == [0, 0]
    assert frobenius_variation(noise(2, 3, 1, 1)).tolist() == [0, 0]


def test_a_flat_picture_has_no_variation_and_no_gradient():
    flat = torch.full((1, 3, 6, 6), 0.3, requires_grad=True)
    for form in ("frobenius", "mean"):
        value = TotalVariation(form)(flat)["tv"]
        value.sum().backward()
        assert value.item() == 0
    assert flat.grad.abs().max() == 0


@pytest.mark.parametrize("shape", [(6,), (4, 6)])
def test_latent_distance_in_w_and_w_plus(shape):
    origin, latent = noise(1, *shape), noise(2, *shape, seed=1)
    context = Context(latent=latent)
    squares = (latent - origin).square().flatten(1)
    assert torch.allclose(LatentDistance(origin)(IMAGES, context)["latent"], squares.sum(1))
    assert torch.allclose(LatentDistance(origin, "mean")(IMAGES, context)["latent"], squares.mean(1))


def test_latent_distance_over_styles_adds_the_vectors_means():
    origin = [noise(2, 4), noise(2, 8, seed=1)]
    latent = [noise(2, 4, seed=2), noise(2, 8, seed=3)]
    squares = [(a - b).square() for a, b in zip(latent, origin, strict=True)]
    found = LatentDistance(origin)(IMAGES, Context(latent=latent))["latent"]
    assert torch.allclose(found, squares[0].sum(1) + squares[1].sum(1))
    found = LatentDistance(origin, "mean")(IMAGES, Context(latent=latent))["latent"]
    assert torch.allclose(found, squares[0].mean(1) + squares[1].mean(1))
    named = {"b.weight": latent[1], "a": latent[0]}
    objective = LatentDistance({"a": origin[0], "b.weight": origin[1]}, "mean")
    assert torch.allclose(objective(IMAGES, Context(latent=named))["latent"], found)


def test_the_origin_is_a_copy():
    latent = noise(1, 5).expand(2, 5).clone()
    objective = LatentDistance(latent)
    latent += 1
    assert np.allclose(objective(IMAGES, Context(latent=latent))["latent"], 5)


@pytest.mark.parametrize("latent", [None, noise(2, 3, 6), noise(2, 7), [noise(2, 6)], {"a": noise(2, 6)}])
def test_a_latent_of_another_form_is_refused(latent):
    with pytest.raises(UsageError, match="latent"):
        LatentDistance(noise(1, 6))(IMAGES, Context(latent=latent))


def test_picture_distance_counts_much_on_few_pixels_as_little_on_many():
    origin = torch.zeros(1, 3, 10, 10)
    few, many = origin.clone(), origin + 0.1
    few[..., 0, :] = 1
    term = PictureDistance(origin, edge=1e-4)
    assert term(few)["picture"].item() == pytest.approx(term(many)["picture"].item(), rel=0.01)
    assert term(many)["picture"].item() == pytest.approx(0.1 * 3**0.5, rel=0.01)
    pixels = origin.clone().requires_grad_()
    value = PictureDistance(origin)(pixels)["picture"]
    value.sum().backward()
    assert value.item() == pytest.approx(0, abs=1e-7)
    assert pixels.grad.abs().max() == 0
    with pytest.raises(UsageError, match="edge"):
        PictureDistance(origin, edge=0)
