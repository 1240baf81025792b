"""`promptbrush shapes` on real files: what is written where, what is said, and how it ends."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import torch
from PIL import Image
from promptbrush._settings import chosen
from promptbrush.editing.job import Job, StoppedError, run
from promptbrush.editing.metadata import embed, read_recipe
from promptbrush.editing.pictures import read_picture, write_picture, write_png
from promptbrush.editing.record import Record
from promptbrush.editing.shapes.mutation import Mutation
from promptbrush.editing.shapes.settings import METHOD, ShapesOutputs

QUICK = ("--steps", 4, "--count", 5, "--device", "cpu", "--precision", "float32")
# Words are otherwise followed from several starts by many views, with two networks.
FEW = ("--candidates", 1, "--cutouts", 2)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, shared_clips):
    """An empty folder with one picture in it."""
    monkeypatch.chdir(tmp_path)
    write_png(torch.rand(1, 3, 30, 40, generator=torch.Generator().manual_seed(0)), "in.png")


@pytest.fixture
def shapes(command):
    return lambda *words: command("shapes", *words, *QUICK)


def names(folder: str | Path = ".") -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def test_a_target(shapes):
    done = shapes("--target", "in.png", "--size", 90)
    assert done.code == 0, done.err
    assert done.out.splitlines() == ["in-shapes.png"]
    assert "also in-shapes.svg, in-shapes.json" in done.err
    assert "% like the target (100 % - L2)" in done.err
    assert names() == {"in.png", "in-shapes.png", "in-shapes.svg", "in-shapes.json"}
    assert read_picture("in-shapes.png").image.shape == (1, 3, 90, 120)
    written = json.loads(Path("in-shapes.json").read_text())
    assert len(written["shapes"]) == 5
    assert written["settings"]["count"] == 5
    assert "target" not in written["settings"], "no path of this machine"
    again = shapes("--target", "in.png", "--size", 90)
    assert "in-shapes-2.png" in again.out


def test_a_prompt_and_everything_beside_it(shapes):
    done = shapes(
        "A red heart, 2!", *FEW,
        "-o", "o/out.png", "--gif", "--frames", "--trace", "--curve", "--no-json-file",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.err.splitlines()[0] == "models: mini pack on cpu"
    assert "CLIP similarity" in done.err
    assert names("o") == {"out.png", "out.svg", "out.gif", "out-frames", "out.trace.jsonl", "out-curve.png"}
    assert len(Path("o/out.trace.jsonl").read_text().splitlines()) == 4
    assert Image.open("o/out.gif").n_frames >= 2
    assert read_picture("o/out.png").image.shape == (1, 3, 1024, 1024)


def test_names_of_prompts(shapes):
    shapes("A red heart, 2!", *FEW, "--no-svg", "--no-json-file")
    assert "a-red-heart-2-shapes.png" in names()


@pytest.mark.parametrize(
    "words", [("--target", "in.png"), ("--target", "in.png", "--preset", "paper", "--population", 6)]
)
def test_rerun_makes_the_same_pixels(shapes, command, words):
    assert shapes("--target", "in.png", *words, "-o", "out.png").code == 0
    recipe = Record.from_toml(read_recipe("out.png"), "out.png")
    assert recipe.settings.count == 5
    done = command("rerun", "out.png", "-o", "again.png")
    assert done.code == 0, done.err
    assert torch.equal(read_picture("again.png").image, read_picture("out.png").image)


def test_rerun_of_a_prompt_and_of_other_files(shapes, command):
    shapes("a sun", *FEW, "-o", "out.png", "--size", 64)
    assert command("rerun", "out.png", "-o", "again.png").code == 0
    assert torch.equal(read_picture("again.png").image, read_picture("out.png").image)
    shapes("--target", "in.png", "-o", "two.png")
    write_png(torch.zeros(1, 3, 30, 40), "in.png")
    done = command("rerun", "two.png")
    assert done.code == 3
    assert "this is not the target of the recipe any more; give the same file" in done.err


@pytest.mark.parametrize("suffix", ["svg", "json"])
def test_starting_from_shapes(command, shapes, suffix):
    shapes("--target", "in.png", "-o", "one.png")
    quick = QUICK[:2] + QUICK[4:]
    done = command("shapes", *quick, "--target", "in.png", "--from-svg", f"one.{suffix}", "-o", "two.png")
    assert done.code == 0, done.err
    assert len(json.loads(Path("two.json").read_text())["shapes"]) == 5
    record = Record.from_toml(read_recipe("two.png"), "two.png")
    assert record.settings.from_svg == Path(f"one.{suffix}").resolve()
    assert record.files["from_svg"].path.endswith(f"one.{suffix}")


def test_checkpoints(shapes):
    first = shapes("--target", "in.png", "--checkpoint", "kept.pt", "-o", "one.png")
    assert first.code == 0, first.err
    assert Path("kept.pt").exists()
    assert shapes("--target", "in.png", "--checkpoint", "kept.pt", "-o", "two.png").code == 0
    assert torch.equal(read_picture("one.png").image, read_picture("two.png").image)
    done = shapes("--target", "in.png", "--checkpoint", "kept.pt", "--seed", 3)
    assert done.code == 3
    assert "kept.pt: a checkpoint of another run (seed is '0', here '3')" in done.err


def test_a_checkpoint_of_another_picture_is_refused(shapes):
    write_png(torch.zeros(1, 3, 30, 40), "other.png")
    assert shapes("--target", "in.png", "--checkpoint", "kept.pt", "-o", "one.png").code == 0
    done = shapes("--target", "other.png", "--checkpoint", "kept.pt", "-o", "two.png")
    assert done.code == 3
    assert "kept.pt: a checkpoint of another run" in done.err
    # The same name, and another picture.
    write_png(torch.zeros(1, 3, 30, 40), "in.png")
    done = shapes("--target", "in.png", "--checkpoint", "kept.pt", "-o", "two.png")
    assert done.code == 3
    assert "kept.pt: a checkpoint of another run (the target is" in done.err


def test_a_drawing_as_the_result(shapes):
    done = shapes("--target", "in.png", "-o", "out.svg", "--no-json-file")
    assert done.code == 0, done.err
    assert done.out.splitlines() == ["out.svg"]
    assert names() == {"in.png", "out.svg"}
    assert Path("out.svg").read_text().count("<polygon") == 5


# What `promptbrush shapes --target in.png --steps 4 --count 5 --size 90 --seed 3` wrote before there was one recipe.
LAYOUT_1 = """
promptbrush = "0.1.0"
torch = "2.9.0"
device = "cpu"
precision = "float32"
method = "shapes"
target = "{path}"
target_sha256 = "{digest}"
height = 90

[models]
pack = "mini"

[models.hashes]

[settings]
prompt = ""
negative = ""
templates = "none"
count = 5
kind = "triangle"
mode = "smooth"
optimizer = "adam"
steps = 4
population = 64
sigma = 0.1
rounds = 8
lr = 0.02
loss = "l1"
background = "auto"
opacity_min = 0.0
opacity_max = 1.0
palette = ""
cutouts = 3
shared_views = false
coordinate_scale = 1.0
seed = 3
"""


def test_recipes_of_before_are_made_again(shapes, command):
    from promptbrush._files import short_hash

    shapes("--target", "in.png", "--size", 90, "--seed", 3, "--distance", "l1", "-o", "new.png")
    path = Path("in.png").resolve()
    old = LAYOUT_1.format(path=path, digest=short_hash(path))
    write_picture(torch.rand(1, 3, 8, 8), "old.png", embed(old))
    done = command("rerun", "old.png", "-o", "again.png")
    assert done.code == 0, done.err
    assert torch.equal(read_picture("again.png").image, read_picture("new.png").image)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "there is nothing to draw; give a prompt, or --target with a picture"),
        (
            ("a dog", "--target", "in.png"),
            2,
            "a target and the prompt 'a dog' cannot both be drawn; give one",
        ),
        (("in.png",), 2, "'in.png' stands where the prompt should, but is a file"),
        (("in.png",), 2, "or give it as --target"),
        (("--target", "no.png"), 3, "no.png: there is no such file"),
        (("--target", "text.png"), 3, "text.png: "),
        (("a dog", "--count", 0), 2, "count is 0"),
        (("a dog", "--count", 10_001), 2, "count is 10001"),
        (("a dog", "--optimizer", "CMAA"), 2, "no optimizer is called 'CMAA' (did you mean 'CMA"),
        (("a dog", "--height", 9000), 2, "height is 9000"),
        (
            ("a dog", "--from-svg", "other.svg"),
            3,
            "other.svg: holds <text>, where only polygon, ellipse, rect, path",
        ),
        (("a dog", "--from-svg", "in.png"), 3, "in.png: shapes are read from .svg or .json"),
        (("a dog", "-o", "out.bmp"), 2, "out.bmp: files of type '.bmp' cannot be written"),
        (("--target", "in.png", "-o", "in.png"), 2, "in.png"),
        (
            ("a dog", "--palette", "redd,#00ff00"),
            2,
            "the palette 'redd' is not a colour (did you mean 'red'?)",
        ),
        (("a dog", "--size", 9000), 2, "size"),
        (("--from-svg", "other.svg", "a dog", "--count", 4), 2, "count has no effect together with from_svg"),
        (
            ("a dog", "--kind", "line", "--from-svg", "other.svg"),
            2,
            "kind has no effect together with from_svg",
        ),
        (("a dog", "--distance", "l1"), 2, "distance has no effect without target"),
    ],
)
def test_mistakes_are_one_line(command, words, code, message):
    Path("text.png").write_text("no picture")
    Path("other.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>hello</text></svg>'
    )
    before = names()
    done = command("shapes", *words, "--steps", 2, "--device", "cpu")
    assert done.code == code
    assert len(done.err.splitlines()) == 1, done.err
    assert done.err.startswith("promptbrush: ")
    assert message in done.err
    assert names() == before


@pytest.mark.parametrize("count", [1, 10_000])
def test_the_fewest_and_the_most_shapes(command, count):
    done = command(
        "shapes", "--target", "in.png", "--count", count, "--steps", 1, "--size", 20, "-o", "out.png"
    )
    assert done.code == 0, done.err
    assert len(json.loads(Path("out.json").read_text())["shapes"]) == count


def test_one_shape_as_published(command):
    done = command(
        "shapes", "--target", "in.png", "--preset", "paper", "--count", 1, "--steps", 2, "--population", 4,
        "-o", "out.png",
    )  # fmt: skip
    assert done.code == 0, done.err


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 30), (8000, 8000)])
def test_canvases(command, height, width):
    done = command(
        "shapes", "a dog", *FEW, "--height", height, "--width", width, "--count", 3, "--steps", 1, "--size", 16,
        "-o", "o.png", "--device", "cpu",
    )  # fmt: skip
    assert done.code == 0, done.err


def test_a_full_disk_while_the_film_is_written(shapes, monkeypatch):
    def full(self: Image.Image, path: object, *_: object, **given: object) -> None:
        if str(path).endswith(".gif") or given.get("format") == "GIF":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        saved(self, path, *_, **given)

    saved = Image.Image.save
    monkeypatch.setattr(Image.Image, "save", full)
    done = shapes("--target", "in.png", "--gif", "-o", "out.png")
    assert done.code == 3
    assert done.err.splitlines()[-1] == (
        "promptbrush: out.gif: cannot be written (No space left on device); "
        "free some space or choose another output with -o"
    )
    assert names() == {"in.png", "out.png", "out.svg", "out.json"}


def test_ctrl_c_keeps_the_best_so_far_and_reruns(command, monkeypatch):
    steps = []

    def ask(self: Mutation) -> torch.Tensor:
        steps.append(0)
        if len(steps) > 5:
            raise KeyboardInterrupt
        return ordinary(self)

    ordinary = Mutation.ask
    settings = chosen(METHOD.settings, given={"count": 4, "steps": 20, "target": "in.png"})
    job = Job(METHOD, settings, outputs=ShapesOutputs(output=Path("out.png")))
    with monkeypatch.context() as patched:
        patched.setattr(Mutation, "ask", ask)
        with pytest.raises(StoppedError, match="stopped: the best so far is in out.png"):
            list(run(job))
    assert Record.from_toml(read_recipe("out.png"), "").stopped_after == 5
    done = command("rerun", "out.png", "-o", "again.png")
    assert done.code == 0, done.err
    assert torch.equal(read_picture("again.png").image, read_picture("out.png").image)
