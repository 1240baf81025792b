"""Published clip2latent checkpoints, read as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..._base import DAMAGE_ERRORS, InputFileError
from ..._weights import load_plain
from .prior import Home, Prior, Spread
from .published import PublishedPrior

# The averaged weights are the ones to draw with.
_PREFIXES = ("ema_diffusion_prior.ema_model.", "diffusion_prior.")
_QUERY = "learned_query"
_TRANSFORMER = "causal_transformer."
# How their pictures reached CLIP.
_CLIP_INPUT = "twice"
# Of several latents: how the published generators of 18 layers are fed by three.
_KNOWN_GROUPS = {(3, 18): (4, 4, 10)}


def load_checkpoint(path: str | Path, layers: int, groups: tuple[int, ...] = ()) -> Prior:
    """The prior of a published `.ckpt`, in float32, on the CPU.

    Its schedule is computed anew, so that buffers of it may be there or not. Which models it belongs to it does not
    say: only sizes can be compared.

    Args:
        layers: of the generator, num_ws.
        groups: how many layers each latent feeds; found out if empty.

    Raises:
        InputFileError: not such a checkpoint, or one that does not fit the layers.
    """
    state = _read(path)
    prefix = next((each for each in _PREFIXES if f"{each}net.{_QUERY}" in state), None)
    if prefix is None:
        raise InputFileError(f"{path}: holds no '{_PREFIXES[0]}net.{_QUERY}'; give a clip2latent checkpoint")
    own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    weights = {
        key.removeprefix("net."): value.float() for key, value in own.items() if key.startswith("net.")
    }
    network = _network(path, weights)
    mean, std = (_statistics(path, own, name, network) for name in ("latent_mean", "latent_std"))
    found = _groups(path, network.latents, layers, groups)
    return Prior(network, found, Spread(mean, std), Home(clip_input=_CLIP_INPUT), unit=False).eval()


def _read(path: str | Path) -> Mapping[str, Tensor]:
    try:
        loaded: Any = load_plain(path)
    except FileNotFoundError as error:
        raise InputFileError(f"{path}: no such file; give the published checkpoint") from error
    except DAMAGE_ERRORS as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputFileError(f"{path}: cannot be read as weights ({reason}); download it again") from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else None
    if not isinstance(state, Mapping):
        raise InputFileError(
            f"{path}: holds {type(loaded).__name__}, not a dict of weights; give another file"
        )
    return {str(key): value for key, value in state.items() if isinstance(value, Tensor)}


def _network(path: str | Path, weights: Mapping[str, Tensor]) -> PublishedPrior:
    """The network whose sizes the weights have."""
    first = f"{_TRANSFORMER}layers.0.0."
    try:
        query = weights[_QUERY]
        steps, dim = weights["to_time_embeds.0.weight"].shape
        _, dim_head = weights[f"{first}null_kv"].shape
        heads = len(weights[f"{first}to_q.weight"]) // dim_head
        blocks = (re.match(rf"{re.escape(_TRANSFORMER)}layers\.(\d+)\.", key) for key in weights)
        depth = 1 + max(int(match[1]) for match in blocks if match)
        with torch.device("meta"):
            network = PublishedPrior(dim, depth, heads, dim_head, steps, 1 if query.ndim == 1 else len(query))
        network.load_state_dict(dict(weights), assign=True)
    except (KeyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputFileError(
            f"{path}: its weights are not those of clip2latent's prior ({reason})"
        ) from error
    return network


def _statistics(path: str | Path, own: Mapping[str, Tensor], name: str, network: PublishedPrior) -> Tensor:
    found, wanted = own.get(name), (network.latents, network.dim)
    if found is None or found.numel() != wanted[0] * wanted[1]:
        there = "not there" if found is None else f"{tuple(found.shape)}"
        raise InputFileError(f"{path}: '{name}' is {there}, not {wanted}; download the checkpoint again")
    return found.float().view(wanted)


def _groups(path: str | Path, latents: int, layers: int, given: tuple[int, ...]) -> tuple[int, ...]:
    """How many layers each latent feeds."""
    if latents == 1:
        known: tuple[int, ...] | None = (layers,)
    else:
        known = (1,) * layers if latents == layers else _KNOWN_GROUPS.get((latents, layers))
    found = given or known
    if found is None or len(found) != latents or sum(found) != layers or min(found) < 1:
        told = ",".join(map(str, given)) or "not given"
        raise InputFileError(
            f"{path}: has {latents} latents for the generator's {layers} layers, and groups is {told}; "
            f"give {latents} counts that add up to {layers}, such as --groups 4,4,10"
        )
    return found
