"""The layers that the generator and the discriminator share, with learning rates equalised at run time.

Parameter names, shapes and initial values are those of the published checkpoints (Karras et al. 2019, 2020).
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._base import UsageError
from .config import _Config
from .resample import conv_down2

SQRT2 = math.sqrt(2)


def full_precision(x: Tensor) -> AbstractContextManager[None]:
    """Styles, mappings and demodulation stay in float32 under autocast."""
    context: AbstractContextManager[None] = torch.autocast(x.device.type, enabled=False)
    return context


def runs_in_half(config: _Config, resolution: int, device: torch.device) -> bool:
    """Whether a block runs in float16: where the checkpoint says so, on GPUs only, unless autocast decides."""
    return (
        device.type == "cuda"
        and resolution >= config.fp16_resolution
        and not torch.is_autocast_enabled("cuda")
    )


def as_block_input(x: Tensor, half: bool) -> Tensor:
    """x in the block's precision; channels_last, which CPUs and tensor cores prefer."""
    dtype = torch.float16 if half else (torch.float32 if x.dtype == torch.float16 else x.dtype)
    layout = torch.contiguous_format if x.device.type == "mps" else torch.channels_last
    return x.to(dtype).contiguous(memory_format=layout)


def normalise(x: Tensor) -> Tensor:
    """x (...,C) with root mean square 1 in each row."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-8)


class FullyConnected(nn.Module):
    """(N,inputs) -> (N,outputs) in float32; `activate` adds leaky ReLU 0.2 times sqrt(2)."""

    def __init__(
        self, inputs: int, outputs: int, *, activate: bool = False, lr: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.weight_gain = lr / math.sqrt(inputs)
        self.bias_gain = lr
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        with full_precision(x):
            x = F.linear(x.float(), self.weight * self.weight_gain, self.bias * self.bias_gain)
        return F.leaky_relu(x, 0.2) * SQRT2 if self.activate else x


class Conv(nn.Module):
    """Convolution of the discriminator, k x k, to the same or (`down`) half the size.

    `activate`: leaky ReLU 0.2, times sqrt(2) * gain, clamped to conv_clamp * gain; otherwise only times gain.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        bias: bool = True,
        activate: bool = True,
        down: bool = False,
        gain: float = 1.0,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.weight_gain = 1 / math.sqrt(inputs * size * size)
        self.gain = gain * SQRT2 if activate else gain
        self.clamp = None if clamp is None else clamp * gain
        self.activate, self.down = activate, down

    def forward(self, x: Tensor) -> Tensor:
        # Leaky ReLU commutes with positive factors: scaling the weights saves a pass over the activations.
        weight = (self.weight * (self.weight_gain * self.gain)).to(x.dtype)
        bias = None if self.bias is None else (self.bias * self.gain).to(x.dtype)
        padding = weight.shape[-1] // 2
        x = conv_down2(x, weight, bias) if self.down else F.conv2d(x, weight, bias, padding=padding)
        return activate(x, self.clamp) if self.activate else x


def activate(x: Tensor, clamp: float | None) -> Tensor:
    """Leaky ReLU 0.2 in place, then the clamp if there is one."""
    x = F.leaky_relu(x, 0.2, inplace=True)
    return x if clamp is None else x.clamp(-clamp, clamp)


class Mapping(nn.Module):
    """z (and a label) -> w: normalisation, then fully connected layers.

    With num_ws None it is the discriminator's mapping of labels: no average, no repetition.
    """

    w_avg: Tensor

    def __init__(
        self,
        config: _Config,
        z_dim: int,
        w_dim: int,
        num_ws: int | None,
        w_avg_beta: float = 0.995,
    ) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.num_ws, self.w_avg_beta = z_dim, config.c_dim, num_ws, w_avg_beta
        self.num_layers = config.mapping_layers
        if config.c_dim > 0:
            self.embed = FullyConnected(config.c_dim, w_dim)
        width = z_dim + (w_dim if config.c_dim > 0 else 0)
        for i in range(self.num_layers):
            outputs = w_dim if i == self.num_layers - 1 else config.mapping_width or w_dim
            layer = FullyConnected(width, outputs, activate=True, lr=config.lr_multiplier)
            self.add_module(f"fc{i}", layer)
            width = outputs
        if num_ws is not None:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor | None,
        labels: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """z (B,z_dim), labels (B,c_dim), zeros if None -> (B,num_ws,w_dim).

        Truncation moves the first `truncation_cutoff` vectors (all if None) towards w_avg:
        w_avg + psi * (w - w_avg), Karras et al. 2019, appendix B.
        """
        w = self.single(z, labels)
        if self.num_ws is None:
            return w
        ws = w.unsqueeze(1).repeat(1, self.num_ws, 1)
        if truncation_psi == 1:
            return ws
        cut = self.num_ws if truncation_cutoff is None else truncation_cutoff
        return torch.cat([torch.lerp(self.w_avg, ws[:, :cut], truncation_psi), ws[:, cut:]], dim=1)

    def single(self, z: Tensor | None, labels: Tensor | None = None) -> Tensor:
        """One w a sample, (B,w_dim), untruncated; without labels a conditional generator gets zeros.

        Raises:
            UsageError: a conditional network gets labels of another shape, or none for want of z.
        """
        parts = [normalise(z.float())] if z is not None and self.z_dim > 0 else []
        if self.c_dim > 0:
            parts.append(normalise(self.embed(self._labels(z, labels))))
        w = torch.cat(parts, dim=1)
        for i in range(self.num_layers):
            w = self.get_submodule(f"fc{i}")(w)
        return w

    def _labels(self, z: Tensor | None, labels: Tensor | None) -> Tensor:
        if labels is None and z is not None:
            return z.new_zeros(len(z), self.c_dim)
        batch = "B" if z is None else len(z)
        if labels is None or labels.shape != (len(labels) if z is None else batch, self.c_dim):
            found = "none" if labels is None else tuple(labels.shape)
            raise UsageError(
                f"labels are {found}; this conditional network takes ({batch}, {self.c_dim}), one row per sample"
            )
        return labels

    @torch.no_grad()
    def track(self, w: Tensor) -> None:
        """Move w_avg towards the mean of w (B,w_dim) or (B,num_ws,w_dim), by the share 1 - w_avg_beta."""
        mean = w.detach().float().reshape(-1, w.shape[-1]).mean(0)
        self.w_avg.copy_(torch.lerp(mean, self.w_avg, self.w_avg_beta))
