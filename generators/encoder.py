"""The inversion encoder: a picture in, the W+ latent that draws it out, in one pass."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._base import UsageError
from .._weights import load_network, save_half
from .residual import GROUPS, Residual
from .stylegan2.config import MAX_DEPTH, MAX_WIDTH, check_range
from .stylegan2.layers import full_precision

KIND = "encoder"
_RANK = 32


@dataclass(frozen=True)
class EncoderConfig:
    """Size of the pictures (a power of two from 32 to 1024), form of the latents, and the network's widths.

    Raises:
        ValueError: a value beyond the limits.
    """

    resolution: int
    num_ws: int
    w_dim: int
    width: int = 32
    hidden: int = 256

    def __post_init__(self) -> None:
        check_range("resolution", self.resolution, 32, 1024)
        check_range("num_ws", self.num_ws, 1, 2 * MAX_DEPTH)
        check_range("w_dim", self.w_dim, 1, MAX_WIDTH)
        check_range("width", self.width, GROUPS, 512)
        check_range("hidden", self.hidden, 1, MAX_WIDTH)
        if self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution is {self.resolution}, not a power of two")
        if self.width % GROUPS:
            raise ValueError(f"width is {self.width}, not a multiple of {GROUPS}")

    @property
    def widths(self) -> list[int]:
        """Channels after each halving, from half the picture's size down to 4x4."""
        halvings = self.resolution.bit_length() - 3
        return [self.width * min(2**i, 5) for i in range(halvings)]

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> EncoderConfig:
        """Read `to_json`'s text, trusting none of it.

        Raises:
            ValueError: not JSON, fields unknown or missing, or values beyond the limits.
        """
        try:
            return cls(**json.loads(text))
        except (TypeError, RecursionError) as error:
            raise ValueError(f"the configuration is not usable: {error}") from error


class Encoder(nn.Module):
    """Pictures (B,3,R,R) in [0,1] -> W+ (B,num_ws,w_dim).

    A Proposal in the sense of the design: the condition is the picture, no latent goes in, nothing is random
    and no steps are taken. The latent is w_avg plus one offset that all layers share plus a small offset of
    each layer's own, which is 0 before training (Tov et al. 2021, section 4.1): most of the code stays in W,
    where edits behave. Offsets are in units of `w_scale`, the standard deviation of each entry of w.
    """

    w_avg: Tensor
    w_scale: Tensor

    def __init__(
        self, config: EncoderConfig, w_avg: Tensor | None = None, w_scale: Tensor | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.resolution, self.num_ws, self.w_dim = config.resolution, config.num_ws, config.w_dim
        self.features = nn.Sequential(*_layers(config.widths))
        self.hidden = nn.Linear(16 * config.widths[-1], config.hidden)
        self.shared = nn.Linear(config.hidden, config.w_dim)
        self.narrow = nn.Linear(config.hidden, _RANK)
        self.own = nn.Linear(_RANK, config.num_ws * config.w_dim)
        nn.init.zeros_(self.own.weight)
        nn.init.zeros_(self.own.bias)
        self.register_buffer("w_avg", torch.zeros(config.w_dim) if w_avg is None else w_avg.detach().clone())
        self.register_buffer(
            "w_scale", torch.ones(config.w_dim) if w_scale is None else w_scale.detach().clone()
        )

    def offsets(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (B,3,R,R) -> the shared offset (B,w_dim) and the layers' own (B,num_ws,w_dim), in `w_scale`s.

        Raises:
            UsageError: pictures of another size.
        """
        size = self.resolution
        if images.ndim != 4 or images.shape[1:] != (3, size, size):
            raise UsageError(
                f"the encoder takes pictures (B, 3, {size}, {size}), not {tuple(images.shape)}; letterbox them first"
            )
        hidden = F.gelu(self.hidden(self.features(images * 2 - 1)))
        # Eight bits would be visible in the latent, so the heads stay in float32 under autocast.
        with full_precision(hidden):
            hidden = hidden.float()
            shared = self.shared(hidden)
            own = self.own(F.gelu(self.narrow(hidden))).view(-1, self.num_ws, self.w_dim)
        return shared, own

    def codes(self, shared: Tensor, own: Tensor) -> Tensor:
        """What `offsets` gave -> W+ (B,num_ws,w_dim)."""
        return self.w_avg + self.w_scale * (shared[:, None] + own)

    def propose(
        self,
        condition: Tensor,
        rngs: Sequence[torch.Generator] = (),  # noqa: ARG002
        latent: object = None,  # noqa: ARG002
    ) -> Tensor:
        """See `generators.base.Proposal`: the latents of pictures."""
        found: Tensor = self(condition)
        return found

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        return self.codes(*self.offsets(images))


def _layers(widths: list[int]) -> list[nn.Module]:
    """A stem that halves the picture at once, then a halving and a residual block for each further width."""
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 5, stride=2, padding=2)]
    for before, after in pairwise(widths):
        layers += [nn.GELU(), nn.Conv2d(before, after, 3, stride=2, padding=1), Residual(after, F.gelu)]
    return [*layers, nn.GELU(), nn.Flatten()]


def save_encoder(encoder: Encoder, path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """Write an encoder as fp16 safetensors with its configuration in the header, in one step.

    Args:
        path: the file, replaced if it exists.
        metadata: more entries of the header, e.g. a licence.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    save_half(encoder, path, {**(metadata or {}), "kind": KIND, "config": encoder.config.to_json()})


def load_encoder(path: str | Path) -> Encoder:
    """An encoder that `save_encoder` wrote, frozen, in float32, in eval mode.

    Raises:
        InputFileError: not such a file, or a damaged one.
    """
    mend = "train one with 'promptbrush train encoder'"
    return load_network(path, KIND, _of_header, "an inversion encoder", mend)


def _of_header(header: Mapping[str, str]) -> Encoder:
    return Encoder(EncoderConfig.from_json(header.get("config", "")))
