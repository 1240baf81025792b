"""Where results go: free names, nobody's files lost, and what is written beside a result."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from edits import edit_settings, run_edit
from PIL import Image
from promptbrush import InputFileError, MissingError, UsageError
from promptbrush.editing import result as results
from promptbrush.editing.latent.settings import EditOutputs
from promptbrush.editing.latents import load_latent
from promptbrush.editing.making import save
from promptbrush.editing.metadata import embed
from promptbrush.editing.outputs import plan
from promptbrush.editing.pictures import read_picture, write_png

EXTRAS = ("strip", "frames", "gif", "mp4", "trace", "latents")
EVERYTHING = EditOutputs(**dict.fromkeys(EXTRAS, True))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def own(name: str) -> None:
    """A picture with a recipe inside."""
    write_png(torch.zeros(1, 3, 2, 2), name, embed("method = 'edit'"))


def flat(names, count=1, output=None, inputs=(), **asked) -> list[str]:
    """The names of a plan, whose reservations are given back at once."""
    outputs = EditOutputs(count=count, output=output, **asked)
    with plan(names, "edit", outputs, inputs) as found:
        return [str(path) for row in found.paths for path in row]


@pytest.mark.parametrize(
    ("names", "count", "output", "wanted"),
    [
        (["a"], 1, None, ["a-edit.png"]),
        (["a"], 1, "x.png", ["x.png"]),
        (["a"], 1, "x.JPG", ["x.JPG"]),
        (["a"], 3, "x.webp", ["x-1.webp", "x-2.webp", "x-3.webp"]),
        (["a"], 10, "x.png", [f"x-{i:02}.png" for i in range(1, 11)]),
        (["a", "b"], 1, "out", ["out/a-edit.png", "out/b-edit.png"]),
        (["a", "b"], 2, "out", [f"out/{name}-edit-{i}.png" for name in "ab" for i in (1, 2)]),
        (["a", "a", "a"], 1, "out", ["out/a-edit.png", "out/a-2-edit.png", "out/a-3-edit.png"]),
        (["a", "a-2", "a"], 1, "out", ["out/a-edit.png", "out/a-2-edit.png", "out/a-3-edit.png"]),
        (["me.v2"], 1, None, ["me.v2-edit.png"]),
    ],
)
def test_names(names, count, output, wanted):
    assert flat(names, count, None if output is None else Path(output)) == wanted
    # Nothing is made before there is a result.
    assert list(Path().iterdir()) == []


def test_an_existing_folder_may_have_a_dot_in_its_name():
    Path("out.d").mkdir()
    assert flat(["a"], 1, Path("out.d")) == ["out.d/a-edit.png"]


def test_without_an_output_names_are_free():
    Path("a-edit.png").touch()
    Path("a-edit-2.png").touch()
    assert flat(["a"]) == ["a-edit-3.png"]
    # Also what would be written beside it must be free.
    Path("a-edit-3.gif").touch()
    assert flat(["a"], gif=True) == ["a-edit-4.png"]


def test_own_results_may_be_replaced_and_foreign_files_not():
    own("mine.png")
    Image.new("RGB", (2, 2)).save("foreign.png")
    Path("text.png").write_text("hello")
    assert flat(["a"], 1, Path("mine.png")) == ["mine.png"]
    for name in ("foreign.png", "text.png"):
        with pytest.raises(
            InputFileError, match=rf"{name}: exists and was not written by promptbrush.*--overwrite"
        ):
            flat(["a"], 1, Path(name))
        assert flat(["a"], 1, Path(name), overwrite=True) == [name]


@pytest.mark.parametrize("extra", EXTRAS)
def test_foreign_files_beside_a_result_are_kept(extra):
    for place in EditOutputs(**{extra: True}).beside(Path("x.png")):
        place.write_text("a letter")
        with pytest.raises(
            InputFileError, match=rf"^{place.name}: exists and was not written by promptbrush"
        ):
            flat(["a"], 1, Path("x.png"), **{extra: True})
        assert flat(["a"], 1, Path("x.png"), **{extra: True}, overwrite=True) == ["x.png"]
        # Beside a result of ours lies what that result brought along.
        own("x.png")
        assert flat(["a"], 1, Path("x.png"), **{extra: True}) == ["x.png"]
        Path("x.png").unlink()
        place.unlink()


@pytest.mark.parametrize("spelling", ["in.png", "./in.png", "sub/../in.png", "absolute", "link.png"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_read_is_never_written(spelling, overwrite):
    own("in.png")
    Path("sub").mkdir()
    Path("link.png").symlink_to("in.png")
    output = Path("in.png").resolve() if spelling == "absolute" else Path(spelling)
    with pytest.raises(UsageError, match=r"is read by this command; choose another name"):
        flat(["in"], 1, output, [Path("in.png")], overwrite=overwrite)
    own("in-strip.png")
    with pytest.raises(UsageError, match="is read by this command"):
        flat(["a"], 1, Path("in.png"), [Path("in-strip.png")], overwrite=overwrite, strip=True)


@pytest.mark.parametrize(
    ("output", "error", "said"),
    [
        ("x.tiff", UsageError, r"x\.tiff: files of type '\.tiff' cannot be written; use \.png"),
        ("file/x.png", InputFileError, "file: this is a file, a folder is needed"),
        ("file", InputFileError, "file: this is a file, a folder is needed"),
        ("/dev/full", InputFileError, "/dev/full: this is a file, a folder is needed"),
        ("/proc/nowhere/x.png", InputFileError, "/proc/nowhere: cannot be written"),
        ("y" * 300 + ".png", InputFileError, "cannot be written .File name too long.*-o"),
        ("z" * 300, InputFileError, "cannot be written .File name too long"),
    ],
)
def test_outputs_that_cannot_be(output, error, said):
    Path("file").write_text("")
    with pytest.raises(error, match=said) as caught:
        flat(["a"], 1, Path(output))
    assert "\n" not in str(caught.value)
    assert [path.name for path in Path().iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission():
    Path("locked").mkdir(mode=0o500)
    with pytest.raises(InputFileError, match="locked: cannot be written"):
        flat(["a"], 1, Path("locked"))


def test_several_pictures_need_a_folder():
    with pytest.raises(UsageError, match=r"x\.png: 2 results need a folder; give -o a name without a suffix"):
        flat(["a", "b"], 1, Path("x.png"))


def test_a_refused_plan_makes_no_folder():
    own("in.png")
    with pytest.raises(UsageError):
        flat(["a", "b"], 1, Path("new/x.png"))
    assert not Path("new").exists()


# --- what is written


def test_all_extras(models, subject):
    settings = edit_settings("a woman with red hair", steps=12)
    path = Path("x.png")
    result = run_edit(models, subject, settings, EVERYTHING.watchers(path, 12))
    saved = save(result, path, EVERYTHING)
    written = [saved.path, *saved.beside]
    wanted = {path, *EVERYTHING.beside(path)}
    assert set(Path().iterdir()) == wanted
    assert len(written) == len(wanted)
    assert set(written) == wanted

    levels = (result.tensor * 255).round() / 255
    torch.testing.assert_close(read_picture(path).image, levels)
    strip = read_picture("x-strip.png").image
    assert strip.shape[-1] > 2 * 48
    torch.testing.assert_close(strip[..., -40:, -48:], levels)
    torch.testing.assert_close(strip[..., -40:, :48], result.before)

    frames = sorted(frame.name for frame in Path("x-frames").iterdir())
    assert frames == [f"{index:05}.png" for index in range(12)]
    # The first two steps are equal, for the learning rate starts at 0, and a GIF shows them as one.
    assert Image.open("x.gif").n_frames == 11
    assert Path("x.mp4").read_bytes()[4:8] == b"ftyp"

    lines = [json.loads(line) for line in Path("x.trace.jsonl").read_text().splitlines()]
    assert [{name: value for name, (value,) in line["losses"].items()} for line in lines] == list(
        result.losses
    )

    assert torch.equal(load_latent("x.start.safetensors"), subject.w)
    assert torch.equal(load_latent("x.latent.safetensors"), result.latent)


def test_the_strip_names_pictures_among_the_prompts_without_their_folder(models, subject, monkeypatch):
    write_png(torch.rand(1, 3, 16, 16), "mood.png")
    shown = []
    draw = results.strip
    monkeypatch.setattr(results, "strip", lambda images, labels: shown.extend(labels) or draw(images, labels))
    result = run_edit(models, subject, edit_settings("red hair:2| @mood.png", steps=1))
    assert str(Path.cwd()) in result.recipe.settings.prompt
    save(result, Path("x.png"), EditOutputs(strip=True))
    assert shown == ["before", "red hair:2| @mood.png :1.0"]


def test_nothing_beside_unless_asked(models, subject):
    asked = EditOutputs()
    result = run_edit(models, subject, edit_settings("red hair", steps=1), asked.watchers(Path("x.png"), 1))
    saved = save(result, Path("x.png"), asked)
    assert (saved.path, saved.beside) == (Path("x.png"), ())
    assert [path.name for path in Path().iterdir()] == ["x.png"]


def test_styles_are_written_by_name(models, subject):
    result = run_edit(models, subject, edit_settings("red hair", steps=2, space="s"))
    save(result, Path("x.png"), EditOutputs(latents=True))
    assert list(load_latent("x.latent.safetensors")) == models.generator.style_names


def test_a_missing_extra_leaves_nothing(monkeypatch):
    real = importlib.import_module

    def no_av(name: str, package: str | None = None):
        if name == "av":
            raise ModuleNotFoundError("no av", name="av")
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", no_av)
    with pytest.raises(MissingError, match=r"pip install 'promptbrush\[video\]'"):
        EVERYTHING.watchers(Path("x.png"), 12)
    assert list(Path().iterdir()) == []


# --- reservations

RACE = """
import sys
from pathlib import Path
from promptbrush.editing.outputs import Outputs, plan
for _ in range(60):
    with plan(["a"], "edit", Outputs()) as found:
        ((path,),) = found.paths
        with path.open("x") as file:
            file.write(sys.argv[1])
"""


def test_runs_at_once_in_one_folder_never_write_the_same_file():
    runs = [subprocess.Popen([sys.executable, "-c", RACE, name]) for name in ("one", "two")]
    assert [run.wait(120) for run in runs] == [0, 0]
    made = [path.read_text() for path in Path().iterdir()]
    assert sorted(made) == ["one"] * 60 + ["two"] * 60


HOLD = """
import sys
from pathlib import Path
from promptbrush.editing.outputs import Outputs, plan
with plan(["a"], "edit", Outputs(output=Path("x.png"))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_name_that_another_run_writes_is_refused_and_taken_over_after_kill_9():
    run = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert run.stdout.readline() == b"held\n"
    with pytest.raises(
        InputFileError, match=r"x\.png: another run is writing this file; choose another name"
    ):
        flat(["a"], 1, Path("x.png"))
    run.kill()
    run.wait()
    run.stdin.close()
    run.stdout.close()
    assert [path.name for path in Path().iterdir()] == [".x.png.reserved"]
    assert flat(["a"], 1, Path("x.png")) == ["x.png"]
    assert list(Path().iterdir()) == []


def test_what_a_killed_run_left_does_not_refuse_the_same_command(models, subject):
    asked = EditOutputs(trace=True, frames=True)
    trace, frames = asked.watchers(Path("x.png"), 3)[::-1]
    run_edit(models, subject, edit_settings("red hair", steps=3), [trace, frames])
    # No picture: as after kill -9. The trace may end in the middle of a line.
    assert {path.name for path in Path().iterdir()} == {"x-frames", "x.trace.jsonl"}
    assert flat(["a"], 1, Path("x.png"), trace=True, frames=True) == ["x.png"]
    Path("x-frames/mine.txt").write_text("a letter")
    with pytest.raises(InputFileError, match="x-frames: exists and was not written by promptbrush"):
        flat(["a"], 1, Path("x.png"), trace=True, frames=True)


def test_the_name_of_a_file_that_stands_beside_every_result_names_the_result():
    from promptbrush.editing.invert import InvertOutputs

    with plan(["a"], "invert", InvertOutputs(output=Path("z.safetensors"))) as found:
        assert found.paths == [[Path("z.png")]]
    with (
        pytest.raises(UsageError, match="cannot be written"),
        plan(["a"], "invert", InvertOutputs(output=Path("z.gif"))),
    ):
        pass
