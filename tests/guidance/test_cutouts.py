"""Views depend on their picture's seed alone, and show what is in the picture."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from promptbrush import UsageError
from promptbrush._resize import resample
from promptbrush.guidance.cutouts import Cutouts, draw_seeds, step_seed


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def plain(size, count=2):
    """The whole picture, unchanged."""
    return Cutouts(count, size, scale=(1.0, 1.0), perspective=0, flip=0, jitter=0)


def test_same_seed_same_views_other_seed_others():
    images = noise(2, 3, 40, 50)
    views, owner = Cutouts(4, 16)(images, [3, 4])
    assert views.shape == (8, 3, 16, 16) and owner.tolist() == [0] * 4 + [1] * 4
    assert torch.equal(Cutouts(4, 16)(images, [3, 4])[0], views)
    assert not torch.allclose(Cutouts(4, 16)(images, [5, 4])[0][:4], views[:4], atol=0.05)


def test_a_pictures_views_do_not_depend_on_its_batch():
    images = noise(3, 3, 64, 48)
    together, _ = Cutouts(4, 16)(images, [1, 2, 3])
    alone, _ = Cutouts(4, 16)(images[1:2], [2])
    assert torch.allclose(together[4:8], alone, atol=1e-6)


def test_the_whole_picture_at_its_own_size_is_the_picture():
    images = noise(2, 3, 32, 32)
    assert torch.allclose(plain(32)(images, [0, 1])[0], images.repeat_interleave(2, 0), atol=1e-5)


@pytest.mark.parametrize("size", [32, 16])
def test_halving_is_the_antialiased_resize(size):
    images = noise(1, 3, 64, 64)
    assert torch.allclose(plain(size, 1)(images, [0])[0], resample(images, size, size), atol=1e-5)


def test_enlarging_is_bilinear():
    images = noise(1, 3, 16, 16)
    expected = F.interpolate(images, 40, mode="bilinear", align_corners=False)
    assert torch.allclose(plain(40, 1)(images, [0])[0], expected, atol=1e-5)


def test_fine_patterns_turn_grey_instead_of_aliasing():
    stripes = (torch.arange(256) % 2).float().expand(1, 3, 256, 256)
    views, _ = Cutouts(16, 16, jitter=0)(stripes, [0])
    assert (views - 0.5).abs().max() < 0.05


def test_flips_mirror():
    images = noise(1, 3, 24, 24)
    mirrored, _ = Cutouts(1, 24, (1.0, 1.0), perspective=0, flip=1, jitter=0)(images, [0])
    assert torch.allclose(mirrored, images.flip(-1), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 80), st.integers(3, 80), st.integers(0, 2**62))
def test_views_show_only_the_picture(height, width, seed):
    # A ramp from 0.25 to 0.75: anything from outside, or from another level, would leave the range.
    ramp = torch.linspace(0.25, 0.75, width).expand(1, 3, height, width)
    views, _ = Cutouts(6, 12, (0.2, 1.0), perspective=0.9, jitter=0)(ramp, [seed])
    assert views.min() >= 0.25 - 1e-5 and views.max() <= 0.75 + 1e-5


def test_perspective_makes_corners_move_inwards():
    ramp = torch.linspace(0, 1, 128).expand(1, 3, 128, 128)
    straight, _ = Cutouts(8, 32, (1, 1), 0, 0, 0)(ramp, [7])
    bent, _ = Cutouts(8, 32, (1, 1), 0.8, 0, 0)(ramp, [7])
    assert (bent[:, 0, :, 0] >= straight[:, 0, :, 0] - 1e-4).all()
    assert bent[:, 0, :, 0].std() > 0.02


def test_jitter_keeps_grey_grey_and_changes_colours():
    grey = torch.full((1, 3, 16, 16), 0.5)
    views, _ = Cutouts(8, 8, jitter=0.5)(grey, [0])
    assert (views.amax(1) - views.amin(1)).max() < 1e-5
    assert views.mean((1, 2, 3)).std() > 0.05
    red = torch.tensor([0.9, 0.2, 0.1]).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    coloured, _ = Cutouts(8, 8, jitter=0.2)(red, [0])
    assert coloured.mean((2, 3)).std(0).min() > 0.01


def test_switching_one_change_off_keeps_the_others():
    images = noise(1, 3, 32, 32)
    with_jitter, _ = Cutouts(3, 16, jitter=1e-9)(images, [5])
    without, _ = Cutouts(3, 16, jitter=0)(images, [5])
    assert torch.allclose(with_jitter, without, atol=1e-5)


def test_gradient_reaches_the_picture():
    images = noise(1, 3, 32, 32).requires_grad_()
    Cutouts(4, 16)(images, [0])[0].sum().backward()
    assert images.grad.abs().sum() > 0


def test_seeds():
    first = draw_seeds(3, torch.Generator().manual_seed(1))
    assert first == draw_seeds(3, torch.Generator().manual_seed(1)) and len(set(first)) == 3
    assert len({step_seed(seed, step) for seed in range(20) for step in range(50)}) == 1000
    assert all(0 <= step_seed(seed, 9) < 2**63 for seed in (0, 1, 2**63 - 1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 0},
        {"size": 0},
        {"scale": (0.5, 1.5)},
        {"scale": (0.9, 0.5)},
        {"flip": 2},
        {"perspective": 1},
    ],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        Cutouts(**{"count": 1, "size": 8, **wrong})


def test_one_seed_a_picture():
    with pytest.raises(UsageError, match="1 for 2"):
        Cutouts(1, 8)(noise(2, 3, 8, 8), [0])
