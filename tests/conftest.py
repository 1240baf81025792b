"""A pack of tiny random models: every command runs on it in a second, whatever weights are built in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Tests run side by side: several threads each would only wait for one another. Set before torch is loaded.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")

CAPTIONS = ["a photo of a woman with red hair", "a drawing of a man with glasses and a beard"]


def write_pack(folder: Path, seed: int = 0, resolution: int = 32, explored: int = 64) -> Path:
    """A folder that `--pack` takes: StyleGAN2, its encoder and a CLIP, with weights that were never trained.

    Args:
        explored: random pictures that its CLIP has seen; with 0, every edit looks at 2,048 of its own.
    """
    import torch
    from promptbrush.generators.packs import write_manifest

    torch.manual_seed(seed)
    _write_networks(folder, resolution)
    _write_clip(folder / "clip")
    more = _explored(folder, explored) if explored else {}
    write_manifest(
        folder,
        name="tiny",
        version="1",
        about="random weights for tests",
        domain="noise",
        source="a picture",
        resolution=resolution,
        generator="generator.safetensors",
        encoder="encoder.safetensors",
        clip="clip",
        licence="CC0-1.0",
        **more,
    )
    return folder


def _write_networks(folder: Path, resolution: int) -> None:
    from promptbrush.generators.encoder import Encoder, EncoderConfig, save_encoder
    from promptbrush.generators.stylegan2 import StyleGAN2, StyleGAN2Config, save_generator

    channels = {2**i: 16 for i in range(2, resolution.bit_length())}
    config = StyleGAN2Config(resolution, channels, z_dim=16, w_dim=16, mapping_layers=2)
    generator = StyleGAN2(config).eval()
    save_generator(generator, folder / "generator.safetensors")
    encoder = Encoder(EncoderConfig(resolution, generator.num_ws, generator.w_dim, width=8, hidden=16))
    save_encoder(encoder, folder / "encoder.safetensors")


def _write_clip(folder: Path) -> None:
    import torch
    from promptbrush.guidance import clip_models
    from promptbrush.guidance.training.bpe import train_bpe, vocab_size, write_merges
    from safetensors.torch import save_file

    folder.mkdir()
    merges = train_bpe(CAPTIONS, 60, min_count=1)
    write_merges(merges, folder / "bpe.txt.gz")
    text = {"context_length": 24, "vocab_size": vocab_size(len(merges)), "width": 32, "heads": 2, "layers": 2}
    # 28 = 32 * 7 / 8: the published way to CLIP's input, by nearest and average pool, is exact here too.
    vision = {"image_size": 28, "layers": 2, "width": 32, "head_width": 16, "patch_size": 7}
    config = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}
    model = clip_models.build(config)
    # Fresh towers hardly tell one picture from another.
    with torch.no_grad():
        for name, value in model.visual.named_parameters():
            value.mul_(2 if value.ndim > 1 and "embedding" not in name else 1)
    state = {key: value.to(torch.float16) for key, value in model.state_dict().items()}
    save_file(state, folder / "clip.safetensors")
    (folder / "clip.json").write_text(
        json.dumps({**config, "preprocess": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]}})
    )


def _explored(folder: Path, count: int) -> dict[str, str]:
    from promptbrush.editing.latent.exploration import explore, save_explored
    from promptbrush.generators import load_generator
    from promptbrush.guidance.perceptor import load_perceptor

    found = explore(load_generator(folder / "generator.safetensors"), load_perceptor(folder / "clip"), count)
    save_explored(found, folder / "explored.safetensors")
    return {"explored": "explored.safetensors"}


@pytest.fixture(scope="session")
def tiny_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    with torch.random.fork_rng():
        return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="session")
def other_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same forms, other weights."""
    import torch

    with torch.random.fork_rng():
        return write_pack(tmp_path_factory.mktemp("other"), seed=1)


@pytest.fixture(scope="module")
def shared_clips() -> Iterator[None]:
    """Commands of a module share the pack's CLIPs, and the texts that these have read."""
    from functools import cache

    from promptbrush.guidance import perceptor

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(perceptor, "load_perceptor", cache(perceptor.load_perceptor))
        yield


@pytest.fixture
def quick_inversion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps: what random networks find does not matter where something else is tested."""
    from functools import partial

    from promptbrush.editing.inversion import InversionSettings, invert
    from promptbrush.editing.latent import subjects
    from promptbrush.editing.latent.tuning import TuningSettings, tune

    few = InversionSettings(steps=2, search_steps=2)

    def quick(generator: Any, encoder: Any, image: Any, settings: Any = None, **more: Any) -> Any:  # noqa: ARG001
        return invert(generator, encoder, image, few, **more)

    monkeypatch.setattr(subjects, "invert", quick)
    monkeypatch.setattr(subjects, "tune", partial(tune, settings=TuningSettings(steps=2, others=1)))


@pytest.fixture(params=["off", "on"])
def coarse_numbers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether "auto" means bfloat16: a test runs under both, whatever this processor multiplies in hardware."""
    monkeypatch.setenv("PROMPTBRUSH_BFLOAT16", request.param)
    return request.param == "on"


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code, and what it wrote to the two streams."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs `promptbrush ...` in this process."""
    from promptbrush.cli import main

    def run(*words: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["promptbrush", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def toy_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages that holds `tests/toy`, which adds a name to each table."""
    tree, site = tmp_path_factory.mktemp("toy") / "toy", tmp_path_factory.mktemp("site")
    shutil.copytree(Path(__file__).parent / "toy", tree, ignore=shutil.ignore_patterns("__pycache__"))
    code = "from setuptools import build_meta; print(build_meta.build_wheel('.'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tree.glob("*.whl")
    # What pip does with a wheel of plain Python, without pip.
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(site)
    return site


@pytest.fixture
def toy(toy_package: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy package as if it were installed, in this process and in those that it starts."""
    monkeypatch.syspath_prepend(toy_package)
    monkeypatch.setenv("PYTHONPATH", str(toy_package), prepend=os.pathsep)
    return toy_package
