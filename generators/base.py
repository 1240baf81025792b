"""What a generator is, and the table of those that are known by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from .._base import Entry, NameTable

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Latent: TypeAlias = Tensor | Sequence[Tensor] | Mapping[str, Tensor]
    Images: TypeAlias = Tensor
else:
    # Only names for readers of annotations: torch is not imported here.
    Latent = Images = object


@runtime_checkable
class Generator(Protocol):
    """Turns latents into pictures.

    A latent is a tensor (B,...), a sequence of such tensors, or a flat mapping name -> tensor.
    """

    differentiable: bool

    def init(self, batch: int, rng: torch.Generator) -> Latent:
        """Starting latents; the first k are the same for every `batch` >= k."""
        ...

    def decode(self, latent: Latent) -> Images:
        """Pictures (B,3,H,W), RGB, in [0,1]."""
        ...


GENERATORS = NameTable(
    kind="generator",
    entries={
        "stylegan2": Entry(".generators.stylegan2:StyleGAN2"),
        "shapes": Entry(".generators.shapes:Shapes"),
    },
    group="promptbrush.generators",
)
