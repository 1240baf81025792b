"""Both renderers: pictures to the pixel, coverage and its gradient, on the CPU and in plain torch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from promptbrush.generators.shapes import KINDS, Shapes, coverage, raster, spans
from promptbrush.generators.shapes.decoding import relative
from torch import Tensor

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "shapes" / "es_clip_render.npz")
RENDERS = [name for name in GOLDEN if re.match(r"tri\d+_\d+x", name)]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def array(name: str) -> Tensor:
    return torch.from_numpy(GOLDEN[name])


@pytest.mark.parametrize("name", RENDERS)
def test_pillow_mode_is_exact(name: str) -> None:
    count, side, background, alpha, scale = re.match(
        r"tri(\d+)_(\d+)x\d+_(\w+)_a([\d.]+)_c([\d.]+)", name
    ).groups()
    level = 1.0 if background == "white" else 0.0
    generator = Shapes(
        count=int(count), size=(int(side),) * 2, mode="pillow", background=[level] * 3,
        coordinate_scale=float(scale), alpha_scale=float(alpha),
    )  # fmt: skip
    drawn = (generator.decode(array(f"tri{count}_params")[None])[0] * 255).round().byte()
    assert torch.equal(drawn.permute(1, 2, 0), array(name))


def test_published_decoding() -> None:
    corners, colours = relative(array("tri10_params").view(1, 10, 10), (64, 64))
    whole = torch.cat([corners.flip(-1).flatten(-2), colours], dim=-1)[0]
    assert torch.equal(whole, array("decoded_int"))


def test_published_fitness() -> None:
    generator = Shapes(count=10, size=(64, 64), mode="pillow")
    latent = array("tri10_params").expand(5, -1)
    behind = array("fitness_noise_bgs").permute(0, 3, 1, 2).float() / 255
    away = generator.decode(latent, behind) - array("fitness_target").permute(2, 0, 1).float() / 255
    torch.testing.assert_close(-away.square().mean(), array("fitness_l2_noise_bg"), rtol=1e-6, atol=0)
    torch.testing.assert_close(-away.abs().mean(), array("fitness_l1_noise_bg"), rtol=1e-6, atol=0)
    white = generator.decode(latent[:1])[0] - array("fitness_target").permute(2, 0, 1).float() / 255
    torch.testing.assert_close(-white.square().mean(), array("mse_white"), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("absolute", "name"), [(False, "fitness_l2_noise_bg"), (True, "fitness_l1_noise_bg")]
)
def test_published_fitness_without_keeping_pictures(absolute: bool, name: str) -> None:
    generator = Shapes(count=10, size=(64, 64), mode="pillow")
    behind, target = array("fitness_noise_bgs"), array("fitness_target")
    found = generator.errors(
        array("tri10_params").expand(3, -1), behind.permute(0, 3, 1, 2), target.permute(2, 0, 1), absolute
    )
    torch.testing.assert_close(-found, array(name).expand(3), rtol=1e-6, atol=0)


def random_triangles(
    batch: int, count: int, size: tuple[int, int], seed: int = 0, reach: int = 12
) -> tuple[Tensor, Tensor]:
    points = torch.randint(-reach, max(size) + reach, (batch, count, 3, 2), generator=rng(seed))
    colours = torch.randint(0, 256, (batch, count, 4), generator=rng(seed + 1))
    return points.int(), colours.int()


def by_pillow(corners: Tensor, colours: Tensor, background: Tensor) -> Tensor:
    pictures = []
    for triangles, tints, behind in zip(corners, colours, background, strict=True):
        picture = Image.fromarray(behind.permute(1, 2, 0).numpy())
        pen = ImageDraw.Draw(picture, "RGBA")
        for triangle, tint in zip(triangles.tolist(), tints.tolist(), strict=True):
            pen.polygon([tuple(point) for point in triangle], fill=tuple(tint))
        pictures.append(torch.from_numpy(np.array(picture)).permute(2, 0, 1))
    return torch.stack(pictures)


@pytest.mark.parametrize("size", [(24, 24), (17, 40), (3, 5), (1, 1), (64, 48)])
def test_spans_are_pillows(size: tuple[int, int]) -> None:
    corners, colours = random_triangles(8, 30, size)
    background = torch.randint(0, 256, (8, 3, *size), generator=rng(3)).byte()
    wanted = by_pillow(corners, colours, background)
    assert torch.equal(spans.exact(corners, colours, background), wanted)
    assert torch.equal(raster.exact(corners, colours, background), wanted)


def supersampled(corners: Tensor, colours: Tensor, background: Tensor, fine: int = 16) -> Tensor:
    """Coverage by counting points, as it is defined."""
    height, width = background.shape[-2:]
    y, x = torch.meshgrid(
        (torch.arange(height * fine) + 0.5) / fine, (torch.arange(width * fine) + 0.5) / fine, indexing="ij"
    )
    out = background.clone()
    for shape in range(corners.shape[1]):
        winding = torch.zeros(len(corners), *x.shape)
        for start, end in zip(
            corners[:, shape].unbind(1), corners[:, shape].roll(-1, 1).unbind(1), strict=True
        ):
            x0, y0, x1, y1 = (each.view(-1, 1, 1) for each in (*start.T, *end.T))
            crosses = ((y0 <= y) != (y1 <= y)) & (x0 + (y - y0) / (y1 - y0) * (x1 - x0) <= x)
            winding += torch.where(crosses, torch.where(y1 > y0, 1.0, -1.0), 0.0)
        share = torch.nn.functional.avg_pool2d(winding.abs().clamp(max=1)[:, None], fine)
        amount = share * colours[:, shape, 3].view(-1, 1, 1, 1)
        out = out * (1 - amount) + amount * colours[:, shape, :3].view(-1, 3, 1, 1)
    return out


def smooth_shapes(corners: int, batch: int = 2, count: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    places = torch.rand(batch, count, corners, 2, generator=rng(1)) * torch.tensor([40.0, 28.0]) - 6
    if corners > 3:  # round, so that its edges do not cross each other
        turn = torch.arange(corners) * (2 * torch.pi / corners)
        places = places[:, :, :1] + 9 * torch.stack([turn.cos(), turn.sin()], dim=-1)
    colours = torch.rand(batch, count, 4, generator=rng(2)) * 0.9 + 0.05
    return places, colours, torch.rand(batch, 3, 20, 28, generator=rng(3))


RENDERERS = [coverage.smooth, raster.smooth]


@pytest.mark.parametrize("corners", [3, 5, 12])
@pytest.mark.parametrize("smooth", RENDERERS)
def test_coverage_is_what_counting_points_finds(smooth: object, corners: int) -> None:
    arguments = smooth_shapes(corners)
    away = (smooth(*arguments) - supersampled(*arguments)).abs()
    assert float(away.max()) < 0.06
    assert float(away.mean()) < 0.002


@pytest.mark.parametrize("smooth", RENDERERS)
def test_areas_are_exact(smooth: object) -> None:
    box = torch.tensor([[2.25, 3.5], [9.5, 3.5], [9.5, 8.0], [2.25, 8.0]])
    drawn = smooth(box[None, None], torch.tensor([[[1.0, 1, 1, 0.5]]]), torch.zeros(1, 3, 12, 12))
    assert float(drawn[0, 0].sum()) == pytest.approx(0.5 * 7.25 * 4.5, rel=1e-5)
    assert float(drawn[0, 0, 5, 2]) == pytest.approx(0.5 * 0.75, rel=1e-5)


@pytest.mark.parametrize("corners", [3, 7])
def test_gradients_are_slopes(corners: int) -> None:
    inputs = [each.requires_grad_() for each in smooth_shapes(corners, batch=1)]
    weights = torch.randn(1, 3, 20, 28, generator=rng(9))
    (coverage.smooth(*inputs) * weights).sum().backward()
    for which, value in enumerate(inputs):
        for trial in range(4):
            way = torch.randn(value.shape, generator=rng(20 + trial))
            ends = []
            for sign in (1, -1):
                moved = [each.detach() for each in inputs]
                moved[which] = moved[which] + sign * 2e-3 * way
                ends.append(float((coverage.smooth(*moved).double() * weights).sum()))
            slope = (ends[0] - ends[1]) / 4e-3
            assert float((value.grad * way).sum()) == pytest.approx(slope, rel=0.02, abs=0.05)


def test_torch_and_compiled_agree() -> None:
    arguments = smooth_shapes(5, batch=3)
    found = []
    for smooth in RENDERERS:
        inputs = [each.clone().requires_grad_() for each in arguments]
        drawn = smooth(*inputs)
        drawn.square().sum().backward()
        found.append([drawn.detach(), *(each.grad for each in inputs)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("smooth", RENDERERS)
def test_odd_corners(smooth: object) -> None:
    huge = torch.tensor([[[[-1e9, -1e9], [1e9, -1e9], [0.0, 1e9]]]])
    drawn = smooth(huge, torch.tensor([[[1.0, 0, 0, 1]]]), torch.zeros(1, 3, 4, 4))
    assert float(drawn[0, 0].min()) > 0.99
    nothing = torch.full((1, 1, 3, 2), 2.0)
    assert float(smooth(nothing, torch.ones(1, 1, 4), torch.zeros(1, 3, 4, 4)).abs().max()) == 0
    lost = torch.full((1, 1, 3, 2), torch.nan)
    assert bool(smooth(lost, torch.ones(1, 1, 4), torch.zeros(1, 3, 4, 4)).isfinite().all())


def test_gradients_through_thousands_of_layers_are_finite() -> None:
    generator = Shapes(count=4000, size=(12, 12))
    latent = generator.init(1, rng(1)).view(1, 4000, 10)
    latent[..., -1] = 0.99
    latent = latent.flatten(1).requires_grad_()
    generator.decode(latent).square().sum().backward()
    assert bool(latent.grad.isfinite().all())
    assert float(latent.grad.abs().sum()) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_draws_and_learns(kind: str) -> None:
    generator = Shapes(kind, 12, (40, 30))
    start = generator.init(1, rng(5))
    target = generator.decode(start)
    latent = (start + 0.05 * torch.randn(start.shape, generator=rng(6))).requires_grad_()
    optimiser = torch.optim.Adam([latent], 0.01)
    first = last = 0.0
    for step in range(60):
        loss = (generator.decode(latent) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        last = loss.item()
        first = last if step == 0 else first
    assert last < 0.3 * first
