"""Weights on disk in half precision, written so that a reader sees the old file or the whole new one."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from .._base import InputFileError


def save_half(network: nn.Module, path: str | Path, metadata: dict[str, str]) -> None:
    """Write a network as fp16 safetensors, in one step; the file is replaced if it exists.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.part")
    state = {key: value.detach().cpu().half().contiguous() for key, value in network.state_dict().items()}
    try:
        save_file(state, temporary, metadata=metadata)
        temporary.replace(target)
    except (OSError, SafetensorError) as error:
        raise InputFileError(f"{path}: cannot be written ({error}); choose another folder") from error
    finally:
        temporary.unlink(missing_ok=True)
