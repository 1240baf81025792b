"""The finished picture: nothing outside the region, nothing where nothing changed, and sharp where the pack can."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from promptbrush import UsageError
from promptbrush._settings import chosen
from promptbrush.editing.framing import letterbox
from promptbrush.editing.latent.pasting import pasted
from promptbrush.editing.latent.regions import Region
from promptbrush.editing.latent.settings import EditSettings
from promptbrush.editing.latent.subjects import Subject
from promptbrush.editing.pictures import Picture

SIZE = 32


class Enlarged:
    """A network in form: pictures at four times the side, a little darker so that its work is seen."""

    def redrawn(self, images):
        return F.interpolate(images, scale_factor=4.0) * 0.9


BEFORE = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 0.2 + 0.4
AFTER = BEFORE.clone()
AFTER[..., 4:12, 4:12] = 1.0
AFTER[..., 20:28, 20:28] = 0.0
UPPER = torch.zeros(1, 1, SIZE, SIZE)
UPPER[..., :16, :] = 1
REGION = Region(("hair",), UPPER)


def done(region=REGION, mask=None, redraw=None, height=128, width=128, **values):
    original = F.interpolate(BEFORE, (height, width), mode="bilinear")
    settings = chosen(EditSettings, given={"prompt": "x", **values})
    models = SimpleNamespace(redraw=redraw, device=torch.device("cpu"))
    square, placement = letterbox(original, SIZE)
    subject = Subject(torch.zeros(1, 1), Picture(None, original), placement, square, mask)
    return pasted(models, subject, (BEFORE, AFTER), region, settings), original


@pytest.mark.parametrize("redraw", [None, Enlarged()])
def test_outside_the_region_are_the_pictures_own_pixels(redraw):
    made, original = done(redraw=redraw)
    assert torch.equal(made.image[..., 72:, :], original[..., 72:, :])
    inside = (made.image - original).abs()[..., 24:40, 24:40]
    assert float(inside.min()) > 0.05
    # Inside it, what did not change.
    assert torch.equal(made.image[..., :60, 100:], original[..., :60, 100:])
    assert made.kept == float((made.image == original).all(1).float().mean())
    assert 0.5 < made.kept < 0.95


def test_what_is_redrawn_is_what_the_network_draws():
    made, _ = done(redraw=Enlarged())
    torch.testing.assert_close(
        made.image[..., 28:36, 28:36], torch.full((1, 3, 8, 8), 0.9), atol=2e-3, rtol=0
    )
    plain, _ = done(redraw=None)
    torch.testing.assert_close(
        plain.image[..., 28:36, 28:36], torch.full((1, 3, 8, 8), 1.0), atol=2e-3, rtol=0
    )


def test_the_users_mask_counts_in_place_of_a_region():
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., 64:, :] = 1
    made, original = done(region=None, mask=mask, redraw=Enlarged())
    assert torch.equal(made.image[..., :64, :], original[..., :64, :])
    assert float((made.image - original).abs()[..., 90:100, 90:100].min()) > 0.05


@pytest.mark.parametrize(("height", "width"), [(97, 61), (50, 200)])
def test_pictures_of_any_shape(height, width):
    made, original = done(redraw=Enlarged(), height=height, width=width)
    assert made.image.shape == original.shape
    assert 0 < made.kept < 1


def test_squares_have_the_size_that_is_drawn_or_asked_for():
    made, _ = done(redraw=Enlarged(), paste="square")
    assert made.image.shape == made.before.shape == (1, 3, 128, 128)
    assert torch.equal(made.image[..., 72:, :], made.before[..., 72:, :])
    small, _ = done(redraw=Enlarged(), paste="square", size=48, height=64, width=32)
    assert small.image.shape == (1, 3, 48, 48)


def test_a_region_beside_a_mask_or_with_all_has_no_effect():
    with pytest.raises(UsageError, match="region has no effect"):
        chosen(EditSettings, given={"prompt": "x", "region": "hair", "paste": "all"})
    with pytest.raises(UsageError, match="region has no effect"):
        chosen(EditSettings, given={"prompt": "x", "region": "hair", "mask": "m.png"})
