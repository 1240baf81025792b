"""Results made again: nothing is downloaded unasked, and what is missing is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from edits import record_in
from promptbrush.editing.pictures import read_picture

pytestmark = pytest.mark.usefixtures("quick_inversion")
PROMPT = "a woman with red hair"


@pytest.fixture
def made(command, tiny_pack, face, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(face, "face.png")
    words = ("--pack", tiny_pack, "--steps", 2, "--explore", 0, "--device", "cpu", "--precision", "float32")
    assert command("edit", "face.png", PROMPT, *words, "-o", "out.png").code == 0
    return Path("out.png")


@pytest.mark.parametrize("clip", ["hf-hub:somebody/model", "ViT-B-32/nowhere"])
def test_a_strangers_recipe_downloads_nothing(made, command, monkeypatch, clip):
    import huggingface_hub

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    for name in ("hf_hub_download", "snapshot_download", "model_info"):
        monkeypatch.setattr(huggingface_hub, name, refuse)
    record = record_in(made)
    models = record.models.model_copy(update={"clip": clip})
    Path("strange.toml").write_text(record.model_copy(update={"models": models}).to_toml())
    refused = command("rerun", "strange.toml", "-o", "again.png")
    assert refused.code in (2, 4)
    line = refused.err.splitlines()[-1]
    assert line.startswith("promptbrush: ")
    assert clip.split(":")[-1].split("/")[-1] in line
    assert not Path("again.png").exists()


def test_the_flag_that_allows_downloads_is_named(made, command):
    record = record_in(made)
    models = record.models.model_copy(update={"clip": "hf-hub:somebody/model"})
    Path("strange.toml").write_text(record.model_copy(update={"models": models}).to_toml())
    refused = command("rerun", "strange.toml", "-o", "again.png")
    assert "--allow-download" in refused.err


def test_json_and_quiet(made, command):
    done = command("rerun", made, "-o", "again.png", "--quiet")
    assert (done.code, done.out, done.err) == (0, "again.png\n", "")
    assert torch.equal(read_picture("again.png").image, read_picture(made).image)
    done = command("rerun", made, "-o", "third.png", "--json")
    assert done.out.startswith('{"path": "third.png", "beside": [], "seed": 0, ')


def test_a_prompt_that_was_taken_out(made, command):
    text = record_in(made).to_toml().replace(f'prompt = "{PROMPT}"\n', "")
    Path("empty.toml").write_text(text)
    refused = command("rerun", "empty.toml", "-o", "again.png")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "the prompt is empty" in refused.err
