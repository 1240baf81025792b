"""Settings: which values would have no effect, and pictures in the place of files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from promptbrush._base import UsageError
from promptbrush._settings import (
    Except,
    InMemory,
    PictureFile,
    Settings,
    chosen,
    paths_in,
    setting,
    without_memory,
)
from promptbrush.editing.pictures import picture_of


class Drawn(Settings):
    target: PictureFile | None = setting(None, "a picture", role="picture")
    optimizer: str = setting("adam", "who moves")
    population: int = setting(8, "candidates", needs={"optimizer": Except(("adam",))})
    rounds: int = setting(8, "of adam", needs={"optimizer": ("adam", "hybrid")})
    noise: int = setting(0, "behind the target", needs={"target": True})
    shapes: int = setting(5, "how many", needs={"target": False})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"population": 4}, "population has no effect with optimizer 'adam'; choose another optimizer"),
        ({"rounds": 2, "optimizer": "CMA"}, "with optimizer 'CMA'; choose optimizer adam or hybrid"),
        ({"noise": 2}, "noise has no effect without target; give target"),
        ({"shapes": 2, "target": "a.png"}, "shapes has no effect together with target; leave target out"),
    ],
)
def test_values_without_effect(given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chosen(Drawn, given=given)


def test_values_with_effect() -> None:
    made = chosen(
        Drawn, given={"population": 4, "optimizer": "CMA", "rounds": 8, "noise": 3, "target": "a.png"}
    )
    assert (made.population, made.noise, made.target) == (4, 3, Path("a.png"))


def test_a_picture_of_a_program_in_the_place_of_a_file() -> None:
    image = torch.rand(1, 3, 4, 5)
    made = chosen(Drawn, given={"target": image, "noise": 2})
    assert isinstance(made.target, InMemory)
    assert torch.equal(picture_of(made.target).image, image)
    assert list(paths_in(made)) == []
    assert without_memory(made).target is None
    assert list(paths_in(Drawn(target=Path("a.png")))) == [("target", Path("a.png"))]
