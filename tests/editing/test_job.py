"""The commands on real files: what is written where, what is said, and how they end."""

from __future__ import annotations

import json
import re
import shutil
from bisect import bisect
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from edits import edit_settings, open_subject, record_in, run_edit
from PIL import Image
from promptbrush import InputFileError
from promptbrush.editing import making
from promptbrush.editing.callbacks import Watcher
from promptbrush.editing.latent import compose, exploration
from promptbrush.editing.latent.settings import EditOutputs, EditSettings
from promptbrush.editing.latent.tuning import tuned_generator
from promptbrush.editing.latents import load_latent, load_tuned, save_latent
from promptbrush.editing.metadata import read_recipe
from promptbrush.editing.models import Models
from promptbrush.editing.pictures import read_picture, write_png
from promptbrush.editing.result import Result

pytestmark = pytest.mark.usefixtures("quick_inversion")
PROMPT = "a woman with red hair"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, face):
    """An empty folder with one face in it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(face, tmp_path / "face.png")


@pytest.fixture
def edit(command, tiny_pack):
    """`promptbrush edit` with the tiny pack and few steps."""
    return lambda *words: command(
        "edit", *words, "--pack", tiny_pack, "--steps", 3, "--device", "cpu", "--precision", "float32"
    )


def names(folder: str | Path = ".") -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def pixels(path: str) -> torch.Tensor:
    return read_picture(path).image


def test_one_picture(edit):
    done = edit("face.png", PROMPT, "-o", "out.png", "--strength", 1.5)
    assert done.code == 0, done.err
    assert names() == {"face.png", "out.png"}
    assert re.fullmatch(r"models: \S+ pack on cpu", done.err.splitlines()[0])
    assert done.out == "out.png\n"
    settings = record_in("out.png").settings
    assert settings == EditSettings(prompt=PROMPT, steps=3, strength=1.5, fidelity="tuned")


def test_result_k_is_the_result_of_seed_plus_k(edit):
    assert edit("face.png", PROMPT, "-n", 3, "--seed", 5, "-o", "many").code == 0
    assert names("many") == {f"face-edit-{i}.png" for i in (1, 2, 3)}
    assert edit("face.png", PROMPT, "--seed", 7, "-o", "one.png").code == 0
    assert torch.equal(pixels("many/face-edit-3.png"), pixels("one.png"))
    assert record_in("many/face-edit-3.png") == record_in("one.png")
    assert not torch.equal(pixels("many/face-edit-2.png"), pixels("one.png"))


def test_results_that_could_not_differ_are_refused(edit):
    refused = edit("face.png", PROMPT, "--preset", "paper", "-n", 3)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "-n 3 would make 3 times the same picture, for variation is 0; give --variation" in refused.err
    assert (names(), refused.out) == ({"face.png"}, "")
    # Either makes them differ.
    for number, words in enumerate([("--variation", 0.2), ("--cutouts", 2)]):
        done = edit("face.png", PROMPT, "--preset", "paper", "-n", 2, *words, "-o", f"x{number}.png")
        assert done.code == 0, done.err
        assert not torch.equal(pixels(f"x{number}-1.png"), pixels(f"x{number}-2.png"))


def test_seeds_past_the_last_are_refused_before_anything_is_made(edit, command):
    last = 2**62 - 1
    refused = edit("face.png", PROMPT, "--seed", last - 1, "-n", 3)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert f"seed is {last - 1}, so that result 3 is past the last seed {last}" in refused.err
    assert (names(), refused.out) == ({"face.png"}, "")
    assert edit("face.png", PROMPT, "--seed", last - 1, "-n", 2, "-o", "x.png").code == 0
    assert command("rerun", "x-2.png", "-o", "again.png").code == 0
    assert torch.equal(pixels("again.png"), pixels("x-2.png"))


def test_several_pictures_into_a_folder(edit):
    Path("other").mkdir()
    Image.open("face.png").rotate(90, expand=True).save("other/face.png")
    done = edit("face.png", "other/face.png", PROMPT, "-o", "out")
    assert done.code == 0, done.err
    assert names("out") == {"face-edit.png", "face-2-edit.png"}
    assert pixels("out/face-2-edit.png").shape[-2:] == (48, 40)
    assert record_in("out/face-2-edit.png").picture == str(Path("other/face.png").resolve())


def test_the_models_of_many_pictures_are_loaded_once(edit, monkeypatch):
    loads = []
    monkeypatch.setattr(making, "Models", lambda *given: loads.append(1) or Models(*given))
    shutil.copy("face.png", "b.png")
    assert edit("face.png", "b.png", PROMPT, "-n", 2).code == 0
    assert len(loads) == 1
    assert names() == {"face.png", "b.png"} | {f"{n}-edit-{i}.png" for n in ("face", "b") for i in (1, 2)}


def test_a_latent_with_and_without_a_picture(edit, tiny_pack, models):
    save_latent("start.safetensors", models.generator.init(1, torch.Generator().manual_seed(4)))
    assert edit(PROMPT, "--from-latent", "start.safetensors").code == 0
    assert pixels("start-edit.png").shape[-2:] == (32, 32)
    assert edit("face.png", PROMPT, "--from-latent", "start.safetensors", "--paste", "all").code == 0
    assert pixels("face-edit.png").shape[-2:] == (40, 48)


def test_a_latent_in_s_starts_the_next_edit(edit, command):
    words = ("--space", "s", "--paste", "all")
    assert edit("face.png", PROMPT, *words, "-o", "x.png", "--latents").code == 0
    for start in ((), ("face.png",)):
        refused = edit(*start, PROMPT, "--from-latent", "x.latent.safetensors")
        assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
        assert re.search(r"x\.latent\.safetensors: holds \d+ named tensors.*give --space s", refused.err)
    given = ("--from-latent", "x.latent.safetensors", *words)
    assert edit("face.png", PROMPT, *given, "--strength", 0, "-o", "same.png").code == 0
    assert torch.equal(pixels("same.png"), pixels("x.png"))
    assert edit(PROMPT, *given, "--seed", 3, "-o", "next.png").code == 0
    assert command("rerun", "next.png", "-o", "again.png").code == 0
    assert torch.equal(pixels("again.png"), pixels("next.png"))


def test_extras_and_a_second_run_over_the_first(edit):
    words = (
        "face.png",
        PROMPT,
        "-o",
        "x.png",
        "--strip",
        "--frames",
        "--gif",
        "--trace",
        "--latents",
        "--mp4",
    )
    wanted = {"x.png", "x-strip.png", "x-frames", "x.gif", "x.trace.jsonl", "x.mp4"}
    wanted |= {"x.start.safetensors", "x.latent.safetensors"}
    for _ in range(2):
        done = edit(*words)
        assert done.code == 0, done.err
        assert names() == {"face.png", *wanted}
        assert done.out == "x.png\n"
        (also,) = [line for line in done.err.splitlines() if line.startswith("also ")]
        assert set(also.removeprefix("also ").split(", ")) == wanted - {"x.png"}
    assert len(Path("x.trace.jsonl").read_text().splitlines()) == 3
    # The latent that was written starts the next edit where this one ended.
    again = edit(
        "face.png", PROMPT, "--from-latent", "x.latent.safetensors", "--strength", 0, "--paste", "all"
    )
    assert again.code == 0, again.err


def test_no_metadata(edit):
    assert edit("face.png", PROMPT, "-o", "out.png", "--no-metadata").code == 0
    assert Image.open("out.png").info == {}
    # It holds no recipe, so it counts as somebody else's.
    refused = edit("face.png", PROMPT, "-o", "out.png")
    assert (refused.code, refused.err.count("\n")) == (3, 1)
    assert "out.png: exists and was not written by promptbrush" in refused.err
    assert edit("face.png", PROMPT, "-o", "out.png", "--overwrite").code == 0


def test_a_result_that_is_edited_again_is_not_destroyed(edit):
    assert edit("face.png", PROMPT, "-o", "out.png").code == 0
    before = Path("out.png").read_bytes()
    for more in ((), ("--overwrite",)):
        refused = edit("out.png", "a beard", "-o", "out.png", *more)
        assert (refused.code, refused.err.count("\n")) == (2, 1)
        assert "out.png: is read by this command" in refused.err
    assert Path("out.png").read_bytes() == before
    write_png(torch.ones(1, 3, 40, 48), "mask.png")
    for words in (("--mask", "mask.png", "-o", "mask.png", "--overwrite"), ("-o", "face.png", "--overwrite")):
        assert edit("face.png", PROMPT, *words).code == 2
    refused = edit("face.png", f"{PROMPT} | @out.png", "-o", "out.png")
    assert (refused.code, Path("out.png").read_bytes()) == (2, before)


def test_an_image_prompt_also_again_from_another_folder(edit, command, monkeypatch):
    write_png(torch.rand(1, 3, 16, 16), "mood.png")
    words = ("--clip-loss", "similarity", "-o", "out.png")
    done = edit("face.png", f"{PROMPT} | @mood.png:0.5", *words)
    assert done.code == 0, done.err
    Path("elsewhere").mkdir()
    with monkeypatch.context() as patch:
        patch.chdir("elsewhere")
        done = command("rerun", "../out.png", "-o", "again.png")
        assert done.code == 0, done.err
    assert torch.equal(pixels("elsewhere/again.png"), pixels("out.png"))
    refused = command("rerun", "out.png", "-o", "mood.png", "--overwrite")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "mood.png: is read by this command" in refused.err


def test_notes_are_said_once(edit):
    Image.open("face.png").convert("CMYK").save("face.jpg")
    done = edit("face.jpg", "hair " * 50, "-n", 2)
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if line.startswith("note: ")]
    assert told[0] == "note: CMYK converted to RGB"
    assert len(told) == 2
    assert "longer than CLIP reads" in told[1]


@pytest.mark.parametrize(
    ("letters", "suffix", "kept"),
    [(70_000, ".jpg", False), (60_000, ".jpg", True), (70_000, ".webp", True), (70_000, ".png", True)],
)
def test_a_recipe_too_long_for_a_jpeg_does_not_cost_the_edit(edit, letters, suffix, kept):
    done = edit("face.png", "x" * letters, "-o", f"out{suffix}", "-n", 2)
    assert done.code == 0, done.err
    note = "note: the recipe is too long for a JPEG and was left out; write a .png to keep it"
    assert done.err.splitlines().count(note) == (not kept)
    for path in (f"out-1{suffix}", f"out-2{suffix}"):
        assert pixels(path).shape[-2:] == (40, 48)
        if kept:
            assert record_in(path).settings.prompt == "x" * letters
        else:
            with pytest.raises(InputFileError, match="holds no recipe"):
                read_recipe(path)


def test_what_fits_a_jpeg_is_known_to_the_byte(models):
    settings = edit_settings("x", steps=1)
    result = run_edit(models, open_subject(models, "face.png"), settings)

    def told(letters: int) -> Result:
        longer = settings.model_copy(update={"prompt": "x" * letters})
        return replace(result, recipe=result.recipe.model_copy(update={"settings": longer}))

    path = Path("out.jpg")
    most = bisect(range(65_533), False, key=lambda n: not told(n).recipe_fits(path)) - 1
    assert most > 60_000
    told(most).save(path)
    with pytest.raises(InputFileError, match="write a .png"):
        told(most + 1).save(path)


def test_the_paper_preset_is_in_the_recipe(edit):
    assert edit("face.png", PROMPT, "--preset", "paper", "-o", "out.png").code == 0
    settings = record_in("out.png").settings
    assert (settings.clip_loss, settings.clip_input, settings.paste) == ("similarity", "reference", "all")
    assert settings.steps == 3


# --- Ctrl-C


class CtrlC(Watcher):
    """Presses it at step 2."""

    def see(self, step):
        if step.index == 2:
            raise KeyboardInterrupt


def test_ctrl_c_saves_the_best_so_far_and_answers_130(edit, monkeypatch):
    monkeypatch.setattr(EditOutputs, "watchers", lambda *_: [CtrlC()])
    done = edit("face.png", PROMPT, "-n", 2, "-o", "out.png")
    assert done.code == 130
    assert (
        done.err.splitlines()[-1]
        == "promptbrush: stopped: 1 of 2 results are there; the best so far is in out-1.png"
    )
    assert names() == {"face.png", "out-1.png"}
    assert pixels("out-1.png").shape[-2:] == (40, 48)


def test_ctrl_c_with_a_film_still_finishes_the_film(edit, monkeypatch):
    own = EditOutputs.watchers
    monkeypatch.setattr(EditOutputs, "watchers", lambda *given: [*own(*given), CtrlC()])
    assert edit("face.png", PROMPT, "-o", "out.png", "--gif", "--trace").code == 130
    assert names() == {"face.png", "out.png", "out.gif", "out.trace.jsonl"}
    assert len(Path("out.trace.jsonl").read_text().splitlines()) == 3


def test_ctrl_c_before_there_is_anything(edit, monkeypatch):
    def press(*_):
        raise KeyboardInterrupt

    for place, name in ((making, "Models"), (making, "open_subject"), (compose, "origin_of")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, press)
            done = edit("face.png", PROMPT, "-o", "out.png")
        assert done.code == 130
        assert (
            done.err.splitlines()[-1]
            == "promptbrush: stopped before there was a result; nothing more was written"
        )
        assert names() == {"face.png"}


# --- rerun


def test_rerun_makes_the_same_pixels(edit, command):
    assert edit("face.png", PROMPT, "-o", "out.png", "--seed", 9, "--negative", "a beard").code == 0
    done = command("rerun", "out.png")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "out-rerun.png"
    assert torch.equal(pixels("out-rerun.png"), pixels("out.png"))
    assert record_in("out-rerun.png") == record_in("out.png")
    Path("recipe.toml").write_text(read_recipe("out.png"))
    assert command("rerun", "recipe.toml", "-o", "third.png").code == 0
    assert torch.equal(pixels("third.png"), pixels("out.png"))


def test_rerun_with_a_moved_or_changed_picture(edit, command):
    assert edit("face.png", PROMPT, "-o", "out.png").code == 0
    Path("face.png").rename("moved.png")
    gone = command("rerun", "out.png", "-o", "again.png")
    assert (gone.code, gone.err.count("\n")) == (3, 1)
    assert "face.png: there is no such file" in gone.err
    assert command("rerun", "out.png", "--picture", "moved.png", "-o", "again.png").code == 0
    assert torch.equal(pixels("again.png"), pixels("out.png"))
    write_png(torch.rand(1, 3, 40, 48), "moved.png")
    changed = command("rerun", "out.png", "--picture", "moved.png", "-o", "third.png")
    assert (changed.code, changed.err.count("\n")) == (3, 1)
    assert "moved.png: this is not the picture of the recipe any more" in changed.err
    assert not Path("third.png").exists()


def test_rerun_overwrites_nothing_that_it_reads(edit, command):
    assert edit("face.png", PROMPT, "-o", "out.png").code == 0
    for output in ("out.png", "face.png"):
        refused = command("rerun", "out.png", "-o", output, "--overwrite")
        assert refused.code == 2
        assert f"{output}: is read by this command" in refused.err


def test_rerun_refuses_changed_weights(edit, command, other_pack, tiny_pack, tmp_path):
    shutil.copytree(tiny_pack, "pack")
    assert command("edit", "face.png", PROMPT, "--pack", "pack", "--steps", 1, "-o", "out.png").code == 0
    shutil.copy(other_pack / "generator.safetensors", "pack/generator.safetensors")
    refused = command("rerun", "out.png")
    assert refused.code == 3
    assert "generator.safetensors: is not the generator of the recipe" in refused.err
    assert names() == {"face.png", "out.png", "pack"}


# --- invert and score


def test_invert_writes_the_latent_and_its_picture(command, tiny_pack, models):
    words = ("--pack", tiny_pack, "--device", "cpu")
    done = command("invert", "face.png", *words)
    assert done.code == 0, done.err
    assert names() == {"face.png", "face-invert.png", "face-invert.safetensors"}
    latent = load_latent("face-invert.safetensors")
    drawn = tuned_generator(models.generator, load_tuned("face-invert.safetensors")).decode(latent)
    assert float((drawn - pixels("face-invert.png")).abs().max()) < 0.6 / 255
    shown = float(re.search(r"([0-9.]+)$", done.err.strip())[1])
    assert 0 < shown < 0.2
    assert command("invert", "face.png", *words).code == 0
    assert "face-invert-2.safetensors" in names()


@pytest.mark.parametrize(
    ("output", "files"),
    [("z.safetensors", ("z.safetensors", "z.png")), ("z.jpg", ("z.safetensors", "z.jpg"))],
)
def test_invert_to_a_name(command, tiny_pack, output, files):
    words = ("invert", "face.png", "--pack", tiny_pack, "--device", "cpu", "-o", output)
    assert command(*words).code == 0
    assert names() == {"face.png", *files}
    assert Image.open(files[1]).format == {".png": "PNG", ".jpg": "JPEG"}[Path(files[1]).suffix]
    again = command(*words)
    assert f"note: {files[1]} replaces an earlier result" in again.err
    Path(files[1]).unlink()
    refused = command(*words)
    assert (refused.code, refused.err.count("\n")) == (3, 1)
    assert "z.safetensors: exists and was not written by promptbrush" in refused.err
    assert command(*words, "--overwrite").code == 0


def test_invert_looks_at_all_pictures_before_it_starts(command, tiny_pack):
    done = command("invert", "face.png", "nowhere.png", "--pack", tiny_pack)
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert names() == {"face.png"}


def test_score_ranks_the_texts(command, tiny_pack, models):
    texts = (PROMPT, "a beard", "glasses")
    done = command("score", "face.png", *texts, "--pack", tiny_pack, "--device", "cpu")
    assert done.code == 0, done.err
    rows = [
        re.fullmatch(r"(-?\d\.\d{4})\s+(\d+\.\d)%  (.+)", line).groups() for line in done.out.splitlines()
    ]
    cosines = [float(row[0]) for row in rows]
    assert cosines == sorted(cosines, reverse=True)
    assert sum(float(row[1]) for row in rows) == pytest.approx(100, abs=0.2)
    ((perceptor, _),) = models.perceptor().members
    # One by one: the models of all tests remember them, and a batch rounds otherwise.
    encoded = torch.cat([perceptor.encode_text([text]) for text in texts])
    found = perceptor.encode_image(pixels("face.png")) @ encoded.T
    assert dict(zip([row[2] for row in rows], cosines, strict=True)) == pytest.approx(
        dict(zip(texts, found[0].tolist(), strict=True)), abs=0.02
    )


# --- notes and traces


def test_a_slow_look_at_random_pictures_is_told(edit, monkeypatch):
    monkeypatch.setattr(exploration, "_SLOW_RESOLUTION", 16)
    told = edit("face.png", PROMPT, "-o", "x.png", "--explore", "80")
    assert told.code == 0
    assert "note: looking at 80 random pictures first; --explore 0" in told.err
    assert "random pictures" not in edit("face.png", PROMPT, "-o", "y.png", "--explore", "0").err


def test_a_trace_is_json(edit):
    assert edit("face.png", PROMPT, "-o", "x.png", "--trace").code == 0
    lines = [json.loads(line) for line in Path("x.trace.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert set(lines[0]["losses"]) == {"progress", "picture"}
