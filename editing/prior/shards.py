"""Files of pairs: what CLIP sees in random pictures of a generator, and the z that they were drawn from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..._base import InputFileError
from ..._files import save_tensors

KIND = "pairs of a prior"
# What the features are of, and what the files are called.
PICTURES, CAPTIONS = "pairs", "captions"


@dataclass(frozen=True)
class Origin:
    """Which models and settings pairs come from; shards of others do not mix with them.

    Attributes:
        generator, clip: SHA-256 of their files, in hex. clip_input: how pictures reach CLIP.
        groups: how many layers each latent of a sample feeds; (num_ws,) is one w for all.
        seed: of everything that is random. psi: truncation of w. shard: pairs in a full shard.
        kind: PICTURES or CAPTIONS.
    """

    generator: str
    clip: str
    clip_input: str
    groups: tuple[int, ...]
    seed: int
    psi: float
    shard: int
    kind: str = PICTURES

    def header(self, index: int) -> dict[str, str]:
        """The metadata of a shard."""
        fields = {f"of.{name}": json.dumps(value) for name, value in vars(self).items()}
        return {"kind": KIND, "index": str(index), **fields}


class ForeignShardError(InputFileError):
    """A whole shard, but of other models or settings."""


@dataclass(frozen=True)
class Pairs:
    """N pairs.

    Attributes:
        features: (N,D), CLIP's of the pictures, at their natural length.
        latents: (N,G,K), one for each group of layers: z in files.
    """

    features: Tensor
    latents: Tensor

    def __len__(self) -> int:
        return len(self.latents)


def shard_path(folder: Path, index: int, kind: str) -> Path:
    """Where a shard lies."""
    return folder / f"{kind}-{index:05d}.safetensors"


def save_shard(folder: Path, index: int, pairs: Pairs, origin: Origin) -> None:
    """Write a shard in one step.

    Raises:
        InputFileError: it cannot be written.
    """
    path = shard_path(folder, index, origin.kind)
    state = {"features": pairs.features.half().contiguous(), "z": pairs.latents.half().contiguous()}
    save_tensors(path, state, origin.header(index))


def read_shard(path: Path, origin: Origin | None = None) -> Pairs:
    """Read a shard, in float32.

    Args:
        origin: what it must come from; anything if None.

    Raises:
        InputFileError: damaged or cut short, no shard, or one of other models or settings.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            _check_origin(path, file.metadata() or {}, origin)
            features, z = (file.get_tensor(name).float() for name in ("features", "z"))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputFileError(
            f"{path}: damaged or cut short ({reason}); delete it, and 'promptbrush train pairs' makes it again"
        ) from error
    if features.ndim != 2 or z.ndim != 3 or len(features) != len(z) or not len(z):
        raise InputFileError(
            f"{path}: holds features {tuple(features.shape)} and z {tuple(z.shape)}, which are no pairs; delete it"
        )
    if not bool(features.isfinite().all() and z.isfinite().all()):
        raise InputFileError(f"{path}: holds NaN or infinity; delete it, and it is made again")
    return Pairs(features, z)


def _check_origin(path: Path, header: dict[str, str], origin: Origin | None) -> None:
    if header.get("kind") != KIND:
        raise ForeignShardError(f"{path}: holds no pairs of a prior; move it out of the folder")
    if origin is None:
        return
    for name, wanted in origin.header(0).items():
        if name != "index" and header.get(name) != wanted:
            raise ForeignShardError(
                f"{path}: its pairs have {name.removeprefix('of.')} {header.get(name, 'none')[:24]}, "
                f"not {wanted[:24]}; "
                "give the same models and settings, or another folder"
            )


def joined(parts: Sequence[Pairs]) -> Pairs:
    """Pairs one after the other."""
    return Pairs(torch.cat([each.features for each in parts]), torch.cat([each.latents for each in parts]))
