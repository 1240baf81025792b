"""Settings and recipes: one list of defaults, one line for every mistake, and texts that come back whole."""

from __future__ import annotations

import math

import pytest
from edits import edit_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from promptbrush import InputFileError, UsageError
from promptbrush.editing.latent.settings import EditSettings
from promptbrush.editing.record import InputFile, ModelNames, Record

# Any text that Python can hold in UTF-8: control characters, emoji, right-to-left, TOML's own signs.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def recipe(prompt: str = "a hat", **fields: object) -> Record:
    made = {"promptbrush": "0.1.0", "torch": "2.9", "device": "cpu", "precision": "float32", **fields}
    return Record(method="edit", models=ModelNames(pack="mini"), settings=EditSettings(prompt=prompt), **made)


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, st.floats(0, 10), st.integers(0, 2**62 - 1), st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_a_recipe_comes_back_from_its_text(prompt, path, strength, seed, hashes):
    own = EditSettings(prompt=prompt, negative=path, strength=strength, seed=seed)
    made = recipe().model_copy(
        update={
            "settings": own,
            "files": {"picture": InputFile(path=path, sha256="1")},
            "models": ModelNames(pack="mini", clip=path, hashes=hashes),
        }
    )
    assert Record.from_toml(made.to_toml(), "x.png") == made


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_any_text_is_a_recipe_or_one_line(text):
    with pytest.raises(InputFileError, match=r"^x\.png: its recipe") as caught:
        Record.from_toml(text, "x.png")
    assert "\n" not in str(caught.value)


def change(old: str, new: str) -> str:
    text = recipe().to_toml()
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (change("steps = ", "stepps = "), "no field is called 'settings.stepps'"),
        (change('method = "edit"', 'method = "paint"'), "no method is called 'paint'.*; known: edit, "),
        (change("strength = 1.0", 'strength = "much"'), "settings.strength is much"),
        (change("strength = 1.0", "strength = nan"), "settings.strength is nan"),
        (change("seed = 0", "seed = 0.5"), "settings.seed is 0.5"),
        (
            change('method = "edit"', 'method = "edit"\nstopped_after = 0'),
            "stopped_after is 0; input should be",
        ),
        (change('prompt = "a hat"', "prompt = 3"), "settings.prompt is 3; input should be a valid string"),
        (change("seed = 0", f"seed = {'9' * 5000}"), "x.png: its recipe"),
        (change("[models]\npack = ", "[models]\npacks = "), "models.pack is missing"),
        (change('pack = "mini"', "pack = [[" + "[" * 100_000), "is not TOML"),
        (change('device = "cpu"', 'device = "cpu'), "is not TOML"),
        ("", "no method is called ''; known: edit, "),
        (
            change('pack = "mini"', 'pack = ["\\u001b[2J\\n"]'),
            r"models.pack is \['\\x1b\[2J\\n'\]; input should",
        ),
    ],
)
def test_wrong_recipes_are_one_line(text, said):
    with pytest.raises(InputFileError, match=said) as caught:
        Record.from_toml(text, "x.png")
    assert str(caught.value).startswith("x.png: its recipe")
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("given_settings", "said"),
    [
        ({"steps": 0}, "steps is 0; input should be greater than or equal to 1"),
        ({"steps": -1}, "steps is -1"),
        ({"steps": 1.5}, "steps is 1.5"),
        ({"strength": math.nan}, "strength is nan; input should be a finite number"),
        ({"strength": -1}, "strength is -1"),
        ({"strength": math.inf}, "strength is inf"),
        ({"lr": 0}, "lr is 0; input should be greater than 0"),
        ({"latent_weight": -0.1}, "latent_weight is -0.1"),
        ({"space": "z"}, "space is z; input should be 'w', 'w\\+' or 's'"),
        ({"seed": -1}, "seed is -1"),
        ({"stepz": 1}, r"no setting is called 'stepz' \(did you mean 'steps'\?\)"),
        (
            {"preset": "papre"},
            r"no preset is called 'papre' \(did you mean 'paper'\?\); known: default, paper",
        ),
        (
            {"cutouts": 8, "clip_loss": "directional"},
            "cutouts has no effect with clip_loss 'directional'; choose clip_loss similarity or",
        ),
        (
            {"source": "a man", "preset": "paper"},
            "source has no effect with clip_loss 'similarity'; choose clip_loss directional or",
        ),
        ({"negative": "\udcff"}, r"negative '\?' is not UTF-8; type it in a terminal that uses UTF-8"),
    ],
)
def test_wrong_settings_are_one_line(given_settings, said):
    with pytest.raises(UsageError, match=said) as caught:
        edit_settings("a hat", **given_settings)
    assert "\n" not in str(caught.value)


def test_a_preset_gives_way_to_what_is_chosen():
    chosen = edit_settings("a hat", "paper", steps=7, lr=None)
    assert (chosen.steps, chosen.lr, chosen.clip_input) == (
        7,
        EditSettings.presets["paper"]["lr"],
        "reference",
    )
    assert edit_settings("a hat") == EditSettings(prompt="a hat", fidelity="refined")


def test_the_paper_preset_has_the_published_values():
    chosen = edit_settings("a hat", "paper")
    assert (chosen.steps, chosen.lr, chosen.latent_weight, chosen.identity_weight) == (300, 0.1, 0.008, 0)
    assert (chosen.clip_loss, chosen.space, chosen.templates, chosen.cutouts) == (
        "similarity",
        "w+",
        "none",
        0,
    )
    assert (chosen.variation, chosen.paste, chosen.strength) == (0, "all", 1)


def test_every_preset_is_valid_and_every_field_explained():
    for name in EditSettings.presets:
        edit_settings("a hat", name)
    assert all(field.description for field in EditSettings.model_fields.values())
