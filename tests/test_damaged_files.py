"""Files of weights and latents with some bytes wrong: read all the same, or refused in one line."""

from __future__ import annotations

import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from promptbrush import InputFileError
from promptbrush._base import DAMAGE_ERRORS
from promptbrush.editing.latents import load_latent
from promptbrush.guidance import clip_models, identity
from safetensors.torch import save
from torch import nn

TRIES = 60
KINDS = ["zip.pt", "legacy.pt", "x.safetensors"]


def stored(state: Any, kind: str) -> bytes:
    if kind.endswith(".safetensors"):
        return save(state if isinstance(state, dict) else {"latent": state})
    data = io.BytesIO()
    torch.save(state, data, _use_new_zipfile_serialization=kind.startswith("zip"))
    return data.getvalue()


def damaged(data: bytes, tries: int = TRIES) -> Iterator[bytes]:
    """Copies with one to four wrong bytes, half of them near an end, where the structure is; some cut short."""
    dice = random.Random(0)
    for number in range(tries):
        wrong = bytearray(data)
        reach = len(data) if number % 2 else min(len(data), 600)
        for _ in range(dice.randint(1, 4)):
            wrong[dice.choice((1, -1)) * dice.randrange(1, reach)] ^= dice.randint(1, 255)
        yield bytes(wrong[: dice.randrange(len(wrong))] if number % 10 == 9 else wrong)


def check(data: bytes, path: Path, read: Callable[[Path], object]) -> None:
    path.write_bytes(data)
    read(path)
    refused = 0
    for number, wrong in enumerate(damaged(data)):
        path.write_bytes(wrong)
        try:
            read(path)
        except InputFileError as error:
            refused += 1
            assert str(path) in str(error), number
            assert "\n" not in str(error), number
    assert refused > TRIES // 6


@pytest.mark.parametrize("kind", KINDS)
def test_clip_weights(tiny_pack, tmp_path, kind):
    folder = shutil.copytree(tiny_pack / "clip", tmp_path / "clip")
    source = clip_models.find(str(folder))
    state = {key: value.half() for key, value in clip_models.build(source.config).state_dict().items()}
    path = tmp_path / kind

    def read(path: Path) -> None:
        clip_models.load(
            clip_models.Source("tiny", source.config, path, {}, source.bpe), "cpu", None, offline=True
        )

    check(stored(state, kind), path, read)


def test_clip_merges(tiny_pack, tmp_path):
    folder = shutil.copytree(tiny_pack / "clip", tmp_path / "clip")
    merges = folder / "bpe.txt.gz"
    check(
        merges.read_bytes(),
        merges,
        lambda _: clip_models.load(clip_models.find(str(folder)), "cpu", None, True),
    )


@pytest.mark.parametrize("part", ["vision_cfg", "text_cfg", "preprocess"])
@pytest.mark.parametrize("value", [None, 3, "x", [1]])
def test_clip_configurations_with_parts_that_are_no_tables(tiny_pack, tmp_path, part, value):
    folder = shutil.copytree(tiny_pack / "clip", tmp_path / "clip")
    config = json.loads((folder / "clip.json").read_text())
    (folder / "clip.json").write_text(json.dumps({**config, part: value}))
    with pytest.raises(
        InputFileError, match=rf"clip\.json is not an open_clip configuration: {part} is not a table"
    ):
        clip_models.find(str(folder))


@pytest.mark.parametrize("kind", KINDS)
def test_latents(tmp_path, kind):
    check(stored(torch.randn(1, 6, 16), kind), tmp_path / kind, load_latent)


@pytest.mark.parametrize("kind", KINDS)
def test_face_networks(tmp_path, monkeypatch, kind):
    def small() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    monkeypatch.setattr(identity, "IRSE50", small)
    check(stored(small().state_dict(), kind), tmp_path / kind, identity.load_face_encoder)


@pytest.mark.parametrize("error", DAMAGE_ERRORS)
def test_whatever_the_reader_of_torch_files_raises(tiny_pack, tmp_path, monkeypatch, error):
    def fail(*_: object, **__: object) -> None:
        raise error("first line", "second\nline")

    path = tmp_path / "x.pt"
    path.write_bytes(b"something")
    monkeypatch.setattr(torch, "load", fail)
    config = clip_models.find(str(tiny_pack / "clip")).config
    source = clip_models.Source("tiny", config, path, {}, tiny_pack / "clip" / "bpe.txt.gz")
    for read in (
        load_latent,
        identity.load_face_encoder,
        lambda _: clip_models.load(source, "cpu", None, True),
    ):
        with pytest.raises(InputFileError) as told:
            read(path)
        assert "\n" not in str(told.value)
