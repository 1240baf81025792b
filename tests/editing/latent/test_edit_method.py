"""Editing one picture: what strength, seed, mask, paste and a stop do to it, and the recipe that repeats it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import promptbrush
import pytest
import torch
from edits import again, edit_settings, open_subject, record_in, run_edit
from PIL import Image
from promptbrush import InputFileError, MissingError, UsageError, edit
from promptbrush._files import short_hash
from promptbrush.editing.callbacks import Watcher
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.latent.compose import start_latent
from promptbrush.editing.latent.subjects import open_latent, open_picture
from promptbrush.editing.latents import save_latent
from promptbrush.editing.metadata import read_recipe
from promptbrush.editing.models import Models
from promptbrush.editing.pictures import read_picture, write_png

PROMPT = "a woman with red hair"
CLIPS = {"clip": "one", "clip 2": "two:5"}


def run(models, subject, *consumers, preset="default", **settings):
    return run_edit(models, subject, edit_settings(PROMPT, preset, **{"steps": 6, **settings}), consumers)


def test_an_edit_lowers_its_objective_and_shows_it(models, subject):
    result = run(models, subject, steps=12)
    totals = [sum(losses.values()) for losses in result.losses]
    assert len(totals) == 12
    assert min(totals) < totals[0] - 0.01
    assert result.tensor.shape == result.before.shape == (1, 3, 40, 48)
    assert float((result.tensor - result.before).abs().max()) > 0.02
    assert (result.interrupted, result.failure) == (False, None)


@pytest.mark.parametrize("space", ["w", "w+", "s"])
def test_strength_0_is_the_input_bit_for_bit(models, subject, space):
    result = run(models, subject, strength=0, seed=3, space=space, paste="changed")
    assert torch.equal(result.tensor, subject.picture.image)


def test_strength_is_a_straight_line_from_the_picture(models, subject):
    one, half, two = (run(models, subject, strength=strength) for strength in (1, 0.5, 2))
    assert torch.equal(one.start, subject.w)
    move = one.latent - one.start
    assert float(move.abs().max()) > 0.01
    torch.testing.assert_close(half.latent - half.start, 0.5 * move)
    torch.testing.assert_close(two.latent - two.start, 2 * move)
    assert one.losses == half.losses == two.losses


def test_the_same_seed_makes_the_same_pixels_and_another_others(models, subject):
    first, second, other = (run(models, subject, seed=seed) for seed in (7, 7, 8))
    assert torch.equal(first.tensor, second.tensor)
    assert float((first.tensor - other.tensor).abs().max()) > 0.01


@pytest.mark.parametrize("paste", ["changed", "all", "square"])
def test_outside_the_mask_are_the_original_pixels(models, face, tmp_path, paste):
    area = torch.zeros(1, 3, 40, 48)
    area[..., :20, :] = 1
    write_png(area, tmp_path / "mask.png")
    subject = open_subject(models, face, mask=tmp_path / "mask.png")
    result = run(models, subject, paste=paste, latent_weight=0.0, picture_weight=0.0, steps=20, lr=0.3)
    # The mask's edge is softened where it is brought into the square.
    row = 18 if paste == "square" else 20
    assert torch.equal(result.tensor[..., row:, :], result.before[..., row:, :])
    assert float((result.tensor - result.before)[..., :row, :].abs().max()) > 0.02
    assert torch.equal(result.before, subject.square if paste == "square" else subject.picture.image)
    assert result.recipe.files["mask"].path == str(tmp_path / "mask.png")


def test_paste_square_and_all_show_the_generators_picture(models, subject):
    square, whole = run(models, subject, paste="square"), run(models, subject, paste="all")
    drawn = models.generator.decode(square.latent)
    torch.testing.assert_close(square.tensor, drawn)
    assert square.before.shape == square.tensor.shape == (1, 3, 32, 32)
    torch.testing.assert_close(whole.tensor, subject.placement.restore(drawn))
    assert whole.tensor.shape == (1, 3, 40, 48)


def test_a_result_is_drawn_in_float32_whatever_the_precision(coarse_numbers, tiny_pack, subject):
    searching = Models(ModelChoice(pack=str(tiny_pack), device="cpu"))
    assert searching.precision == (torch.bfloat16 if coarse_numbers else torch.float32)
    result = run(searching, replace(subject, picture=None), steps=2, explore=0)
    for image, latent in ((result.tensor, result.latent), (result.before, result.start)):
        torch.testing.assert_close(image, searching.generator.decode(latent), rtol=0, atol=1e-6)


@pytest.mark.parametrize("paste", ["changed", "all"])
@pytest.mark.parametrize("size", [(40, 48), (64, 20), (1, 1)])
def test_size_aspect_and_transparency_are_kept(models, face, tmp_path, paste, size):
    height, width = size
    opened = Image.open(face).resize((width, height)).convert("RGBA")
    opened.putalpha(Image.linear_gradient("L").resize((width, height)).point(lambda level: level // 2 + 90))
    opened.save(tmp_path / "in.png")
    result = run(models, open_subject(models, tmp_path / "in.png"), paste=paste, steps=2)
    result.save(tmp_path / "out.png")
    made = Image.open(tmp_path / "out.png")
    assert (made.size, made.mode) == ((width, height), "RGBA")
    assert made.getchannel("A").tobytes() == opened.getchannel("A").tobytes()


class Interrupter(Watcher):
    """Presses Ctrl-C at a step."""

    def __init__(self, at: int, error: BaseException | None = None) -> None:
        self.at, self.error = at, error or KeyboardInterrupt()
        self.closed = 0

    def see(self, step):
        if step.index == self.at:
            raise self.error

    def close(self):
        self.closed += 1


def test_ctrl_c_keeps_the_best_so_far(models, subject):
    stop = Interrupter(4)
    result = run(models, subject, stop, steps=9)
    whole = run(models, subject, steps=9)
    assert result.interrupted
    assert result.losses == whole.losses[:5]
    assert stop.closed == 1
    best = min(range(5), key=lambda index: sum(result.losses[index].values()))
    assert best > 1
    assert float((result.latent - result.start).abs().max()) > 0


@pytest.mark.parametrize("at", [0, 4, 8])
def test_what_ctrl_c_left_is_made_again_to_the_same_pixels(models, subject, tmp_path, at):
    result = run(models, subject, Interrupter(at), steps=9, lr=0.5, seed=3)
    assert result.recipe.stopped_after == (None if at == 8 else at + 1)
    assert result.recipe.settings.steps == 9
    recipe = record_in(saved(result, tmp_path / "out.png"))
    repeated = again(recipe)
    assert torch.equal(repeated.tensor, result.tensor)
    assert (repeated.losses, repeated.recipe, repeated.interrupted) == (result.losses, result.recipe, False)
    # A film that fails on the way costs no picture here either.
    failing = Interrupter(0, InputFileError("film.gif: cannot be written"))
    assert torch.equal(again(recipe, progress=failing.see).tensor, result.tensor)


def test_ctrl_c_before_the_first_step_has_nothing_to_keep(models, subject, monkeypatch):
    def press(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(models.perceptor().members[0][0]), "encode_image", press)
    with pytest.raises(KeyboardInterrupt):
        run(models, subject)


def test_a_film_whose_disk_is_full_does_not_cost_the_picture(models, subject):
    failing = Interrupter(2, InputFileError("film.gif: cannot be written"))
    result = run(models, subject, failing)
    assert isinstance(result.failure, InputFileError)
    assert len(result.losses) == 6
    assert torch.equal(result.tensor, run(models, subject).tensor)
    assert failing.closed == 1


def test_an_error_of_the_edit_itself_is_raised(models, subject, monkeypatch):
    def refuse(*_):
        raise UsageError("not this picture")

    monkeypatch.setattr(type(models.perceptor().members[0][0]), "preprocess", refuse)
    with pytest.raises(UsageError, match="not this picture"):
        run(models, subject)


def test_the_best_step_is_kept_not_the_last(models, subject):
    result = run(models, subject, steps=8, lr=100.0, explore=0)
    totals = [sum(losses.values()) for losses in result.losses]
    assert min(totals) == totals[0] < totals[-1]
    assert torch.equal(result.latent, result.start)
    assert torch.equal(result.tensor, subject.picture.image)


# --- latents


@pytest.mark.parametrize("shape", ["w", "w+"])
def test_a_latent_without_a_picture(models, tmp_path, shape):
    w = models.generator.init(1, torch.Generator().manual_seed(5))
    save_latent(tmp_path / "x.safetensors", w if shape == "w+" else w[:, 0])
    result = run(models, open_latent(models, tmp_path / "x.safetensors"), strength=0)
    torch.testing.assert_close(result.tensor, models.generator.decode(w), atol=1e-5, rtol=0)
    assert result.recipe.picture is None
    assert result.recipe.files["from_latent"].path == str(tmp_path / "x.safetensors")


def test_a_latent_takes_the_place_of_the_pictures_own(models, face, tmp_path):
    w = models.generator.init(1, torch.Generator().manual_seed(5))
    save_latent(tmp_path / "x.safetensors", w)
    subject = open_subject(models, face, tmp_path / "x.safetensors")
    assert torch.equal(subject.w, w)
    result = run(models, subject, paste="all", strength=0)
    assert result.tensor.shape == (1, 3, 40, 48)
    torch.testing.assert_close(result.tensor, subject.placement.restore(models.generator.decode(w)))
    assert (result.recipe.picture, result.recipe.files["from_latent"].path) == (
        str(face),
        str(tmp_path / "x.safetensors"),
    )


@pytest.mark.parametrize("shape", [(1, 3, 16), (1, 8, 12), (2, 8, 16), (1, 512)])
def test_latents_of_another_generator(models, tmp_path, shape):
    save_latent(tmp_path / "x.safetensors", torch.zeros(shape))
    with pytest.raises(
        InputFileError, match=r"x\.safetensors: holds .*takes one W \(1, 16\) or W\+ \(1, 8, 16\)"
    ):
        open_latent(models, tmp_path / "x.safetensors")
    save_latent(tmp_path / "s.safetensors", {"b4.conv1": torch.zeros(1, 16)})
    with pytest.raises(InputFileError, match="1 named tensors.*or the 11 styles b4.conv1, b4.torgb,"):
        open_latent(models, tmp_path / "s.safetensors")


def test_styles_of_another_generator_or_for_another_space(models, subject, tmp_path):
    styles = dict(start_latent(models.generator.latent_space, subject.w, "s"))
    save_latent(tmp_path / "s.safetensors", styles)
    found = open_latent(models, tmp_path / "s.safetensors")
    torch.testing.assert_close(found.w, styles)
    with pytest.raises(UsageError, match=r"the latent is in S, and the space is w\+; choose the space s"):
        run(models, found)
    save_latent(tmp_path / "s.safetensors", {**styles, "b8.conv1": torch.zeros(2, 16)})
    with pytest.raises(InputFileError, match=r"its style b8\.conv1 is \(2, 16\), this generator's \(1, 16\)"):
        open_latent(models, tmp_path / "s.safetensors")


# --- recipes


def saved(result, path: Path) -> Path:
    result.save(path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_rerun_makes_the_same_pixels(models, subject, tmp_path, suffix):
    result = run(models, subject, seed=3, negative="a beard\u0007 ☂", space="s", strength=0.7)
    made = saved(result, tmp_path / f"out{suffix}")
    recipe = record_in(made)
    assert recipe == result.recipe
    repeated = again(recipe)
    assert torch.equal(repeated.tensor, result.tensor)
    assert repeated.recipe == recipe


def test_a_rerun_with_latent_mask_and_moved_picture(models, face, tmp_path):
    save_latent(tmp_path / "x.safetensors", models.generator.init(1, torch.Generator().manual_seed(5)))
    write_png(torch.ones(1, 3, 40, 48) * 0.5, tmp_path / "mask.png")
    shutil.copy(face, tmp_path / "before.png")
    subject = open_subject(models, tmp_path / "before.png", tmp_path / "x.safetensors", tmp_path / "mask.png")
    result = run(models, subject)
    (tmp_path / "before.png").rename(tmp_path / "moved.png")
    with pytest.raises(InputFileError, match=r"before\.png: there is no such file"):
        again(result.recipe)
    assert torch.equal(again(result.recipe, tmp_path / "moved.png").tensor, result.tensor)
    write_png(torch.ones(1, 3, 40, 48), tmp_path / "mask.png")
    with pytest.raises(InputFileError, match=r"mask\.png: this is not the mask of the recipe"):
        again(result.recipe, tmp_path / "moved.png")


def test_a_rerun_refuses_a_changed_picture(models, face, tmp_path):
    shutil.copy(face, tmp_path / "x.png")
    result = run(models, open_subject(models, tmp_path / "x.png"), steps=1)
    write_png(torch.rand(1, 3, 40, 48), tmp_path / "x.png")
    with pytest.raises(InputFileError, match=r"x\.png: this is not the picture of the recipe any more"):
        again(result.recipe)


@pytest.mark.parametrize("clip_loss", ["similarity", "directional"])
def test_image_prompts_and_templates_are_found_from_another_folder(
    models, subject, tmp_path, monkeypatch, clip_loss
):
    (tmp_path / "odd | 3:2").mkdir()
    monkeypatch.chdir(tmp_path)
    write_png(torch.rand(1, 3, 16, 16), "odd | 3:2/mood.png")
    write_png(torch.rand(1, 3, 16, 16), "dull.png")
    Path("mine.txt").write_text("a photo of {}")
    prompt = rf"{PROMPT}|  @odd \| 3\:2/mood.png:0.5 | 3:2 :2"
    own = {"negative": "@dull.png", "templates": "mine.txt", "clip_loss": clip_loss, "steps": 3}
    result = run_edit(models, subject, edit_settings(prompt, **own))
    recipe = record_in(saved(result, tmp_path / "out.png"))
    assert recipe.settings.prompt == rf"{PROMPT}|  @{tmp_path}/odd \| 3\:2/mood.png :0.5| 3:2 :2"
    assert {recipe.files[f"image prompt {n}"].path for n in (1, 2)} == {
        f"{tmp_path}/odd | 3:2/mood.png",
        f"{tmp_path}/dull.png",
    }
    monkeypatch.chdir("/")
    repeated = again(recipe)
    assert torch.equal(repeated.tensor, result.tensor)
    assert repeated.recipe == recipe


def test_a_rerun_refuses_changed_image_prompts_and_templates(models, subject, tmp_path):
    write_png(torch.zeros(1, 3, 16, 16), tmp_path / "mood.png")
    (tmp_path / "mine.txt").write_text("a photo of {}")
    own = edit_settings(f"@{tmp_path}/mood.png", templates=f"{tmp_path}/mine.txt", steps=1)
    recipe = run_edit(models, subject, own).recipe
    (tmp_path / "mine.txt").write_text("a drawing of {}")
    with pytest.raises(
        InputFileError, match=r"mine\.txt: these are not the templates of the recipe any more"
    ):
        again(recipe)
    (tmp_path / "mine.txt").write_text("a photo of {}")
    write_png(torch.ones(1, 3, 16, 16), tmp_path / "mood.png")
    with pytest.raises(
        InputFileError, match=r"mood\.png: this is not the image prompt 1 of the recipe any more"
    ):
        again(recipe)
    (tmp_path / "mood.png").unlink()
    for attempt in (lambda: again(recipe), lambda: run_edit(models, subject, own)):
        with pytest.raises(InputFileError, match=r"mood\.png: there is no such file"):
            attempt()
    with pytest.raises(InputFileError, match="cannot be reached"):
        run_edit(models, subject, edit_settings("@mood\0.png"))
    with pytest.raises(UsageError, match="no templates are called 'imagnet79'"):
        run(models, subject, templates="imagnet79")


@pytest.mark.parametrize("role", ["generator", "clip", "encoder"])
def test_a_rerun_refuses_a_changed_model(models, subject, tiny_pack, other_pack, role):
    recipe = run(models, subject, steps=1).recipe
    names = recipe.models
    file = other_pack / ("clip" if role == "clip" else f"{role}.safetensors")
    swapped = names.model_copy(update={role: str(file)})
    if role == "generator":
        swapped = swapped.model_copy(update={"encoder": str(tiny_pack / "encoder.safetensors")})
    with pytest.raises(InputFileError, match=f"is not the {role} of the recipe") as caught:
        again(recipe.model_copy(update={"models": swapped}))
    assert names.hashes[role] in str(caught.value)


def test_a_rerun_on_a_device_that_is_not_here(models, subject):
    recipe = run(models, subject, steps=2).recipe.model_copy(
        update={"device": "cuda:9", "precision": "float16"}
    )
    with pytest.raises(MissingError, match="cuda:9"):
        again(recipe)
    assert again(recipe, device="cpu").recipe.device == "cpu"


def loaded(models: Models) -> Models:
    """With all that an edit loads."""
    _ = models.generator, models.encoder, models.face_encoder, models.perceptor()
    return models


def test_a_recipe_names_files_from_the_root(tiny_pack, face, monkeypatch):
    monkeypatch.chdir(tiny_pack)
    choice = ModelChoice(
        pack=".", generator="generator.safetensors", encoder="encoder.safetensors", device="cpu"
    )
    models = loaded(Models(choice))
    names = models.names
    assert names.pack == str(tiny_pack)
    assert names.generator == str(tiny_pack / "generator.safetensors")
    assert names.encoder == str(tiny_pack / "encoder.safetensors")
    assert set(names.hashes) == {"generator", "clip", "encoder"}
    # A folder that happens to hold a CLIP is not taken for the missing face encoder's file.
    monkeypatch.chdir(tiny_pack / "clip")
    assert (
        "face_encoder"
        not in loaded(
            Models(choice.model_copy(update={"pack": "..", "generator": None, "encoder": None}))
        ).names.hashes
    )


def test_several_clips_are_found_from_another_folder(tiny_pack, other_pack, face, tmp_path, monkeypatch):
    for name, pack in (("one", tiny_pack), ("two:5", other_pack)):
        shutil.copytree(pack / "clip", tmp_path / name)
    monkeypatch.chdir(tmp_path / "two:5")
    spec = "../one/clip.json:2, ."
    models = Models(ModelChoice(pack=str(tiny_pack), clip=spec, device="cpu", precision="float32"))
    names = loaded(models).names
    assert names.clip == f"{tmp_path}/one/clip.json:2,{tmp_path}/two:5:1"
    hashes = {key: short_hash(tmp_path / f"{file}/clip.safetensors") for key, file in CLIPS.items()}
    assert {key: names.hashes[key] for key in CLIPS} == hashes
    result = run_edit(models, open_subject(models, face), edit_settings(PROMPT, steps=2))
    monkeypatch.chdir("/")
    repeated = again(result.recipe)
    assert torch.equal(repeated.tensor, result.tensor)
    assert repeated.recipe == result.recipe
    shutil.copy(tmp_path / "one/clip.safetensors", tmp_path / "two:5")
    with pytest.raises(InputFileError, match="is not the clip 2 of the recipe"):
        again(result.recipe)


def test_no_metadata_strips_the_recipe(models, subject, tmp_path):
    result = run(models, subject, steps=1)
    for suffix in (".png", ".jpg", ".webp"):
        result.save(tmp_path / f"bare{suffix}", metadata=False)
        with pytest.raises(InputFileError, match="holds no recipe"):
            read_recipe(tmp_path / f"bare{suffix}")
        assert PROMPT.encode() not in (tmp_path / f"bare{suffix}").read_bytes()


# --- remarks


@pytest.mark.parametrize(
    ("prompt", "note"),
    [
        ("hair " * 60, r"^'hair hair .*\.\.\.' is longer than CLIP reads; its end is lost$"),
        ("🙂", "^'🙂' has no Latin letters"),
        ("红头发的女人", "has no Latin letters"),
    ],
)
def test_prompts_that_clip_reads_badly_are_told(models, subject, prompt, note):
    result = run_edit(models, subject, edit_settings(prompt, steps=1))
    assert [told for told in result.notes if re.search(note, told)], result.notes
    assert run(models, subject, steps=1).notes == ()


def test_tiny_pictures_are_told(models, tmp_path):
    write_png(torch.zeros(1, 3, 1, 1), tmp_path / "dot.png")
    result = run(models, open_subject(models, tmp_path / "dot.png"), steps=1)
    assert result.notes == ("1x1 pixels show little; give a larger picture",)


# --- Python


def test_three_lines_of_python(tiny_pack, face, tmp_path):
    result = promptbrush.edit(face, PROMPT, pack=str(tiny_pack), steps=2, device="cpu")
    result.save(tmp_path / "out.png")
    assert isinstance(result, promptbrush.Result)
    assert isinstance(result.recipe, promptbrush.Record)
    assert len(result.losses) == 2
    assert torch.equal(again(result.recipe).tensor, result.tensor)


def test_a_tensor_is_a_picture(models, face):
    image = read_picture(face).image
    given, file = (edit(p, PROMPT, models=models, steps=3) for p in (image, face))
    assert torch.equal(given.tensor, file.tensor)
    assert torch.equal(edit(image[0], PROMPT, models=models, steps=3).tensor, file.tensor)
    assert given.recipe.picture is None
    with pytest.raises(UsageError, match="--picture"):
        again(given.recipe)
    assert torch.equal(again(given.recipe, face).tensor, given.tensor)


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (torch.zeros(2, 3, 8, 8), r"one picture \(1,3,H,W\).*\(2, 3, 8, 8\)"),
        (torch.zeros(1, 1, 8, 8), "one picture"),
        (torch.zeros(8, 8), "one picture"),
        (torch.zeros(1, 3, 0, 8), "one picture"),
        (torch.full((1, 3, 8, 8), 255.0), "values are 255 to 255; bring them into 0 to 1"),
        (torch.full((1, 3, 8, 8), torch.nan), "values are nan"),
    ],
)
def test_tensors_that_are_no_pictures(models, picture, said):
    with pytest.raises(UsageError, match=said):
        edit(picture, PROMPT, models=models)


def test_wrong_words_from_python_are_found_before_models_are_loaded(face):
    with pytest.raises(UsageError, match="did you mean 'steps'"):
        promptbrush.edit(face, PROMPT, step=3)
    with pytest.raises(InputFileError, match="no such file"):
        promptbrush.edit("nowhere.png", PROMPT)


def test_a_mask_of_another_size(models, face, tmp_path):
    write_png(torch.ones(1, 3, 40, 40), tmp_path / "mask.png")
    with pytest.raises(InputFileError, match=r"mask\.png: the mask is 40x40, the picture 48x40"):
        open_picture(models, read_picture(face), tmp_path / "mask.png")
    with pytest.raises(UsageError, match="a mask needs a picture"):
        open_subject(models, latent="x.safetensors", mask=tmp_path / "mask.png")
    with pytest.raises(UsageError, match="nothing to edit"):
        open_subject(models)
