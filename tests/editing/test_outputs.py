"""Where results go: free names, nobody's files lost, and what is written beside a result."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path

import pytest
import torch
from PIL import Image
from promptbrush import InputFileError, MissingError, UsageError
from promptbrush.editing import outputs
from promptbrush.editing.editor import run_edit
from promptbrush.editing.latents import load_latent
from promptbrush.editing.metadata import embed
from promptbrush.editing.outputs import Care, Extras, consumers_for, plan, save
from promptbrush.editing.pictures import read_picture, write_png
from promptbrush.editing.recipe import edit_settings

EVERYTHING = Extras(strip=True, frames=True, gif=True, mp4=True, trace=True, latents=True)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def own(name: str) -> None:
    """A picture with a recipe inside."""
    write_png(torch.zeros(1, 3, 2, 2), name, embed("method = 'edit'"))


def flat(*arguments, **keywords) -> list[str]:
    return [str(path) for row in plan(*arguments, **keywords) for path in row]


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
    assert flat(["a"], 1, None) == ["a-edit-3.png"]
    # Also what would be written beside it must be free.
    Path("a-edit-3.gif").touch()
    care = Care(beside=Extras(gif=True).beside)
    assert flat(["a"], 1, None, care=care) == ["a-edit-4.png"]


def test_own_results_may_be_replaced_and_foreign_files_not():
    own("mine.png")
    Image.new("RGB", (2, 2)).save("foreign.png")
    Path("text.png").write_text("hello")
    assert flat(["a"], 1, Path("mine.png")) == ["mine.png"]
    for name in ("foreign.png", "text.png"):
        with pytest.raises(
            InputFileError, match=rf"{name}: is there and was not made by promptbrush.*--overwrite"
        ):
            plan(["a"], 1, Path(name))
        assert flat(["a"], 1, Path(name), care=Care(overwrite=True)) == [name]


@pytest.mark.parametrize("extra", ["strip", "frames", "gif", "mp4", "trace", "latents"])
def test_foreign_files_beside_a_result_are_kept(extra):
    extras = Extras(**{extra: True})
    (first, *_) = extras.beside(Path("x.png"))
    first.write_text("a letter")
    care = Care(beside=extras.beside)
    with pytest.raises(InputFileError, match=rf"^{first.name}: is there and was not made by promptbrush"):
        plan(["a"], 1, Path("x.png"), care=care)
    assert flat(["a"], 1, Path("x.png"), care=Care(beside=extras.beside, overwrite=True)) == ["x.png"]
    # Beside a result of ours lies what that result brought along.
    own("x.png")
    assert flat(["a"], 1, Path("x.png"), care=care) == ["x.png"]


@pytest.mark.parametrize("spelling", ["in.png", "./in.png", "sub/../in.png", "absolute", "link.png"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_read_is_never_written(spelling, overwrite):
    own("in.png")
    Path("sub").mkdir()
    Path("link.png").symlink_to("in.png")
    output = Path("in.png").resolve() if spelling == "absolute" else Path(spelling)
    with pytest.raises(UsageError, match=r"is read by this command; choose another name"):
        plan(["in"], 1, output, care=Care([Path("in.png")], overwrite))
    with pytest.raises(UsageError, match="is read by this command"):
        care = Care([Path("in-strip.png")], overwrite, Extras(strip=True).beside)
        own("in-strip.png")
        plan(["a"], 1, Path("in.png"), care=care)


@pytest.mark.parametrize(
    ("output", "error", "said"),
    [
        ("x.tiff", UsageError, r"x\.tiff: '\.tiff' is no kind of picture to write; use \.png"),
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
        plan(["a"], 1, Path(output))
    assert "\n" not in str(caught.value)
    assert [path.name for path in Path().iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission():
    Path("locked").mkdir(mode=0o500)
    with pytest.raises(InputFileError, match="locked: cannot be written"):
        plan(["a"], 1, Path("locked"))


def test_several_pictures_need_a_folder():
    with pytest.raises(UsageError, match=r"x\.png: 2 pictures need a folder; give -o one without a suffix"):
        plan(["a", "b"], 1, Path("x.png"))


def test_a_refused_plan_makes_no_folder():
    own("in.png")
    with pytest.raises(UsageError):
        plan(["a", "b"], 1, Path("new/x.png"))
    assert not Path("new").exists()


# --- what is written


def test_all_extras(models, subject):
    settings = edit_settings("a woman with red hair", steps=12)
    path = Path("x.png")
    result = run_edit(models, subject, settings, consumers_for(path, EVERYTHING))
    written = save(result, path, EVERYTHING)
    wanted = {path, *EVERYTHING.beside(path)}
    assert set(Path().iterdir()) == wanted
    assert len(written) == len(wanted)
    assert set(written) == wanted

    levels = (result.image * 255).round() / 255
    torch.testing.assert_close(read_picture(path).image, levels)
    strip = read_picture("x-strip.png").image
    assert strip.shape[-1] > 2 * 48
    torch.testing.assert_close(strip[..., -40:, -48:], levels)
    torch.testing.assert_close(strip[..., -40:, :48], result.before)

    frames = sorted(frame.name for frame in Path("x-frames").iterdir())
    assert frames == ["00000.png", "00005.png", "00010.png", "00011.png"]
    # The first two steps are equal, for the learning rate starts at 0, and a GIF shows them as one.
    assert Image.open("x.gif").n_frames == 11
    assert Path("x.mp4").read_bytes()[4:8] == b"ftyp"

    lines = [json.loads(line) for line in Path("x.trace.jsonl").read_text().splitlines()]
    assert [{name: value for name, (value,) in line["losses"].items()} for line in lines] == list(
        result.steps
    )

    assert torch.equal(load_latent("x.start.safetensors"), subject.w)
    assert torch.equal(load_latent("x.latent.safetensors"), result.latent)


def test_the_strip_names_pictures_among_the_prompts_without_their_folder(models, subject, monkeypatch):
    write_png(torch.rand(1, 3, 16, 16), "mood.png")
    shown = []
    draw = outputs.strip
    monkeypatch.setattr(outputs, "strip", lambda images, labels: shown.extend(labels) or draw(images, labels))
    result = run_edit(models, subject, edit_settings("red hair:2| @mood.png", steps=1))
    assert str(Path.cwd()) in result.recipe.settings.prompt
    save(result, Path("x.png"), Extras(strip=True))
    assert shown == ["before", "red hair:2| @mood.png :1.0"]


def test_nothing_beside_unless_asked(models, subject):
    result = run_edit(
        models, subject, edit_settings("red hair", steps=1), consumers_for(Path("x.png"), Extras())
    )
    assert save(result, Path("x.png"), Extras()) == [Path("x.png")]
    assert [path.name for path in Path().iterdir()] == ["x.png"]


def test_styles_are_written_by_name(models, subject):
    result = run_edit(models, subject, edit_settings("red hair", steps=2, space="s"))
    save(result, Path("x.png"), Extras(latents=True))
    assert list(load_latent("x.latent.safetensors")) == models.generator.style_names


def test_a_missing_extra_leaves_nothing(monkeypatch):
    def no_av(name: str, *rest):
        raise ImportError("no av", name="av")

    monkeypatch.setattr(importlib, "import_module", no_av)
    with pytest.raises(MissingError, match=r"pip install 'promptbrush\[video\]'"):
        consumers_for(Path("x.png"), EVERYTHING)
    assert list(Path().iterdir()) == []
