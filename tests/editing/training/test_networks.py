"""The commands that train the small networks, and the pack that is made of what they leave."""

import shutil
from pathlib import Path

import pytest
import torch
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.models import Models
from promptbrush.editing.training import networks
from promptbrush.editing.training.generator import ABOUT
from promptbrush.generators.content import FaceContent, save_content
from promptbrush.generators.packs import load_pack
from promptbrush.generators.parser import load_parser
from promptbrush.generators.redraw import load_redraw
from promptbrush.generators.stylegan2 import load_generator, save_generator
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


def test_the_redraw_network_is_trained_and_loads(command, tmp_path: Path) -> None:
    target = tmp_path / "redraw.safetensors"
    words = ("train", "redraw", "--work", tmp_path / "work", "-o", target, "--pairs", 2, "--steps", 1)
    done = command(*words, "--batch", 1, "--crop", 16)
    assert (done.code, done.err) == (0, "")
    assert "redraw.safetensors: 1 steps on 2 pairs of drawings" in done.out
    load_redraw(target)


def test_a_pack_names_the_networks_that_are_there(tiny_pack: Path, command, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(tiny_pack, folder)
    (folder / "generator.safetensors").rename(folder / "stylegan2.safetensors")
    pack = [
        "train",
        "pack",
        folder,
        "--name",
        "own",
        "--explored",
        3,
        "--domain",
        "noise",
        "--source",
        "a blot",
    ]
    told = command(*pack)
    assert told.code == 2
    assert "does not say the licence of its pictures; give --licence" in told.err
    pack += ["--licence", "CC0-1.0"]
    assert command(*pack).code == 0
    made = load_pack(folder)
    assert (made.domain, made.source, made.about) == ("noise", "a blot", "noise")
    assert (made.resolution, made.licence, made.attribution) == (32, "CC0-1.0", ())
    assert load_pack(folder).face_encoder is load_pack(folder).parser is None
    for name in ("features", "parser"):
        words = ("--work", tmp_path / "work", "-o", folder / f"{name}.safetensors", "--faces", 2)
        assert command("train", name, *words, "--steps", 1).code == 0
    save_content(FaceContent(), folder / "content.safetensors")
    assert command(*pack).code == 0
    assert load_pack(folder).path("parser") == folder / "parser.safetensors"
    models = Models(ModelChoice(pack=str(folder), device="cpu", precision="float32"))
    assert isinstance(models.face_encoder, FaceFeatures)
    assert isinstance(models.content, FaceContent)
    assert models.known is not None
    assert {"face_encoder", "content", "explored"} <= models.names.hashes.keys()
    assert models.known.w.shape == (3, models.generator.w_dim)
    own = ModelChoice(pack=str(folder), generator=str(folder / "stylegan2.safetensors"), device="cpu")
    assert Models(own).known is None
    assert Models(own).face_encoder is None
    assert Models(own).content is None


def test_a_pack_of_drawn_faces_says_what_its_generator_says(tiny_pack: Path, command, tmp_path: Path) -> None:
    folder = tmp_path / "own-pack"
    shutil.copytree(tiny_pack, folder)
    generator = load_generator(folder / "generator.safetensors")
    save_generator(generator, folder / "stylegan2.safetensors", ABOUT)
    (folder / "generator.safetensors").unlink()
    assert command("train", "pack", folder, "--explored", 3, "--source", "a head").code == 0
    made = load_pack(folder)
    assert (made.name, made.domain, made.source, made.resolution) == (
        "own-pack",
        "cartoon faces",
        "a head",
        32,
    )
    assert made.licence == "CC-BY-4.0"
    assert "Toon Head" in made.attribution[0]


@pytest.mark.parametrize("name", LOADERS)
def test_another_seed_does_not_resume_the_checkpoint(name: str, command, tmp_path: Path) -> None:
    words = ("train", name, "--work", tmp_path, "-o", tmp_path / "network.safetensors", "--faces", 2)
    assert command(*words, "--steps", 1, "--seed", 3).code == 0
    if name == "judge":  # the faces follow its seed as well
        (tmp_path / "faces-64px-4-2.npy").write_bytes((tmp_path / "faces-64px-3-2.npy").read_bytes())
    told = command(*words, "--steps", 1, "--seed", 4)
    assert told.code == 3
    assert f"{name}.pt: a checkpoint of seed 3, this training has seed 4; move it away" in told.err


def test_memory_that_runs_out_is_one_line(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(networks, "load_faces", no_memory)
    told = command("train", "judge", "--work", tmp_path, "-o", tmp_path / "judge.safetensors")
    assert told.code == 5
    assert told.err.count("\n") == 1
    assert "use a smaller --batch" in told.err
