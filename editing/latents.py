"""Latents in files: safetensors written; safetensors, NVIDIA's projected_w.npz and plain .pt tensors read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from .._base import DAMAGE_ERRORS, InputFileError, UsageError
from .._files import OUTPUT_MEND, input_file, reason, room_to_read, save_tensors
from .._weights import load_plain

Latent = torch.Tensor | dict[str, torch.Tensor]
_SINGLE = "latent"
_ORDER = "promptbrush.order"
_TUNED = "tuned."
# A thousand codes W+ of the largest generator are a tenth of it.
_MOST_NUMBERS = 1 << 27


def save_latent(
    path: str | Path,
    latent: torch.Tensor | Mapping[str, torch.Tensor],
    metadata: Mapping[str, str] | None = None,
    tuned: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Write a latent (a tensor or named tensors, each with a leading batch axis) as safetensors.

    Args:
        tuned: differences of the generator's weights that the latent needs, see `load_tuned`.

    Raises:
        UsageError: the path does not end in .safetensors.
        InputFileError: the file cannot be written; nothing is left of it.
    """
    if Path(path).suffix.lower() != ".safetensors":
        raise UsageError(f"{path}: latents are written as safetensors; end the name in .safetensors")
    named = {_SINGLE: latent} if isinstance(latent, torch.Tensor) else dict(latent)
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in named.items()}
    # safetensors sorts the names; the order of style layers matters to whoever reads them back.
    header = {**(metadata or {}), _ORDER: json.dumps(list(tensors))}
    weights = {f"{_TUNED}{name}": each.detach().cpu().contiguous() for name, each in (tuned or {}).items()}
    save_tensors(path, {**tensors, **weights}, header, OUTPUT_MEND)


def load_tuned(path: str | Path) -> dict[str, torch.Tensor]:
    """What a latent's file holds of a generator tuned to its picture: name of a weight -> difference; often nothing.

    Raises:
        InputFileError: unreadable, or with NaN or infinity.
    """
    path = input_file(path)
    if path.suffix.lower() != ".safetensors":
        return {}
    with _reading(path), safe_open(path, framework="pt") as file:
        named = {
            name.removeprefix(_TUNED): file.get_tensor(name)
            for name in file.keys()  # noqa: SIM118
            if name.startswith(_TUNED)
        }
    # A weight may be a single number, which a latent may not.
    return {
        name: _checked(path, name, each.reshape(-1)).half().reshape(each.shape)
        for name, each in named.items()
    }


def load_latent(path: str | Path) -> Latent:
    """Read a latent as float32 on the CPU, always with a leading batch axis.

    Known files: our .safetensors; .npz with an array `w` (NVIDIA's projector); .npy; .pt or .pth with a tensor
    or named tensors. A single W+ code without batch axis, such as [18, 512], becomes [1, 18, 512].

    Raises:
        InputFileError: unreadable, of another kind, without floating-point tensors, or with NaN or infinity.
    """
    path = input_file(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_READERS)
        raise InputFileError(f"{path}: '{path.suffix}' is not a supported latent format; supported: {known}")
    with _reading(path):
        named = reader(path)
    tensors = {name: _checked(path, name, tensor) for name, tensor in named.items()}
    if not tensors:
        raise InputFileError(f"{path}: holds no tensors; give a file with a latent")
    return next(iter(tensors.values())) if len(tensors) == 1 and _SINGLE in tensors else tensors


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Errors of a file's reader, in one line."""
    try:
        with room_to_read(path):
            yield
    except (*DAMAGE_ERRORS, SafetensorError) as error:
        why = reason(error)[:120]
        raise InputFileError(f"{path}: no latent can be read from it ({why}); give another file") from error


def _checked(path: Path, name: str, tensor: object) -> torch.Tensor:
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point() or tensor.ndim == 0:
        raise InputFileError(f"{path}: '{name}' is not a floating-point tensor; give a file with a latent")
    if tensor.numel() > _MOST_NUMBERS:
        raise InputFileError(
            f"{path}: '{name}' has {tensor.numel():,} numbers, more than any latent (at most {_MOST_NUMBERS:,}); "
            "give a file with a latent"
        )
    try:
        tensor = tensor.detach().float()
    except RuntimeError as error:  # a type without arithmetic, such as floats of four bits
        raise InputFileError(f"{path}: '{name}' holds {tensor.dtype}, which latents cannot have") from error
    if not tensor.numel() or not bool(tensor.isfinite().all()):
        raise InputFileError(f"{path}: '{name}' is empty or holds NaN or infinity; make the latent again")
    return tensor


def _with_batch(tensor: Any) -> Any:
    if not isinstance(tensor, torch.Tensor):
        return tensor  # refused by _checked, which can name the file
    one_code = tensor.ndim == 1 or (tensor.ndim == 2 and tensor.shape[0] > 1)
    return tensor[None] if one_code else tensor


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    with safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
        held = [name for name in file.keys() if not name.startswith(_TUNED)]  # noqa: SIM118
        names = json.loads(header.get(_ORDER, "null")) or held
        return {name: file.get_tensor(name) for name in names}


def _read_numpy(path: Path) -> dict[str, torch.Tensor]:
    loaded = np.load(path, allow_pickle=False)
    if not isinstance(loaded, np.ndarray):
        unpacked = loaded.zip.getinfo("w.npy").file_size
        if unpacked > 8 * _MOST_NUMBERS:
            raise ValueError(f"its array w unpacks to {unpacked:,} bytes")
    array = loaded if isinstance(loaded, np.ndarray) else loaded["w"]
    return {_SINGLE: _with_batch(torch.from_numpy(np.asarray(array)))}


def _read_torch(path: Path) -> dict[str, torch.Tensor]:
    loaded = load_plain(path)
    if not isinstance(loaded, Mapping):
        return {_SINGLE: _with_batch(loaded)}
    if len(loaded) == 1:
        return {_SINGLE: _with_batch(next(iter(loaded.values())))}
    return {str(name): tensor for name, tensor in loaded.items()}


_READERS: dict[str, Callable[[Path], dict[str, torch.Tensor]]] = {
    ".safetensors": _read_safetensors,
    ".npz": _read_numpy,
    ".npy": _read_numpy,
    ".pt": _read_torch,
    ".pth": _read_torch,
}
