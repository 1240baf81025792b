"""Speed of a StyleGAN2 synthesis with gradients: ours against the straightforward formulation, in one run.

    python benchmarks/stylegan2.py --resolution 1024 --batch 1 --repeats 3

Straightforward: float32, one grouped convolution with every sample's own modulated weights, resampling with
the two-dimensional filter on zero-stuffed pictures. Ours: the package's network under bfloat16 autocast. Both
have the same random weights and draw the same picture; the largest difference is printed. `--gradient w` is
what editing needs (weights frozen), `--gradient all` what training needs.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from promptbrush.generators.stylegan2 import StyleGAN2, StyleGAN2Config, default_channels
from torch import Tensor

State = dict[str, Tensor]


def filter_2d(x: Tensor, pads: tuple[int, int, int, int], gain: float, up: int = 1) -> Tensor:
    """Stuff with zeros, pad, and convolve every channel with the 4x4 filter."""
    batch, channels, height, width = x.shape
    if up > 1:
        x = x.reshape(batch, channels, height, 1, width, 1)
        x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1)).reshape(batch, channels, height * up, width * up)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = (torch.outer(taps, taps) * (gain / 64)).expand(channels, 1, 4, 4)
    return F.conv2d(F.pad(x, pads), kernel, groups=channels)


def plain_conv(x: Tensor, weight: Tensor, style: Tensor, demodulate: bool, up: bool) -> Tensor:
    """Modulated convolution with one group a sample."""
    batch, size = len(x), weight.shape[-1]
    own = weight[None] * style[:, None, :, None, None]
    if demodulate:
        own = own * (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    x = x.reshape(1, -1, *x.shape[2:])
    if up:
        flat = own.transpose(1, 2).flatten(0, 1)
        x = F.conv_transpose2d(x, flat, stride=2, groups=batch)
        x = filter_2d(x, (1, 1, 1, 1), gain=4)
    else:
        x = F.conv2d(x, own.flatten(0, 1), padding=size // 2, groups=batch)
    return x.reshape(batch, -1, *x.shape[2:])


def plain_style(state: State, name: str, w: Tensor) -> Tensor:
    weight = state[f"{name}.affine.weight"]
    return F.linear(w, weight / math.sqrt(weight.shape[1]), state[f"{name}.affine.bias"])


def plain_layer(state: State, name: str, x: Tensor, w: Tensor, up: bool) -> Tensor:
    x = plain_conv(x, state[f"{name}.weight"], plain_style(state, name, w), True, up)
    x = x + state[f"{name}.noise_const"] * state[f"{name}.noise_strength"]
    return F.leaky_relu(x + state[f"{name}.bias"][:, None, None], 0.2) * math.sqrt(2)


def plain_synthesis(state: State, resolution: int, ws: Tensor) -> Tensor:
    """The same picture as StyleGAN2.synthesis(ws) (skip architecture, no clamp)."""
    x = state["synthesis.b4.const"].expand(len(ws), -1, -1, -1)
    img, index = torch.zeros([]), 0
    for size in (2**i for i in range(2, resolution.bit_length())):
        block = f"synthesis.b{size}"
        if size > 4:
            x = plain_layer(state, f"{block}.conv0", x, ws[:, index], up=True)
            img = filter_2d(img, (2, 1, 2, 1), gain=4, up=2)
            index += 1
        x = plain_layer(state, f"{block}.conv1", x, ws[:, index], up=False)
        index += 1
        weight = state[f"{block}.torgb.weight"]
        style = plain_style(state, f"{block}.torgb", ws[:, index]) / math.sqrt(weight.shape[1])
        img = img + plain_conv(x, weight, style, False, False) + state[f"{block}.torgb.bias"][:, None, None]
    return img


def ours(model: StyleGAN2, ws: Tensor, dtype: torch.dtype) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        out: Tensor = model.synthesis(ws, "const")
        return out


def seconds(step: Callable[[Tensor], Tensor], inputs: list[Tensor], repeats: int) -> tuple[float, float]:
    """Median seconds of (forward, forward + backward), after one run to warm up."""
    forward, both = [], []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        images = step(inputs[0])
        forward.append(time.perf_counter() - start)
        torch.autograd.grad(images.square().mean(), inputs)
        both.append(time.perf_counter() - start)
    return statistics.median(forward[1:]), statistics.median(both[1:])


def build(resolution: int, trained: bool) -> StyleGAN2:
    torch.manual_seed(0)
    model = StyleGAN2(StyleGAN2Config(resolution=resolution, channels=default_channels(resolution)))
    for layer in model.synthesis.convs():
        layer.noise_strength.data.fill_(0.1)
    return model.eval().requires_grad_(trained)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--resolution", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--gradient", choices=["w", "all"], default="w")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trained = options.gradient == "all"
    model = build(options.resolution, trained)
    ws = model.init(options.batch, torch.Generator().manual_seed(1)).requires_grad_()
    inputs = [ws, *(model.synthesis.parameters() if trained else [])]
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    rows: list[tuple[str, Callable[[Tensor], Tensor]]] = [
        ("straightforward, float32, grouped", lambda w: plain_synthesis(state, options.resolution, w)),
        ("ours, float32", lambda w: ours(model, w, torch.float32)),
        ("ours, bfloat16 autocast", lambda w: ours(model, w, torch.bfloat16)),
    ]
    with torch.no_grad():
        reference = rows[0][1](ws)
    size = f"{options.resolution} px, batch {options.batch}, {options.threads} threads, gradient of {options.gradient}"
    print(f"{size}; medians of {options.repeats}")
    print(f"{'':36}{'forward':>10}{'+ backward':>12}{'speed-up':>10}{'max diff':>12}")
    baseline = 0.0
    for name, step in rows:
        forward, both = seconds(step, inputs, options.repeats)
        baseline = baseline or both
        with torch.no_grad():
            difference = float((step(ws) - reference).abs().max() / reference.abs().max())
        print(f"{name:36}{forward:9.3f}s{both:11.3f}s{baseline / both:9.2f}x{difference:12.1e}")


if __name__ == "__main__":
    main()
