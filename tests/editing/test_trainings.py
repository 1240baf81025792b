"""The commands that train the small networks, and the pack that is made of what they leave."""

import shutil
from pathlib import Path

import pytest
import torch
from promptbrush.editing.models import ModelChoice, load_models
from promptbrush.generators.content import FaceContent, save_content
from promptbrush.generators.packs import load_pack
from promptbrush.generators.parser import load_parser
from promptbrush.generators.training.judge import load_judge
from promptbrush.guidance.face_features import FaceFeatures, load_face_features

LOADERS = {"judge": load_judge, "parser": load_parser, "features": load_face_features}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", LOADERS)
def test_each_network_is_trained_and_loads(name: str, command, tmp_path: Path) -> None:
    target = tmp_path / f"{name}.safetensors"
    words = ("train", name, "--work", tmp_path / "work", "-o", target, "--faces", 2)
    done = command(*words, "--steps", 1, "--seed", 30_000_000)
    assert (done.code, done.err) == (0, "")
    assert f"{name}.safetensors: 1 steps on 2" in done.out
    LOADERS[name](target)
    assert command(*words, "--preset", "mimi").code == 2


def test_a_pack_names_the_networks_that_are_there(tiny_pack: Path, command, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(tiny_pack, folder)
    (folder / "generator.safetensors").rename(folder / "stylegan2.safetensors")
    assert command("train", "pack", folder, "--name", "own", "--explored", 3).code == 0
    assert load_pack(folder).face_encoder is load_pack(folder).parser is None
    for name in ("features", "parser"):
        words = ("--work", tmp_path / "work", "-o", folder / f"{name}.safetensors", "--faces", 2)
        assert command("train", name, *words, "--steps", 1).code == 0
    save_content(FaceContent(), folder / "content.safetensors")
    assert command("train", "pack", folder, "--name", "own", "--explored", 3).code == 0
    assert load_pack(folder).path("parser") == folder / "parser.safetensors"
    models = load_models(ModelChoice(str(folder), device="cpu", precision="float32"))
    assert isinstance(models.face_encoder, FaceFeatures)
    assert isinstance(models.content, FaceContent)
    assert {"face_encoder", "content", "explored"} <= models.names.hashes.keys()
    assert models.known is not None
    assert models.known.w.shape == (3, models.generator.w_dim)
    own = ModelChoice(str(folder), generator=str(folder / "stylegan2.safetensors"), device="cpu")
    assert load_models(own).known is None
    assert load_models(own).face_encoder is None
    assert load_models(own).content is None
