"""What every generator and every method of the tables keeps to; `guidance/test_objective.py` has that of objectives."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import promptbrush
import pytest
import torch
from PIL import Image
from promptbrush._settings import extra
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.methods import METHODS, Method, resolved
from promptbrush.editing.outputs import Outputs
from promptbrush.editing.record import ModelNames, Record
from promptbrush.generators import GENERATORS, Generator, save_generator
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


# Those of the table, the toy package's, and shapes, which no file holds.
NAMES = ("stylegan2", "gradient", "shapes")


def rows(latent: Tensor | Mapping[str, Tensor] | list[Tensor], which: slice) -> object:
    if isinstance(latent, Tensor):
        return latent[which]
    if isinstance(latent, Mapping):
        return {name: value[which] for name, value in latent.items()}
    return [value[which] for value in latent]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def generator(request: pytest.FixtureRequest, tmp_path: Path, toy: Path) -> Any:
    """A small generator, as the table loads it."""
    if request.param == "shapes":  # made for a canvas, not loaded
        return Shapes(count=5, size=(12, 16))
    path = tmp_path / "generator.safetensors"
    if request.param == "stylegan2":
        save_generator(small_stylegan2(), path)
        return GENERATORS.load("stylegan2")(path)
    return GENERATORS.load(request.param)()


every_generator = pytest.mark.parametrize("generator", NAMES, indirect=True)


def test_every_generator_keeps_the_contract(toy: Path) -> None:
    assert {*NAMES} == {*GENERATORS.names(), "shapes"}


@pytest.mark.parametrize("device", DEVICES)
@every_generator
def test_pictures_have_the_right_form_on_every_device(generator: Any, device: str) -> None:
    generator = generator.to(device)
    images = generator.decode(generator.init(3, rng()))
    assert images.shape[:2] == (3, 3)
    assert images.dtype == torch.float32
    assert images.device.type == device
    assert 0 <= float(images.min()) < float(images.max()) <= 1


@every_generator
def test_starts_follow_the_seed_and_not_the_batch(generator: Any) -> None:
    few, many = generator.init(2, rng(5)), generator.init(4, rng(5))
    assert torch.allclose(generator.decode(few), generator.decode(rows(many, slice(2))), atol=1e-6)
    assert not torch.allclose(generator.decode(few), generator.decode(generator.init(2, rng(6))), atol=1e-3)


@every_generator
def test_samples_do_not_influence_each_other(generator: Any) -> None:
    latent = generator.init(4, rng())
    together = generator.decode(latent)
    alone = torch.cat([generator.decode(rows(latent, slice(i, i + 1))) for i in range(4)])
    assert torch.allclose(together, alone, atol=1e-5)


@every_generator
def test_gradients_reach_every_sample_of_a_differentiable_generator(generator: Any) -> None:
    if not generator.differentiable:
        pytest.skip("it is not differentiable")
    latent = generator.init(2, rng()).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(generator.decode(latent).square().sum(), latent)
    assert bool((gradient.flatten(1).norm(dim=1) > 0).all())


@every_generator
def test_what_is_stored_draws_the_same(generator: Any) -> None:
    assert isinstance(generator, Generator)
    latent, other = generator.init(2, rng()), copy.deepcopy(generator)
    for value in other.state_dict().values():
        value.zero_()
    other.load_state_dict(generator.state_dict())
    assert torch.equal(generator.decode(latent), other.decode(latent))


@every_generator
def test_a_latent_space_starts_moves_and_checks(generator: Any) -> None:
    if not hasattr(generator, "latent_space"):
        pytest.skip("its pictures are not edited")
    space = generator.latent_space
    codes = space.sample(torch.randn(3, space.z_dim, generator=rng()))
    assert codes.shape == (3, space.code_dim)
    assert space.average(2).shape == (2, space.layers, space.code_dim)
    for name in space.spaces:
        start = space.start(codes[:1], name)
        space.check(start)
        assert generator.decode(start).shape == (1, 3, generator.resolution, generator.resolution)
        moved = space.move(start, codes[1] - codes[0], space.fixed(name))
        assert not torch.allclose(generator.decode(moved), generator.decode(start), atol=1e-3)
    assert space.axes("w").shape[1] == space.code_dim
    with pytest.raises(ValueError, match=r"holds \(1, 3\)"):
        space.check(torch.zeros(1, 3))


EVERY_METHOD = (*METHODS.names(), "tint")


@pytest.fixture
def method(request: pytest.FixtureRequest, toy: Path) -> Method:
    return METHODS.load(request.param)


every_method = pytest.mark.parametrize("method", EVERY_METHOD, indirect=True)


@every_method
def test_every_method_says_what_it_is(method: Method) -> None:
    assert method.name in dir(promptbrush)
    assert method.about.endswith(".")
    assert issubclass(method.outputs, Outputs)
    assert {*method.roles} <= {*ModelChoice.model_fields}
    for part in (method.compose, method.open, method.check, *method.kinds.values()):
        assert part is None or callable(resolved(part))
    for model in (method.settings, method.outputs):
        for name, field in model.model_fields.items():
            assert field.description, name
            assert extra(field, "panel"), name


@every_method
def test_settings_survive_the_recipe(method: Method) -> None:
    for preset in method.settings.presets:
        settings = method.settings(**method.settings.presets[preset])
        record = Record(
            method=method.name,
            promptbrush="1",
            torch="2",
            device="cpu",
            precision="float32",
            models=ModelNames(pack="mini"),
            settings=settings,
        )
        assert Record.from_toml(record.to_toml(), "here").settings == settings


QUICK = {
    "edit": {"prompt": "a hat", "steps": 2, "explore": 8, "loss": ("warmth:0.5",)},
    "invert": {},
    "shapes": {"prompt": "a hat", "steps": 2, "count": 3, "size": 24, "loss": ("warmth:0.5",)},
    "style": {"prompt": "a sketch", "steps": 2, "side": 32, "cutouts": 1, "loss": ("warmth:0.5",)},
    "tint": {"prompt": "a hat", "steps": 3, "loss": ("warmth:0.5",)},
}


@pytest.mark.usefixtures("shared_clips")
@pytest.mark.parametrize("name", QUICK)
def test_a_method_makes_the_same_picture_of_the_same_settings(
    name: str, toy: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    Image.linear_gradient("L").resize((40, 36)).convert("RGB").save(tmp_path / "in.png")
    given = dict(QUICK[name])
    if METHODS.load(name).takes.pictures == "many":
        given["picture"] = tmp_path / "in.png"
    # A tiny pack has no styler to set out from.
    pack = "mini" if name == "style" else tiny_pack
    made, again = (getattr(promptbrush, name)(pack=pack, device="cpu", **given) for _ in range(2))
    images = made.tensor
    assert images.shape[:2] == (1, 3)
    assert images.dtype == torch.float32
    assert 0 <= float(images.min()) <= float(images.max()) <= 1
    # A second training in one process may differ in its last digits; first ones of two processes are equal.
    assert torch.allclose(images, again.tensor, rtol=0, atol=1e-3 if name == "style" else 0)
    assert made.recipe == again.recipe
    # The toy package's objective joins the method's own.
    assert all("warmth" in losses for losses in made.losses)
    assert bool(made.losses) == ("loss" in given)
