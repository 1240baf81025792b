"""z and faces: the posterior agrees with the reading, and both have the right distributions."""

import torch
from promptbrush.generators.training.coupling import Z_DIM, draw_z, read_z
from promptbrush.generators.training.faces import CHOICES, CONTINUOUS


def test_drawn_z_read_as_the_same_faces_and_are_normal() -> None:
    rng = torch.Generator().manual_seed(0)
    choices, continuous = read_z(torch.randn(20_000, Z_DIM, generator=rng))
    z = draw_z(choices, continuous, rng)
    again, values = read_z(z)
    assert torch.equal(again, choices)
    assert torch.allclose(values, continuous, atol=1e-5)
    assert z.mean(0).abs().max() < 0.05
    assert (z.std(0) - 1).abs().max() < 0.05


def test_normal_z_give_the_odds_of_the_choices() -> None:
    rng = torch.Generator().manual_seed(1)
    choices, continuous = read_z(torch.randn(40_000, Z_DIM, generator=rng))
    for column, odds in zip(choices.T, CHOICES.values(), strict=True):
        shares = torch.bincount(column, minlength=len(odds)) / len(column)
        assert torch.allclose(shares, torch.tensor(list(odds.values())), atol=0.012)
    assert continuous.shape[1] == len(CONTINUOUS)
    assert (continuous.mean(0).abs() < 0.02).all()


def test_other_draws_are_other_z_of_the_same_face() -> None:
    rng = torch.Generator().manual_seed(2)
    choices, continuous = read_z(torch.randn(4, Z_DIM, generator=rng))
    first, second = draw_z(choices, continuous, rng), draw_z(choices, continuous, rng)
    count = Z_DIM - len(CONTINUOUS)
    assert not torch.allclose(first[:, :count], second[:, :count])
