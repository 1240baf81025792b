"""Runs that are stopped and resumed: the same bits, and no checkpoint of another run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from promptbrush.editing import resumable
from promptbrush.editing.callbacks import Watcher
from promptbrush.editing.latent.settings import EditOutputs
from promptbrush.editing.latents import load_latent
from promptbrush.editing.pictures import read_picture, write_png

pytestmark = pytest.mark.usefixtures("quick_inversion")
PROMPT = "a woman with red hair"


class CtrlC(Watcher):
    """Presses it at step 3."""

    def see(self, step):
        if step.index == 3:
            raise KeyboardInterrupt


def steps_in(trace: str) -> list[tuple[int, dict[str, list[float]]]]:
    lines = map(json.loads, Path(trace).read_text().splitlines())
    return [(line["index"], line["losses"]) for line in lines]


@pytest.fixture
def edit(command, tiny_pack, face, tmp_path, monkeypatch):
    """`promptbrush edit` with tiny models and eight steps."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(face, "face.png")
    words = ("--steps", 8, "--lr", 0.04, "--explore", 0, "--device", "cpu", "--precision", "float32")
    return lambda *own, pack=tiny_pack: command("edit", *own, *words, "--pack", pack)


@pytest.fixture
def stopped(edit, monkeypatch):
    """A run that Ctrl-C ended at step 4, with its checkpoint."""
    with monkeypatch.context() as patch:
        patch.setattr(EditOutputs, "watchers", lambda *_: [CtrlC()])
        done = edit("face.png", PROMPT, "--seed", 2, "-o", "x.png", "--checkpoint", "c.pt")
    assert done.code == 130
    return read_picture("x.png").image


@pytest.mark.parametrize("clip_loss", [(), ("--clip-loss", "similarity", "--cutouts", 2)])
def test_the_same_command_resumes_to_the_same_bits(edit, monkeypatch, clip_loss):
    words = ("face.png", PROMPT, *clip_loss, "--latents", "--trace")
    assert edit(*words, "-o", "whole.png").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(EditOutputs, "watchers", lambda *_: [CtrlC()])
        assert edit(*words, "-o", "x.png", "--checkpoint", "c.pt").code == 130
    done = edit(*words, "-o", "x.png", "--checkpoint", "c.pt")
    assert done.code == 0, done.err
    wanted = load_latent("whole.latent.safetensors")
    assert torch.equal(load_latent("x.latent.safetensors"), wanted)
    # Only the steps that were missing were taken, each as in the whole run.
    assert [index for index, _ in steps_in("x.trace.jsonl")] == [4, 5, 6, 7]
    assert steps_in("x.trace.jsonl") == steps_in("whole.trace.jsonl")[4:]
    assert torch.equal(read_picture("x.png").image, read_picture("whole.png").image)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("face.png", "a beard", "--seed", 2), r"\(prompt is .*red hair.*, here .*a beard"),
        (("face.png", PROMPT, "--seed", 3), r"\(seed is '2', here '3'\)"),
        (("other.png", PROMPT, "--seed", 2), r"\(the picture is '\w{16}', here '\w{16}'\)"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(edit, stopped, words, said):
    write_png(torch.rand(1, 3, 40, 48), "other.png")
    before = Path("c.pt").read_bytes()
    refused = edit(*words, "-o", "y.png", "--checkpoint", "c.pt")
    assert refused.code == 3
    (line,) = [line for line in refused.err.splitlines() if line.startswith("promptbrush: ")]
    assert line.startswith("promptbrush: c.pt: a checkpoint of another run (")
    assert re.search(said, line), line
    assert Path("c.pt").read_bytes() == before
    assert not Path("y.png").exists()


def test_a_checkpoint_of_another_model_is_refused(edit, stopped, other_pack):
    words = ("face.png", PROMPT, "--seed", 2, "-o", "y.png", "--checkpoint", "c.pt")
    refused = edit(*words, pack=other_pack)
    assert refused.code == 3
    assert "c.pt: a checkpoint of another run (the clip model is '" in refused.err


def test_other_files_are_no_checkpoints(edit):
    Path("c.pt").write_bytes(b"something else")
    refused = edit("face.png", PROMPT, "-o", "y.png", "--checkpoint", "c.pt")
    assert refused.code == 3
    assert "c.pt: not a checkpoint" in refused.err
    assert Path("c.pt").read_bytes() == b"something else"


def test_a_checkpoint_belongs_to_one_run(edit):
    shutil.copy("face.png", "b.png")
    for words in (("face.png", "b.png", PROMPT), ("face.png", PROMPT, "-n", 2)):
        refused = edit(*words, "--checkpoint", "c.pt")
        assert (refused.code, refused.err.count("\n")) == (2, 1)
        assert "a checkpoint belongs to one run" in refused.err


def test_states_are_saved_now_and_then(edit, monkeypatch):
    saves = []
    monkeypatch.setattr(resumable, "_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(resumable, "save_state", lambda path, state: saves.append(state["run"]["done"]))
    assert edit("face.png", PROMPT, "-o", "y.png", "--checkpoint", "c.pt").code == 0
    assert saves == [*range(1, 9), 8]
