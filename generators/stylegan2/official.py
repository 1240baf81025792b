"""Official pickles (stylegan2-ada-pytorch, and StyleGAN2 from the StyleGAN3 release) -> our networks.

Settings come from the attributes stored in the modules and from the shapes of the weights, because the two
releases have different defaults for arguments that a file may leave out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from .config import DiscriminatorConfig, StyleGAN2Config
from .pickles import Module, read_pickle, refuse

MAX_MODULES = 2000
MAX_NESTING = 8

State = dict[str, Tensor]


def read_generator(data: bytes) -> tuple[StyleGAN2Config, State]:
    """Configuration and weights of `G_ema`.

    Raises:
        InputFileError: not an official StyleGAN2 pickle, or damaged.
    """
    modules = _modules(_network(data, "G_ema", "Generator"))
    synthesis, mapping = _need(modules, "synthesis"), _need(modules, "mapping")
    layers = [
        module for name, module in modules.items() if module.class_name in ("SynthesisLayer", "ToRGBLayer")
    ]
    blocks = {_get(m, "resolution"): m for m in modules.values() if m.class_name == "SynthesisBlock"}
    state = _state(modules)
    config = StyleGAN2Config(
        resolution=_get(synthesis, "img_resolution"),
        img_channels=_get(synthesis, "img_channels"),
        channels=_widths(state, blocks, "synthesis.b{}.conv1.weight"),
        architecture=_same(blocks.values(), "architecture"),
        num_fp16_res=sum(bool(_get(block, "use_fp16")) for block in blocks.values()),
        conv_clamp=_same(layers, "conv_clamp"),
        w_avg_beta=float(_get(mapping, "w_avg_beta")),
        z_dim=_get(mapping, "z_dim"),
        w_dim=_get(mapping, "w_dim"),
        **_mapping_settings(modules),
    )
    return config, state


def read_discriminator(data: bytes) -> tuple[DiscriminatorConfig, State]:
    """Configuration and weights of `D`.

    Raises:
        InputFileError: not an official StyleGAN2 pickle, or damaged.
    """
    modules = _modules(_network(data, "D", "Discriminator"))
    root, epilogue = modules[""], _need(modules, "b4")
    blocks = {_get(m, "resolution"): m for m in modules.values() if m.class_name == "DiscriminatorBlock"}
    state = _state(modules)
    widths = _widths(state, blocks, "b{}.conv0.weight")
    widths[4] = _get(epilogue, "in_channels")
    deviation = modules.get("b4.mbstd")
    config = DiscriminatorConfig(
        resolution=_get(root, "img_resolution"),
        img_channels=_get(root, "img_channels"),
        channels=widths,
        architecture=_same(blocks.values(), "architecture"),
        num_fp16_res=sum(bool(_get(block, "use_fp16")) for block in blocks.values()),
        conv_clamp=_get(_need(modules, "b4.conv"), "conv_clamp"),
        cmap_dim=_get(epilogue, "cmap_dim") if _get(root, "c_dim") else 0,
        mbstd_group_size=(_get(deviation, "group_size") or 4096) if deviation else 1,
        mbstd_channels=_get(deviation, "num_channels") if deviation else 0,
        **(_mapping_settings(modules) if _get(root, "c_dim") else {}),
    )
    return config, state


def _network(data: bytes, key: str, class_name: str) -> Module:
    content = read_pickle(data)
    if not isinstance(content, dict) or key not in content:
        refuse(f"the pickle holds no network '{key}'; an official StyleGAN2 file has G, D and G_ema")
    network = content[key]
    if not isinstance(network, Module) or network.class_name != class_name:
        refuse(f"'{key}' in the pickle is not a {class_name}")
    return network


def _modules(root: Module) -> dict[str, Module]:
    """Every module below `root` by its dotted name; `root` itself is ""."""
    # Bounded while walking: modules that contain each other many times would never end.
    found = dict(itertools.islice(_walk(root, "", 0), MAX_MODULES))
    if len(found) >= MAX_MODULES:
        refuse("the network has too many layers")
    return found


def _walk(module: Module, name: str, depth: int) -> Iterator[tuple[str, Module]]:
    if depth > MAX_NESTING:
        refuse("the network's modules are nested too deeply")
    yield name, module
    for child_name, child in _table(module, "_modules").items():
        if isinstance(child, Module):
            yield from _walk(child, f"{name}.{child_name}" if name else child_name, depth + 1)


def _table(module: Module, key: str) -> dict[str, Any]:
    table = module.state.get(key)
    if not isinstance(table, dict):
        refuse(f"a {module.class_name} in the pickle lacks its {key.strip('_')}")
    return table


def _state(modules: dict[str, Module]) -> State:
    state: State = {}
    for name, module in modules.items():
        if module.state.get("activation", "lrelu") not in ("lrelu", "linear"):
            refuse(f"{name} has the activation {module.state['activation']!r}; only lrelu is supported")
        for key, value in {**_table(module, "_parameters"), **_table(module, "_buffers")}.items():
            if isinstance(value, Tensor):
                state[f"{name}.{key}" if name else key] = value
    return {key: value for key, value in state.items() if not _is_filter(key, value)}


def _is_filter(key: str, value: Tensor) -> bool:
    """Whether this is the constant resampling filter, which must be the usual one."""
    if not key.endswith("resample_filter"):
        return False
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    if value.shape != (4, 4) or not torch.allclose(value.float(), torch.outer(taps, taps)):
        refuse(f"{key} is not the filter [1, 3, 3, 1], the only one that is supported")
    return True


def _widths(state: State, blocks: dict[int, Module], pattern: str) -> dict[int, int]:
    missing = [pattern.format(r) for r in blocks if pattern.format(r) not in state]
    if missing or not blocks:
        refuse(f"the network lacks {missing[0] if missing else 'its blocks'}")
    return {resolution: state[pattern.format(resolution)].shape[0] for resolution in blocks}


def _mapping_settings(modules: dict[str, Module]) -> dict[str, Any]:
    mapping, first = _need(modules, "mapping"), _need(modules, "mapping.fc0")
    return {
        "c_dim": _get(mapping, "c_dim"),
        "mapping_layers": _get(mapping, "num_layers"),
        "lr_multiplier": float(_get(first, "bias_gain")),
    }


def _need(modules: dict[str, Module], name: str) -> Module:
    if name not in modules:
        refuse(f"the network lacks its part '{name}'")
    return modules[name]


def _get(module: Module, key: str) -> Any:
    if key not in module.state:
        refuse(f"a {module.class_name} in the pickle lacks its '{key}'")
    return module.state[key]


def _same(modules: Iterable[Module], key: str) -> Any:
    values = {repr(value): value for value in (_get(module, key) for module in modules)}
    if len(values) != 1:
        refuse(f"the layers have different values of '{key}': {', '.join(values) or 'none'}")
    return next(iter(values.values()))
