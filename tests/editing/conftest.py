"""Tiny random models, and a picture that their generator could have drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from promptbrush.editing.choice import ModelChoice
from promptbrush.editing.latent.subjects import Subject, open_picture
from promptbrush.editing.models import Models
from promptbrush.editing.pictures import read_picture, write_png


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Networks this small only wait for each other's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def models(tiny_pack: Path) -> Models:
    return Models(ModelChoice(pack=str(tiny_pack), device="cpu", precision="float32"))


@pytest.fixture(scope="session")
def face(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48x40 pixels: neither square nor of the generator's size."""
    drawn = models.generator.decode(models.generator.init(1, torch.Generator().manual_seed(3)))
    path = tmp_path_factory.mktemp("faces") / "face.png"
    write_png(torch.nn.functional.interpolate(drawn, (40, 48), mode="bilinear"), path)
    return path


@pytest.fixture(scope="session")
def subject(models: Models, face: Path) -> Subject:
    return open_picture(models, read_picture(face))
