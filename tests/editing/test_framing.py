"""Into a square and back without squashing, pasting edits back, before/after strips."""

from __future__ import annotations

import pytest
import torch
from promptbrush._base import UsageError
from promptbrush.editing.pictures import letterbox, paste_back, strip


def smooth(height: int, width: int) -> torch.Tensor:
    y, x = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)[None]
    return torch.stack([x.expand(height, width), y.expand(height, width), (x + y) / 2])[None]


@pytest.mark.parametrize("fill", ["edge", "mean"])
@pytest.mark.parametrize(("height", "width"), [(90, 200), (201, 77), (64, 64), (30, 31)])
def test_letterbox_keeps_the_aspect_and_restores(height, width, fill):
    image = smooth(height, width)
    square, place = letterbox(image, 64, fill)
    assert square.shape == (1, 3, 64, 64)
    assert max(place.inner_height, place.inner_width) == 64
    assert abs(place.inner_width / place.inner_height - width / height) < 0.06
    restored = place.restore(square)
    assert restored.shape == image.shape
    assert float((restored - image).abs().mean()) < 0.01
    if height < width:
        border = square[..., 0, :]
        expected = (
            square[..., place.top, :] if fill == "edge" else image.mean((-2, -1))[..., None].expand(1, 3, 64)
        )
        torch.testing.assert_close(border, expected, atol=0.02, rtol=0)


def test_letterbox_of_a_fitting_square_changes_nothing():
    image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    square, place = letterbox(image, 32)
    assert torch.equal(square, image)
    assert torch.equal(place.restore(square), image)


def test_letterbox_is_antialiased():
    # Thirds of one-pixel stripes: sampling without a filter would show full stripes again.
    stripes = (torch.arange(192) % 2).float().expand(1, 3, 192, 192)
    square, _ = letterbox(stripes, 64)
    inner = square[..., 4:-4]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=0.1, rtol=0)


def test_restore_takes_other_resolutions():
    image = smooth(40, 80)
    square, place = letterbox(image, 64)
    larger, _ = letterbox(image, 128)
    torch.testing.assert_close(place.restore(larger), place.restore(square), atol=0.03, rtol=0)


def test_paste_back_changes_the_mask_only():
    image = smooth(50, 100)
    _, place = letterbox(image, 64)
    mask = torch.zeros(1, 1, 50, 100)
    mask[..., 10:20, 30:60] = 1
    mask[..., 30:40, :] = 0.5
    pasted = paste_back(image, torch.zeros(1, 3, 64, 64), place, mask)
    assert torch.equal(pasted[..., :10, :], image[..., :10, :])
    assert bool((pasted[..., 10:20, 30:60] == 0).all())
    torch.testing.assert_close(pasted[..., 30:40, :], image[..., 30:40, :] / 2)
    assert bool((paste_back(image, torch.zeros(1, 3, 64, 64), place) == 0).all())


def test_paste_back_with_a_mask_over_the_square():
    image = torch.ones(1, 3, 50, 100)
    _, place = letterbox(image, 64)
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., :64] = 1  # the left half, at the edited square's own resolution
    pasted = paste_back(image, torch.zeros(1, 3, 128, 128), place, mask)
    assert float(pasted[..., :45].max()) < 1e-3
    assert bool((pasted[..., 55:] == 1).all())
    with pytest.raises(UsageError, match="the mask is 7x9, the picture 100x50"):
        paste_back(image, torch.zeros(1, 3, 64, 64), place, torch.ones(1, 1, 9, 7))


def test_strip_places_pictures_side_by_side():
    red = torch.tensor([1.0, 0, 0]).reshape(1, 3, 1, 1).expand(1, 3, 40, 30)
    row = strip([red, torch.zeros(3, 20, 20)])
    assert row.shape == (1, 3, 40, 30 + 8 + 40)
    assert torch.equal(row[..., :30], red)
    assert bool((row[..., 30:38] == 1).all())
    assert bool((row[..., 38:] == 0).all())
    labelled = strip([red, red], ["before", "a text much too long for its picture"])
    bar = labelled[..., : labelled.shape[-2] - 40, :]
    assert labelled.shape[-1] == 68
    assert float(bar[..., :30].min()) < 0.5  # something is written
    with pytest.raises(UsageError):
        strip([red], ["a", "b"])
    with pytest.raises(UsageError):
        strip([])
