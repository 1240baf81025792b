"""z and faces: normal z have the right distributions, and the mapping's first layers tell which face a z stands for."""

import torch
from promptbrush.generators.stylegan2.generator import StyleGAN2
from promptbrush.generators.stylegan2.layers import normalise
from promptbrush.generators.training.face_latents import Z_DIM, faces_of_z, read_z, set_first_layers
from promptbrush.generators.training.faces import CHOICES, CONTINUOUS
from promptbrush.generators.training.fit import mini_generator
from torch.nn import functional as F


def test_normal_z_give_the_odds_of_the_choices() -> None:
    rng = torch.Generator().manual_seed(1)
    choices, continuous = read_z(torch.randn(40_000, Z_DIM, generator=rng))
    for column, odds in zip(choices.T, CHOICES.values(), strict=True):
        shares = torch.bincount(column, minlength=len(odds)) / len(column)
        assert torch.allclose(shares, torch.tensor(list(odds.values())), atol=0.012)
    assert continuous.shape[1] == len(CONTINUOUS)
    assert (continuous.mean(0).abs() < 0.02).all()


def test_faces_are_those_that_a_normalised_z_reads_as() -> None:
    z = torch.randn(20, Z_DIM, generator=torch.Generator().manual_seed(2))
    choices, continuous = read_z(normalise(z))
    for face, row, numbers in zip(faces_of_z(z), choices, continuous, strict=True):
        assert [list(CHOICES[name]).index(value) for name, value in face.choices.items()] == row.tolist()
        assert torch.allclose(torch.tensor([*face.continuous.values()]), numbers, atol=1e-6)
    assert [each.choices for each in faces_of_z(3 * z)] == [each.choices for each in faces_of_z(z)]


def test_the_first_layers_make_a_step_of_each_fork() -> None:
    mapping = StyleGAN2(mini_generator(8)).mapping
    set_first_layers(mapping)
    z = torch.randn(4000, Z_DIM, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        made = mapping.get_submodule("fc1")(mapping.get_submodule("fc0")(normalise(z)))
    forks, count = Z_DIM - len(CONTINUOUS), len(CONTINUOUS)
    steps = made[:, :forks]
    low, high = (steps + 0.2 * 2**0.5).abs() < 1e-2, (steps - 2**0.5).abs() < 1e-2
    # Few z lie on a slope, which a linear unit would make of all of them.
    assert (low | high).float().mean() > 0.98
    # Each value's leaf is reached by the same sides in all faces that have it.
    choices, _ = read_z(normalise(z))
    first = choices[:, 0]
    own = len(next(iter(CHOICES.values()))) - 1
    for value in range(own + 1):
        sides = high[first == value][:, :own].float().mean(0)
        assert ((sides < 0.03) | (sides > 0.97)).any()
    parts = made[:, forks : forks + 2 * count]
    own_z = normalise(z)[:, forks:]
    expected = F.leaky_relu(torch.cat([own_z, -own_z], dim=1), 0.2) * 2**0.5
    assert torch.allclose(parts, expected, atol=1e-4)
