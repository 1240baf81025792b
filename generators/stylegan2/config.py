"""What defines a StyleGAN2 network: frozen settings that travel as JSON in the header of our files."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..._base import InputFileError

MAX_RESOLUTION = 4096
MAX_WIDTH = 8192
MAX_DEPTH = 64
ARCHITECTURES = ("skip", "orig", "resnet")

C = TypeVar("C", bound="_Config")


def default_channels(resolution: int, base: int = 32768, maximum: int = 512) -> dict[int, int]:
    """Feature channels of each resolution, min(base / resolution, maximum), as in the published networks."""
    return {2**i: min(base // 2**i, maximum) for i in range(2, int(math.log2(resolution)) + 1)}


@dataclass(frozen=True)
class _Config:
    """Fields that both networks have.

    `channels` maps each resolution 4, 8, ... to its feature channels; `mapping_width` is that of the layers within the
    mapping, None for the width of what it makes.
    """

    resolution: int
    channels: Mapping[int, int]
    c_dim: int = 0
    img_channels: int = 3
    mapping_layers: int = 8
    mapping_width: int | None = None
    lr_multiplier: float = 0.01
    conv_clamp: float | None = None
    num_fp16_res: int = 0
    architecture: str = "skip"

    def __post_init__(self) -> None:
        check_resolution(self.resolution)
        object.__setattr__(self, "channels", {int(k): v for k, v in sorted(self.channels.items())})
        if list(self.channels) != self.resolutions:
            raise ValueError(
                f"channels must name the resolutions {self.resolutions}, not {list(self.channels)}"
            )
        for width in self.channels.values():
            check_range("channels", width, 1, MAX_WIDTH)
        check_range("c_dim", self.c_dim, 0, 1_000_000)
        check_range("img_channels", self.img_channels, 1, 16)
        check_range("mapping_layers", self.mapping_layers, 0, MAX_DEPTH)
        if self.mapping_width is not None:
            check_range("mapping_width", self.mapping_width, 1, MAX_WIDTH)
        check_range("num_fp16_res", self.num_fp16_res, 0, MAX_DEPTH)
        check_positive("lr_multiplier", self.lr_multiplier)
        if self.conv_clamp is not None:
            check_positive("conv_clamp", self.conv_clamp)
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"architecture is '{self.architecture}', not one of {', '.join(ARCHITECTURES)}")

    @property
    def resolutions(self) -> list[int]:
        """4, 8, ..., resolution."""
        return [2**i for i in range(2, self.resolution.bit_length())]

    @property
    def fp16_resolution(self) -> float:
        """The smallest resolution whose block runs in float16 on a GPU (infinite if none does)."""
        if self.num_fp16_res == 0:
            return math.inf
        return max(self.resolution * 2.0 ** (1 - self.num_fp16_res), 8)

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls: type[C], text: str) -> C:
        """Read `to_json`'s text, trusting none of it.

        Raises:
            InputFileError: not JSON, fields unknown or missing, values of a wrong type or beyond the limits.
        """
        try:
            fields = json.loads(text)
            if not isinstance(fields, dict) or not isinstance(fields.get("channels"), dict):
                raise ValueError("it is not a table with channels")
            fields["channels"] = {int(k): v for k, v in fields["channels"].items()}
            return cls(**fields)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise InputFileError(f"the network's configuration is not usable: {error}") from error


@dataclass(frozen=True)
class StyleGAN2Config(_Config):
    """Settings of a generator.

    `fused` chooses how styles reach the convolutions: True multiplies the weights (one grouped convolution),
    False multiplies the activations, None takes what is quicker for the call.
    """

    z_dim: int = 512
    w_dim: int = 512
    w_avg_beta: float = 0.995
    fused: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("z_dim", self.z_dim, 0, MAX_WIDTH)
        check_range("w_dim", self.w_dim, 1, MAX_WIDTH)
        if self.z_dim + self.c_dim == 0:
            raise ValueError("z_dim and c_dim are both 0")
        if not isinstance(self.w_avg_beta, float) or not 0 <= self.w_avg_beta <= 1:
            raise ValueError(f"w_avg_beta is {self.w_avg_beta!r}, not within 0..1")
        if self.fused not in (None, True, False):
            raise ValueError(f"fused is {self.fused!r}, not true, false or null")

    @property
    def num_ws(self) -> int:
        """How many w vectors a W+ code has: one a convolution, and one for the last toRGB."""
        return 2 * len(self.resolutions)


@dataclass(frozen=True)
class DiscriminatorConfig(_Config):
    """Settings of a discriminator; `cmap_dim` is the width of the mapped label (0 without labels)."""

    cmap_dim: int = 0
    mbstd_group_size: int = 4
    mbstd_channels: int = 1
    architecture: str = "resnet"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("cmap_dim", self.cmap_dim, 0, MAX_WIDTH)
        check_range("mbstd_group_size", self.mbstd_group_size, 1, 4096)
        check_range("mbstd_channels", self.mbstd_channels, 0, self.channels[4])
        if (self.cmap_dim > 0) != (self.c_dim > 0):
            raise ValueError(f"cmap_dim is {self.cmap_dim} with c_dim {self.c_dim}: both or neither")


def check_resolution(resolution: Any) -> None:
    """ValueError unless a power of two from 8 to MAX_RESOLUTION."""
    check_range("resolution", resolution, 8, MAX_RESOLUTION)
    if resolution & (resolution - 1):
        raise ValueError(f"resolution is {resolution}, not a power of two")


def check_range(name: str, value: Any, low: int, high: int) -> None:
    """ValueError unless an integer from low to high."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, not an integer from {low} to {high}")


def check_positive(name: str, value: Any) -> None:
    """ValueError unless a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}, not a number above 0")
