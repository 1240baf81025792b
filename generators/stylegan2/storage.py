"""Our own files: safetensors with the network's kind and configuration as JSON in the header."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..._base import DAMAGE_ERRORS, InputFileError
from ..._files import save_tensors
from .config import DiscriminatorConfig, StyleGAN2Config
from .discriminator import Discriminator
from .generator import StyleGAN2
from .pickles import refuse

State = dict[str, Tensor]
KINDS = {StyleGAN2: "stylegan2", Discriminator: "stylegan2-discriminator"}


def save_generator(
    model: StyleGAN2 | Discriminator,
    path: str | Path,
    metadata: dict[str, str] | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write a network as safetensors, in one step: a reader sees the old file or the whole new one.

    Args:
        model: a generator; a discriminator is stored the same way.
        path: the file, replaced if it exists.
        metadata: more entries of the header, e.g. a licence.
        dtype: store floating-point tensors in this type, e.g. torch.float16 (None: as they are).

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    header = {**(metadata or {}), "kind": KINDS[type(model)], "config": model.config.to_json()}
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    if dtype is not None:
        state = {key: value.to(dtype) for key, value in state.items()}
    save_tensors(path, state, header)


def read_metadata(path: str | Path) -> dict[str, str]:
    """The header's entries: "kind", "config", and what `save_generator` was given.

    Raises:
        InputFileError: not a safetensors file.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, *DAMAGE_ERRORS) as error:
        raise InputFileError(
            f"the safetensors file is damaged or cut short ({error}); download it again"
        ) from error


def read_generator(path: str | Path) -> tuple[StyleGAN2Config, State]:
    """Configuration and weights of a generator that `save_generator` wrote."""
    return StyleGAN2Config.from_json(_config_text(path, KINDS[StyleGAN2])), _tensors(path)


def read_discriminator(path: str | Path) -> tuple[DiscriminatorConfig, State]:
    """Configuration and weights of a discriminator that `save_generator` wrote."""
    return DiscriminatorConfig.from_json(_config_text(path, KINDS[Discriminator])), _tensors(path)


def _config_text(path: str | Path, kind: str) -> str:
    metadata = read_metadata(path)
    if metadata.get("kind") != kind:
        refuse(f"the file's header says kind '{metadata.get('kind')}', not '{kind}'; give a {kind} file")
    return metadata.get("config", "")


def _tensors(path: str | Path) -> State:
    try:
        with safe_open(str(path), framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, *DAMAGE_ERRORS) as error:
        raise InputFileError(
            f"the safetensors file is damaged or cut short ({error}); download it again"
        ) from error
