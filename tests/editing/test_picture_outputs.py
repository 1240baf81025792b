"""Written pictures are exact, and whole or not there."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from promptbrush._base import InputFileError, UsageError
from promptbrush.editing.pictures import prepare_folder, read_picture, save_latent, write_picture, write_png


def test_write_rounds_to_the_nearest_level_and_clamps(tmp_path):
    values = torch.tensor([-0.5, 0.4999 / 255, 0.5001 / 255, 100.4 / 255, 100.6 / 255, 1.7])
    write_png(values.expand(1, 3, 1, 6), tmp_path / "a.png")
    assert np.array(Image.open(tmp_path / "a.png"))[0, :, 0].tolist() == [0, 0, 1, 100, 101, 255]


def test_written_files_have_the_users_permissions(tmp_path):
    write_png(torch.zeros(3, 2, 2), tmp_path / "a.png")
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_jpeg_lays_alpha_over_white(tmp_path):
    write_picture(torch.zeros(1, 3, 16, 16), tmp_path / "a.jpg", alpha=torch.full((1, 1, 16, 16), 0.25))
    assert float(read_picture(tmp_path / "a.jpg").image.mean()) == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(
    ("image", "name", "message"),
    [
        (
            torch.zeros(1, 3, 2, 2),
            "a.xyz",
            "'.xyz' is not a supported image format; supported: .png, .jpg, .jpeg, .webp",
        ),
        (torch.zeros(1, 3, 2, 2), "a", "supported: .png"),
        (torch.zeros(2, 3, 2, 2), "a.png", r"one picture .*\(2, 3, 2, 2\)"),
        (torch.zeros(1, 1, 2, 2), "a.png", r"one picture .*\(1, 1, 2, 2\)"),
        (torch.full((1, 3, 2, 2), float("nan")), "a.png", "NaN"),
    ],
)
def test_what_cannot_be_written(image, name, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        write_picture(image, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.safetensors"])
def test_a_full_disk_leaves_nothing_and_keeps_the_old_file(name, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / name).write_bytes(b"old")
    monkeypatch.setattr(Image.Image, "save", full)
    monkeypatch.setattr("safetensors.torch.save_file", full)
    save = save_latent if name.endswith("safetensors") else lambda path, x: write_picture(x, path)
    with pytest.raises(InputFileError, match=rf"{name}: cannot be written \(No space left.*free some space"):
        save(tmp_path / name, torch.zeros(1, 3, 2, 2))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"old"


def test_an_interrupt_while_writing_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_png(torch.zeros(1, 3, 2, 2), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_outputs_in_impossible_places(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.png").mkdir()
    image = torch.zeros(1, 3, 2, 2)
    for path, message in [
        (tmp_path / "file" / "a.png", "cannot be written"),
        (tmp_path / "none" / "a.png", "cannot be written"),
        (tmp_path / "folder.png", "this is a folder; add a file name"),
    ]:
        with pytest.raises(InputFileError, match=message):
            write_png(image, path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_jpeg_that_is_too_long_names_the_mend(tmp_path):
    with pytest.raises(InputFileError, match=r"a\.jpg: cannot be"):
        write_picture(torch.zeros(1, 3, 1, 70000), tmp_path / "a.jpg")
    with pytest.raises(InputFileError, match=r"too long.*write a .png"):
        write_picture(torch.zeros(1, 3, 2, 2), tmp_path / "a.jpg", {"promptbrush": "x" * 70000})
    assert list(tmp_path.iterdir()) == []


def test_prepare_folder(tmp_path, monkeypatch):
    assert prepare_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputFileError, match="file: this is a file, a folder is needed"):
        prepare_folder(tmp_path / "file")
    with pytest.raises(InputFileError, match="cannot be written"):
        prepare_folder(tmp_path / "file" / "below")

    def read_only(*args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "touch", read_only)
    with pytest.raises(InputFileError, match="Read-only file system"):
        prepare_folder(tmp_path / "a")
