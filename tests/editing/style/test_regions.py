"""Where a style shows: around what stands out, and where words are seen."""

import pytest
import torch
from promptbrush import UsageError
from promptbrush._settings import chosen
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.models import Models
from promptbrush.editing.style import regions
from promptbrush.editing.style.regions import guided, region_mask, salience
from promptbrush.editing.style.settings import StyleSettings


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(ModelChoice(device="cpu", precision="float32"))


def asked(**settings: object) -> StyleSettings:
    return chosen(StyleSettings, given={"prompt": "x", **settings})


def disc() -> tuple[torch.Tensor, torch.Tensor]:
    """A striped red disc on plain blue, and where it is."""
    rows, columns = torch.meshgrid(torch.arange(160), torch.arange(200), indexing="ij")
    there = ((rows - 80) ** 2 + (columns - 100) ** 2 < 45**2).float()
    stripes = 0.6 + 0.4 * (rows / 4).sin()
    image = torch.stack([there * stripes, there * 0.1, 1 - there])[None]
    return image, there[None, None]


def test_what_stands_out_is_kept(models: Models) -> None:
    image, there = disc()
    seen = salience(image)
    assert float(seen[there > 0].mean()) > 2 * float(seen[there == 0].mean())
    mask = region_mask(models, image, None, asked(keep_subject=True))
    assert mask is not None
    assert float(mask[there > 0].mean()) < 0.3
    assert float(mask[..., :20, :].mean()) > 0.8


def test_a_region_of_words(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = disc()
    left = torch.zeros(1, 1, 160, 200)
    left[..., :100] = 0.9
    settings = asked(region="a thing")
    monkeypatch.setattr(regions, "relevance", lambda *given: left)
    mask = region_mask(models, image, None, settings)
    assert mask is not None
    assert float(mask[..., :60].mean()) > 0.9
    assert float(mask[..., -60:].mean()) < 0.1
    own = torch.zeros(1, 1, 160, 200)
    both = region_mask(models, image, own, settings)
    assert both is not None
    assert not both.any(), "a mask as well counts"
    monkeypatch.setattr(regions, "relevance", lambda *given: 0.3 * left)
    with pytest.raises(UsageError, match=r"'a thing' is seen nowhere for sure \(0\.27 of 1"):
        region_mask(models, image, None, settings)


def test_nothing_stands_out_of_a_plain_picture() -> None:
    with pytest.raises(UsageError, match="a subject is not seen anywhere"):
        regions._mask(torch.rand(1, 3, 20, 20), torch.ones(1, 1, 20, 20), "a subject")


def test_everywhere_is_no_mask_at_all(models: Models) -> None:
    assert region_mask(models, disc()[0], None, asked()) is None


def test_a_mask_takes_the_edges_of_the_picture() -> None:
    _, there = disc()
    image = 0.2 + 0.6 * there.expand(1, 3, -1, -1)
    rough = torch.nn.functional.avg_pool2d(there, 21, 1, 10)
    sharp, soft = (float(each.diff(dim=-1).abs().max()) for each in (guided(image, rough), rough))
    assert sharp > 3 * soft
