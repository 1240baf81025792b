"""Depthwise convolutions whose gradients are fast in bfloat16 on CPUs.

Of a depthwise convolution in bfloat16 the forward pass is fast, but the gradient of the picture through a stride, and
that of the filters, take up to fifty times as long as in float32. These two are computed in float32, the rest stays.
"""

from __future__ import annotations

import types
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers.padding import pad_same
from torch import Tensor, nn


class _Depthwise(torch.autograd.Function):
    """x (B,C,H,W), filters (C,1,k,k) -> (B,C,H',W')."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, filters: Tensor, stride: list[int], padding: list[int]) -> Tensor:
        ctx.save_for_backward(x, filters)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, filters, None, stride, padding, 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (grad,), (x, filters) = grads, ctx.saved_tensors

        def part(which: list[bool], precise: bool) -> list[Tensor]:
            dtype = torch.float32 if precise else x.dtype
            given = (grad.to(dtype), x.to(dtype), filters.to(dtype))
            geometry = (ctx.stride, ctx.padding, [1, 1], False, [0, 0], x.shape[1])
            made: list[Tensor] = torch.ops.aten.convolution_backward(*given, None, *geometry, which)
            return made

        to_x = to_filters = None
        if ctx.needs_input_grad[0]:
            to_x = part([True, False, False], max(ctx.stride) > 1)[0].to(x.dtype)
        if ctx.needs_input_grad[1]:
            to_filters = part([False, True, False], True)[1].to(filters.dtype)
        return to_x, to_filters, None, None


def _forward(self: nn.Conv2d, x: Tensor) -> Tensor:
    filters = self.weight
    if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return type(self).forward(self, x)
    x, filters = (value.to(torch.get_autocast_dtype("cpu")) for value in (x, filters))
    padding = [int(each) for each in self.padding]
    # timm's layers with TensorFlow's padding pad by hand, more at the end.
    if type(self).__name__ == "Conv2dSame":
        x, padding = pad_same(x, list(self.kernel_size), list(self.stride)), [0, 0]
    made: Tensor = _Depthwise.apply(x, filters, list(self.stride), padding)
    return made


def quicken(model: nn.Module) -> nn.Module:
    """Give the depthwise convolutions of a model the fast gradients; returns the model, whose results stay.

    Only convolutions without bias and dilation and with zeros around are touched, and only on CPUs under autocast.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and _suits(module):
            module.forward = types.MethodType(_forward, module)  # type: ignore[method-assign]
    return model


def _suits(module: nn.Conv2d) -> bool:
    depthwise = module.groups == module.in_channels == module.out_channels > 1
    plain = module.bias is None and max(module.dilation) == 1 and module.padding_mode == "zeros"
    return depthwise and plain and not isinstance(module.padding, str)
