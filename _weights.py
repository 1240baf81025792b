"""Small networks in files: written in half precision, in one step, and read back with everything checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ._base import InputFileError
from ._files import save_tensors

Network = TypeVar("Network", bound=nn.Module)


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
        with safe_open(str(path), framework="pt") as file:
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
