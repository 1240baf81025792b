"""Opening a generator by file or by name: the table says what loads it."""

from __future__ import annotations

from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from .._base import UsageError
from .._files import input_file
from .base import GENERATORS, file_in, name_in

# In the header of a safetensors file: the entry of GENERATORS that loads it.
KEY = "generator"
_DEFAULT = "stylegan2"


def open_generator(spec: str | Path, device: str | torch.device = "cpu") -> tuple[Any, Path | None]:
    """A generator and the file that it came from, if there is one.

    Args:
        spec: a file; NAME=FILE with an entry of GENERATORS; or the NAME alone of one that needs no file.

    Raises:
        UsageError: neither a file nor a name of the table. InputFileError: a file that cannot be read.
        MissingError: an extra is missing.
    """
    file = file_in(spec)
    if name := name_in(spec):
        load = GENERATORS.load(name)
        if not file and signature(load).parameters["path"].default is Parameter.empty:
            raise UsageError(f"the generator '{name}' is read from a file; give {name}=FILE")
        path = input_file(file) if file else None
        return load(path, device=device), path
    path = input_file(file)
    return GENERATORS.load(_kind(path))(path, device=device), path


def _kind(path: Path) -> str:
    """What the header of a file says about its generator; files without a header are of StyleGAN2."""
    if path.suffix.lower() != ".safetensors":
        return _DEFAULT
    try:
        with safe_open(str(path), framework="pt") as opened:
            return str((opened.metadata() or {}).get(KEY, _DEFAULT))
    except (OSError, SafetensorError):  # the loader names what is wrong
        return _DEFAULT
