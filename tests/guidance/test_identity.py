"""The face network against its recording, and what happens to files that do not hold it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from promptbrush import InputFileError, MissingError
from promptbrush.guidance.identity import (
    IRSE50,
    FaceEncoder,
    FeatureDistance,
    face_crop,
    identity,
    load_face_encoder,
)
from promptbrush.guidance.objective import Start
from safetensors.torch import save_file

FILL = Path(__file__).parents[1] / "golden" / "guidance" / "fill.py"


def load_fill():
    spec = importlib.util.spec_from_file_location("golden_fill", FILL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda *args: torch.from_numpy(module.fill(*args))


fill = load_fill()


def filled_entry(key, keys, shape, k):
    if key.endswith("running_var"):
        return fill(shape, k, 0.5, 1)
    if len(shape) == 1 and key.endswith("weight"):
        batch_norm = key.removesuffix("weight") + "running_mean" in keys
        return fill(shape, k, 0.3, 1) if batch_norm else fill(shape, k, 0.05, 0.25)
    if len(shape) == 1:
        return fill(shape, k, 0.02)
    fan_in = int(np.prod(shape[1:]))
    return fill(shape, k, (3 if "fc" in key else 9) ** 0.5 / fan_in**0.5)


@pytest.fixture(scope="module")
def recorded(golden):
    data = golden("id_loss_irse50")
    keys, first = [str(key) for key in data["keys"]], int(data["k_first"])
    network = IRSE50()
    state = network.state_dict()
    assert sorted(state) == sorted(keys)
    for index, key in enumerate(keys):
        if not key.endswith("num_batches_tracked"):
            shape = tuple(int(n) for n in str(data["shapes"][index]).strip("()").split(",") if n.strip())
            state[key].copy_(filled_entry(key, keys, shape, first + index))
    return FaceEncoder(network), data, first


def recorded_pair(size, first):
    a = fill((1, 3, 16, 16), first + 900 + size)
    b = fill((1, 3, 16, 16), first + 901 + size)
    a, b = (F.interpolate(x, size, mode="nearest") for x in (a, b))
    # The recording is in [-1,1].
    return (a + 1) / 2, (0.7 * a + 0.3 * b + 1) / 2


@pytest.mark.parametrize("size", [256, 320])
def test_identity_loss_is_the_published_one(recorded, size):
    encoder, data, first = recorded
    a, b = recorded_pair(size, first)
    crop = face_crop(a)
    assert np.allclose(crop[:, :, ::9, ::9], data[f"crop_sub_{size}"], atol=1e-5)
    assert crop.double().sum().item() == pytest.approx(float(data[f"crop_sum_{size}"]), abs=0.05)
    # On some CPUs oneDNN convolves by Winograd's way, whose rounding grows to 0.004 in fifty layers of random weights.
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False):
        objective = FeatureDistance(encoder, a)
        loss = objective(b)["features"]
    assert np.allclose(objective.reference, data[f"feat_a_{size}"], atol=1e-4)
    assert loss.item() == pytest.approx(float(data[f"id_loss_{size}"]), abs=1e-4)


def test_weights_round_trip_through_both_containers(recorded, tmp_path):
    stored = recorded[0].network.state_dict()
    torch.save(stored, tmp_path / "model_ir_se50.pth")
    save_file({key: value.half() for key, value in stored.items()}, tmp_path / "face.safetensors")
    exact = load_face_encoder(tmp_path / "model_ir_se50.pth")
    assert all(torch.equal(value, stored[key]) for key, value in exact.network.state_dict().items())
    assert not exact.training and not any(parameter.requires_grad for parameter in exact.parameters())
    halved = load_face_encoder(tmp_path / "face.safetensors").network.output_layer[3].weight
    assert halved.dtype == torch.float32
    assert torch.allclose(halved, stored["output_layer.3.weight"], rtol=1e-3, atol=1e-6)


def test_what_is_not_the_face_network_is_named(tmp_path):
    with pytest.raises(MissingError, match=r"no\.pth"):
        load_face_encoder(tmp_path / "no.pth")
    with pytest.raises(MissingError, match="weights"):
        identity({}, Start(image=torch.zeros(1, 3, 8, 8)))
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("text.pth", "empty.safetensors", "other.pth", "list.pth"):
        with pytest.raises(InputFileError, match=name) as caught:
            load_face_encoder(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_squared_distance_is_the_mean_of_squares():
    a, b = torch.rand(2, 3, 4, 4), torch.rand(1, 3, 4, 4)
    losses = FeatureDistance(torch.nn.Identity(), b, "squared")(a)["features"]
    assert torch.allclose(losses, (a - b).square().mean((1, 2, 3)))
