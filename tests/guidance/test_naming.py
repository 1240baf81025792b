"""The objective that asks whether CLIP would name a picture by the prompts."""

import math

import pytest
import torch
from promptbrush import UsageError
from promptbrush.guidance import Context, Start, load_perceptor, parse_prompts
from promptbrush.guidance.naming import Naming, NamingSettings

IMAGES = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def clip(tiny_pack):
    return load_perceptor(tiny_pack / "clip")


def loss(clip, prompts="a photo", **settings) -> torch.Tensor:
    start = Start(prompts=parse_prompts(prompts), perceptor=clip)
    naming = Naming(start, NamingSettings(others=("red hair", "a beard", "a photo"), alike=0.999, **settings))
    return naming(IMAGES, Context(seeds=[1, 2]))["naming"]


def test_it_is_the_cross_entropy_among_the_others(clip):
    found = loss(clip, sharpness=7.0)
    texts = clip.encode_text(["a photo", "red hair", "a beard"])
    wanted = -(7 * clip.encode_image(IMAGES) @ texts.T).log_softmax(1)[:, 0]
    assert torch.allclose(found, wanted, atol=1e-5), "a word that means the same is no rival"


def test_negative_prompts_turn_it_round_and_views_differ(clip):
    assert torch.allclose(loss(clip, "a photo:-1"), -loss(clip), atol=1e-6)
    assert not torch.allclose(loss(clip, cutouts=2), loss(clip), atol=1e-4)
    assert bool((loss(clip, sharpness=1e-6) - math.log(3)).abs().max() < 1e-4)


def test_what_it_needs(clip):
    start = Start(prompts=parse_prompts("a photo"), perceptor=clip)
    with pytest.raises(UsageError, match="other words"):
        Naming(start, NamingSettings(others=()))
    with pytest.raises(UsageError, match="seeds"):
        Naming(start, NamingSettings(cutouts=2))(IMAGES)
