"""What a prior is conditioned on, of prompts and their phrases."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from promptbrush._settings import chosen
from promptbrush.editing.sample.conditions import conditions_of
from promptbrush.editing.sample.settings import SampleSettings
from promptbrush.guidance import load_perceptor
from promptbrush.guidance.perceptor import Perceptor

TEXT = "a man with a hat and a beard"


def settings_of(**given: object) -> SampleSettings:
    return chosen(SampleSettings, given=given)


@pytest.fixture(scope="module")
def clip(tiny_pack: Path) -> Perceptor:
    return load_perceptor(tiny_pack / "clip")


def test_each_phrase_guides_beside_the_whole(clip: Perceptor) -> None:
    found = conditions_of(clip, True, settings_of(prompt=TEXT, phrases=0.25), 2)
    assert found.weights.tolist() == [0.75, 0.25, 0.25] and found.scored.tolist() == [1]
    alone = clip.encode_text(["a man with a hat", "a man with a beard"])
    torch.testing.assert_close(found.features[1, 1:], alone)
    seen = torch.randn(2, found.features.shape[2])
    whole = conditions_of(clip, True, settings_of(prompt=TEXT, phrases=0.0), 2)
    assert whole.weights.tolist() == [1]
    torch.testing.assert_close(found.scores(seen), whole.scores(seen))  # the whole prompt alone


def test_weights_and_what_should_not_show(clip: Perceptor) -> None:
    settings = settings_of(
        prompt=f"{TEXT}:0.5 | a smile", negative="a cap with a feather and a rim", phrases=0.5
    )
    found = conditions_of(clip, True, settings, 1)
    assert found.weights.tolist() == [0.25, 1, -1, 0.25, 0.25]
    assert found.scored.tolist() == [0.5, 1, -1]


def test_a_walk_is_guided_by_whole_prompts(clip: Perceptor) -> None:
    found = conditions_of(clip, True, settings_of(prompt=TEXT, to="a boy with a hat and a dog"), 3)
    assert found.features.shape[1] == 1
    assert found.weights.tolist() == found.scored.tolist() == [1]
