"""Instance normalisation whose statistics can be those of another picture: what tiles of one picture share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_EPS = 1e-5


class InstanceNorm(nn.Module):
    """Channels of each picture to mean 0 and variance 1 (Ulyanov et al. 2016), then the scale and shift of a style.

    It has no parameters of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.known: tuple[Tensor, Tensor] | None = None
        self.takes_note = False

    def forward(self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None) -> Tensor:
        """x (B,C,H,W), scale and shift (B,C) or None -> (B,C,H,W)."""
        if self.takes_note:
            var, mean = torch.var_mean(x, dim=(2, 3), keepdim=True, correction=0)
            self.known = (mean, (var + _EPS).rsqrt())
        if self.known is None:
            return _at_once(x, scale, shift)
        mean, factor = self.known
        if scale is not None:
            factor = factor * scale[..., None, None]
        offset = -mean * factor
        if shift is not None:
            offset = offset + shift[..., None, None]
        return torch.addcmul(offset, x, factor)


def _at_once(x: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
    # One call for all pictures, each channel of each a channel of its own, is the fast way there is.
    rows = x.reshape(1, -1, *x.shape[2:])
    weight, bias = (None if each is None else each.reshape(-1).to(x.dtype) for each in (scale, shift))
    made = nn.functional.batch_norm(rows, None, None, weight, bias, training=True, eps=_EPS)
    return made.view(x.shape)


@contextmanager
def noting(network: nn.Module) -> Iterator[None]:
    """While this lasts, pictures leave their statistics in the network, for `forget` to take away.

    Pictures that come after are normalised by them.
    """
    norms = [each for each in network.modules() if isinstance(each, InstanceNorm)]
    for each in norms:
        each.takes_note = True
    try:
        yield
    finally:
        for each in norms:
            each.takes_note = False


def forget(network: nn.Module) -> None:
    """Normalise every picture by itself again."""
    for each in network.modules():
        if isinstance(each, InstanceNorm):
            each.known = None
