"""What random latents are like: their axes, what CLIP sees in their pictures, and the step towards a prompt."""

from __future__ import annotations

import pytest
import torch
from edits import edit_settings
from promptbrush._base import InputFileError
from promptbrush.editing.latent.exploration import (
    KIND,
    Explored,
    best_stride,
    explored,
    load_explored,
    save_explored,
    step_towards,
    to_explore,
)
from promptbrush.editing.models import Models
from promptbrush.guidance.clip import fitness
from promptbrush.guidance.objective import Function
from promptbrush.guidance.prompts import parse_prompts
from safetensors.torch import save_file

PROMPT = "a woman with red hair"


def test_axes_of_w_are_what_random_w_vary_along(models):
    axes = models.generator.latent_space.axes("w+")
    w = models.generator.latent_space.random(6000, torch.Generator().manual_seed(9))
    lengths = axes.norm(dim=1)
    assert (lengths[:-1] >= lengths[1:]).all()
    directions = axes / lengths[:, None]
    torch.testing.assert_close(directions @ directions.T, torch.eye(len(axes)), atol=1e-4, rtol=0)
    along = (w - w.mean(0)) @ directions.T
    torch.testing.assert_close(along.std(0)[:4], lengths[:4], rtol=0.1, atol=0)
    # Nearly all that random w vary by.
    assert float(along.var(0).sum() / w.var(0).sum()) > 0.99


def test_axes_of_styles_are_their_deviations(models):
    axes = models.generator.latent_space.axes("s")
    w = models.generator.latent_space.random(6000, torch.Generator().manual_seed(9))
    styles = models.generator.styles(w[:, None].expand(-1, models.generator.num_ws, -1))
    assert list(axes) == models.generator.style_names
    for name, style in zip(axes, styles, strict=True):
        torch.testing.assert_close(axes[name], style.std(0), rtol=0.1, atol=1e-4)


def test_what_was_explored_is_what_the_pictures_show_and_is_kept(models):
    fresh = Models(models.choice, known=None)
    found = explored(fresh, fresh.perceptor(), 6, "standard")
    assert found.w.shape == (6, models.generator.w_dim)
    images = models.generator.decode(found.w[:, None].expand(-1, models.generator.num_ws, -1))
    ((perceptor, _),) = models.perceptor().members
    assert float((perceptor.encode_image(images) * found.features[0]).sum(1).min()) > 0.999
    assert explored(fresh, fresh.perceptor(), 6, "standard") is found
    assert explored(fresh, fresh.perceptor(), 7, "standard") is not found


def test_a_file_holds_what_was_explored(models, tmp_path):
    path, fresh = tmp_path / "explored.safetensors", Models(models.choice, known=None)
    found = explored(fresh, fresh.perceptor(), 6, "standard")
    save_explored(found, path)
    again = load_explored(path, models.generator)
    assert torch.equal(again.w, found.w)
    torch.testing.assert_close(again.features[0], found.features[0], atol=3e-3, rtol=0)
    torch.testing.assert_close(again.features[0].norm(dim=1), torch.ones(6))
    known = Models(models.choice, known=again)
    assert torch.equal(explored(known, known.perceptor(), 4, "standard").w, again.w[:4])
    assert not known.explored
    assert to_explore(known, edit_settings(PROMPT)) == 6
    assert to_explore(known, edit_settings(PROMPT, clip_input="reference")) == 2048
    assert to_explore(fresh, edit_settings(PROMPT)) == 2048
    assert to_explore(known, edit_settings(PROMPT, explore=0)) == 0
    # More than it holds, or seen in another way, are drawn.
    assert len(explored(known, known.perceptor(), 7, "standard").w) == 7
    explored(known, known.perceptor(), 4, "reference")
    assert set(known.explored) == {(7, "standard"), (4, "reference")}


def stored(**changed):
    state = {
        "w": torch.zeros(2, 32),
        "features": torch.ones(2, 4, dtype=torch.int8),
        "scale": torch.tensor(0.1),
    }
    return {name: value for name, value in {**state, **changed}.items() if value is not None}


@pytest.mark.parametrize(
    ("state", "kind", "told"),
    [
        (stored(), "other", "kind 'other'"),
        (stored(features=None), KIND, "features"),
        (stored(features=torch.zeros(0, 4)), KIND, "not as they should be"),
        (stored(scale=torch.ones(2)), KIND, "not as they should be"),
        (stored(scale=torch.tensor(torch.nan)), KIND, "finite"),
        (stored(w=torch.full((2, 32), torch.inf)), KIND, "finite"),
        (stored(), KIND, "another generator"),
        (stored(w=torch.zeros(2, 3)), KIND, "another generator"),
    ],
)
def test_other_files_are_not_taken_for_it(models, state, kind, told, tmp_path):
    path = tmp_path / "x.safetensors"
    save_file(state, path, metadata={"kind": kind})
    with pytest.raises(InputFileError, match=told) as caught:
        load_explored(path, models.generator)
    assert str(path) in str(caught.value)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputFileError, match="not a pack's explored latents"):
        load_explored(path, models.generator)


def test_the_step_leads_to_the_mean_of_those_that_fit(models):
    ((perceptor, _),) = models.perceptor().members
    w = torch.randn(5, 16, generator=torch.Generator().manual_seed(0))
    features = torch.nn.functional.normalize(
        torch.randn(5, perceptor.encode_text([PROMPT]).shape[1], generator=torch.Generator().manual_seed(1)),
        dim=1,
    )
    known = Explored(w, (features,))
    step = step_towards(known, models.perceptor(), parse_prompts(PROMPT))
    counts = fitness(features, perceptor.encode_text([PROMPT])[0])
    torch.testing.assert_close(step, counts @ w - w.mean(0))
    away = step_towards(known, models.perceptor(), parse_prompts(f"{PROMPT}:-2"))
    torch.testing.assert_close(away, -step)
    both = step_towards(known, models.perceptor(), parse_prompts(f"{PROMPT}:2 | {PROMPT}:1"))
    torch.testing.assert_close(both, 1.5 * step)


@pytest.mark.parametrize("best", [0.0, 2.0])
def test_each_sample_goes_its_own_best_stride(best):
    starts = torch.tensor([[0.0], [1.0]])
    wanted = starts + torch.tensor([[best], [0.5]])
    objective = Function(lambda images: (images.flatten(1) - wanted).square().sum(1))
    found = best_stride(
        lambda length: starts + length,
        lambda latent: latent[..., None, None].expand(-1, 1, 1, 1),
        objective,
        0,
    )
    assert torch.equal(found, wanted)
