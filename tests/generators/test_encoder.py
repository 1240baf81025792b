"""The encoder: shapes, where it starts, its files, and wrong files."""

import json
from pathlib import Path

import pytest
import torch
from promptbrush import InputFileError, UsageError
from promptbrush.generators.encoder import Encoder, EncoderConfig, load_encoder, save_encoder
from promptbrush.generators.pyramid import laplacian_loss, reconstruction_loss
from safetensors import safe_open
from safetensors.torch import save_file

CONFIG = EncoderConfig(resolution=32, num_ws=8, w_dim=6, width=8, hidden=16)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.fixture
def encoder(rng: torch.Generator) -> Encoder:
    """Random weights, so that nothing is 0 by chance."""
    made = Encoder(CONFIG, torch.randn(6, generator=rng), torch.rand(6, generator=rng) + 0.5)
    with torch.no_grad():
        for value in made.parameters():
            value.copy_(torch.randn(value.shape, generator=rng) * 0.1)
    return made.eval().requires_grad_(False)


@pytest.mark.parametrize("resolution", [32, 64, 256])
@pytest.mark.parametrize("num_ws", [1, 10])
def test_any_size_becomes_w_plus(resolution: int, num_ws: int) -> None:
    config = EncoderConfig(resolution, num_ws, 12, width=8, hidden=16)
    assert len(config.widths) == resolution.bit_length() - 3
    out = Encoder(config)(torch.rand(2, 3, resolution, resolution))
    assert out.shape == (2, num_ws, 12)
    assert out.dtype == torch.float32


def test_before_training_all_layers_have_one_w_near_the_average() -> None:
    average = torch.full((6,), 50.0)
    encoder = Encoder(CONFIG, average, torch.full((6,), 0.5))
    codes = encoder(torch.rand(3, 3, 32, 32))
    assert torch.equal(codes, codes[:, :1].expand_as(codes))
    shared, own = encoder.offsets(torch.rand(3, 3, 32, 32))
    assert not own.any()
    assert torch.equal(encoder.codes(shared, own)[:, 0], average + 0.5 * shared)


def test_layers_may_leave_the_shared_w(encoder: Encoder) -> None:
    codes = encoder(torch.rand(2, 3, 32, 32))
    assert (codes.std(1) > 0).all()


def test_samples_do_not_influence_each_other(encoder: Encoder, rng: torch.Generator) -> None:
    images = torch.rand(4, 3, 32, 32, generator=rng)
    together = encoder(images)
    assert (together[0] - together[1]).abs().max() > 1e-3
    for index in range(4):
        torch.testing.assert_close(
            encoder(images[index : index + 1])[0], together[index], atol=1e-5, rtol=1e-5
        )


def test_the_heads_keep_their_precision_under_autocast(encoder: Encoder, rng: torch.Generator) -> None:
    images = torch.rand(2, 3, 32, 32, generator=rng)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = encoder(images)
    assert out.dtype == torch.float32
    assert not torch.equal(out, out.bfloat16().float())
    torch.testing.assert_close(out, encoder(images), atol=0.05, rtol=0.05)


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (3, 32, 32), (1, 1, 32, 32), (1, 3, 32, 16)])
def test_other_pictures_are_refused(encoder: Encoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="letterbox"):
        encoder(torch.rand(shape))


def test_a_saved_encoder_encodes_the_same(encoder: Encoder, tmp_path: Path, rng: torch.Generator) -> None:
    path = tmp_path / "encoder.safetensors"
    save_encoder(encoder, path, {"licence": "CC-BY-4.0"})
    again = load_encoder(path)
    assert again.config == CONFIG
    assert not again.training
    assert not any(value.requires_grad for value in again.parameters())
    assert {value.dtype for value in again.state_dict().values()} == {torch.float32}
    images = torch.rand(2, 3, 32, 32, generator=rng)
    torch.testing.assert_close(again(images), encoder(images), atol=5e-3, rtol=5e-3)
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["licence"] == "CC-BY-4.0"
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_is_not_there_is_named(encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"nowhere.*cannot be written"):
        save_encoder(encoder, tmp_path / "nowhere" / "encoder.safetensors")


def _state(encoder: Encoder) -> dict[str, torch.Tensor]:
    return {key: value.contiguous() for key, value in encoder.state_dict().items()}


def _header(**changes: object) -> dict[str, str]:
    fields = {**json.loads(CONFIG.to_json()), **changes}
    return {"kind": "encoder", "config": json.dumps(fields)}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"kind": "stylegan2", "config": CONFIG.to_json()}, "kind 'stylegan2'"),
        ({"config": CONFIG.to_json()}, "kind ''"),
        ({"kind": "encoder"}, "not an inversion encoder"),
        ({"kind": "encoder", "config": "[1]"}, "not usable"),
        ({"kind": "encoder", "config": "[" * 100_000}, "not an inversion encoder"),
        (_header(more=1), "more"),
        (_header(resolution=48), "power of two"),
        (_header(resolution="32"), "resolution"),
        (_header(w_dim=7), "size mismatch|not an inversion"),
        (_header(w_dim=10**9), "w_dim"),
        (_header(hidden=8192, width=512), "not an inversion encoder"),
        (_header(width=9), "multiple"),
    ],
)
def test_wrong_headers_become_one_line(
    encoder: Encoder, tmp_path: Path, header: dict[str, str], reason: str
) -> None:
    path = tmp_path / "wrong.safetensors"
    save_file(_state(encoder), path, metadata=header)
    with pytest.raises(InputFileError, match=reason) as caught:
        load_encoder(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert "train encoder" in str(caught.value)


def test_wrong_tensors_become_one_line(encoder: Encoder, tmp_path: Path) -> None:
    path, whole = tmp_path / "wrong.safetensors", _state(encoder)
    for changed in (
        {key: value for key, value in whole.items() if key != "shared.bias"},
        {**whole, "more": torch.ones(1)},
        {**whole, "shared.bias": torch.full((6,), torch.nan)},
        {**whole, "shared.bias": torch.ones(6, dtype=torch.int64)},
        {**whole, "w_avg": torch.ones(5)},
    ):
        save_file(changed, path, metadata=_header())
        with pytest.raises(InputFileError, match="not an inversion encoder") as caught:
            load_encoder(path)
        assert "\n" not in str(caught.value)


def test_files_that_are_no_safetensors(encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    save_encoder(encoder, path)
    whole = path.read_bytes()
    for content in (b"", b"\x00" * 100, b"PK\x03\x04", whole[:-100], whole[:50], b"\xff" * 8 + whole[8:]):
        path.write_bytes(content)
        with pytest.raises(InputFileError, match=r"encoder\.safetensors"):
            load_encoder(path)
    for wrong in (tmp_path / "missing.safetensors", tmp_path):
        with pytest.raises(InputFileError, match="not an inversion encoder"):
            load_encoder(wrong)


def test_the_losses_are_per_sample_and_follow_scale() -> None:
    rng = torch.Generator().manual_seed(0)
    a = torch.rand(3, 3, 64, 64, generator=rng)
    b = a.clone()
    b[1] += 0.5
    assert laplacian_loss(a, b).tolist() == pytest.approx([0, 0.5, 0], abs=1e-6)
    assert reconstruction_loss(a, b).tolist() == pytest.approx([0, 1.0, 0], abs=1e-6)
    checks = torch.zeros(1, 3, 64, 64)
    checks[..., ::2, ::2] = checks[..., 1::2, 1::2] = 1
    # A checkerboard has mean 0.5 on every coarser level: all of its detail is on the finest, of weight 4.
    assert laplacian_loss(checks, torch.zeros_like(checks)).item() == pytest.approx(4 * 0.5 + 0.5)


def test_small_pictures_have_fewer_levels() -> None:
    a = torch.zeros(1, 3, 6, 6)
    assert laplacian_loss(a, a + 1).item() == pytest.approx(1.0)
