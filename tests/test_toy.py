"""A new method, objective or generator is one file and one line: everything else comes by itself.

The package `tests/toy` adds one of each. Nothing in promptbrush knows it.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import promptbrush
import pytest
import torch
from conftest import Outcome
from PIL import Image
from promptbrush._base import NameTable
from promptbrush.editing import reporting
from promptbrush.editing.consumers import Trace
from promptbrush.editing.edit import Edit
from promptbrush.editing.latents import load_latent
from promptbrush.editing.metadata import read_recipe
from promptbrush.editing.methods import METHODS, setting
from promptbrush.generators import GENERATORS
from promptbrush.guidance import OBJECTIVES
from promptbrush.guidance.objective import Function
from toy.promptbrush_toy.gradient import Gradient
from toy.promptbrush_toy.tint import METHOD, TintSettings
from toy.promptbrush_toy.wander import Wander
from toy.promptbrush_toy.warmth import blue_over_red

pytestmark = pytest.mark.usefixtures("toy")
Command = Callable[..., Outcome]
QUICK = ("--steps", 6, "--lr", 0.1, "--loss", "warmth:0.5")


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small picture of many colours, in the current folder."""
    numbers = np.random.default_rng(0).integers(40, 160, (8, 8, 3), np.uint8)
    Image.fromarray(numbers).resize((48, 40)).save(tmp_path / "in.png")
    monkeypatch.chdir(tmp_path)
    return Path("in.png")


@pytest.fixture
def run(command: Command, tiny_pack: Path) -> Command:
    """A command on tiny models."""
    return lambda *words: command(*words, *(() if words[0] == "rerun" else ("--pack", tiny_pack)))


def pixels(path: str | Path) -> list[int]:
    return np.asarray(Image.open(path)).tolist()


def trace(path: str) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_it_is_a_command_with_flags_and_help(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    assert "  tint    Tint pictures by text: only the balance" in command("--help").out
    shown = command("tint", "--help").out
    assert "Tint pictures by text: only the balance of their colours changes." in shown
    for panel in ("Strength", "Optimization", "Losses", "Output", "Models"):
        assert f"─ {panel} ─" in shown
    for flag, told in {
        "--strength": "0 is the input, 1 the tint [0 to 10, default: 1.0]",
        "--lr": "learning rate [above 0 to 10, default: 0.05]",
        "--checkpoint": "the run resumes from",
        "--device": "auto, cpu, cuda",
    }.items():
        (line,) = [line for line in shown.splitlines() if f" {flag} " in line]
        assert told in line
    assert "--encoder" not in shown  # a model that the method does not use


def test_its_help_does_not_wait_for_torch(toy: Path) -> None:
    code = "import sys; sys.argv[1:] = ['tint', '--help']; from promptbrush.cli import main\ntry: main()\n"
    code += "except SystemExit: print('torch' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "--strength" in done.stdout
    assert done.stderr.strip() == "False"


def test_it_is_a_python_function(picture: Path, tiny_pack: Path) -> None:
    assert "tint" in dir(promptbrush)
    named = inspect.signature(promptbrush.tint).parameters
    assert list(named)[:2] == ["picture", "prompt"]
    assert {name: named[name].default for name in ("strength", "steps", "loss", "pack")} == {
        "strength": 1.0,
        "steps": 40,
        "loss": (),
        "pack": "mini",
    }
    assert "strength: 0 is the input" in promptbrush.tint.__doc__
    seen = []
    made = promptbrush.tint(picture, "a sunset", steps=4, pack=tiny_pack, progress=seen.append)
    assert [(step.index, step.total) for step in seen] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert seen[-1].image().shape == (1, 3, 40, 48)
    assert made.image.size == (48, 40)
    made.save("out.png")
    promptbrush.rerun("out.png").save("again.png")
    assert pixels("out.png") == pixels("again.png") != pixels(picture)
    with pytest.raises(
        promptbrush.UsageError, match=r"no setting is called 'strenght' \(did you mean 'strength'\?\)"
    ):
        promptbrush.tint(picture, "a sunset", strenght=2)


def test_the_picture_carries_a_recipe_that_makes_it_again(run: Command, picture: Path) -> None:
    done = run("tint", picture, "a sunset", *QUICK, "--strength", 1.5)
    assert (done.code, done.out) == (0, "in-tint.png\n")
    recipe = promptbrush.Record.from_toml(read_recipe(Path("in-tint.png")), "in-tint.png")
    assert recipe.method == "tint"
    told = recipe.settings.model_dump()
    assert told == {
        "prompt": "a sunset",
        "strength": 1.5,
        "seed": 0,
        "steps": 6,
        "lr": 0.1,
        "loss": ("warmth:0.5",),
    }
    assert run("rerun", "in-tint.png").out == "in-tint-rerun.png\n"
    assert pixels("in-tint-rerun.png") == pixels("in-tint.png")
    # The loss of the toy's package counts: the picture is warmer than without it.
    run("tint", picture, "a sunset", *QUICK[:4], "-o", "plain.png")
    assert warmth("in-tint.png") > warmth("plain.png") + 1


def warmth(path: str) -> float:
    red, _, blue = np.asarray(Image.open(path), float).mean((0, 1))
    return float(red - blue)


def test_progress_and_files_beside(run: Command, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "_EVERY_SECONDS", 0)
    Image.open(picture).save("two.png")
    done = run("tint", picture, "two.png", "a sunset", *QUICK, "--gif", "--trace", "--frames", "-o", "made")
    assert done.code == 0
    assert done.out.split() == ["made/in-tint.png", "made/two-tint.png"]
    assert "1 of 2 in-tint.png: step 3 of 6" in done.err
    assert "2 of 2 two-tint.png: step 6 of 6" in done.err
    lines = trace("made/two-tint.trace.jsonl")
    assert [line["index"] for line in lines] == list(range(6))
    assert all(set(line["losses"]) == {"similarity", "warmth"} for line in lines)
    assert Image.open("made/in-tint.gif").n_frames > 1
    assert len(list(Path("made/in-tint-frames").iterdir())) >= 6


def test_ctrl_c_keeps_the_best_so_far(run: Command, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    see = Trace.see

    def see_and_stop(self: Trace, step: object) -> None:
        see(self, step)
        if step.index == 3:
            signal.raise_signal(signal.SIGINT)

    # Shells let programs in the background ignore Ctrl-C, and Python leaves it so.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(Trace, "see", see_and_stop)
            done = run("tint", picture, "a sunset", *QUICK, "--trace")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.code == 130
    assert done.err.splitlines()[-1] == "promptbrush: stopped: the best so far is in in-tint.png"
    assert len(trace("in-tint.trace.jsonl")) == 4
    assert "stopped_after = 4" in read_recipe(Path("in-tint.png"))
    assert run("rerun", "in-tint.png").code == 0
    assert pixels("in-tint-rerun.png") == pixels("in-tint.png")


KILLED = """
import os, signal, sys
from promptbrush.cli import main
from promptbrush.editing import resumable
resumable._SAVE_SECONDS = -1  # after every step
see = resumable._Saver.see
def see_and_die(self, step):
    see(self, step)
    if step.index == 2: os.kill(os.getpid(), signal.SIGKILL)
resumable._Saver.see = see_and_die
main()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing can be killed here")
def test_a_killed_run_resumes_to_the_same_bits(run: Command, picture: Path, tiny_pack: Path) -> None:
    words = ("tint", picture, "a sunset", *QUICK, "--checkpoint", "c.pt", "--trace")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, (*words, "--pack", tiny_pack))],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not Path("in-tint.png").exists()
    other = run(*words, "--strength", 2, "-o", "other.png")
    assert other.code == 3
    assert "c.pt: a checkpoint of another run (strength is '1.0', here '2.0')" in other.err
    assert run(*words, "-o", "resumed.png").code == 0
    assert [line["index"] for line in trace("resumed.trace.jsonl")] == [3, 4, 5]
    run(*words[:-3], "-o", "whole.png")
    assert pixels("resumed.png") == pixels("whole.png")


def test_its_objective_joins_an_edit(run: Command, picture: Path) -> None:
    edit = ("edit", picture, "a sunset", "--explore", 0, "--steps", 3, "--trace")
    assert run(*edit, "--loss", "warmth:0.5", "--loss", "tv:0.1", "-o", "out.png").code == 0
    losses = trace("out.trace.jsonl")[0]["losses"]
    assert {"progress", "warmth", "tv"} < set(losses)
    assert run("rerun", "out.png", "-o", "again.png").code == 0
    assert pixels("out.png") == pixels("again.png")


def test_pictures_of_its_generator_are_inverted_and_edited(run: Command, picture: Path) -> None:
    own = ("--generator", "gradient")
    assert run("invert", picture, *own).out == "in-invert.png\n"
    assert load_latent("in-invert.safetensors").shape == (1, 1, 8)
    edit = ("edit", "--explore", 16, "--steps", 3, "--loss", "warmth:2", "--seed", 1, *own)
    assert run(*edit, "--from-latent", "in-invert.safetensors", "a sunset", "-o", "latent.png").code == 0
    assert Image.open("latent.png").size == (64, 64)
    assert 'generator = "gradient"' in read_recipe(Path("latent.png"))
    assert run("rerun", "latent.png", "-o", "again.png").code == 0
    assert pixels("latent.png") == pixels("again.png") != pixels("in-invert.png")
    assert run(*edit, picture, "a sunset", "--space", "w", "-o", "picture.png").code == 0
    assert Image.open("picture.png").size == (48, 40)
    wrong = run(*edit, picture, "a sunset", "--space", "s", "-o", "wrong.png")
    assert wrong.code == 2
    assert "space is 's', and this generator has w, w+; choose one of these" in wrong.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("tnit", "in.png", "x"), "no such command 'tnit' (did you mean 'tint'?); see promptbrush --help"),
        (
            ("edit", "in.png", "x", "--generator", "gradiant"),
            "no generator is called 'gradiant' (did you mean 'gradient'?)",
        ),
        (("edit", "in.png", "x", "--generator", "stylegan2"), "is read from a file; give stylegan2=FILE"),
        (
            ("tint", "in.png", "x", "--loss", "warmht:2"),
            "no objective is called 'warmht' (did you mean 'warmth'?)",
        ),
        (
            ("tint", "in.png", "x", "--loss", "warmth:hot"),
            "loss is 'warmth:hot'; write NAME:weight, such as tv:0.1",
        ),
        (
            ("tint", "in.png", "x", "--strength", "11"),
            "strength is 11.0; input should be less than or equal to 10",
        ),
        (("tint", "in.png"), "PROMPT is missing (PICTURE is 'in.png'); write it as the last argument"),
        (("tint", "in.png", "x", "--encoder", "e"), "no such option: --encoder"),
    ],
)
def test_mistakes_are_one_line(run: Command, picture: Path, words: tuple[str, ...], told: str) -> None:
    done = run(*words) if words[0] != "tnit" else run(*words[:1])
    assert done.code == 2
    assert done.out == ""
    assert told in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("promptbrush_absent.method:METHOD", "No module named 'promptbrush_absent'"),
        ("promptbrush_toy.tint:METHODS", "has no attribute 'METHODS'"),
        ("promptbrush_toy.warmth:warmth", "promptbrush_toy.warmth:warmth is not what this name should be"),
        (
            "promptbrush_toy.tint:METHOD",
            "promptbrush_toy.tint:METHOD is not what this name should be",
        ),  # of another name
    ],
)
def test_a_broken_package_is_one_line_and_hides_nothing(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, why: str
) -> None:
    info = tmp_path / "broken_brush-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-brush\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[promptbrush.methods]\nsmear = {target}\n")
    monkeypatch.syspath_prepend(tmp_path)
    done = command("smear", "in.png", "x")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("promptbrush: method 'smear' of the package broken-brush cannot be loaded (")
    assert why in done.err
    shown = command("--help")
    assert shown.code == 0
    assert "smear" in shown.out
    assert "  tint " in shown.out
    with pytest.raises(promptbrush.MissingError, match="broken-brush"):
        promptbrush.smear("in.png", "x")


class MoreSettings(TintSettings):
    """One more field than `tint` has."""

    floor: float = setting(0.0, "no channel is multiplied by less", panel="Strength", ge=0, le=1)


def test_an_option_is_one_field(
    run: Command, picture: Path, tiny_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(METHODS, "_added", {})
    monkeypatch.setenv("COLUMNS", "150")
    METHODS.add("tinted", dataclasses.replace(METHOD, name="tinted", settings=MoreSettings))
    assert "no channel is multiplied by less [0 to 1, default: 0.0]" in run("tinted", "--help").out
    assert run("tinted", picture, "a sunset", "--steps", 1, "--floor", 0.5, "-o", "out.png").code == 0
    assert "floor = 0.5" in read_recipe(Path("out.png"))
    made = promptbrush.tinted(picture, "a sunset", steps=1, floor=0.5, pack=tiny_pack)
    assert made.recipe.settings.floor == 0.5
    assert (
        "floor is 2.0; input should be less than or equal to 1"
        in run("tinted", picture, "x", "--floor", 2).err
    )


def test_a_driver_is_one_class(toy: Path) -> None:
    def made(seed: int) -> Edit:
        driver = Wander(torch.zeros(2, 8), reach=0.5, seed=seed)
        return Edit(Gradient().decode, Function(blue_over_red, "warmth"), driver, steps=40)

    whole, half, rest = made(0), made(0), made(0)
    steps = list(whole.run())
    assert steps[-1].best.min() > 5
    assert whole.totals[0] > min(whole.totals) + 0.3
    list(half.run(15))
    state = io.BytesIO()
    torch.save(half.state_dict(), state)
    state.seek(0)
    rest.load_state_dict(torch.load(state, weights_only=True))
    assert len(list(rest.run())) == 25
    assert torch.equal(rest.answer(), whole.answer())
    assert rest.totals == whole.totals


REPO = Path(__file__).parents[1]
TOY = REPO / "tests" / "toy"
EXTENDING = (REPO / "docs" / "extending.md").read_text(encoding="utf-8")


def test_the_document_shows_the_files_that_are_tested() -> None:
    files = [
        "pyproject.toml",
        *(f"promptbrush_toy/{name}.py" for name in ("tint", "warmth", "gradient", "wander")),
    ]
    assert re.findall(r"^`([\w/.]+)`:$", EXTENDING, re.MULTILINE) == files
    for name in files:
        text = (TOY / name).read_text(encoding="utf-8")
        kind = "toml" if name.endswith(".toml") else "python"
        assert f"`{name}`:\n\n```{kind}\n{text}```\n" in EXTENDING


@pytest.mark.parametrize(
    ("table", "name"), [(METHODS, "tint"), (OBJECTIVES, "warmth"), (GENERATORS, "gradient")]
)
def test_it_takes_one_file_and_one_line(table: NameTable, name: str) -> None:
    assert name not in table.entries
    lines = [
        line for line in (TOY / "pyproject.toml").read_text().splitlines() if line.startswith(f"{name} = ")
    ]
    (module,) = re.findall(r'"promptbrush_toy\.(\w+):\w+"', "".join(lines))
    assert len(lines) == 1
    assert module == name
    # Its file needs none of the others.
    text = (TOY / "promptbrush_toy" / f"{name}.py").read_text(encoding="utf-8")
    assert not re.search(r"promptbrush_toy|from \.", text)
    assert len(text.splitlines()) <= 60
