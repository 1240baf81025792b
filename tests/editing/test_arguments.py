"""What stands before the flags: pictures, folders, patterns and the prompt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from promptbrush import InputFileError, UsageError
from promptbrush.editing.arguments import metavar, pictures_in, split_arguments
from promptbrush.editing.methods import METHODS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Pictures, and what is none."""
    monkeypatch.chdir(tmp_path)
    Path("faces/deeper.png").mkdir(parents=True)
    Path("empty").mkdir()
    for name in ("b.png", "a.JPG", "c.webp", "notes.txt", ".hidden.png", "deeper.png/d.png"):
        Path("faces", name).touch()
    Path("x[1].png").touch()


def found(*arguments: str, method: str = "edit", **given: object) -> tuple[list[str], dict[str, object]]:
    pictures, words = split_arguments(METHODS.load(method), arguments, given)
    return [path.as_posix() for path in pictures], words


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("faces", ["faces/a.JPG", "faces/b.png", "faces/c.webp"]),
        ("faces/", ["faces/a.JPG", "faces/b.png", "faces/c.webp"]),
        ("faces/*.png", ["faces/b.png"]),
        ("**/*.png", ["faces/b.png", "faces/deeper.png/d.png", "x[1].png"]),
        ("x[1].png", ["x[1].png"]),
        ("nowhere.png", ["nowhere.png"]),
        ("", ["."]),
        ("y" * 5000, ["y" * 5000]),
        ("nul\0.png", ["nul\0.png"]),
    ],
)
def test_a_folder_or_a_pattern_is_its_pictures_in_order(text: str, wanted: list[str]) -> None:
    assert [path.as_posix() for path in pictures_in(text)] == wanted


def test_a_method_may_read_more_kinds() -> None:
    Path("faces/film.mp4").touch()
    names = [path.name for path in pictures_in("faces", {".mp4": ".mp4"})]
    assert names == ["a.JPG", "b.png", "c.webp", "film.mp4"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("empty", "empty: no picture is in this folder; check the path"),
        ("faces/*.gif", r"faces/\*\.gif: no picture is found; check the path"),
        ("faces/*.txt", "no picture is found"),
    ],
)
def test_nothing_there(text: str, said: str) -> None:
    with pytest.raises(InputFileError, match=said):
        pictures_in(text)


def test_pictures_and_the_prompt_last() -> None:
    assert found("x.png", "faces", "a hat") == (
        ["x.png", "faces/a.JPG", "faces/b.png", "faces/c.webp"],
        {"prompt": "a hat"},
    )
    assert found("a hat", from_latent="x.safetensors") == ([], {"prompt": "a hat"})
    assert found("faces/b.png", method="invert") == (["faces/b.png"], {})
    assert found() == ([], {})


@pytest.mark.parametrize("only", ["faces/b.png", "faces"])
def test_the_missing_prompt_is_named(only: str) -> None:
    with pytest.raises(UsageError, match=rf"PROMPT is missing \(PICTURE is '{only}'\)"):
        found(only)


def test_one_argument_too_many() -> None:
    with pytest.raises(
        UsageError, match="'a red' is one argument too many; put a prompt of several words in"
    ):
        found("a red", "hat", method="sample")


def test_arguments_in_the_help() -> None:
    assert {name: metavar(METHODS.load(name)) for name in ("edit", "invert", "sample", "style")} == {
        "edit": "PICTURE... PROMPT",
        "invert": "PICTURE...",
        "sample": "[PROMPT]" if METHODS.load("sample").takes.prompt == "optional" else "PROMPT",
        "style": metavar(METHODS.load("style")),
    }
    assert metavar(METHODS.load("style")).endswith(("STYLE", "PROMPT", "[PROMPT]"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_folder_that_cannot_be_listed_is_one_line() -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read anything")
    Path("locked").mkdir(mode=0)
    with pytest.raises(InputFileError, match="locked: "):
        pictures_in("locked")
