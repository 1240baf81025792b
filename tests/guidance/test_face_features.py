"""The features of drawn faces: unit vectors of any picture, distances of content, and its file."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from promptbrush import InputFileError, MissingError
from promptbrush._weights import save_half
from promptbrush.guidance.face_features import KIND, FaceFeatures, load_face_features
from promptbrush.guidance.identity import FeatureDistance, identity, load_face_encoder
from promptbrush.guidance.objective import Start
from safetensors.torch import load_file, save_file


@pytest.fixture(scope="module")
def network() -> FaceFeatures:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return FaceFeatures().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(3, 3, 128, 128, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def stored(network: FaceFeatures, tmp_path: Path) -> Path:
    save_half(network, tmp_path / "features.safetensors", {"kind": KIND})
    return tmp_path / "features.safetensors"


def test_it_is_small(network: FaceFeatures) -> None:
    assert 400_000 < sum(value.numel() for value in network.parameters()) < 600_000


def test_unit_vectors_of_any_size(network: FaceFeatures, images: torch.Tensor) -> None:
    features = network(images)
    assert features.shape == (3, 128)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(network(images[1:2])[0], features[1], atol=1e-4, rtol=1e-4)
    doubled = F.interpolate(images, scale_factor=2.0, mode="nearest")
    torch.testing.assert_close(network(doubled), features, atol=0.1, rtol=0)


def test_gradients_reach_the_picture(network: FaceFeatures, images: torch.Tensor) -> None:
    changed = images.roll(1, 0).requires_grad_()
    (slope,) = torch.autograd.grad(FeatureDistance(network, images)(changed)["features"].sum(), changed)
    assert (slope.flatten(1).abs().sum(1) > 0).all()


def test_identity_takes_the_file(network: FaceFeatures, images: torch.Tensor, stored: Path) -> None:
    assert isinstance(load_face_encoder(stored), FaceFeatures)
    loss = identity({"weights": str(stored)}, Start(image=images[:1]))(images)["identity"]
    assert loss[0] < 1e-4
    expected = 1 - F.cosine_similarity(network(images[:1]), network(images[1:]))
    torch.testing.assert_close(loss[1:], expected, atol=5e-3, rtol=0.1)


def test_a_loaded_network_is_frozen(stored: Path) -> None:
    loaded = load_face_features(stored)
    assert not loaded.training
    assert {(value.dtype, value.requires_grad) for value in loaded.parameters()} == {(torch.float32, False)}


def test_wrong_files_are_named(stored: Path) -> None:
    state = load_file(stored)

    def refused(reason: str) -> None:
        with pytest.raises(
            InputFileError, match=rf"features\.safetensors.*{reason}.*train features"
        ) as caught:
            load_face_features(stored)
        assert "\n" not in str(caught.value)

    save_file(state, stored, {"kind": "judge"})
    refused("kind 'judge'")
    save_file({**state, "head.bias": state["head.bias"] * torch.inf}, stored, {"kind": KIND})
    refused("head.bias.*finite")
    del state["head.bias"]
    save_file(state, stored, {"kind": KIND})
    refused("loading state_dict")
    stored.write_bytes(b"text")
    refused("")
    stored.unlink()
    with pytest.raises(MissingError, match="train features"):
        load_face_features(stored)
