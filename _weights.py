"""Weights in files: small networks written in half precision and read back with everything checked, and what torch.save
wrote, read as plain tensors or not at all.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ._base import InputFileError
from ._files import room_to_read, save_tensors

Network = TypeVar("Network", bound=nn.Module)
# Elements that a tensor may have beyond those that are stored: strides of 0 make any size out of one number.
_MOST_REPEATED = 1 << 20


def load_plain(source: str | Path | BinaryIO) -> Any:
    """What torch.save wrote, on the CPU, running none of its code: tensors that are stored as they are, in containers.

    Raises:
        OSError: it cannot be read.
        ValueError, and what else `DAMAGE_ERRORS` lists: damaged, or not such a file.
    """
    with open(source, "rb") if isinstance(source, str | Path) else nullcontext(source) as file:  # noqa: PTH123
        if zipfile.is_zipfile(file):
            _check_archive(file)
        file.seek(0)
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    for tensor in _tensors(loaded):
        _check_plain(tensor)
    return loaded


def _check_archive(file: BinaryIO) -> None:
    """Refuse archives that unpack to more than they hold: torch stores its records uncompressed."""
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > file.seek(0, 2):
        raise ValueError("an archive that unpacks to more than its own size, which torch never writes")


def _tensors(loaded: Any) -> Iterator[Tensor]:
    if isinstance(loaded, Tensor):
        yield loaded
    elif isinstance(loaded, Mapping | list | tuple):
        for each in loaded.values() if isinstance(loaded, Mapping) else loaded:
            yield from _tensors(each)
    elif hasattr(loaded, "__dict__"):
        yield from _tensors(vars(loaded))


def _check_plain(tensor: Tensor) -> None:
    """Sparse, quantised and nested tensors, and those on "meta", fail in the middle of whatever uses them."""
    if tensor.layout != torch.strided or tensor.is_nested or tensor.is_quantized:
        kind = "nested" if tensor.is_nested else "quantised" if tensor.is_quantized else str(tensor.layout)
        raise ValueError(f"a tensor in it is {kind.removeprefix('torch.')}, not an ordinary one")
    if tensor.device.type != "cpu":
        raise ValueError(f"a tensor in it is on the device '{tensor.device.type}' and has no numbers")
    stored = tensor.untyped_storage().nbytes() // tensor.element_size()
    if tensor.numel() > stored + _MOST_REPEATED:
        raise ValueError(f"a tensor in it has {tensor.numel():,} elements, of which {stored:,} are stored")


def save_half(
    network: nn.Module, path: str | Path, metadata: dict[str, str], but: Mapping[str, Tensor] | None = None
) -> None:
    """Write a network as fp16 safetensors, in one step; the file is replaced if it exists.

    Args:
        but: entries that are left out where the network's are the same.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    state = {key: value.detach().cpu().half().contiguous() for key, value in network.state_dict().items()}
    for key, value in (but or {}).items():
        if key in state and torch.equal(state[key], value.half()):
            del state[key]
    save_tensors(path, state, metadata)


def load_network(
    path: str | Path,
    kind: str,
    build: Callable[[Mapping[str, str]], Network],
    what: str,
    mend: str,
    rest: Callable[[Mapping[str, str]], Mapping[str, Tensor]] | None = None,
) -> Network:
    """A network that `save_half` wrote, frozen, in float32, in eval mode.

    Args:
        kind: what the header says that the file holds.
        build: makes the network of a header; raises ValueError for one that it does not know.
        rest: gives what the file of a header leaves out; raises ValueError if it cannot.
        what, mend: for errors, such as "a face parser" and "train one with 'promptbrush train parser'".

    Raises:
        InputFileError: not such a file, or a damaged one.
    """
    try:
        with room_to_read(path), safe_open(str(path), framework="pt") as file:
            header = dict(file.metadata() or {})
            if header.get("kind") != kind:
                raise ValueError(f"its header says kind '{header.get('kind', '')[:40]}', not '{kind}'")
            # Nothing is allocated before names and shapes are known to fit.
            with torch.device("meta"):
                network = build(header)
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        state = {**(rest(header) if rest else {}), **state}
        for key, value in state.items():
            if not value.is_floating_point() or not bool(torch.isfinite(value).all()):
                raise ValueError(f"'{key[:80]}' does not hold finite numbers")
        network.load_state_dict({key: value.float() for key, value in state.items()}, assign=True)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0][:200].rstrip(":")
        raise InputFileError(f"{path}: not {what} ({reason}); {mend}") from error
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
