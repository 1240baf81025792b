"""Every script of the gallery runs, at toy size, and draws a picture that is not one colour."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("resvg_py", reason="drawn faces need promptbrush[train]")

GALLERY = Path(__file__).parents[1] / "gallery"
TOY = {
    "face": ["--size", "48"],
    "samples": ["--columns", "2"],
    "sample": ["--columns", "3", "--limit", "1"],
    "inversions": ["--columns", "1"],
    "shapes": ["--steps", "1", "--limit", "1"],
    "style": ["--fast", "--limit", "1"],
    "edits": ["--limit", "1", "--steps", "1"],
}


def test_every_script_is_run_here() -> None:
    assert {path.stem for path in GALLERY.glob("*.py")} == set(TOY)


@pytest.mark.parametrize("name", TOY)
def test_it_draws(name: str, tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path if name == "edits" else tmp_path / f"{name}.png"
    pack = [] if name in ("face", "sample", "style") else ["--pack", str(tiny_pack)]
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *TOY[name], *pack, "-o", str(output)])
    runpy.run_path(str(GALLERY / f"{name}.py"), run_name="__main__")
    made = sorted(tmp_path.glob("*.png"))
    assert [path.name for path in made] == (
        ["edits.png", "failures.png"] if name == "edits" else [output.name]
    )
    for path in made:
        with Image.open(path) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 50


def test_the_index_shows_every_picture() -> None:
    index = (GALLERY / "README.md").read_text(encoding="utf-8")
    for path in GALLERY.glob("*.png"):
        assert f"({path.name})" in index, path.name
