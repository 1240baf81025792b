"""The StyleGAN2 generator in plain PyTorch (Karras et al. 2020), with W, W+ and style space as latents."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._base import UsageError
from .config import StyleGAN2Config
from .layers import SQRT2, FullyConnected, activate, as_block_input, full_precision, runs_in_half
from .layers import Mapping as MappingNetwork
from .resample import conv_up2, upsample2
from .space import StyleGAN2Space

Styles = Sequence[Tensor] | Mapping[str, Tensor]
NOISE_MODES = ("const", "none", "random")
# Blocks from this size on draw; those below lay a picture out, for all pictures alike.
_TUNED_FROM = 16


def demodulation(weight: Tensor, style: Tensor) -> Tensor:
    """1 / norm of every output channel's modulated weight, (N,O), in float32 (eq. 3 of the paper)."""
    with full_precision(style):
        energy = style.float().square() @ weight.float().square().sum((2, 3)).T
    return torch.rsqrt(energy + 1e-8)


def tame_for_half(weight: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    """Scale weights and styles into float16's range; demodulation undoes both scalings."""
    fan_in = weight[0].numel()
    weight = weight / (math.sqrt(fan_in) * weight.abs().amax((1, 2, 3), keepdim=True))
    return weight, style / style.abs().amax(1, keepdim=True)


def grouped_conv(x: Tensor, weight: Tensor, up: bool) -> Tensor:
    """3x3 convolution with another weight (N,O,I,3,3) for every sample of x (N,I,H,W)."""
    batch, outputs = weight.shape[:2]
    size, flat = x.shape[-2:], weight.flatten(0, 1).to(x.dtype)
    x = x.reshape(1, -1, *size)
    x = conv_up2(x, flat, groups=batch) if up else F.conv2d(x, flat, padding=1, groups=batch)
    return x.view(batch, outputs, *x.shape[-2:])


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias and leaky ReLU; `up` doubles the size first."""

    noise_const: Tensor

    def __init__(self, inputs: int, outputs: int, resolution: int, up: bool, config: StyleGAN2Config) -> None:
        super().__init__()
        self.affine = FullyConnected(config.w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.up, self.clamp, self.fused = up, config.conv_clamp, config.fused
        self.resolution = resolution

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None, gain: float = 1.0) -> Tensor:
        """x (N,I,H,W), style (N,I), noise (H,W) or (N,1,H,W) of unit variance -> (N,O,H or 2H,W or 2W)."""
        # Leaky ReLU commutes with positive factors, so its gain joins the scales that are applied before it.
        gain = gain * SQRT2
        x = self._modulated(x, style, gain)
        if noise is not None:
            x = x.add_((noise * (self.noise_strength * gain)).to(x.dtype))
        return activate(x, None if self.clamp is None else self.clamp * gain / SQRT2)

    def _modulated(self, x: Tensor, style: Tensor, gain: float) -> Tensor:
        weight: Tensor = self.weight
        if x.dtype == torch.float16:
            weight, style = tame_for_half(weight, style)
        scale = demodulation(weight, style) * gain
        # Without gradients, one sample is quicker with scaled weights. With them, scaled weights would need
        # their own gradient even when only the latent is optimised, which costs a third convolution.
        if self.fused or (self.fused is None and len(x) == 1 and not torch.is_grad_enabled()):
            own = weight * style[:, None, :, None, None] * scale[:, :, None, None, None]
            return grouped_conv(x, own, self.up) + column(self.bias * gain, x)
        x = x * column(style, x)
        weight = weight.to(x.dtype)
        x = conv_up2(x, weight) if self.up else F.conv2d(x, weight, padding=1)
        return torch.addcmul(column(self.bias * gain, x), x, column(scale, x))


def column(values: Tensor, like: Tensor) -> Tensor:
    """(C,) or (N,C) -> (1 or N,C,1,1) in the dtype of `like`."""
    return values.to(like.dtype).reshape(-1, values.shape[-1], 1, 1)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to the picture's channels, without demodulation; float32 output."""

    def __init__(self, inputs: int, outputs: int, config: StyleGAN2Config) -> None:
        super().__init__()
        self.affine = FullyConnected(config.w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.weight_gain = 1 / math.sqrt(inputs)
        self.clamp = config.conv_clamp

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (N,I,H,W), style (N,I), the affine output without the 1/sqrt(I) -> (N,3,H,W)."""
        weight = self.weight.flatten(1) * (style * self.weight_gain)[:, None, :]
        # A matrix product with each sample's own weights reads the activations once.
        rgb = torch.matmul(weight.to(x.dtype), x.flatten(2)).view(len(x), -1, *x.shape[2:])
        rgb = rgb.float() + self.bias[:, None, None]
        return rgb if self.clamp is None else rgb.clamp(-self.clamp, self.clamp)


class Skip(nn.Module):
    """The 1x1 shortcut of the `resnet` architecture."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.weight_gain = math.sqrt(0.5 / inputs)

    def forward(self, x: Tensor) -> Tensor:
        return upsample2(F.conv2d(x, (self.weight * self.weight_gain).to(x.dtype)))


class SynthesisBlock(nn.Module):
    """The layers of one resolution: conv0 (up, not at 4x4), conv1, and torgb where the architecture has it."""

    def __init__(self, resolution: int, config: StyleGAN2Config) -> None:
        super().__init__()
        self.resolution, self.config = resolution, config
        outputs = config.channels[resolution]
        self.resnet = config.architecture == "resnet" and resolution > 4
        if resolution == 4:
            self.const = nn.Parameter(torch.randn(outputs, 4, 4))
        else:
            self.conv0 = SynthesisLayer(config.channels[resolution // 2], outputs, resolution, True, config)
        self.conv1 = SynthesisLayer(outputs, outputs, resolution, False, config)
        self.has_rgb = config.architecture == "skip" or resolution == config.resolution
        if self.has_rgb:
            self.torgb = ToRGB(outputs, config.img_channels, config)
        if self.resnet:
            self.skip = Skip(config.channels[resolution // 2], outputs)

    def names(self) -> list[str]:
        """The layers with a style, in the order in which they take their w."""
        first = [] if self.resolution == 4 else ["conv0"]
        return [*first, "conv1", *(["torgb"] if self.has_rgb else [])]

    def forward(
        self, x: Tensor | None, img: Tensor | None, styles: Iterator[Tensor], noise: Iterator[Tensor | None]
    ) -> tuple[Tensor, Tensor | None]:
        x = self._features(x, styles, noise)
        if img is not None:
            img = upsample2(img)
        if self.has_rgb:
            rgb = self.torgb(x, next(styles))
            img = rgb if img is None else img + rgb
        return x, img

    def _features(self, x: Tensor | None, styles: Iterator[Tensor], noise: Iterator[Tensor | None]) -> Tensor:
        half = runs_in_half(self.config, self.resolution, self.conv1.weight.device)
        if x is None:
            style = next(styles)
            x = as_block_input(self.const.expand(len(style), -1, -1, -1), half)
            return self._layer("conv1", x, style, next(noise))
        x = as_block_input(x, half)
        gain = math.sqrt(0.5) if self.resnet else 1.0
        shortcut = self.skip(x) if self.resnet else None
        x = self._layer("conv0", x, next(styles), next(noise))
        x = self._layer("conv1", x, next(styles), next(noise), gain)
        return x if shortcut is None else shortcut + x

    def _layer(self, name: str, x: Tensor, style: Tensor, noise: Tensor | None, gain: float = 1.0) -> Tensor:
        out: Tensor = self.get_submodule(name)(x, style, noise, gain)
        return out


class SynthesisNetwork(nn.Module):
    """W+ codes or styles -> pictures in about [-1, 1]."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        for resolution in config.resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(resolution, config))

    def blocks(self) -> list[SynthesisBlock]:
        """From 4x4 to the full size."""
        return [block for block in self.children() if isinstance(block, SynthesisBlock)]

    def layers(self) -> list[tuple[str, int, SynthesisLayer | ToRGB]]:
        """(name, index of its w, layer) of the layers with a style; torgb shares its w with the next conv0."""
        found: list[tuple[str, int, SynthesisLayer | ToRGB]] = []
        index = 0
        for block in self.blocks():
            for name in block.names():
                layer = cast(SynthesisLayer | ToRGB, block.get_submodule(name))
                found.append((f"b{block.resolution}.{name}", index, layer))
                index += name != "torgb"
        return found

    def convs(self) -> list[SynthesisLayer]:
        """The layers that take noise, in order."""
        return [layer for _, _, layer in self.layers() if isinstance(layer, SynthesisLayer)]

    def forward(
        self, ws: Tensor, noise: str = "const", rng: torch.Generator | None = None, size: int | None = None
    ) -> Tensor:
        """ws (B,num_ws,w_dim), or (B,w_dim) for the same w everywhere -> (B,3,H,W), not clipped.

        Args:
            noise: "const", "none", or "random": drawn from `rng`, without which no call is like another.
            size: leave out the blocks beyond this resolution.
        """
        return self.from_styles(self.styles(ws), noise, rng, size)

    def styles(self, ws: Tensor) -> list[Tensor]:
        """The style of every layer with a style, (B,C_l) each; toRGB's without its 1/sqrt(C_l)."""
        if ws.ndim == 2:
            ws = ws.unsqueeze(1).expand(-1, self.config.num_ws, -1)
        if ws.shape[1:] != (self.config.num_ws, self.config.w_dim):
            want = f"(B, {self.config.num_ws}, {self.config.w_dim})"
            raise UsageError(f"a W+ latent has shape {tuple(ws.shape)}; this generator takes {want}")
        return [layer.affine(ws[:, index]) for _, index, layer in self.layers()]

    def from_styles(
        self,
        styles: Sequence[Tensor],
        noise: str = "const",
        rng: torch.Generator | None = None,
        size: int | None = None,
    ) -> Tensor:
        """Styles as `styles` gives them, (B,C_l) or (B,1,C_l,1,1) each -> (B,3,H,W); see `forward`."""
        flat = [style.reshape(style.shape[0], -1) for style in styles]
        self._check_styles(flat)
        queue, noises = iter(flat), self._noise(noise, len(flat[0]), rng)
        x: Tensor | None = None
        img: Tensor | None = None
        for block in self.blocks():
            x, img = block(x, img, queue, noises)
            if block.resolution == size:
                break
        if img is None:
            raise UsageError("this generator has no layer that draws a picture")
        return img

    def _check_styles(self, styles: list[Tensor]) -> None:
        want = [layer.affine.bias.numel() for _, _, layer in self.layers()]
        if [style.shape[1] for style in styles] != want:
            raise UsageError(
                f"styles have widths {[s.shape[1] for s in styles]}; this generator takes {want}"
            )

    def _noise(self, mode: str, batch: int, rng: torch.Generator | None) -> Iterator[Tensor | None]:
        if mode not in NOISE_MODES:
            raise UsageError(f"noise is '{mode}', not one of {', '.join(NOISE_MODES)}")
        if mode == "random" and rng is None:
            rng = torch.Generator()
            rng.seed()
        for layer in self.convs():
            if mode == "random" and rng is not None:
                shape = (batch, 1, layer.resolution, layer.resolution)
                fresh = torch.randn(shape, generator=rng, device=rng.device)
                yield fresh.to(layer.noise_const.device)
            else:
                yield layer.noise_const if mode == "const" else None


class _ClampStraightThrough(torch.autograd.Function):
    """Clamp to [0,1] whose gradient passes: pixels out of range can still be pulled back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ARG004
        return grad


class StyleGAN2(nn.Module):
    """A StyleGAN2 generator: `mapping`, `synthesis`, `styles`, and the Generator protocol.

    The state dict has the names of the stylegan2-ada-pytorch checkpoints, without their constant filters.
    """

    differentiable = True

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        self.z_dim, self.w_dim, self.c_dim = config.z_dim, config.w_dim, config.c_dim
        self.num_ws, self.resolution = config.num_ws, config.resolution
        self.synthesis = SynthesisNetwork(config)
        self.mapping = MappingNetwork(config, config.z_dim, config.w_dim, config.num_ws, config.w_avg_beta)

    @property
    def w_avg(self) -> Tensor:
        """The average w, (w_dim,)."""
        return self.mapping.w_avg

    @property
    def latent_space(self) -> StyleGAN2Space:
        """Where its pictures can be edited: W, W+ and S."""
        return StyleGAN2Space(self)

    def tunable(self) -> list[str]:
        """Names of the weights that are tuned to a picture: of the blocks that draw, not of those that lay out."""
        drawing = [block for block in self.synthesis.blocks() if block.resolution >= _TUNED_FROM]
        own = {id(weight) for block in drawing for weight in block.parameters()}
        return [name for name, weight in self.named_parameters() if id(weight) in own]

    @property
    def style_names(self) -> list[str]:
        """Names such as "b8.conv0", in the order of `styles`."""
        return [name for name, _, _ in self.synthesis.layers()]

    def forward(self, z: Tensor, labels: Tensor | None = None, **synthesis: Any) -> Tensor:
        """z (B,z_dim), labels (B,c_dim), zeros if None -> pictures (B,3,H,W) in about [-1, 1].

        Keywords as for `synthesis`.
        """
        out: Tensor = self.synthesis(self.mapping(z, labels), **synthesis)
        return out

    def styles(self, w: Tensor) -> list[Tensor]:
        """W (B,w_dim) or W+ (B,num_ws,w_dim) -> the styles of all layers, (B,C_l) each, toRGB included."""
        return self.synthesis.styles(w)

    def synthesis_from_styles(
        self, styles: Styles, noise: str = "const", rng: torch.Generator | None = None
    ) -> Tensor:
        """Styles, as a list in the order of `styles` or by the names of `style_names` -> (B,3,H,W)."""
        if isinstance(styles, Mapping):
            missing = [name for name in self.style_names if name not in styles]
            if missing:
                raise UsageError(f"the latent lacks the styles {', '.join(missing)}")
            styles = [styles[name] for name in self.style_names]
        return self.synthesis.from_styles(styles, noise, rng)

    def init(self, batch: int, rng: torch.Generator) -> Tensor:
        """W+ codes (batch,num_ws,w_dim) of random z, untruncated; the first k do not depend on `batch`."""
        z = torch.stack([torch.randn(self.z_dim, generator=rng, device=rng.device) for _ in range(batch)])
        with torch.no_grad():
            w: Tensor = self.mapping(z.to(self.w_avg.device))
        return w

    def decode(
        self, latent: Tensor | Styles, noise: str = "const", rng: torch.Generator | None = None
    ) -> Tensor:
        """W, W+ or styles -> Images (B,3,H,W) in [0,1]; gradients pass where the range cuts."""
        if isinstance(latent, Tensor):
            raw = self.synthesis(latent, noise, rng)
        else:
            raw = self.synthesis_from_styles(latent, noise, rng)
        images: Tensor = _ClampStraightThrough.apply(raw * 0.5 + 0.5)
        return images
