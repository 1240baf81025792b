"""Published checkpoints of style networks, read as data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from ..._base import DAMAGE_ERRORS, InputFileError
from ..._weights import load_plain

Network = TypeVar("Network", bound=nn.Module)


def read_state(path: str | Path) -> dict[str, Any]:
    """The dict that a checkpoint holds.

    Raises:
        InputFileError: it cannot be read, or holds something else.
    """
    try:
        state: dict[str, Any] = load_plain(path)
    except FileNotFoundError as error:
        raise InputFileError(f"{path}: no such file; give the published checkpoint") from error
    except DAMAGE_ERRORS as error:
        reason = str(error).splitlines()[0]
        raise InputFileError(f"{path}: cannot be read as weights ({reason}); download it again") from error
    if not isinstance(state, dict):
        raise InputFileError(
            f"{path}: holds {type(state).__name__}, not a dict of weights; give another file"
        )
    return state


def filled(network: Network, state: Mapping[str, Any], path: str | Path) -> Network:
    """The network with the weights of a state, which may hold more, in evaluation mode.

    Raises:
        InputFileError: one is not there, or of another shape.
    """
    wanted = network.state_dict()
    for key, value in wanted.items():
        found = state.get(key)
        shape = tuple(found.shape) if isinstance(found, Tensor) else None
        if shape != tuple(value.shape):
            there = "not there" if shape is None else str(shape)
            raise InputFileError(
                f"{path}: '{key}' is {there}, not {tuple(value.shape)}; this is not a file of {type(network).__name__}"
            )
    network.load_state_dict({key: state[key] for key in wanted})
    return network.eval()
