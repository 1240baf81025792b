"""Searches: what they find, that they are the recorded ones, and that they resume to the same bits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import promptbrush
import pytest
import torch
from promptbrush._base import InputFileError, UsageError
from promptbrush._settings import chosen
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.edit import Edit, Place, Source
from promptbrush.editing.making import make
from promptbrush.editing.models import Models
from promptbrush.editing.result import Result
from promptbrush.editing.resumable import run_to_end
from promptbrush.editing.shapes.compose import canvas, compose
from promptbrush.editing.shapes.objectives import DrawingObjective
from promptbrush.editing.shapes.settings import METHOD, ShapesSettings
from shapes_target import target
from torch import Tensor

MODELS = Models(ModelChoice(device="cpu", precision="float32"))
GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "shapes" / "searches.npz")


def asked(preset: str = "default", **values: object) -> ShapesSettings:
    return chosen(ShapesSettings, preset, values)


def quick(optimizer: str = "adam", goal: Tensor | None = None, **values: object) -> ShapesSettings:
    evolved = {} if optimizer == "adam" else {"population": 12}
    given = {"count": 6, "steps": 30, **evolved, **values}
    return asked(optimizer=optimizer, target=target() if goal is None else goal, **given)


def edit_of(settings: ShapesSettings, **more: Any) -> Edit:
    return compose(MODELS, Source(None), settings, Place(), **more)


def objective_of(settings: ShapesSettings) -> DrawingObjective:
    objective = edit_of(settings).stages[-1].objective
    assert isinstance(objective, DrawingObjective)
    return objective


def run(settings: ShapesSettings, end: int | None = None, checkpoint: Path | None = None) -> Result:
    source = Source(None)
    return make(MODELS, METHOD, settings, (source, source, Place()), None, checkpoint, end)


RECORDED: dict[str, tuple[dict[str, Any], tuple[int, int] | None]] = {
    "adam": ({"count": 6, "steps": 30, "seed": 2}, (120, 150)),
    "l1": ({"count": 6, "steps": 12, "distance": "l1", "candidates": 4, "kind": "ellipse"}, (48, 60)),
    "noise": ({"count": 4, "steps": 6, "background": "noise", "palette": "#ff0000,#0000ff"}, (48, 60)),
    "pgpe": ({"count": 4, "steps": 8, "population": 10, "optimizer": "PGPE"}, (48, 60)),
    "paper": ({"preset": "paper", "count": 6, "steps": 8, "population": 16, "height": 24}, (48, 60)),
    "hybrid": ({"count": 4, "steps": 12, "population": 12, "optimizer": "hybrid"}, (120, 150)),
    "cma": ({"count": 2, "steps": 4, "population": 10, "optimizer": "cma"}, (48, 60)),
    "prompt": (
        {
            "prompt": "a red heart",
            "negative": "a dog",
            "count": 4,
            "steps": 4,
            "candidates": 3,
            "cutouts": 3,
            "height": 40,
        },
        None,
    ),
    "prompt_hybrid": (
        {
            "prompt": "a sun",
            "count": 4,
            "steps": 4,
            "population": 6,
            "cutouts": 3,
            "height": 40,
            "optimizer": "hybrid",
        },
        None,
    ),
    "prompt_shared": (
        {"preset": "paper", "prompt": "a sun", "count": 4, "steps": 2, "population": 6, "height": 40},
        None,
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_the_recorded_searches(name: str) -> None:
    values, size = RECORDED[name]
    result = run(asked(**values, **({"target": target(*size)} if size else {})))
    losses = [*(sum(each.values()) for each in result.losses), result.output.loss]
    np.testing.assert_allclose(losses, GOLDEN[f"{name}_losses"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(result.output.drawing.numbers, GOLDEN[f"{name}_numbers"], atol=2e-2)


@pytest.mark.parametrize("optimizer", ["adam", "hybrid", "PGPE", "cma", "OnePlusOne", "DE"])
def test_every_optimizer_comes_nearer(optimizer: str) -> None:
    settings = quick(optimizer, steps=60)
    made = edit_of(settings)
    first = made.driver.recommend()[None]
    start = float(objective_of(settings).losses(first, 0)) if optimizer == "adam" else 0.08
    result = run(settings)
    assert result.output.loss < {"adam": 0.3, "hybrid": 0.6}.get(optimizer, 0.95) * max(start, 0.05)
    assert result.output.drawing.picture().shape == (1, 3, 48, 60)
    assert result.tensor.shape == (1, 3, 1024, 1280)
    assert len(result.losses) == made.total
    assert len(result.output.drawing.numbers) == 6


def test_the_published_search_comes_nearer() -> None:
    settings = asked("paper", count=6, steps=40, population=16, height=24, target=target())
    made = edit_of(settings)
    objective = made.stages[0].objective
    first = float(objective.losses(made.driver.recommend()[None], 0))
    result = run(settings)
    assert result.tensor.shape == (1, 3, 24, 30), "whole pixels, as they were drawn"
    assert result.output.loss < 0.9 * first


@pytest.mark.parametrize("optimizer", ["adam", "hybrid", "PGPE", "CMA"])
def test_resumes_to_the_same_bits(optimizer: str, tmp_path: Path) -> None:
    rounds = {"rounds": 2} if optimizer in ("adam", "hybrid") else {}
    settings, kept = quick(optimizer, **rounds), tmp_path / "kept.pt"
    whole = run(settings)
    run(settings, 17, kept)
    again = run(settings, None, kept)
    assert torch.equal(again.output.drawing.numbers, whole.output.drawing.numbers)
    assert again.losses == whole.losses
    finished = run(settings, None, kept)
    assert torch.equal(finished.output.drawing.numbers, whole.output.drawing.numbers)


def test_checkpoints_of_other_searches(tmp_path: Path) -> None:
    kept = tmp_path / "kept.pt"
    run(quick(steps=2), checkpoint=kept)
    with pytest.raises(
        InputFileError, match=r"kept.pt: a checkpoint of another run \(steps is '2', here '3'\)"
    ):
        run(quick(steps=3), checkpoint=kept)
    kept.write_text("nothing")
    with pytest.raises(InputFileError, match=r"kept.pt: not a checkpoint"):
        run(quick(steps=2), checkpoint=kept)


def test_parts_of_a_population_on_an_executor() -> None:
    settings = quick("PGPE", count=4, steps=6, population=10)
    with ThreadPoolExecutor(2) as pool:
        made = edit_of(settings, executor=pool, jobs=3)
        run_to_end(made)
    assert torch.equal(made.output().drawing.numbers, run(settings).output.drawing.numbers)


def test_seeds() -> None:
    first, again, other = (run(quick(steps=5, seed=seed)).output.drawing.numbers for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_consumers_see_the_best_drawing_so_far_on_the_canvas() -> None:
    made = edit_of(quick(steps=4, goal=target(100, 120)))
    for step in made.run():
        assert step.image().shape == (1, 3, 100, 120)
        assert step.losses["l2"].shape == (1,)
        assert not step.image().requires_grad


def test_added_objectives_count() -> None:
    plain, smooth = run(quick(steps=5)), run(quick(steps=5, loss=("tv:0.1",)))
    assert set(smooth.losses[0]) == {"l2", "tv"}
    assert not torch.equal(plain.output.drawing.numbers, smooth.output.drawing.numbers)
    evolved = run(quick("PGPE", steps=2, background="noise", loss=("tv:0.1", "picture:0.5")))
    assert set(evolved.losses[0]) == {"l2", "tv", "picture"}


@pytest.mark.parametrize(
    ("values", "goal", "size"),
    [
        ({}, None, (224, 224)),
        ({"height": 50}, None, (50, 50)),
        ({"width": 50}, None, (50, 50)),
        ({"height": 50, "width": 90}, None, (50, 90)),
        ({}, (400, 600), (200, 300)),
        ({}, (40, 60), (40, 60)),
        ({"height": 100}, (400, 600), (100, 150)),
        ({"width": 30}, (400, 600), (20, 30)),
        ({"height": 10, "width": 10}, (400, 600), (10, 10)),
        ({}, (4000, 2), (200, 1)),
    ],
)
def test_canvases(values: dict[str, int], goal: tuple[int, int] | None, size: tuple[int, int]) -> None:
    picture = None if goal is None else torch.zeros(1, 3, *goal)
    assert canvas(asked(prompt="x", **values), picture) == size


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1)])
def test_the_smallest_canvases(size: tuple[int, int]) -> None:
    result = run(quick(goal=torch.rand(1, 3, *size), steps=25, count=1))
    assert result.output.drawing.picture().shape == (1, 3, *size)
    assert bool(result.tensor.isfinite().all())


@pytest.mark.parametrize("optimizer", ["adam", "PGPE", "DE"])
def test_words_are_followed(optimizer: str) -> None:
    values = {"count": 5, "cutouts": 2, "height": 64, "width": 96, "optimizer": optimizer}
    evolved = {"candidates": 1} if optimizer == "adam" else {"population": 8}
    settings = asked(prompt="a red heart", steps=25, **values, **evolved)
    made = edit_of(settings)
    objective = made.stages[0].objective
    first = float(objective.losses(made.driver.recommend()[None], 0))
    result = run(settings)
    assert result.output.drawing.size == (64, 96)
    assert objective.generator.size == (64, 96)
    assert result.output.described == f"CLIP similarity {result.score:.3f}"
    assert result.output.loss < first - (0.06 if optimizer == "adam" else -0.01)


def test_weights_and_negatives_count() -> None:
    values = {"count": 5, "height": 64, "width": 64}
    heart, sun, both, without = (
        objective_of(asked(**values, **words))
        for words in (
            {"prompt": "a red heart"},
            {"prompt": "a sun"},
            {"prompt": "a red heart:3 | a sun"},
            {"prompt": "a red heart:3", "negative": "a sun"},
        )
    )
    latents = heart.generator.init(4, torch.Generator().manual_seed(0))
    first, second = (each.losses(latents, 0) for each in (heart, sun))
    torch.testing.assert_close(both.losses(latents, 0), 0.75 * first + 0.25 * second, rtol=0, atol=1e-4)
    torch.testing.assert_close(without.losses(latents, 0), 0.75 * first - 0.25 * second, rtol=0, atol=1e-4)


def test_finished_drawings_are_told_apart_by_what_else_they_could_be() -> None:
    settings = asked(prompt="a red heart", count=8, steps=12, candidates=5, cutouts=3, height=64)
    made = edit_of(settings)
    objective, start = made.stages[0].objective, made.driver.recommend()
    run_to_end(made)
    output, latents = made.output(), made.driver.latents.detach()
    doubts = objective.doubts(torch.stack([start, *latents]), settings.seed)
    assert doubts.shape == (3,), "of five starts three were kept, then two"
    assert float(doubts.min()) > 0
    assert float(doubts[0]) > float(doubts[1:].min())
    # Which views a drawing is seen by depends on its place among the others.
    best = latents[int(objective.doubts(latents, settings.seed).argmin())]
    assert torch.allclose(output.drawing.numbers, objective.generator.kept(best.view(8, -1)))


def test_palettes_and_opacities_are_kept_to() -> None:
    result = run(quick(palette="red,#00ff00", opacity_min=0.3, opacity_max=0.6))
    numbers = result.output.drawing.numbers
    assert {tuple(row) for row in numbers[:, -4:-1].tolist()} <= {(1, 0, 0), (0, 1, 0)}
    assert 0.3 <= float(numbers[:, -1].min()) <= float(numbers[:, -1].max()) <= 0.601


def test_starting_from_shapes(tmp_path: Path) -> None:
    first, kept = run(quick(count=4)), tmp_path / "first.json"
    first.save(kept)
    more = {"target": target(), "from_svg": kept}
    second = promptbrush.shapes(**more, steps=30, lr=0.005, rounds=0, device="cpu")
    assert len(second.output.drawing.numbers) == 4
    assert second.output.loss <= first.output.loss * 1.05
    torch.testing.assert_close(
        second.output.drawing.background, first.output.drawing.background, rtol=0, atol=1e-6
    )
    with pytest.raises(UsageError, match="mode pillow cannot start from shapes"):
        promptbrush.shapes(**more, preset="paper")
    with pytest.raises(UsageError, match="count has no effect together with from_svg"):
        promptbrush.shapes(**more, count=7)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, "count is 0; input should be greater than or equal to 1"),
        ({"count": 10_001}, "less than or equal to 10000"),
        ({"height": 9000}, "height is 9000; input should be less than or equal to 8192"),
        ({"kind": "triangel"}, "did you mean 'triangle'"),
        ({"optimizer": "CMAA", "steps": 1}, "no optimizer is called 'CMAA'.*did you mean 'CMA"),
        ({"background": "redd"}, "the background 'redd' is not a colour.*did you mean 'red'.*write #rrggbb"),
        ({"palette": "#12"}, "the palette '#12' is not a colour"),
        ({"opacity_min": 0.5, "opacity_max": 0.2}, "opacity_min 0.5 is above opacity_max 0.2"),
        ({"mode": "pillow"}, "mode pillow has no gradient for 'adam'; choose mode smooth, or optimizer PGPE"),
        ({"mode": "pillow", "optimizer": "DE", "kind": "line"}, "mode pillow draws triangles, not 'line'"),
        ({"colour": 1}, "no setting is called 'colour'"),
        ({"optimizer": "PGPE", "population": 7}, "population is 7; PGPE samples in pairs"),
        ({"population": 8}, "population has no effect with optimizer 'adam'"),
        ({"optimizer": "DE", "lr": 0.1}, "lr has no effect with optimizer 'DE'"),
        ({"cutouts": 7}, "cutouts has no effect without prompt"),
        ({"coordinate_scale": 0.5}, "coordinate_scale has no effect with mode 'smooth'"),
    ],
)
def test_bad_settings(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        promptbrush.shapes(target=target(), **values)


def test_pictures_that_would_be_too_wide_are_found_before_the_search() -> None:
    wide = torch.rand(1, 3, 1, 30)
    with pytest.raises(UsageError, match="size is 1024, so that the picture would be 30,720 pixels wide"):
        edit_of(quick(goal=wide, size=1024))
    assert run(quick(goal=wide, count=1, steps=1)).tensor.shape == (1, 3, 273, 8190)


def test_nothing_or_too_much_to_draw() -> None:
    with pytest.raises(UsageError, match="there is nothing to draw; give a prompt, or --target"):
        promptbrush.shapes()
    with pytest.raises(UsageError, match="a target and the prompt 'a dog' cannot both be drawn"):
        promptbrush.shapes("a dog", target=target())
    with pytest.raises(UsageError, match="no preset is called 'papre'.*did you mean 'paper'"):
        promptbrush.shapes("a dog", preset="papre")
    with pytest.raises(UsageError, match="background noise has no effect without target"):
        promptbrush.shapes("a dog", background="noise")
