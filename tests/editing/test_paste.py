"""Back into the picture: what the edit left alone stays bit for bit, what it changed is the generator's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from promptbrush.editing.framing import letterbox
from promptbrush.editing.paste import change_mask, paste_changed, recolouring, redrawn_mask

SIZES = [(32, 32), (40, 48), (100, 30), (7, 64), (1, 1)]


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(4)


def photo(height: int, width: int, rng: torch.Generator) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=rng)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_no_change_is_the_picture_bit_for_bit(height, width, rng):
    original = photo(height, width, rng)
    square, placement = letterbox(original, 32)
    # What the generator draws of it may be far from it; only the change counts.
    drawn = torch.rand(square.shape, generator=rng)
    assert torch.equal(paste_changed(original, drawn, drawn.clone(), placement), original)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_full_change_is_the_generators_picture(height, width, rng):
    original = photo(height, width, rng)
    square, placement = letterbox(original, 32)
    before = torch.zeros_like(square)
    after = 0.5 + 0.5 * torch.rand(square.shape, generator=rng)
    pasted = paste_changed(original, before, after, placement)
    assert pasted.shape == original.shape
    torch.testing.assert_close(pasted, placement.restore(after), atol=1e-6, rtol=0)


def test_a_local_change_stays_local(rng):
    original = photo(128, 128, rng)
    square, placement = letterbox(original, 64)
    before = square.clone()
    after = before.clone()
    after[..., :16, :16] = 1 - before[..., :16, :16].round()
    pasted = paste_changed(original, before, after, placement)
    same = (pasted == original).all(1)[0]
    assert same[56:].all()
    assert same[:, 56:].all()
    torch.testing.assert_close(pasted[..., :24, :24], placement.restore(after)[..., :24, :24])
    assert not same[:32, :32].all()
    # What is less than a level of 8 bits is nothing.
    mask = placement.restore(change_mask(before, after))[0, 0]
    assert ((mask > 0) & (mask < 1 / 256)).any()
    assert same[mask < 1 / 256].all()


def test_faint_differences_do_not_count(rng):
    before = torch.rand(1, 3, 64, 64, generator=rng)
    assert not change_mask(before, (before + 0.04).clamp(0, 1)).any()
    assert (change_mask(torch.zeros(1, 3, 64, 64), torch.full((1, 3, 64, 64), 0.2)) == 1).all()


def test_the_mask_is_soft_and_wider_than_the_change():
    before = torch.zeros(1, 3, 64, 64)
    after = before.clone()
    after[..., 24:40, 24:40] = 1
    mask = change_mask(before, after)[0, 0]
    assert mask.shape == (64, 64)
    assert mask[24:40, 24:40].min() == 1
    assert 0 < float(mask[32, 19]) < 1 or 0 < float(mask[32, 20]) < 1
    assert float(mask[32, 22]) > 0
    assert mask[:16].max() == 0
    assert ((mask[32, 1:33] - mask[32, :32]) >= 0).all()


def test_every_sample_has_its_own_mask(rng):
    before = torch.rand(2, 3, 32, 32, generator=rng) * 0.5
    after = before.clone()
    after[1] += 0.5
    masks = change_mask(before, after)
    assert masks.shape == (2, 1, 32, 32)
    assert masks[0].max() == 0
    assert masks[1].min() == 1


def test_a_users_mask_narrows_the_change(rng):
    original = photo(50, 30, rng)
    square, placement = letterbox(original, 32)
    mask = torch.zeros(1, 1, 50, 30)
    mask[..., :25, :] = 1
    pasted = paste_changed(original, torch.zeros_like(square), torch.ones_like(square), placement, mask)
    assert torch.equal(pasted[..., 25:, :], original[..., 25:, :])
    assert float(pasted[..., :25, :].min()) > 0.99999


def test_new_colours_keep_what_the_generator_does_not_draw(rng):
    original = 0.2 + 0.5 * photo(64, 64, rng)
    square, placement = letterbox(original, 64)
    before = torch.full_like(square, 0.2)
    slight = paste_changed(original, before, before + 0.15, placement)
    assert float((slight - original).std()) < 1e-3
    assert float((slight - original).mean()) > 0.1
    assert torch.allclose(paste_changed(original, before, before + 0.7, placement), before + 0.7)


def soft(height: int, width: int, rng: torch.Generator) -> torch.Tensor:
    """A picture (1,3,height,width) without fine detail, in [0.2,0.8]."""
    coarse = torch.rand(1, 3, 6, 6, generator=rng)
    return 0.2 + 0.6 * F.interpolate(coarse, size=(height, width), mode="bilinear")


def test_a_recolouring_is_found_and_serves_any_size(rng):
    before, mix = soft(128, 128, rng), torch.tensor([[0.7, 0.3, 0.0], [0.2, 0.7, 0.1], [0.0, 0.1, 0.9]])
    after = torch.einsum("dc,bchw->bdhw", mix, before) + 0.02
    colours = recolouring(before, after)
    assert float((colours(before) - after).abs().max()) < 0.03
    assert not redrawn_mask(before, after, colours).any()
    large = soft(300, 200, rng)
    square, placement = letterbox(large, 128)
    colours = recolouring(square, square.flip(1))
    assert float((colours(large, placement) - large.flip(1)).abs().max()) < 0.05


def test_edges_stay_where_they_are_under_a_new_colour():
    """A generator's edge is soft; the picture's own is one pixel wide, and is so afterwards."""
    original = torch.full((1, 3, 256, 256), 0.8)
    original[..., 128:] = 0.3
    square, placement = letterbox(original, 128)
    before = F.avg_pool2d(F.pad(square, (3,) * 4, mode="replicate"), 7, stride=1)
    pasted = paste_changed(
        original, before, before * torch.tensor([1.0, 0.5, 0.5]).view(1, 3, 1, 1), placement
    )
    row = pasted[0, 1, 128]
    assert float((row[:126] - 0.4).abs().max()) < 0.03
    assert float((row[130:] - 0.15).abs().max()) < 0.02
    # The window meets both sides here.
    assert float((row[126:128] - 0.4).abs().max()) < 0.04
    assert float((row[128:130] - 0.15).abs().max()) < 0.04


def test_what_no_recolouring_tells_is_redrawn(rng):
    original = soft(128, 128, rng)
    square, placement = letterbox(original, 128)
    after = square.clone()
    after[..., 40:80, 40:80] = 0.1 + 0.8 * torch.rand(1, 3, 40, 40, generator=rng)
    mask = redrawn_mask(square, after, recolouring(square, after))
    assert mask[..., 42:78, 42:78].min() > 0.95
    assert mask[..., :24, :].max() == 0
    pasted = paste_changed(original, square, after, placement)
    assert float((pasted - after)[..., 44:76, 44:76].abs().mean()) < 0.01
