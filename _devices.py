"""What the devices that are present compute fast in."""

from __future__ import annotations

import functools
import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ._base import OutOfMemoryError, UsageError

# "on" or "off" in the environment settles what this hardware would: for tests of both, and where it guesses wrong.
SWITCH = "PROMPTBRUSH_BFLOAT16"
_LESS = "--precision bfloat16, fewer --cutouts, a smaller --clip, or --device cpu"


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; elsewhere bfloat16 is many times slower than float32."""
    if platform.system() == "Linux":
        try:
            text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", text) is not None
    # Private in torch, hence the defaults; it exists in all releases since 2.3.
    check = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(check()) if check is not None else False


def auto_precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it, float16 on other CUDA devices, float32 elsewhere.

    `SWITCH` in the environment decides instead if it is set: bfloat16 for "on", float32 for "off".

    Raises:
        UsageError: it is set to something else.
    """
    if (chosen := os.environ.get(SWITCH)) is not None:
        if chosen not in ("on", "off"):
            raise UsageError(f"{SWITCH} is '{chosen}'; set it to on or off, or unset it")
        return torch.bfloat16 if chosen == "on" else torch.float32
    if device.type == "cuda":
        native = torch.cuda.get_device_properties(device).major >= 8
        return torch.bfloat16 if native else torch.float16
    return torch.bfloat16 if device.type == "cpu" and _known_cpu() else torch.float32


def coarse(device: torch.device) -> torch.autocast:
    """A context where coarse numbers will do: bfloat16 if that is fast on the device, else float32.

    Never float16, whose small range needs a scaled loss.
    """
    fast = auto_precision(device) == torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)


@functools.cache
def _known_cpu() -> bool:
    return cpu_has_bfloat16()


@contextmanager
def enough_memory(less: str = _LESS) -> Iterator[None]:
    """What torch says when memory runs out, in one line with the settings that lower the need.

    Args:
        less: these settings, after "use".

    Raises:
        OutOfMemoryError: instead of torch's and Python's own.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not re.search("out of memory|allocate memory", str(error)):
            raise
        raise OutOfMemoryError(f"the memory ran out; use {less}") from error


def memory_checked(less: str) -> Callable[[Callable[[Any], Iterator[str]]], Callable[[Any], Iterator[str]]]:
    """A decorator for functions that yield lines: `enough_memory` while they run."""

    def decorate(run: Callable[[Any], Iterator[str]]) -> Callable[[Any], Iterator[str]]:
        @functools.wraps(run)
        def checked(options: Any) -> Iterator[str]:
            with enough_memory(less):
                yield from run(options)

        return checked

    return decorate
