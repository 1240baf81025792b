"""The table of trainings: options with descriptions and panels, presets, and nothing heavy behind it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from promptbrush import UsageError
from promptbrush._base import load_target
from promptbrush.editing.training.options import CLIP_PRESETS, TRAININGS
from promptbrush.editing.training.settings import PRIOR_PRESETS

PANELS = {"Models", "Optimization", "Output", "Data"}
NEEDED = {"work": "runs", "output": "x.safetensors", "data": "data", "photos": "p", "prompt": "a mosaic"}


def fields_of(name: str):
    return load_target(TRAININGS[name].options, name).model_fields


def needed(name: str) -> dict[str, str]:
    more = {"generator": "g.safetensors", "folder": "mini"}
    fields = fields_of(name)
    return {key: ({**NEEDED, **more})[key] for key, field in fields.items() if field.is_required()}


def test_it_does_not_import_torch() -> None:
    code = "import sys; import promptbrush.editing.training.options; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", TRAININGS)
def test_every_option_can_become_a_flag(name: str) -> None:
    for key, field in fields_of(name).items():
        assert field.description, key
        assert field.json_schema_extra["panel"] in PANELS, key
    assert "device" in fields_of(name)
    options = TRAININGS[name].load_options(**needed(name))
    assert options.device in ("cpu", "auto")


@pytest.mark.parametrize("name", TRAININGS)
def test_every_training_runs_on_its_options_alone(name: str) -> None:
    run = load_target(TRAININGS[name].run, name)
    assert [*inspect.signature(run).parameters] == ["options"]


@pytest.mark.parametrize(("name", "presets"), [("clip", CLIP_PRESETS), ("prior", PRIOR_PRESETS)])
def test_presets_fill_what_is_not_given(name: str, presets: dict[str, dict[str, object]]) -> None:
    (other,) = presets.keys() - {"mini"}
    plain, filled = (TRAININGS[name].load_options(**needed(name), preset=each) for each in ("mini", other))
    for key, value in presets[other].items():
        assert getattr(filled, key) == value
        assert type(plain).model_fields[key].default == getattr(plain, key)
    given = TRAININGS[name].load_options(**needed(name), preset=other, lr=0.5, seed=None)
    assert given.lr == 0.5


def test_wrong_options_are_one_line() -> None:
    judge = TRAININGS["judge"]
    with pytest.raises(UsageError, match="train judge has no option 'stesp' .did you mean 'steps'"):
        judge.load_options(work=Path("w"), output=Path("o"), stesp=3)
    with pytest.raises(UsageError, match="steps is 0; input should be greater than or equal to 1"):
        judge.load_options(work=Path("w"), output=Path("o"), steps=0)
    with pytest.raises(UsageError, match="preset is mimi"):
        TRAININGS["clip"].load_options(**needed("clip"), preset="mimi")
