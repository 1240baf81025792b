"""Latents in files: ours come back as they were, foreign ones are read, hostile ones are refused."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from promptbrush._base import InputFileError, UsageError
from promptbrush.editing.pictures import load_latent, save_latent


def test_latents_round_trip_in_order(tmp_path):
    code = torch.randn(1, 18, 512, generator=torch.Generator().manual_seed(1))
    save_latent(tmp_path / "w.safetensors", code, {"note": "x"})
    assert torch.equal(load_latent(tmp_path / "w.safetensors"), code)
    styles = {name: torch.full((1, 4), float(n)) for n, name in enumerate(["s10", "s9", "b", "a"])}
    save_latent(tmp_path / "s.safetensors", styles)
    loaded = load_latent(tmp_path / "s.safetensors")
    assert list(loaded) == ["s10", "s9", "b", "a"]
    assert all(torch.equal(loaded[name], styles[name]) for name in styles)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.safetensors", "w.safetensors"]
    with pytest.raises(UsageError, match=r"end the name in \.safetensors"):
        save_latent(tmp_path / "w.pt", code)


@pytest.mark.parametrize("shape", [(18, 512), (1, 18, 512)])
@pytest.mark.parametrize("kind", ["npz", "pt", "npy", "dict"])
def test_foreign_latents(shape, kind, tmp_path):
    code = torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    path = tmp_path / f"w.{'pt' if kind == 'dict' else kind}"
    if kind == "npz":
        np.savez(path, w=code.numpy())
    elif kind == "npy":
        np.save(path, code.numpy())
    else:
        torch.save({"latent": code} if kind == "dict" else code, path)
    loaded = load_latent(path)
    assert loaded.shape == (1, 18, 512)
    assert loaded.dtype == torch.float32
    torch.testing.assert_close(loaded, code.float().reshape(1, 18, 512))


class Hostile:
    def __reduce__(self):
        return os.mkdir, (self.path,)

    def __init__(self, path):
        self.path = str(path)


def test_broken_and_hostile_latents(tmp_path):
    torch.save(Hostile(tmp_path / "pwned"), tmp_path / "hostile.pt")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "noise.npz", v=np.zeros(3))
    torch.save(torch.zeros(2, 3, dtype=torch.long), tmp_path / "whole.pt")
    torch.save(["a"], tmp_path / "list.pt")
    torch.save(torch.full((1, 18, 512), float("nan")), tmp_path / "nan.pt")
    for name in ("junk.safetensors", "junk.npz", "junk.npy", "junk.pt", "w.bin"):
        (tmp_path / name).write_bytes(b"\x93NUMPY not really")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(InputFileError) as caught:
            load_latent(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "pwned").exists()
