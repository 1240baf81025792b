"""Opening checkpoints of every supported format, recognised by content; none of them can run code."""

from __future__ import annotations

import argparse
import io
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..._base import DAMAGE_ERRORS, InputFileError
from ..._files import room_to_read
from ..._weights import load_plain
from . import official, rosinality, storage
from .config import DiscriminatorConfig, StyleGAN2Config
from .discriminator import Discriminator
from .generator import StyleGAN2
from .pickles import refuse

MAX_FILE_BYTES = 8 * 2**30
TORCH_MAGIC = bytes.fromhex("8a0a6cfc9c46f9206aa85019")
AVERAGE_SAMPLES = 4096

State = dict[str, Tensor]
N = TypeVar("N", StyleGAN2, Discriminator)


class Format(Enum):
    """What a file is, whatever it is called."""

    SAFETENSORS = "safetensors"
    OFFICIAL = "official pickle"
    TORCH = "torch checkpoint"


def load_generator(path: str | Path, device: str | torch.device = "cpu") -> StyleGAN2:
    """A StyleGAN2 generator in float32 and eval mode, its parameters frozen.

    Reads our safetensors, official NVIDIA pickles (`G_ema`), rosinality checkpoints (`g_ema`) and the
    generator inside StyleCLIP mapper checkpoints. A missing average w is estimated from 4096 samples.

    Args:
        path: the file; its name's ending does not matter.
        device: where the network goes.

    Raises:
        InputFileError: missing, damaged, hostile, or another kind of file. Nothing in it was executed.
    """
    with _naming(path):
        config, state = _read(Path(path), "generator")
        _add_missing(config, state)
        model = _build(StyleGAN2, config, state)
        if "mapping.w_avg" not in state:
            _estimate_average(model)
    return model.to(device)


def load_discriminator(path: str | Path, device: str | torch.device = "cpu") -> Discriminator:
    """The discriminator of a checkpoint (`D` or `d`), in float32 and eval mode; see `load_generator`.

    Raises:
        InputFileError: as `load_generator`, or the file holds no discriminator.
    """
    with _naming(path):
        config, state = _read(Path(path), "discriminator")
        model = _build(Discriminator, config, state)
    return model.to(device)


def import_checkpoint(source: str | Path, target: str | Path, *, overwrite: bool = False) -> StyleGAN2:
    """Convert a generator of any supported format to our safetensors, and return it.

    Raises:
        InputFileError: the source cannot be used, or the target exists and `overwrite` is False.
    """
    if _exists(Path(target)) and not overwrite:
        raise InputFileError(f"{target}: exists already; give another name or ask for overwriting")
    model = load_generator(source)
    # Bytes of the name that are not UTF-8 cannot stand in a header.
    name = os.fsencode(Path(source).name).decode("utf-8", "replace")
    storage.save_generator(model, target, {"source": name})
    return model


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        why = getattr(error, "strerror", None) or error
        raise InputFileError(f"{path!s:.200}: cannot be written ({why}); choose another name") from error


def detect_format(path: Path) -> Format:
    """The format, from the first bytes.

    Raises:
        InputFileError: none that is known, empty, missing or a folder.
    """
    head = _read_bytes(path, 32)
    if not head:
        refuse("the file is empty; download it again")
    # First, for the length of the header before the brace may begin like a pickle.
    if head[4:9] == b"\x00\x00\x00\x00{":
        return Format.SAFETENSORS
    if head[:4] == b"PK\x03\x04" or (head[:1] == b"\x80" and head[2:14] == TORCH_MAGIC):
        return Format.TORCH
    if head[:1] == b"\x80":
        return Format.OFFICIAL
    raise InputFileError(
        "not a StyleGAN2 checkpoint; give a safetensors file, an official .pkl or a rosinality .pt"
    )


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Put the file's name before errors about its content."""
    try:
        with room_to_read(path):
            yield
    except InputFileError as error:
        raise InputFileError(f"{path!s:.200}: {error}") from error
    except (ValueError, TypeError) as error:
        # The configurations check their own values.
        raise InputFileError(f"{path}: the network's settings are not usable ({error})") from error


def _read_bytes(path: Path, limit: int | None = None) -> bytes:
    try:
        status = path.stat()
        # Opening a pipe would wait for whoever writes to it.
        if not stat.S_ISREG(status.st_mode):
            refuse("this is a folder, a device or a pipe; name an ordinary file")
        if status.st_size > MAX_FILE_BYTES:
            refuse(f"the file has {status.st_size / 2**30:.0f} GiB, more than any StyleGAN2 checkpoint")
        with path.open("rb") as file:
            return file.read() if limit is None else file.read(limit)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        refuse(f"cannot be read ({getattr(error, 'strerror', None) or error}); check the path")


def _read(path: Path, what: str) -> tuple[Any, State]:
    kind = detect_format(path)
    if kind is Format.SAFETENSORS:
        return storage.read_generator(path) if what == "generator" else storage.read_discriminator(path)
    data = _read_bytes(path)
    if kind is Format.OFFICIAL:
        return official.read_generator(data) if what == "generator" else official.read_discriminator(data)
    content = _torch_content(data)
    return (
        rosinality.read_generator(content) if what == "generator" else rosinality.read_discriminator(content)
    )


def _torch_content(data: bytes) -> Any:
    """What torch.save wrote, restricted to tensors, containers and argparse.Namespace."""
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return load_plain(io.BytesIO(data))
    except DAMAGE_ERRORS as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputFileError(
            f"damaged, or not a torch checkpoint of plain tensors ({why}); nothing in it was run; download it again"
        ) from error


def _add_missing(config: StyleGAN2Config, state: State) -> None:
    """Noise maps are optional in rosinality checkpoints."""
    for index, name in enumerate(_conv_names(config)):
        key = f"synthesis.{name}.noise_const"
        if key not in state:
            state[key] = rosinality.constant_noise(int(name[1:].split(".")[0]), index)


def _conv_names(config: StyleGAN2Config) -> list[str]:
    pairs = [(r, layer) for r in config.resolutions for layer in ("conv0", "conv1")]
    return [f"b{r}.{layer}" for r, layer in pairs if (r, layer) != (4, "conv0")]


def _build(kind: type[N], config: Any, state: State) -> N:
    """The network with these weights; nothing is allocated before names and shapes are known to fit."""
    with torch.device("meta"):
        model = kind(config)
    wanted = {key: value.shape for key, value in model.state_dict().items()}
    optional: set[str] = {"mapping.w_avg"} if kind is StyleGAN2 else set()
    for key in sorted(set(wanted) | set(state)):
        if key not in state and key not in optional:
            refuse(f"the network lacks '{key}'; the file is incomplete or of another kind")
        if key not in wanted:
            refuse(f"the file holds '{key}', which a network of its configuration does not have")
        if key in state and state[key].shape != wanted[key]:
            refuse(f"'{key}' has shape {tuple(state[key].shape)}, not {tuple(wanted[key])}")
    full = {key: _plain(key, state[key]) if key in state else torch.zeros(wanted[key]) for key in wanted}
    model.load_state_dict(full, assign=True)
    return model.eval().requires_grad_(False)


def _plain(key: str, value: Tensor) -> Tensor:
    if not value.is_floating_point() or value.layout != torch.strided or value.device.type != "cpu":
        refuse(f"'{key}' does not hold plain floating-point numbers")
    plain = value.detach().to(torch.float32).clone(memory_format=torch.contiguous_format)
    if not math.isfinite(float(plain.sum())) and not bool(torch.isfinite(plain).all()):
        refuse(f"'{key}' holds values that are not finite; the file is damaged")
    return plain


@torch.no_grad()
def _estimate_average(model: StyleGAN2) -> None:
    rng = torch.Generator().manual_seed(0)
    z = torch.randn(AVERAGE_SAMPLES, model.z_dim, generator=rng)
    model.mapping.w_avg.copy_(model.mapping.single(z).mean(0))


__all__ = [
    "DiscriminatorConfig",
    "Format",
    "detect_format",
    "import_checkpoint",
    "load_discriminator",
    "load_generator",
]
