"""The features of a face's content: one vector each, a distance of all stages, its file, and wrong files."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from promptbrush import InputFileError
from promptbrush._weights import save_half
from promptbrush.generators.content import SIZE, FaceContent, load_content, save_content
from promptbrush.generators.training.reader import Reader
from safetensors.torch import load_file, save_file


@pytest.fixture(scope="module")
def reader() -> Reader:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return Reader().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def test_the_distance_is_the_mean_over_stages_and_places(reader: Reader, images: torch.Tensor) -> None:
    others = images.flip(0)
    expected = torch.stack(
        [
            1 - F.cosine_similarity(one, other, dim=1).mean((1, 2))
            for one, other in zip(
                reader.features(images * 2 - 1), reader.features(others * 2 - 1), strict=True
            )
        ]
    ).mean(0)
    found = 1 - (reader(images) * reader(others)).sum(1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert found[1].abs() < 1e-4 < found[0]


def test_larger_pictures_are_read_at_its_size(reader: Reader, images: torch.Tensor) -> None:
    larger = F.interpolate(images, scale_factor=4.0, mode="nearest")
    torch.testing.assert_close(reader(larger), reader(images), atol=1e-5, rtol=1e-4)


def test_the_file_holds_the_stages_alone(reader: Reader, images: torch.Tensor, tmp_path: Path) -> None:
    path = tmp_path / "content.safetensors"
    save_content(reader, path, {"licence": "MIT"})
    assert not any(key.startswith(("top", "heads")) for key in load_file(path))
    loaded = load_content(path)
    assert type(loaded) is FaceContent
    assert not loaded.training and not any(each.requires_grad for each in loaded.parameters())
    torch.testing.assert_close(loaded(images), reader(images), atol=2e-3, rtol=0)


@pytest.mark.parametrize("wrong", ["kind", "keys", "shape", "nan", "cut"])
def test_a_wrong_file_says_what_it_lacks(reader: Reader, tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "content.safetensors"
    save_content(reader, path)
    state, header = load_file(path), {"kind": "face content"}
    if wrong == "kind":
        save_half(FaceContent(), path, {"kind": "face parser"})
    elif wrong == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        key = "stem.0.weight"
        value = state.pop(key)
        if wrong != "keys":
            state[key] = value[:1] if wrong == "shape" else value * float("nan")
        save_file(state, path, header)
    with pytest.raises(InputFileError, match=r"content\.safetensors: not a network of a face's content"):
        load_content(path)
