"""Results in Python: pictures, a short repr, notebooks, and the recipe that every file carries."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import promptbrush
import pytest
import torch
from edits import edit_settings, open_subject, record_in, run_edit
from PIL import Image
from promptbrush.editing.pictures import read_picture

pytestmark = pytest.mark.usefixtures("quick_inversion")
PROMPT = "a woman with red hair"


@pytest.fixture
def result(models, subject):
    return run_edit(models, subject, edit_settings(PROMPT, steps=2, seed=5, explore=0))


def test_the_picture_as_pillow_and_as_a_tensor(result):
    assert isinstance(result.image, Image.Image)
    assert (result.image.size, result.image.mode) == ((48, 40), "RGB")
    assert result.tensor.shape == (1, 3, 40, 48)
    assert result.image.getpixel((3, 2)) == tuple((result.tensor[0, :, 2, 3] * 255).round().int().tolist())


def test_a_picture_keeps_its_transparency(models, face, tmp_path):
    opened = Image.open(face).convert("RGBA")
    opened.putalpha(128)
    opened.save(tmp_path / "in.png")
    made = run_edit(models, open_subject(models, tmp_path / "in.png"), edit_settings(PROMPT, steps=1))
    assert made.image.mode == "RGBA"
    assert made.image.getchannel("A").getextrema() == (128, 128)


def test_it_is_short_in_words_and_shown_in_notebooks(result):
    assert repr(result) == "<edit result, 48x40 px, seed 5>"
    with Image.open(io.BytesIO(result._repr_png_())) as shown:
        assert shown.tobytes() == result.image.tobytes()


def test_the_recipe_from_python_is_that_of_the_command(command, tiny_pack, face, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(face, "face.png")
    choice = {"pack": str(tiny_pack), "device": "cpu", "precision": "float32"}
    promptbrush.edit("face.png", PROMPT, steps=2, seed=3, explore=0, **choice).save("python.png")
    flags = [str(word) for name, value in choice.items() for word in (f"--{name}", value)]
    words = ("--steps", 2, "--seed", 3, "--explore", 0, "-o", "command.png")
    assert command("edit", "face.png", PROMPT, *words, *flags).code == 0
    assert record_in("python.png") == record_in("command.png")
    assert torch.equal(read_picture("python.png").image, read_picture("command.png").image)


@pytest.mark.parametrize("suffix", [".tiff", ".safetensors", ""])
def test_other_kinds_are_refused(result, tmp_path, suffix):
    with pytest.raises(
        promptbrush.UsageError, match=re.escape(f"'{suffix}' is not a supported image format")
    ):
        result.save(tmp_path / f"x{suffix}")
    assert list(Path(tmp_path).iterdir()) == []


def test_every_step_is_shown_to_a_callback(models, face):
    seen = []
    made = promptbrush.edit(face, PROMPT, models=models, steps=3, explore=0, progress=seen.append)
    assert [(step.index, step.total) for step in seen] == [(0, 3), (1, 3), (2, 3)]
    assert [{name: float(x.mean()) for name, x in step.losses.items()} for step in seen] == list(made.losses)
    assert seen[-1].image().shape == (1, 3, 32, 32)
