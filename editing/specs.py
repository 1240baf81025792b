"""Models as they are named on a command line: "SPEC:weight,SPEC:weight", each a known name, a path, or ARCH=PATH."""

from __future__ import annotations

import re
from pathlib import Path

from .._files import readable

# As `load_ensemble` reads it.
_WEIGHTED = re.compile(r"(.+)(:[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)")


def members(specs: str | Path) -> list[tuple[str, str]]:
    """Each model of "SPEC:weight,SPEC:weight", and its weight with the colon, or nothing."""
    parts = [str(specs)] if isinstance(specs, Path) else specs.split(",")
    found = ((spec.strip(), _WEIGHTED.fullmatch(spec.strip())) for spec in parts)
    return [(match[1], match[2]) if match else (spec, "") for spec, match in found]


def weighted(spec: str, weight: str) -> str:
    """A model with its weight, spelt from the root; a path that ends like a weight gets one, to stay a path."""
    path = rooted(spec)
    return path + (weight or (":1" if _WEIGHTED.fullmatch(path) else ""))


def rooted(spec: str) -> str:
    """A path, also the one in "ARCH=PATH", spelt from the root; names of published models as they are."""
    head, equals, tail = spec.rpartition("=")
    return f"{head}{equals}{readable(Path(tail).resolve())}" if Path(tail).exists() else spec


def is_path(spec: str) -> bool:
    """Whether it is spelt like a path, so that a file in the current folder never hides a known name."""
    return Path(spec).suffix != "" or len(Path(spec).parts) > 1


def respelt(specs: str) -> str:
    """The same models with every path spelt from the root."""
    return ",".join(weighted(*each) if is_path(each[0]) else "".join(each) for each in members(specs))


def files_in(specs: str) -> list[Path]:
    """The files among the models that are there."""
    paths = (Path(spec.rpartition("=")[2]) for spec, _ in members(specs) if is_path(spec.rpartition("=")[2]))
    return [path for path in paths if path.is_file()]
