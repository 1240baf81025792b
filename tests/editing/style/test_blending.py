"""Strength, colours, contrast and masks of styled pictures."""

import pytest
import torch
from promptbrush.editing.style.blending import finished, recoloured, texture_scale, working_size

PHOTO = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
STYLED = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(1))


def test_strength_goes_from_the_photograph_to_the_style_and_beyond() -> None:
    assert torch.equal(finished(PHOTO, STYLED, 0), PHOTO)
    assert torch.equal(finished(PHOTO, STYLED, 1), STYLED)
    beyond = finished(PHOTO, STYLED, 2)
    assert torch.allclose(beyond, (2 * STYLED - PHOTO).clamp(0, 1), atol=1e-6)


def test_broad_colours_go_ahead_of_strokes() -> None:
    """Halfway most of the colour is there, and a third of the strokes."""
    photo, strokes = torch.full((1, 3, 160, 240), 0.4), torch.ones(1, 1, 160, 240)
    strokes[..., ::2], strokes[..., 1::2] = 0.1, -0.1
    made = finished(photo, photo + 0.2 + strokes, 0.5)
    assert float((made - photo).mean()) == pytest.approx(0.75 * 0.2, abs=1e-3)
    assert float((made[..., ::2] - made[..., 1::2]).mean()) == pytest.approx(0.5**1.5 * 0.2, abs=1e-3)
    order = [float((finished(PHOTO, STYLED, share) - STYLED).abs().mean()) for share in (0, 0.2, 0.5, 0.8, 1)]
    assert order == sorted(order, reverse=True)


def test_colours_of_the_photograph_at_the_brightness_of_the_style() -> None:
    grey = STYLED.mean(1, keepdim=True).expand(-1, 3, -1, -1) * 0.2 + 0.4
    photo = 0.4 + 0.2 * PHOTO
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    made = recoloured(grey, photo)
    assert torch.allclose((made * weights).sum(1), (grey * weights).sum(1), atol=1e-5)
    chroma = [each - (each * weights).sum(1, keepdim=True) for each in (made, photo)]
    assert torch.allclose(*chroma, atol=1e-5)
    assert torch.allclose(finished(photo, grey, colours=1.0), made)


def test_outside_of_a_mask_nothing_changes() -> None:
    mask = torch.zeros(1, 1, 20, 30)
    mask[..., :10, :] = 1
    made = finished(PHOTO, STYLED, mask=mask)
    assert torch.equal(made[..., 10:, :], PHOTO[..., 10:, :])
    assert torch.equal(made[..., :10, :], STYLED[..., :10, :])


def test_a_smaller_styled_picture_is_enlarged_and_contrast_spreads_it() -> None:
    made = finished(PHOTO, STYLED[..., ::2, ::2])
    assert made.shape == PHOTO.shape
    wide = finished(PHOTO, 0.25 + STYLED / 2, contrast=1.5)
    assert float(wide.std()) == pytest.approx(1.5 * float((STYLED / 2).std()), rel=0.02)


def test_strokes_grow_with_pictures_larger_than_a_screen() -> None:
    assert texture_scale(400, 600, None) == 1
    assert texture_scale(3072, 4096, None) == pytest.approx(2)
    assert texture_scale(3072, 4096, 1.0) == 1
    assert working_size(100, 50, 3) == (33, 17)
