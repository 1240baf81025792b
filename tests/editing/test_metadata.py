"""The recipe inside a picture survives, and its absence is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from promptbrush._base import InputFileError
from promptbrush.editing.metadata import embed, read_recipe
from promptbrush.editing.pictures import write_picture, write_png

RECIPE = 'prompt = "a woman with pink hair"\nseed = 7\n\n[versions]\npromptbrush = "0.1.0"\n'
IMAGE = torch.full((1, 3, 16, 16), 0.5)


@pytest.mark.parametrize("recipe", [RECIPE, 'prompt = "rosa Haare 💇 粉色头发"\n', "x = 1\n" * 3000])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_round_trip(recipe, suffix, tmp_path):
    write_picture(IMAGE, tmp_path / f"a.{suffix}", embed(recipe))
    assert read_recipe(tmp_path / f"a.{suffix}") == recipe


def test_it_is_plain_text_that_other_programs_see(tmp_path):
    write_png(IMAGE, tmp_path / "a.png", embed(RECIPE))
    assert Image.open(tmp_path / "a.png").info["promptbrush"] == RECIPE
    assert RECIPE.encode() in (tmp_path / "a.png").read_bytes()


def test_recipe_does_not_change_the_pixels(tmp_path):
    write_png(IMAGE, tmp_path / "a.png")
    write_png(IMAGE, tmp_path / "b.png", embed(RECIPE))
    a, b = (np.array(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(a, b)


def test_text_behind_the_pixels_is_found(tmp_path):
    write_png(IMAGE, tmp_path / "a.png", embed(RECIPE))
    data = (tmp_path / "a.png").read_bytes()
    start = data.index(b"tEXt") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    iend = data.index(b"IEND") - 4
    (tmp_path / "b.png").write_bytes(data[:start] + data[end:iend] + data[start:end] + data[iend:])
    assert read_recipe(tmp_path / "b.png") == RECIPE


def test_a_recipe_file_reads_as_it_is(tmp_path):
    (tmp_path / "out.toml").write_text(RECIPE, encoding="utf-8")
    assert read_recipe(tmp_path / "out.toml") == RECIPE
    (tmp_path / "out.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputFileError, match="not a text file"):
        read_recipe(tmp_path / "out.toml")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_no_recipe(suffix, tmp_path):
    write_picture(IMAGE, tmp_path / f"a.{suffix}", {"other": "text"})
    with pytest.raises(InputFileError, match="holds no recipe; it was made with --no-metadata or by another"):
        read_recipe(tmp_path / f"a.{suffix}")


def test_foreign_user_comments_are_no_recipe(tmp_path):
    for comment in (b"ASCII\0\0\0[1]", b"ASCII\0\0\0not json", b"UNICODE\0x", "text"):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = comment
        Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
        with pytest.raises(InputFileError, match="holds no recipe"):
            read_recipe(tmp_path / "a.jpg")


def test_unreadable_files(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    write_png(IMAGE, tmp_path / "a.png", {})
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:45])
    for name in ("text.png", "cut.png", "missing.png"):
        with pytest.raises(InputFileError, match=name) as caught:
            read_recipe(tmp_path / name)
        assert "\n" not in str(caught.value)
