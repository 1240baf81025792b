"""A CLIP of a few thousand random weights, in the folder format of the embedded model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from promptbrush.guidance import clip_models
from promptbrush.guidance.perceptor import load_perceptor
from promptbrush.guidance.training.bpe import train_bpe, vocab_size, write_merges
from safetensors.torch import save_file

GOLDEN = Path(__file__).parents[1] / "golden" / "guidance"
CAPTIONS = ["a photo of a woman with red hair", "a drawing of a man with glasses and a beard"]


def tiny_config(vocabulary: int) -> dict:
    return {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 12, "vocab_size": vocabulary, "width": 32, "heads": 2, "layers": 2},
        "preprocess": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]},
    }


def write_tiny_clip(folder, seed: int = 0):
    merges = train_bpe(CAPTIONS, 60, min_count=1)
    write_merges(merges, folder / "bpe.txt.gz")
    config = tiny_config(vocab_size(len(merges)))
    (folder / "clip.json").write_text(json.dumps(config))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = clip_models.build(config)
    save_file({key: value.half() for key, value in model.state_dict().items()}, folder / "clip.safetensors")
    return folder


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory):
    return write_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def other_clip(tmp_path_factory):
    return write_tiny_clip(tmp_path_factory.mktemp("other"), seed=1)


@pytest.fixture(scope="session")
def perceptor(tiny_clip):
    return load_perceptor(tiny_clip)


@pytest.fixture(scope="session")
def golden():
    """Arrays recorded from the original implementations, by file name."""
    return lambda name: np.load(GOLDEN / f"{name}.npz")
