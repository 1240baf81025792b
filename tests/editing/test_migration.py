"""Pictures that earlier versions wrote are made again: their recipes have the first layout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from conftest import write_pack
from promptbrush import InputFileError
from promptbrush._files import short_hash
from promptbrush.editing.metadata import read_recipe
from promptbrush.editing.migration import migrated
from promptbrush.editing.pictures import read_picture
from promptbrush.editing.record import Record, tomllib
from promptbrush.editing.rerun import rerun
from promptbrush.generators.packs import load_pack

RECORDED = Path(__file__).parents[1] / "golden" / "recipes"


@pytest.fixture(scope="module")
def recorded_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests' pack as it was then."""
    with torch.random.fork_rng():
        return write_pack(tmp_path_factory.mktemp("earlier"), explored=0)


def hash_of(pack: str | Path, role: str) -> str:
    """Of a role's file in a pack, as recipes hold it."""
    path = load_pack(pack).path(role)
    weights = path / "clip.safetensors" if path.is_dir() else path.with_suffix(".safetensors")
    return short_hash(weights)


def recipe_of(name: str, folder: Path, tiny_pack: Path) -> Path:
    """The recipe of a recorded picture, with its files and its pack where they lie here."""
    text = read_recipe(RECORDED / f"{name}.png")
    assert "recipe =" not in text
    if "/recorded/pack" in text:  # whose random weights are a little different on other processors
        for role in ("generator", "clip", "encoder"):
            text = re.sub(rf'(?m)^{role} = ".*"$', f'{role} = "{hash_of(tiny_pack, role)}"', text)
    text = text.replace("/recorded/pack", str(tiny_pack)).replace("/recorded", str(RECORDED))
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(recipe: Path) -> list[str]:
    """Roles whose file in the embedded pack is another one than it was then."""
    models = Record.from_toml(recipe.read_text(encoding="utf-8"), str(recipe)).models
    if models.pack != "mini":
        return []
    pack = load_pack("mini")
    return [
        role
        for role, expected in models.hashes.items()
        if getattr(pack, role, None) and hash_of("mini", role) != expected
    ]


@pytest.mark.parametrize("name", ["edit", "shapes", "style", "sample"])
def test_a_picture_of_an_earlier_version_is_made_again(
    name: str, tmp_path: Path, recorded_pack: Path
) -> None:
    recipe = recipe_of(name, tmp_path, recorded_pack)
    if changed(recipe):  # by a later training of the embedded pack
        with pytest.raises(InputFileError, match="is not the .* of the recipe"):
            rerun(recipe)
        return
    wanted = read_picture(RECORDED / f"{name}.png").image
    result = rerun(recipe)
    assert result.tensor.shape == wanted.shape
    # Bit for bit where it was recorded; other processors round otherwise.
    assert float((result.tensor - wanted).abs().max()) < 2.5 / 255
    if name != "shapes":  # whose background is the mean of its target
        assert float(wanted.std()) > 0.02
    assert Record.from_toml(result.recipe.to_toml(), "again") == result.recipe


def test_every_file_of_the_first_layout_is_found() -> None:
    data = tomllib.loads(read_recipe(RECORDED / "edit.png"))
    moved = migrated(data)
    assert moved["recipe"] == 3
    assert set(moved["files"]) == {"picture", "mask", "from_latent", "image prompt 1"}
    assert moved["settings"]["mask"] == data["mask"]
    assert moved["settings"]["from_latent"] == data["latent"]
    # What came later is off, as it was then.
    later = {name: moved["settings"][name] for name in ("fidelity", "region", "redraw")}
    assert later == {"fidelity": "refined", "region": "all", "redraw": False}
    assert migrated(moved) == moved
