"""Checkpoints of the rosinality layout (`g_ema`, `latent_avg`; StyleCLIP and HairCLIP use it) -> our networks.

Both layouts store raw weights with equalised learning rates, so tensors are only renamed and reshaped.
"""

from __future__ import annotations

import math
import re
from typing import Any

import torch
from torch import Tensor

from ..._base import InputFileError
from .config import DiscriminatorConfig, StyleGAN2Config
from .pickles import refuse

State = dict[str, Tensor]


def read_generator(content: Any) -> tuple[StyleGAN2Config, State]:
    """Configuration and weights from `g_ema`, or from the `decoder.` part of a StyleCLIP mapper.

    The state lacks mapping.w_avg if the file has no `latent_avg`, and noise_const where it has no `noises`.

    Raises:
        InputFileError: neither of the two, or keys are missing.
    """
    source = _find_generator(content)
    convs = _indices(source, r"convs\.(\d+)\.conv\.weight")
    depth = len(_indices(source, r"style\.(\d+)\.weight"))
    if len(convs) % 2 or not convs or not depth:
        refuse("the checkpoint lacks style layers or convolutions of a StyleGAN2 generator")
    state = {"synthesis.b4.const": _take(source, "input.input", 4)[0]}
    for i in range(depth):
        for part, dims in (("weight", 2), ("bias", 1)):
            state[f"mapping.fc{i}.{part}"] = _take(source, f"style.{i + 1}.{part}", dims)
    names = ["b4.conv1"] + [f"b{8 * 2 ** (i // 2)}.conv{i % 2}" for i in range(len(convs))]
    for i, name in enumerate(names):
        state |= _layer(source, f"convs.{i - 1}" if i else "conv1", f"synthesis.{name}", i)
    for i in range(len(convs) // 2 + 1):
        state |= _to_rgb(source, f"to_rgbs.{i - 1}" if i else "to_rgb1", f"synthesis.b{4 * 2**i}.torgb")
    if isinstance(content.get("latent_avg"), Tensor):
        state["mapping.w_avg"] = content["latent_avg"].flatten()
    return _generator_config(state, 4 * 2 ** (len(convs) // 2), depth), state


def read_discriminator(content: Any) -> tuple[DiscriminatorConfig, State]:
    """Configuration and weights from `d`.

    Raises:
        InputFileError: there is none, or keys are missing.
    """
    source = content.get("d") if isinstance(content, dict) else None
    if not isinstance(source, dict):
        refuse("the checkpoint holds no discriminator 'd'")
    blocks = len(_indices(source, r"convs\.(\d+)\.conv1\.0\.weight"))
    top = 4 * 2**blocks
    parts = {f"b{top}.fromrgb": ("convs.0.0.weight", "convs.0.1.bias")}
    for i in range(blocks):
        old, new = f"convs.{i + 1}", f"b{top // 2**i}"
        parts[f"{new}.conv0"] = (f"{old}.conv1.0.weight", f"{old}.conv1.1.bias")
        parts[f"{new}.conv1"] = (f"{old}.conv2.1.weight", f"{old}.conv2.2.bias")
        parts[f"{new}.skip"] = (f"{old}.skip.1.weight", "")
    parts["b4.conv"] = ("final_conv.0.weight", "final_conv.1.bias")
    parts["b4.fc"] = ("final_linear.0.weight", "final_linear.0.bias")
    parts["b4.out"] = ("final_linear.1.weight", "final_linear.1.bias")
    state: State = {}
    for name, (weight, bias) in parts.items():
        state[f"{name}.weight"] = _take(source, weight, 2 if name in ("b4.fc", "b4.out") else 4)
        if bias:
            state[f"{name}.bias"] = _take(source, bias, 1)
    widths = {r: state[f"b{r}.conv0.weight"].shape[0] for r in (top // 2**i for i in range(blocks))}
    widths[4] = state["b4.conv.weight"].shape[0]
    return DiscriminatorConfig(resolution=top, channels=widths), state


def _find_generator(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        refuse("the checkpoint is not a table with 'g_ema'")
    if isinstance(content.get("g_ema"), dict):
        found: dict[str, Any] = content["g_ema"]
        return found
    mapper = content.get("state_dict")
    if isinstance(mapper, dict):
        prefix = "decoder."
        decoder = {
            k[len(prefix) :]: v for k, v in mapper.items() if isinstance(k, str) and k.startswith(prefix)
        }
        if decoder:
            return decoder
    raise InputFileError(
        "the checkpoint holds no StyleGAN2 generator ('g_ema', or 'decoder.' in a mapper's state_dict)"
    )


def _indices(source: dict[str, Any], pattern: str) -> list[int]:
    matches = (re.fullmatch(pattern, key) for key in source if isinstance(key, str))
    return sorted(int(match[1]) for match in matches if match)


def _take(source: dict[str, Any], key: str, dims: int) -> Tensor:
    value = source.get(key)
    if (
        not isinstance(value, Tensor)
        or value.ndim != dims
        or not value.is_floating_point()
        or not value.numel()
    ):
        refuse(f"the checkpoint lacks '{key}', or it is not a tensor of {dims} dimensions")
    return value


def _modulation(source: dict[str, Any], old: str, new: str) -> State:
    return {
        f"{new}.weight": _take(source, f"{old}.conv.weight", 5)[0],
        f"{new}.affine.weight": _take(source, f"{old}.conv.modulation.weight", 2),
        f"{new}.affine.bias": _take(source, f"{old}.conv.modulation.bias", 1),
    }


def _layer(source: dict[str, Any], old: str, new: str, index: int) -> State:
    state = _modulation(source, old, new)
    state[f"{new}.bias"] = _take(source, f"{old}.activate.bias", 1)
    state[f"{new}.noise_strength"] = _take(source, f"{old}.noise.weight", 1)[0]
    if f"noises.noise_{index}" in source:
        state[f"{new}.noise_const"] = _take(source, f"noises.noise_{index}", 4)[0, 0]
    return state


def _to_rgb(source: dict[str, Any], old: str, new: str) -> State:
    return {**_modulation(source, old, new), f"{new}.bias": _take(source, f"{old}.bias", 4).flatten()}


def _generator_config(state: State, resolution: int, depth: int) -> StyleGAN2Config:
    sizes = [2**i for i in range(2, int(math.log2(resolution)) + 1)]
    first = state["mapping.fc0.weight"]
    return StyleGAN2Config(
        resolution=resolution,
        channels={r: state[f"synthesis.b{r}.conv1.weight"].shape[0] for r in sizes},
        z_dim=first.shape[1],
        w_dim=first.shape[0],
        mapping_layers=depth,
    )


def constant_noise(size: int, index: int) -> Tensor:
    """A noise map (size,size) for a file that has none: the same on every load."""
    return torch.randn(size, size, generator=torch.Generator().manual_seed(index))
