"""The contract of every registered objective, and the algebra of objectives."""

from __future__ import annotations

import copy
import math
import subprocess
import sys

import pytest
import torch
from promptbrush import UsageError
from promptbrush.guidance import OBJECTIVES
from promptbrush.guidance.objective import Context, Function, Scaled, Start, Sum, total
from promptbrush.guidance.perceptor import load_ensemble
from promptbrush.guidance.prompts import parse_prompts
from torch import nn

BATCH = 3
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


class Pooled(nn.Module):
    """A face network in miniature."""

    def __init__(self):
        super().__init__()
        self.register_buffer("matrix", noise(5, 48) - 0.5)

    def forward(self, images):
        return nn.functional.adaptive_avg_pool2d(images, 4).flatten(1) @ self.matrix.T


@pytest.fixture(scope="module")
def start(tiny_clip, other_clip):
    return Start(
        image=noise(1, 3, 24, 32, seed=1),
        latent=noise(1, 4, 6, seed=2),
        prompts=parse_prompts("a woman with red hair:2 | glasses:-0.5"),
        source="a photo of a man",
        perceptor=load_ensemble(f"{tiny_clip}:2,{other_clip}"),
        face_encoder=Pooled(),
    )


CASES = [(name, {}) for name in OBJECTIVES.names()] + [
    ("warmth", {}),  # of the toy package
    ("similarity", {"cutouts": 3}),
    ("spherical", {"cutouts": 2, "templates": "imagenet80"}),
    ("directional", {"convention": "clipstyler"}),
    ("directional", {"convention": "global", "templates": "none"}),
    ("features", {"distance": "squared"}),
    ("tv", {"form": "mean"}),
    ("latent", {"reduction": "mean"}),
]


@pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0], *map(str, case[1].values())]))
def objective(request, start, toy):
    name, settings = request.param
    return OBJECTIVES.load(name)(settings, start)


def batch(device="cpu"):
    images, latent = noise(BATCH, 3, 24, 32, seed=5).to(device), noise(BATCH, 4, 6, seed=6).to(device)
    return images, Context(latent=latent, seeds=[7, 8, 9])


def only(losses):
    (value,) = losses.values()
    return value


def test_one_finite_float32_loss_a_sample(objective):
    images, context = batch()
    losses = objective(images, context)
    assert list(losses) == [objective.name] and objective.name in OBJECTIVES.names()
    assert only(losses).shape == (BATCH,) and only(losses).dtype == torch.float32
    assert only(losses).isfinite().all()
    # It tells samples apart.
    assert only(losses).unique().numel() == BATCH


def test_a_sample_does_not_see_the_rest_of_the_batch(objective):
    images, context = batch()
    whole = only(objective(images, context))
    others = Context(latent=torch.cat([noise(2, 4, 6, seed=11), context.latent[1:2]]), seeds=[1, 2, 8])
    again = only(objective(torch.cat([noise(2, 3, 24, 32, seed=12), images[1:2]]), others))
    assert again[2].item() == pytest.approx(whole[1].item(), rel=1e-5, abs=1e-6)


def test_same_input_same_loss(objective):
    images, context = batch()
    assert torch.equal(only(objective(images, context)), only(objective(images, context)))


def test_gradient_flows_to_what_it_judges(objective):
    images, context = batch()
    images.requires_grad_()
    context.latent.requires_grad_()
    only(objective(images, context))[1].backward()
    gradient = context.latent.grad if objective.name == "latent" else images.grad
    assert gradient.isfinite().all()
    assert gradient[1].abs().sum() > 0
    assert gradient[[0, 2]].abs().sum() == 0


def test_gradient_is_finite_at_the_start_itself(objective, start):
    images = start.image.clone().requires_grad_()
    latent = start.latent.clone().requires_grad_()
    value = only(objective(images, Context(latent=latent, seeds=[1])))
    value.sum().backward()
    for gradient in (images.grad, latent.grad):
        assert gradient is None or (gradient.isfinite().all() and gradient.abs().max() < 100)


@pytest.mark.parametrize("device", DEVICES)
def test_it_moves_with_everything_it_holds(objective, device):
    expected = only(objective(*batch()))
    moved = objective.to(device)
    images, context = batch(device)
    value = only(moved(images, context))
    assert value.device.type == device
    assert torch.allclose(value.cpu(), expected, rtol=1e-3, atol=1e-4)
    moved.to("cpu")


def test_what_it_stores_makes_it_again(objective):
    images, context = batch()
    other = copy.deepcopy(objective)
    for value in other.state_dict().values():
        value.zero_()
    other.load_state_dict(objective.state_dict())
    assert torch.equal(only(other(images, context)), only(objective(images, context)))


def test_everything_it_holds_is_known_to_module_to(objective):
    # What `.to()` does not reach would stay behind on the CPU: no bare tensors among the attributes.
    for module in objective.modules():
        assert not [name for name, value in vars(module).items() if isinstance(value, torch.Tensor)]


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_a_wrong_setting_is_named(name, start):
    with pytest.raises(UsageError, match="colour"):
        OBJECTIVES.load(name)({"colour": 1}, start)


def test_an_unknown_objective_gets_the_nearest_name():
    with pytest.raises(UsageError, match="did you mean 'spherical'"):
        OBJECTIVES.load("sperical")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("similarity", {"average": "median"}),
        ("directional", {"convention": "mine"}),
        ("directional", {"floor": 0}),
        ("tv", {"form": "l7"}),
        ("latent", {"reduction": "max"}),
        ("features", {"distance": "far"}),
    ],
)
def test_a_wrong_value_is_named(name, settings, start):
    with pytest.raises(UsageError, match=str(next(iter(settings.values())))):
        OBJECTIVES.load(name)(settings, start)


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES.names()) - {"tv"}))
def test_what_the_start_lacks_is_named(name):
    with pytest.raises(UsageError, match=name):
        OBJECTIVES.load(name)({}, Start())


def test_a_start_for_another_batch_is_refused(start):
    objective = OBJECTIVES.load("features")({}, Start(image=noise(2, 3, 8, 8), perceptor=start.perceptor))
    assert objective(noise(2, 3, 8, 8))["features"].abs().max() < 1e-5
    with pytest.raises(UsageError, match="the start has 2"):
        objective(noise(3, 3, 8, 8))


def test_views_need_seeds(start):
    with pytest.raises(UsageError, match="seeds"):
        OBJECTIVES.load("similarity")({"cutouts": 2}, start)(noise(1, 3, 8, 8))


def brightness(images):
    return images.mean(dim=(1, 2, 3))


def test_algebra():
    images = noise(2, 3, 4, 4)
    bright = Function(brightness)
    contrast = Function(lambda x: x.flatten(1).std(dim=1), "contrast")
    objective = 2.0 * bright + contrast * 0.5 + bright
    losses = objective(images)
    assert list(losses) == ["brightness", "contrast", "brightness-2"]
    assert torch.allclose(losses["brightness"], 2 * brightness(images))
    expected = 3 * brightness(images) + 0.5 * images.flatten(1).std(dim=1)
    assert torch.allclose(total(losses), expected)
    assert torch.allclose(total((3 * objective)(images)), 3 * expected)


def test_names_stay_unique_in_nested_sums():
    bright = Function(brightness)
    nested = (bright + bright) + (bright + bright)
    losses = nested(noise(2, 3, 4, 4))
    assert len(losses) == 4
    assert torch.allclose(total(losses), 4 * brightness(noise(2, 3, 4, 4)))


def test_context_reaches_every_term():
    latent = OBJECTIVES.load("latent")({}, Start(latent=torch.zeros(1, 5)))
    losses = (2 * latent + Function(brightness))(noise(2, 3, 4, 4), Context(latent=torch.ones(2, 5)))
    assert losses["latent"].tolist() == [10, 10]


def test_mistakes_in_composing_are_told():
    with pytest.raises(UsageError, match=r"\(2,\), not \(\)"):
        Function(lambda images: images.mean(), "mean")(noise(2, 3, 4, 4))
    with pytest.raises(UsageError, match="nan"):
        Scaled(Function(brightness), math.nan)
    with pytest.raises(UsageError, match="at least one"):
        total(Sum([])(noise(1, 3, 2, 2)))
    with pytest.raises(TypeError):
        Function(brightness) + 3


def test_listing_does_not_import_torch():
    code = "import sys, promptbrush.guidance as g; print(len(g.OBJECTIVES.names())); assert 'torch' not in sys.modules"
    assert int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) >= 7


def test_every_lazy_name_exists():
    import promptbrush.guidance as guidance

    assert all(getattr(guidance, name) is not None for name in guidance.__all__)
    assert set(guidance.__all__) == {*guidance._LAZY, "OBJECTIVES", "ContentName"}
