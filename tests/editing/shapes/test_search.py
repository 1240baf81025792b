"""Searches: what they find, and that they go on to the same bits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import promptbrush
import pytest
import torch
from promptbrush._base import InputFileError, UsageError
from promptbrush.editing.shapes.fitness import TargetFitness, one_crop, random_views
from promptbrush.editing.shapes.method import run_task
from promptbrush.editing.shapes.search import renewed, sown, usefulness
from promptbrush.editing.shapes.settings import shapes_settings
from promptbrush.editing.shapes.task import canvas, task_of
from promptbrush.generators.shapes import Shapes
from torch import Tensor


def target(height: int = 48, width: int = 60) -> Tensor:
    """A red disk on a blue ground."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    inside = (x.square() + y.square() < 0.4).float()
    return torch.stack([inside, 0.2 * torch.ones_like(inside), 1 - inside])[None]


def task(optimizer: str = "adam", goal: Tensor | None = None, **chosen: object):
    settings = {"count": 6, "steps": 30, "population": 12, **chosen}
    return task_of(shapes_settings(optimizer=optimizer, **settings), target() if goal is None else goal)


@pytest.mark.parametrize("optimizer", ["adam", "hybrid", "PGPE", "cma", "OnePlusOne", "DE"])
def test_every_optimizer_comes_nearer(optimizer: str) -> None:
    made = task(optimizer, steps=60)
    start = float(made.fitness.losses(made.search.best()[None], 0)) if optimizer == "adam" else 0.08
    result = run_task(made)
    assert result.loss < {"adam": 0.3, "hybrid": 0.6}.get(optimizer, 0.95) * max(start, 0.05)
    assert result.image.shape == (1, 3, 48, 60)
    assert len(result.losses) == made.search.steps
    assert len(result.drawing.numbers) == 6


def test_the_published_search_comes_nearer() -> None:
    settings = shapes_settings("paper", count=6, steps=40, population=16, height=24)
    made = task_of(settings, target())
    assert made.generator.size == (24, 30)
    first = float(made.fitness.losses(made.search.best()[None], 0))
    assert run_task(made).loss < 0.9 * first


@pytest.mark.parametrize("optimizer", ["adam", "hybrid", "PGPE", "CMA"])
def test_goes_on_to_the_same_bits(optimizer: str, tmp_path: Path) -> None:
    whole = run_task(task(optimizer, rounds=2))
    cut, kept = task(optimizer, rounds=2), tmp_path / "kept.pt"
    cut.stop_after(17)
    run_task(cut, checkpoint=kept)
    again = run_task(task(optimizer, rounds=2), checkpoint=kept)
    assert torch.equal(again.drawing.numbers, whole.drawing.numbers)
    assert again.losses == whole.losses
    finished = run_task(task(optimizer, rounds=2), checkpoint=kept)
    assert torch.equal(finished.drawing.numbers, whole.drawing.numbers)


def test_checkpoints_of_other_searches(tmp_path: Path) -> None:
    kept = tmp_path / "kept.pt"
    run_task(task(steps=2), checkpoint=kept)
    with pytest.raises(
        InputFileError, match=r"kept.pt: this checkpoint is of other settings; give the same ones"
    ):
        run_task(task(steps=3), checkpoint=kept)
    kept.write_text("nothing")
    with pytest.raises(InputFileError, match=r"kept.pt: not a checkpoint"):
        run_task(task(steps=2), checkpoint=kept)


def test_parts_of_a_population_on_an_executor() -> None:
    settings = shapes_settings(optimizer="PGPE", count=4, steps=6, population=10)
    with ThreadPoolExecutor(2) as pool:
        side_by_side = run_task(task_of(settings, target(), executor=pool))
    assert torch.equal(side_by_side.drawing.numbers, run_task(task_of(settings, target())).drawing.numbers)


def test_seeds() -> None:
    first, again, other = (run_task(task(steps=5, seed=seed)).drawing.numbers for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def fitness(latents_on: float = 1.0) -> TargetFitness:
    return TargetFitness(Shapes(count=3, size=(48, 60), background=[0, 0.2, latents_on]), target())


def test_useless_shapes_are_found_and_begin_anew() -> None:
    judged = fitness()
    good = torch.tensor([0.1, 0.5, 0.9, 0.2, 0.9, 0.8, 1.0, 0.2, 0, 0.9])
    hidden = torch.tensor([0.4, 0.5, 0.6, 0.45, 0.6, 0.55, 0.0, 1, 0, 0.0])
    harm = torch.tensor([0.0, 0.0, 0.0, 0.2, 0.2, 0.0, 0.0, 1, 0, 1.0])
    latent = torch.cat([good, harm, hidden])
    use = usefulness(judged, latent)
    assert use.argsort().tolist() == [1, 2, 0]
    assert use[1] < 0 <= use[2].abs() < use[0]
    after = renewed(judged, latent, torch.Generator().manual_seed(0)).view(3, 10)
    assert torch.equal(after[:2], torch.stack([good, hidden]))
    assert not torch.equal(after[2], harm)


def test_shapes_are_sown_where_the_drawing_is_wrong() -> None:
    judged = fitness()
    made = sown(judged, None, 40, torch.Generator().manual_seed(0), 0.01, 0.5)
    middles = torch.stack([made[:, 0:6:2].mean(1), made[:, 1:6:2].mean(1)], dim=1) * 2 - 1
    assert float((middles.square().sum(1) < 0.5).float().mean()) > 0.95
    assert float(made[:, 6].mean()) > 0.9


def test_noise_is_the_same_for_all_candidates_and_differs_by_seed() -> None:
    made = task("PGPE", background="noise")
    twice = made.search.best().expand(2, -1)
    first, other = made.fitness.losses(twice, 1), made.fitness.losses(twice, 2)
    assert first[0] == first[1]
    assert first[0] != other[0]


def test_views_are_of_each_picture_its_own_and_show_it_whole() -> None:
    picture = torch.zeros(2, 3, 20, 40)
    white = torch.ones(1, 3, 1, 1)
    views = random_views(picture, white, 32, 3, seed=0)
    assert views.shape == (6, 3, 32, 32)
    assert not torch.equal(views[0], views[3])
    # The black canvas is 2:1 and takes 0.6 to 1 of a square side across.
    dark = (views[:, 0] < 0.5).float().mean((1, 2))
    assert float(dark.min()) > 0.5 * 0.6**2 * 0.8
    assert float(dark.max()) < 0.5
    crops = one_crop(torch.rand(1, 3, 20, 20).expand(2, -1, -1, -1), 16, seed=0)
    assert torch.equal(crops[0], crops[1])


@pytest.mark.parametrize(
    ("chosen", "goal", "size"),
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
def test_canvases(chosen: dict[str, int], goal: tuple[int, int] | None, size: tuple[int, int]) -> None:
    picture = None if goal is None else torch.zeros(1, 3, *goal)
    assert canvas(shapes_settings(prompt="x", **chosen), picture) == size


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1)])
def test_the_smallest_canvases(size: tuple[int, int]) -> None:
    result = run_task(task(goal=torch.rand(1, 3, *size), steps=25, count=1))
    assert result.image.shape == (1, 3, *size)
    assert bool(result.image.isfinite().all())


@pytest.mark.parametrize("optimizer", ["adam", "PGPE", "DE"])
def test_words_are_followed(optimizer: str) -> None:
    chosen = {"count": 5, "population": 8, "cutouts": 2, "height": 64, "width": 96, "optimizer": optimizer}
    made = task_of(shapes_settings(prompt="a red heart", steps=25, **chosen))
    first = float(made.fitness.losses(made.search.best()[None], 0))
    result = run_task(made)
    assert result.image.shape == (1, 3, 64, 96)
    assert made.fitness.generator.size == (64, 96)
    assert result.loss < first - (0.06 if optimizer == "adam" else -0.01)


def test_weights_and_negatives_count() -> None:
    chosen = {"count": 5, "height": 64, "width": 64}
    heart, sun, both, without = (
        task_of(shapes_settings(**chosen, **words)).fitness
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
    made = task_of(shapes_settings(prompt="a red heart", count=8, steps=30, candidates=5, height=64))
    start = made.search.best()
    result = run_task(made)
    latents = made.search.latents.detach()
    doubts = made.fitness.doubts(torch.stack([start, *latents]), made.settings.seed)
    assert doubts.shape == (3,), "of five starts three went on, then two"
    assert float(doubts.min()) > 0
    assert float(doubts[0]) > float(doubts[1:].min())
    # Which views a drawing is seen by depends on its place among the others.
    chosen = latents[int(made.fitness.doubts(latents, made.settings.seed).argmin())]
    assert torch.allclose(result.drawing.numbers, made.generator.kept(chosen.view(8, -1)))


def test_palettes_and_opacities_are_kept_to() -> None:
    result = run_task(task(palette="#ff0000,#00ff00", opacity_min=0.3, opacity_max=0.6))
    assert {tuple(row) for row in result.drawing.numbers[:, -4:-1].tolist()} <= {(1, 0, 0), (0, 1, 0)}
    assert (
        0.3
        <= float(result.drawing.numbers[:, -1].min())
        <= float(result.drawing.numbers[:, -1].max())
        <= 0.601
    )


def test_going_on_from_shapes() -> None:
    first = run_task(task(count=4))
    second = promptbrush.shapes(target=target(), start=first.drawing, steps=30, lr=0.005, rounds=0, count=50)
    assert len(second.drawing.numbers) == 4
    assert second.loss <= first.loss * 1.05
    assert torch.equal(second.drawing.background, first.drawing.background)
    with pytest.raises(UsageError, match="mode pillow cannot go on from shapes"):
        promptbrush.shapes(target=target(), start=first.drawing, preset="paper")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"count": 0}, "count is 0; input should be greater than or equal to 1"),
        ({"count": 10_001}, "less than or equal to 10000"),
        ({"height": 9000}, "height is 9000; input should be less than or equal to 8192"),
        ({"kind": "triangel"}, "did you mean 'triangle'"),
        ({"optimizer": "CMAA", "steps": 1}, "no optimizer is called 'CMAA'.*did you mean 'CMA"),
        ({"background": "red"}, "the background 'red' is no colour; write #rrggbb"),
        ({"palette": "#12"}, "the palette '#12' is no colour"),
        ({"opacity_min": 0.5, "opacity_max": 0.2}, "opacity_min 0.5 is above opacity_max 0.2"),
        ({"mode": "pillow"}, "mode pillow has no gradient for 'adam'; take mode smooth, or optimizer PGPE"),
        ({"mode": "pillow", "optimizer": "DE", "kind": "line"}, "mode pillow draws triangles, not 'line'"),
        ({"colour": 1}, "no setting is called 'colour'"),
        ({"optimizer": "PGPE", "population": 7}, "population is 7; PGPE samples in pairs"),
    ],
)
def test_bad_settings(chosen: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        promptbrush.shapes(target=target(), **chosen)


def test_nothing_or_too_much_to_draw() -> None:
    with pytest.raises(UsageError, match="there is nothing to draw; give a prompt, or --target"):
        promptbrush.shapes()
    with pytest.raises(UsageError, match="a target and the prompt 'a dog' cannot both be drawn"):
        promptbrush.shapes("a dog", target=target())
    with pytest.raises(UsageError, match="no preset is called 'papre'.*did you mean 'paper'"):
        promptbrush.shapes("a dog", preset="papre")
