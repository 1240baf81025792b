"""Projection: the published schedules and losses, and that it finds a picture."""

import numpy as np
import pytest
import torch
from promptbrush.generators.stylegan2 import projector
from promptbrush.generators.stylegan2.projector import ProjectionSettings


@pytest.fixture
def unconditional(official):
    if "proj_lr" not in official:
        pytest.skip("recorded for unconditional networks only")
    return official


def test_schedules(unconditional):
    settings = ProjectionSettings()
    std = float(unconditional["proj_w_std"])
    times = [step / 1000 for step in range(1000)]
    rates = [projector.learning_rate(t, settings) for t in times]
    scales = [projector.w_noise_scale(t, std, settings) for t in times]
    np.testing.assert_allclose(rates, unconditional["proj_lr"], atol=1e-7)
    np.testing.assert_allclose(scales, unconditional["proj_w_noise_scale"], atol=1e-6)


def test_w_statistics(unconditional):
    mean, std = projector.w_statistics(unconditional.generator)
    torch.testing.assert_close(mean, unconditional["proj_w_avg"].flatten(), rtol=1e-4, atol=1e-5)
    assert std == pytest.approx(float(unconditional["proj_w_std"]), rel=1e-6)


def test_noise_regulariser(unconditional):
    maps = [layer.noise_const for layer in unconditional.generator.synthesis.convs()]
    torch.testing.assert_close(
        projector.noise_regulariser(maps), unconditional["noise_reg"], rtol=1e-5, atol=1e-7
    )


def test_renormalised_maps(rng):
    noise = torch.randn(16, 16, generator=rng) * 3 + 2
    projector.renormalise([noise])
    assert float(noise.mean()) == pytest.approx(0, abs=1e-6)
    assert float(noise.square().mean()) == pytest.approx(1, abs=1e-5)


def test_projection_finds_a_generated_picture(unconditional):
    model = unconditional.generator
    ws = model.init(1, torch.Generator().manual_seed(1))
    target = model.synthesis(ws) / 2 + 0.5
    before = [layer.noise_const.clone() for layer in model.synthesis.convs()]
    settings = ProjectionSettings(steps=60, samples=500)
    run = projector.project(model, lambda x: x.flatten(1), target, torch.Generator().manual_seed(0), settings)
    steps = list(run)
    assert [step.index for step in steps] == list(range(60))
    assert float(steps[-1].distance) < 0.7 * float(steps[0].distance)
    assert steps[-1].ws.shape == (1, model.num_ws, model.w_dim)
    assert torch.equal(steps[-1].ws[:, 0], steps[-1].ws[:, -1])
    assert all(torch.equal(a, b.noise_const) for a, b in zip(before, model.synthesis.convs(), strict=True))
