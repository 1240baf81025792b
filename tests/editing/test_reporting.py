"""What goes to which stream: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from promptbrush.editing import reporting
from promptbrush.editing.record import Record

pytestmark = pytest.mark.usefixtures("quick_inversion")
PROMPT = "hair " * 40


@pytest.fixture
def edit(command, tiny_pack, face, tmp_path, monkeypatch) -> Callable[..., Any]:
    """`promptbrush edit` with tiny models, in a folder with three faces."""
    monkeypatch.chdir(tmp_path)
    Path("faces").mkdir()
    for name in "abc":
        shutil.copy(face, f"faces/{name}.png")
    words = ("--pack", tiny_pack, "--steps", 3, "--explore", 0, "--device", "cpu", "--precision", "float32")
    return lambda *own: command("edit", *own, *words)


def test_a_path_a_line(edit):
    done = edit("faces", PROMPT, "-o", "out", "--latents")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [f"out/{name}-edit.png" for name in "abc"]


def test_an_object_of_json_a_line(edit, tiny_pack):
    done = edit("faces/*.png", PROMPT, "-o", "out", "--seed", 4, "--json", "--strip")
    assert done.code == 0, done.err
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [each["path"] for each in found] == [f"out/{name}-edit.png" for name in "abc"]
    for each in found:
        assert set(each) == {"path", "beside", "seed", "score", "seconds", "recipe"}
        assert each["seed"] == 4
        assert each["seconds"] > 0
        assert each["beside"] == [each["path"].replace(".png", "-strip.png")]
        assert Record.model_fields.keys() >= each["recipe"].keys()
        assert each["recipe"]["settings"]["prompt"] == PROMPT
        assert each["recipe"]["models"]["pack"] == str(tiny_pack)


def test_quiet_prints_results_alone(edit):
    done = edit("faces/a.png", PROMPT, "-o", "x.png", "--quiet")
    assert (done.code, done.out, done.err) == (0, "x.png\n", "")
    refused = edit("faces/a.png", PROMPT, "-o", "x.tiff", "-q")
    assert (refused.out, refused.err.count("\n")) == ("", 1)


def test_without_a_terminal_a_line_now_and_then(edit, monkeypatch):
    monkeypatch.setattr(reporting, "_EVERY_SECONDS", 0.0)
    done = edit("faces", PROMPT, "-o", "out")
    lines = [line for line in done.err.splitlines() if ": step " in line]
    assert len(lines) == 9
    assert lines[4].startswith("2 of 3 b-edit.png: step 2 of 3, about ")
    assert lines[4].endswith(" s left")
    # What is wrong with a prompt is said before the work.
    told = done.err.splitlines()
    (note,) = [line for line in told if "is longer than CLIP reads" in line]
    assert told.index(note) < told.index(lines[0])
    monkeypatch.setattr(reporting, "_EVERY_SECONDS", 60.0)
    assert ": step " not in edit("faces/a.png", PROMPT).err


def test_a_second_run_says_what_it_replaces(edit):
    note = "note: x.png replaces an earlier result"
    assert note not in edit("faces/a.png", "a hat", "-o", "x.png").err
    assert edit("faces/a.png", "a hat", "-o", "x.png").err.splitlines().count(note) == 1


def test_log_records_are_notes_while_a_job_runs():
    told: list[str] = []
    log = logging.getLogger("promptbrush")
    with reporting.Terminal(told.append):
        log.info("looking at %d pictures", 3)
    log.info("nobody listens")
    assert told == ["note: looking at 3 pictures"]
    with reporting.Terminal(told.append, quiet=True):
        log.info("nothing")
    assert len(told) == 1
