"""The contract that every generator of the table keeps."""

from collections.abc import Mapping

import pytest
import torch
from promptbrush.generators import GENERATORS
from promptbrush.generators.shapes import Shapes
from promptbrush.generators.stylegan2 import StyleGAN2
from promptbrush.generators.stylegan2.config import StyleGAN2Config
from torch import Tensor

DEVICES = [
    "cpu",
    *(["cuda"] if torch.cuda.is_available() else []),
    *(["mps"] if torch.backends.mps.is_available() else []),
]


def small_stylegan2() -> StyleGAN2:
    config = StyleGAN2Config(resolution=16, channels={4: 8, 8: 8, 16: 8}, z_dim=8, w_dim=8, mapping_layers=2)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return StyleGAN2(config).eval().requires_grad_(False)


def few_shapes() -> Shapes:
    return Shapes(count=5, size=(12, 16))


MAKERS = {"stylegan2": small_stylegan2, "shapes": few_shapes}


def rows(latent: Tensor | Mapping[str, Tensor] | list[Tensor], which: slice) -> object:
    if isinstance(latent, Tensor):
        return latent[which]
    if isinstance(latent, Mapping):
        return {name: value[which] for name, value in latent.items()}
    return [value[which] for value in latent]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_name_has_a_maker_and_loads() -> None:
    assert set(MAKERS) == set(GENERATORS.names())
    for name, make in MAKERS.items():
        assert type(make()) is GENERATORS.load(name)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", MAKERS)
def test_pictures_have_the_right_form_on_every_device(name: str, device: str) -> None:
    generator = MAKERS[name]().to(device)
    images = generator.decode(generator.init(3, rng()))
    assert images.shape[:2] == (3, 3)
    assert images.dtype == torch.float32
    assert images.device.type == device
    assert 0 <= float(images.min()) < float(images.max()) <= 1


@pytest.mark.parametrize("name", MAKERS)
def test_starts_follow_the_seed_and_not_the_batch(name: str) -> None:
    generator = MAKERS[name]()
    few, many = generator.init(2, rng(5)), generator.init(4, rng(5))
    assert torch.allclose(generator.decode(few), generator.decode(rows(many, slice(2))), atol=1e-6)
    assert not torch.allclose(generator.decode(few), generator.decode(generator.init(2, rng(6))), atol=1e-3)


@pytest.mark.parametrize("name", MAKERS)
def test_samples_do_not_influence_each_other(name: str) -> None:
    generator = MAKERS[name]()
    latent = generator.init(4, rng())
    together = generator.decode(latent)
    alone = torch.cat([generator.decode(rows(latent, slice(i, i + 1))) for i in range(4)])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_gradients_reach_every_sample_of_a_differentiable_generator(name: str) -> None:
    generator = MAKERS[name]()
    if not generator.differentiable:
        pytest.skip(f"{name} is not differentiable")
    latent = generator.init(2, rng()).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(generator.decode(latent).square().sum(), latent)
    assert bool((gradient.flatten(1).norm(dim=1) > 0).all())
