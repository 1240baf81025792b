"""Stylers are trained: what they learn from, that they learn, and that a stopped training goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush import InputFileError, UsageError
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.models import Models
from promptbrush.editing.pictures import write_png
from promptbrush.editing.training import fast_styler
from promptbrush.editing.training.fast_styler import DrawnStyleLoss, FastStylerTrainer, Guides, mesh
from promptbrush.editing.training.one_style import OneStyleTrainer, train_one_style
from promptbrush.editing.training.options import OneStyleOptions
from promptbrush.editing.training.settings import FastStylerSettings, OneStyleSettings
from promptbrush.editing.training.styled_photos import gram, photographs, relative
from promptbrush.generators.packs.pack import load_pack
from promptbrush.generators.style.styler import load_styler, of_one_style, save_styler
from promptbrush.guidance import load_perceptor
from promptbrush.guidance.training.styles.table import STYLES

QUICK = {"steps": 3, "batch": 1, "crop": 48, "cutouts": 2}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(3):
        rng = torch.Generator().manual_seed(seed)
        noise = torch.rand(1, 3, 6, 8, generator=rng)
        write_png(
            torch.nn.functional.interpolate(noise, (90, 120), mode="bicubic").clamp(0, 1),
            folder / f"{seed}.png",
        )
    return folder


def test_photographs_of_a_folder(photos: Path, tmp_path: Path) -> None:
    assert [path.name for path in photographs(photos)] == ["0.png", "1.png", "2.png"]
    with pytest.raises(InputFileError, match="there are no pictures"):
        photographs(tmp_path)


def test_textures_do_not_ask_where_things_are() -> None:
    noise = torch.rand(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    assert float(relative(gram(noise.roll((3, 5), (2, 3))), gram(noise))) < 1e-10
    assert float(relative(gram(noise), gram(noise[:, [1, 0, 2, 3]]))) > 1e-4


def test_pairs_are_a_photograph_and_itself_in_a_style(photos: Path) -> None:
    first = fast_styler.drawn_pair(("sepia", str(photographs(photos)[0]), 1))
    assert first.shape == (2, 304, 304, 3)
    assert np.array_equal(first, fast_styler.drawn_pair(("sepia", str(photographs(photos)[0]), 1)))
    grey = first.mean(-1)
    assert np.corrcoef(grey[0].ravel(), grey[1].ravel())[0, 1] > 0.8, "it shows the same"
    assert first[1, ..., 0].mean() > first[1, ..., 2].mean() + 10, "in brown"


@pytest.fixture(scope="module")
def few_styles() -> dict[str, object]:
    return {name: STYLES[name] for name in ("sepia", "thermal camera")}


def test_a_styler_learns_the_drawn_styles(photos, few_styles, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fast_styler, "STYLES", few_styles)
    perceptor = load_perceptor(load_pack("mini").clip_spec)
    settings = FastStylerSettings(steps=24, batch=2, each=2, crop=64)
    taught = FastStylerTrainer(photographs(photos), Guides(perceptor), tmp_path, settings, 0)
    losses = [step.loss for step in taught.run()]
    assert np.mean(losses[-6:]) < 0.8 * np.mean(losses[:6])
    again = FastStylerTrainer(photographs(photos), Guides(perceptor), tmp_path, settings, 0)
    assert again.done == {"fast-styler": 24}
    assert list(again.run()) == []
    assert "a sepia photograph" in taught.styler.words


def test_a_teaching_goes_on_with_a_styler(photos, few_styles, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fast_styler, "STYLES", few_styles)
    pack = load_pack("mini")
    perceptor, known = load_perceptor(pack.clip_spec), pack.path("styler")
    settings = FastStylerSettings(steps=2, batch=2, each=1, crop=64)
    fresh = FastStylerTrainer(photographs(photos), Guides(perceptor), tmp_path / "a", settings, 0)
    guides = Guides(perceptor, start=known)
    later = FastStylerTrainer(photographs(photos), guides, tmp_path / "b", settings, 0)
    assert next(later.run()).loss < next(fresh.run()).loss, "it knows these styles already"
    one = tmp_path / "one.safetensors"
    save_styler(of_one_style(load_styler(known), torch.zeros(1, 48), "x"), one)
    with pytest.raises(UsageError, match="of one style; give one of all styles"):
        FastStylerTrainer(photographs(photos), Guides(perceptor, start=one), tmp_path / "c", settings, 0)


def test_the_loss_is_least_for_what_is_wanted() -> None:
    loss, rng = DrawnStyleLoss(FastStylerSettings()), torch.Generator().manual_seed(0)
    wanted, other = torch.rand(2, 1, 3, 64, 64, generator=rng).unbind(0)
    assert float(loss(wanted, wanted)) < 1e-6
    assert 0.01 < float(loss(0.9 * wanted + 0.1 * other, wanted)) < float(loss(other, wanted))


def test_a_mesh_is_what_single_rows_and_columns_have_alone() -> None:
    slope = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    dots = torch.zeros(1, 3, 64, 64)
    dots[..., ::2, 1::2] = 0.1
    assert float(mesh(slope)) < 0.03
    assert float(mesh(slope + dots) - mesh(slope)) > 0.02
    assert float(mesh(dots)) == pytest.approx(0.0375, rel=0.01)
    assert float(mesh(torch.rand(1, 3, 17, 21).fill_(0.5))) == 0, "of any size"


def test_styles_that_clip_does_not_name_are_taught_more_often(
    photos, few_styles, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(fast_styler, "STYLES", few_styles)
    pack = load_pack("mini")
    perceptor = load_perceptor(pack.clip_spec)
    settings = FastStylerSettings(steps=2, batch=2, each=1, crop=64, naming=0.5)
    first = pack.path("styler")
    plain = FastStylerTrainer(photographs(photos), Guides(perceptor, start=first), tmp_path, settings, 0)
    named = FastStylerTrainer(photographs(photos), Guides(perceptor, perceptor, first), tmp_path, settings, 0)
    made = torch.stack([fast_styler.pixels(named.pairs[row, 1]) for row in range(2)])
    assert named.names is not None
    right = named.names(made, torch.tensor([0, 1]), [0, 1])
    assert (right < named.names(made, torch.tensor([1, 0]), [0, 1])).all(), "sepia is sepia"
    assert plain.odds == [1, 1]
    assert named.odds == pytest.approx(named._not_named(named.styler, named.names))
    named.random.seed(0)
    both = float(named.loss(0).detach())
    named.names = None
    named.random.seed(0)
    assert both > float(named.loss(0).detach()) + 0.05, "the names count"


def training(
    photos: Path, checkpoint: Path | None = None, prompt: str = "a mosaic", **changed: object
) -> OneStyleTrainer:
    models = Models(ModelChoice(device="cpu", precision="float32"))
    pack, perceptor = models.pack, models.painters
    settings = OneStyleSettings(**{**QUICK, **changed})
    return OneStyleTrainer(photographs(photos), prompt, pack, perceptor, settings, 0, checkpoint)


def test_a_stopped_training_goes_on_to_the_same_end(photos: Path, tmp_path: Path) -> None:
    whole = training(photos)
    list(whole.run())
    first = training(photos, tmp_path / "kept.pt")
    next(first.run())
    first.save()
    again = training(photos, tmp_path / "kept.pt")
    assert again.done == {"styler": 1}
    list(again.run())
    for one, other in zip(whole.styler.parameters(), again.styler.parameters(), strict=True):
        assert torch.equal(one, other)
    for changed, differs in (
        ({"prompt": "neon lights"}, "prompt a mosaic.*prompt neon lights"),
        ({"lr": 0.5}, "lr 0.001"),
    ):
        with pytest.raises(
            InputFileError, match=rf"kept\.pt: a checkpoint of {differs}.*give --checkpoint another file"
        ):
            training(photos, tmp_path / "kept.pt", **changed)


def test_terms_for_films_and_of_examples_count(photos: Path) -> None:
    plain, moved, textured = (
        next(training(photos, **changed).run()).loss
        for changed in ({}, {"consistency": 10.0}, {"example": "mosaic"})
    )
    assert moved > plain
    assert textured > plain


def test_the_command_writes_a_styler(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "own.safetensors"
    options = OneStyleOptions(prompt="a mosaic", photos=photos, output=output, device="cpu", **QUICK)
    lines = list(train_one_style(options))
    assert lines[-1].endswith("3 steps on 3 photographs")
    made = load_styler(output)
    assert made.prompt == "a mosaic"
    assert output.stat().st_size < 1_000_000
    assert made.vector.shape == (1, made.shape["style"])


def test_wrong_input(photos: Path, tmp_path: Path) -> None:
    def run(prompt: str, folder: Path, example: str = "") -> None:
        output = tmp_path / "a.safetensors"
        list(
            train_one_style(
                OneStyleOptions(prompt=prompt, photos=folder, output=output, example=example, **QUICK)
            )
        )

    with pytest.raises(UsageError, match=r"no style is drawn by the name 'mosiac'.*mosaic"):
        run("x", photos, "mosiac")
    with pytest.raises(UsageError, match="the style is missing"):
        run(" ", photos)
    with pytest.raises(InputFileError, match="there are no pictures"):
        run("x", tmp_path)
