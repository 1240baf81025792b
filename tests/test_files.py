"""Files are written whole or not at all, under temporary names that no other file has."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
import torch
from promptbrush import InputFileError
from promptbrush._files import (
    atomic_file,
    atomic_files,
    loaded_state,
    read_text,
    readable,
    save_state,
    save_tensors,
    sha256_of,
    short_hash,
)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_state_is_written_and_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    (tmp_path / "c.part").write_text("somebody else's")
    save_state(tmp_path / "c.pt", {"step": 3})
    assert (tmp_path / "c.part").read_text() == "somebody else's"
    assert names(tmp_path) == ["c.part", "c.pt"]
    with loaded_state(tmp_path / "c.pt", torch.device("cpu")) as state:
        assert state == {"step": 3}


def test_a_state_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc] . unexpected pos 64 vs 0")

    save_state(tmp_path / "c.pt", {"step": 1})
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(
        InputFileError, match=r"c\.pt: cannot be written \(.*unexpected pos.*\); free some space"
    ):
        save_state(tmp_path / "c.pt", {"step": 2})
    assert names(tmp_path) == ["c.pt"]
    with loaded_state(tmp_path / "c.pt", torch.device("cpu")) as state:
        assert state == {"step": 1}


def test_temporary_names_are_hidden_and_unlike(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.png") as one, atomic_file(tmp_path / "a.png") as other:
        assert one != other
        for each in (one, other):
            assert each.name.startswith(".") and each.suffix == ".png" and each.parent == tmp_path
            each.write_text(each.name)
    assert names(tmp_path) == ["a.png"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_tensors_get_the_usual_permissions(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x.safetensors", {"x": torch.ones(2)}, {"kind": "x"})
    (tmp_path / "plain").touch()
    modes = [stat.S_IMODE((tmp_path / each).stat().st_mode) for each in ("x.safetensors", "plain")]
    assert modes[0] == modes[1]


def test_several_files_come_together_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    with atomic_files(folder) as draft:
        (draft / "a").write_text("1")
        (draft / "b").write_text("2")
        assert names(folder) == [draft.name]
    assert names(folder) == ["a", "b"]
    with pytest.raises(InputFileError, match=r"clip: cannot be written"), atomic_files(folder) as draft:
        (draft / "a").write_text("3")
        raise OSError(28, "No space left on device")
    assert names(folder) == ["a", "b"]
    assert (folder / "a").read_text() == "1"


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * 3_000_000)
    whole = hashlib.sha256(b"x" * 3_000_000).hexdigest()
    assert sha256_of(tmp_path / "x") == whole
    assert short_hash(tmp_path / "x") == whole[:16]
    with pytest.raises(InputFileError, match=r"nowhere: cannot be read \(No such file"):
        short_hash(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"x" * 11, "11 bytes are too many for a note .at most 10"),
        (b"\xff\xfe", "is not a text file in UTF-8"),
    ],
)
def test_texts_that_are_none_are_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "note").write_bytes(content)
    with pytest.raises(InputFileError, match=rf"note: {why}"):
        read_text(tmp_path / "note", 10, "a note")


def test_readable() -> None:
    assert readable(Path("caf\udce9.png")) == "caf\ufffd.png"
