"""What is here: versions, devices, models and extras; and the device and precision to use."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from .._base import MissingError, UsageError, did_you_mean
from .._devices import auto_precision, cpu_has_bfloat16
from ..generators.packs import summaries

_SHOWN = (
    "torchvision",
    "open_clip_torch",
    "diffusers",
    "nevergrad",
    "numba",
    "safetensors",
    "numpy",
    "pillow",
    "pydantic",
    "typer",
    "rich",
)
_DISTRIBUTION = "promptbrush"
_REINSTALL = "install promptbrush again from where it came, with pip install --force-reinstall --no-deps"
_PACK_MENDS = {"not built": "promptbrush train --help, or install a build that holds the weights"}


@dataclass(frozen=True)
class Row:
    """One finding: `mend` is what to do where `ok` is false."""

    section: str
    name: str
    value: str
    ok: bool = True
    mend: str = ""


@dataclass(frozen=True)
class Doctor:
    """All findings, in the order to show them."""

    rows: tuple[Row, ...]

    @property
    def healthy(self) -> bool:
        """Nothing that every installation needs is missing (extras are a choice)."""
        return all(row.ok for row in self.rows if row.section != "extras")

    def table(self) -> list[tuple[str, str, str, str]]:
        """(section, name, value, mend) of each finding; the section only where a new one begins."""
        before = ("", *(row.section for row in self.rows))
        named = zip(before, self.rows, strict=False)
        return [
            ("" if row.section == last else row.section, row.name, row.value, row.mend) for last, row in named
        ]


def report() -> Doctor:
    """Look at this installation; nothing is loaded, downloaded or changed."""
    return Doctor((*_versions(), *_devices(), *_packs(), *_extras()))


def _versions() -> Iterator[Row]:
    yield Row("versions", "promptbrush", _version(_DISTRIBUTION) or "not installed as a package")
    yield Row("versions", "python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield Row("versions", "torch", torch.__version__)  # with the build, such as +cu130, which pip leaves out
    for name in _SHOWN:
        version = _version(name)
        mend = "" if version else f"pip install {name}"
        yield Row("versions", name, version or "missing", version is not None, mend)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices() -> Iterator[Row]:
    bf16 = "bfloat16 native" if cpu_has_bfloat16() else "no native bfloat16"
    yield Row("devices", "cpu", f"{_memory()}, {torch.get_num_threads()} threads, {bf16}")
    for index in range(torch.cuda.device_count()):
        info = torch.cuda.get_device_properties(index)
        bf16 = "bfloat16 native" if info.major >= 8 else "no native bfloat16"
        yield Row("devices", f"cuda:{index}", f"{info.name}, {_gib(info.total_memory)}, {bf16}")
    if torch.backends.mps.is_available():
        yield Row("devices", "mps", "Apple GPU, shares the memory above")
    yield Row("devices", "used by default", f"{(device := resolve_device('auto'))}, {_default_dtype(device)}")


def _default_dtype(device: torch.device) -> str:
    return str(resolve_precision("auto", device)).removeprefix("torch.")


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _memory() -> str:
    try:
        return _gib(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return "memory unknown"


def _packs() -> Iterator[Row]:
    for pack in summaries():
        about = f"{pack.domain}, {pack.resolution} px, {pack.size / 1e6:.1f} MB"
        value, mend = (about, "") if pack.ok else (pack.state, _PACK_MENDS.get(pack.state, _REINSTALL))
        yield Row("models", f"{pack.name} (embedded)", value, pack.ok, mend)


def _extras() -> Iterator[Row]:
    for extra, packages in _extra_packages().items():
        missing = [name for name in packages if _version(name) is None]
        value = f"missing: {', '.join(missing)}" if missing else f"installed: {', '.join(packages)}"
        mend = f"pip install '{_DISTRIBUTION}[{extra}]'" if missing else ""
        yield Row("extras", extra, value, not missing, mend)


def _extra_packages() -> dict[str, list[str]]:
    """Extra -> the packages it asks for, with extras that name other extras spelt out."""
    try:
        requirements = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    direct: dict[str, list[tuple[str, list[str]]]] = {}
    for requirement in requirements:
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", requirement)
        if extra:
            direct.setdefault(extra.group(1), []).append(_parse(requirement))
    return {extra: sorted(_spelt_out(extra, direct, frozenset())) for extra in direct}


def _parse(requirement: str) -> tuple[str, list[str]]:
    """("name", ["extra", ...]) of "name[extra,...]>=1; marker"."""
    match = re.match(r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?", requirement)
    name, extras = (match.group(1), match.group(2) or "") if match else (requirement, "")
    return name, [extra.strip() for extra in extras.split(",") if extra.strip()]


def _spelt_out(extra: str, direct: dict[str, list[tuple[str, list[str]]]], above: frozenset[str]) -> set[str]:
    if extra in above:
        return set()
    names: set[str] = set()
    for name, extras in direct.get(extra, []):
        if name.lower() != _DISTRIBUTION:
            names.add(name)
        for other in extras if name.lower() == _DISTRIBUTION else []:
            names |= _spelt_out(other, direct, above | {extra})
    return names


def _present() -> list[str]:
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def resolve_device(name: str = "auto") -> torch.device:
    """The device by a name such as "cpu", "cuda", "cuda:1" or "mps"; "auto" takes cuda, then mps, then cpu.

    Raises:
        MissingError: no such device here; the text names those that are.
    """
    present = _present()
    wanted = present[0].split(":")[0] if name == "auto" else name.strip().lower()
    if wanted in present or wanted in {device.split(":")[0] for device in present}:
        return torch.device(wanted)
    raise MissingError(f"device '{name}' is not here; present: {', '.join(present)}; use --device auto")


_PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype that a generator's and a perceptor's layers compute in; parameters and losses stay float32.

    "auto" is bfloat16 on GPUs that have it and float16 on other CUDA devices, bfloat16 on CPUs with native
    support, and float32 elsewhere.

    Raises:
        UsageError: an unknown name, or float16 on a CPU.
    """
    if name == "auto":
        return auto_precision(device)
    if name not in _PRECISIONS:
        known = ["auto", *_PRECISIONS]
        raise UsageError(
            f"precision '{name}' is not known{did_you_mean(name, known)}; known: {', '.join(known)}"
        )
    if name == "float16" and device.type == "cpu":
        raise UsageError("precision 'float16' is not for the CPU; use --precision bfloat16 or float32")
    return _PRECISIONS[name]
