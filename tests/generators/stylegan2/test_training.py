"""Losses and regularisers against their definitions."""

import math

import pytest
import torch
from promptbrush.generators.stylegan2 import losses


def test_logistic_losses_are_per_sample():
    fake, real = torch.tensor([[2.0], [-1.0]]), torch.tensor([[0.5], [3.0]])
    expected = [math.log(1 + math.exp(-2)), math.log(1 + math.exp(1))]
    torch.testing.assert_close(losses.generator_loss(fake), torch.tensor(expected))
    both = [math.log(1 + math.exp(f)) + math.log(1 + math.exp(-r)) for f, r in ((2, 0.5), (-1, 3))]
    torch.testing.assert_close(losses.discriminator_loss(fake, real), torch.tensor(both))


def test_r1_of_a_linear_discriminator_is_the_norm_of_its_weights(rng):
    weights = torch.randn(3, 4, 4, generator=rng)
    penalty = losses.r1_penalty(lambda x: (x * weights).sum((1, 2, 3)), torch.zeros(2, 3, 4, 4))
    torch.testing.assert_close(penalty, weights.square().sum().expand(2))


def test_regularisers_reach_every_parameter(make_generator, make_discriminator, rng):
    generator, discriminator = make_generator().requires_grad_(), make_discriminator().requires_grad_()
    losses.r1_penalty(discriminator, torch.randn(4, 3, 16, 16, generator=rng)).mean().backward()
    unreached = [n for n, p in discriminator.named_parameters() if p.grad is None]
    assert unreached == ["b4.out.bias"] or unreached == []
    ws = generator.init(2, rng).requires_grad_()
    images = generator.synthesis(ws)
    losses.path_lengths(images, ws, torch.randn(images.shape, generator=rng)).mean().backward()
    assert generator.synthesis.b4.const.grad.abs().sum() > 0


def test_lazy_adam():
    settings = losses.lazy_adam(0.0025, 4)
    assert settings["lr"] == pytest.approx(0.002)
    assert settings["betas"] == (0.0, pytest.approx(0.99**0.8))
    assert losses.lazy_adam(0.002, None)["betas"] == (0.0, 0.99)


def test_gradients_are_made_finite():
    parameter = torch.nn.Parameter(torch.zeros(4))
    parameter.grad = torch.tensor([math.nan, math.inf, -math.inf, 2.0])
    losses.clean_gradients([parameter])
    assert parameter.grad.tolist() == [0.0, 1e5, -1e5, 2.0]


def test_a_few_adversarial_steps_move_the_generator_towards_the_data(make_generator, make_discriminator):
    # Data of one colour: without any gradient mistake the mean colour comes closer within a few steps.
    rng = torch.Generator().manual_seed(0)
    generator, discriminator = (m.requires_grad_().train() for m in (make_generator(), make_discriminator()))
    g_opt = torch.optim.Adam(generator.parameters(), **losses.lazy_adam(0.02, 4))
    d_opt = torch.optim.Adam(discriminator.parameters(), **losses.lazy_adam(0.02, 16))
    real = torch.tensor([0.8, -0.5, 0.1]).view(1, 3, 1, 1).expand(16, 3, 16, 16)

    def fakes():
        z = torch.randn(16, 10, generator=rng)
        return generator.synthesis(generator.mapping(z), "random", rng)

    def distance():
        with torch.no_grad():
            return float((fakes().mean((0, 2, 3)) - real[0, :, 0, 0]).norm())

    start = distance()
    for _ in range(25):
        d_opt.zero_grad()
        with torch.no_grad():
            images = fakes()
        loss = losses.discriminator_loss(discriminator(images), discriminator(real))
        (loss.mean() + 0.5 * losses.r1_penalty(discriminator, real).mean()).backward()
        d_opt.step()
        g_opt.zero_grad()
        losses.generator_loss(discriminator(fakes())).mean().backward()
        g_opt.step()
    assert distance() < 0.7 * start
