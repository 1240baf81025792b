"""Views move pictures as far as they are told and no farther, each by its own amounts."""

import torch
from promptbrush.guidance.training.views import Views, backgrounds, lit, moved


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def spot(count: int, size: int = 32) -> torch.Tensor:
    images = torch.zeros(count, 3, size, size)
    images[:, :, 14:18, 14:18] = 1
    return images


def centres(images: torch.Tensor) -> torch.Tensor:
    """(B,2) centre of mass in shares of the side, from -0.5 to 0.5."""
    weight = images.mean(1)
    place = (torch.arange(images.shape[2]) + 0.5) / images.shape[2] - 0.5
    total = weight.sum((1, 2))
    return (
        torch.stack([(weight.sum(1) * place).sum(1), (weight.sum(2) * place).sum(1)], dim=1) / total[:, None]
    )


def test_no_change_is_the_same_picture() -> None:
    images = torch.rand(3, 4, 32, 32)
    assert torch.allclose(moved(images, 32, Views(), rng()), images, atol=1e-5)
    assert moved(images, 24, Views(), rng()).shape == (3, 4, 24, 24)


def test_shifts_reach_so_far_and_differ() -> None:
    found = centres(moved(spot(64), 32, Views(shift=0.2), rng()))
    assert 0.15 < found.abs().max() <= 0.201
    assert found.std(0).min() > 0.05


def test_zoom_scales_areas() -> None:
    area = moved(spot(64), 32, Views(zoom=(0.5, 2.0)), rng()).mean(1).sum((1, 2)) / 16
    assert 0.2 < area.min() < 0.4
    assert 2.5 < area.max() < 4.3


def test_mirrored_and_turned_pictures() -> None:
    images = torch.zeros(32, 1, 32, 32)
    images[:, :, :, 20:] = 1
    left = (centres(moved(images, 32, Views(mirror=True), rng()))[:, 0] < 0).float().mean()
    assert 0.25 < left < 0.75
    turned = moved(images, 32, Views(turn=90.0), rng())
    assert centres(turned)[:, 1].abs().max() > 0.1


def test_light_stays_in_range_and_differs() -> None:
    images = torch.rand(16, 3, 8, 8)
    made = lit(images, Views(light=0.3), rng())
    assert 0 <= made.min() <= made.max() <= 1
    assert (made.mean((1, 2, 3)) - images.mean((1, 2, 3))).std() > 0.03
    assert torch.equal(lit(images, Views(), rng()), images)


def test_backgrounds_are_of_every_kind() -> None:
    textures = torch.rand(2, 3, 40, 40)
    made = backgrounds(200, 16, rng(), textures)
    assert made.shape == (200, 3, 16, 16)
    assert 0 <= made.min() <= made.max() <= 1
    flat = made.flatten(2).std(2).max(1).values < 1e-6
    white = flat & (made.flatten(1).min(1).values == 1)
    assert 0.15 < white.float().mean() < 0.35
    assert 0.2 < (flat & ~white).float().mean() < 0.5
    windows = textures.unfold(2, 16, 1).unfold(3, 16, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 3 * 256)
    cut = [bool((windows == picture.flatten()).all(1).any()) for picture in made]
    assert 0.05 < sum(cut) / 200 < 0.25
