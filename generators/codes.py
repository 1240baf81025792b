"""A latent space of plain codes, ready for any generator whose latents are vectors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

SAMPLES = 2048
# Components whose deviation is below this fraction of the largest are noise.
_SMALLEST_COMPONENT = 0.01


class CodeSpace:
    """See `base.LatentSpace`; a code is w, (B,D), or W+, (B,L,D), with one for each layer.

    A generator with a network from z to w overrides `sample`, one with latents of another form the rest as well.

    Args:
        code_dim: numbers of a code.
        layers: how many codes W+ has; 1 for generators that take one.
        z_dim: of the normal numbers that codes are made of, if there are not as many as in a code.
        device: of the codes.
    """

    spaces: tuple[str, ...] = ("w", "w+")

    def __init__(
        self, code_dim: int, layers: int = 1, z_dim: int | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self.code_dim, self.layers, self.z_dim = code_dim, layers, z_dim or code_dim
        self.device = torch.device(device)

    def sample(self, z: Tensor) -> Tensor:
        """w (N,D) of z (N,z_dim): the same numbers, if nothing lies between."""
        return z.to(self.device)

    def random(self, count: int, rng: torch.Generator) -> Tensor:
        """Random w (count,D)."""
        return self.sample(torch.randn(count, self.z_dim, generator=rng))

    def average(self, batch: int) -> Tensor:
        """The mean w for every layer, (batch,L,D)."""
        with torch.no_grad():
            w = self.random(SAMPLES, torch.Generator().manual_seed(0))
        return w.mean(dim=0).repeat(batch, self.layers, 1)

    def start(self, latent: Any, space: str) -> Any:
        """A latent in W or W+; W is the mean over the layers of W+.

        Raises:
            ValueError: another space, or named tensors.
        """
        if space not in self.spaces:
            raise ValueError(
                f"space is '{space}', and this generator has {', '.join(self.spaces)}; choose one of these"
            )
        if not isinstance(latent, Tensor):
            raise ValueError(f"the latent has named parts, which {space} has not; give one W or W+")
        if space == "w":
            return latent if latent.ndim == 2 else latent.mean(dim=1)
        return latent[:, None].expand(-1, self.layers, -1).contiguous() if latent.ndim == 2 else latent

    @torch.no_grad()
    def axes(self, space: str) -> Any:  # noqa: ARG002
        """The principal components of w, (K,D), largest first (Härkönen et al. 2020, GANSpace)."""
        w = self.random(SAMPLES, torch.Generator().manual_seed(0))
        # On the CPU, for MPS has no SVD; signs do not matter to a descent.
        _, lengths, directions = torch.linalg.svd((w - w.mean(dim=0)).cpu().float(), full_matrices=False)
        deviations = lengths / len(w) ** 0.5
        kept = deviations >= _SMALLEST_COMPONENT * deviations[0]
        return (directions * deviations[:, None])[kept].to(w)

    def move(self, latent: Any, step: Tensor, fixed: Collection[str] = ()) -> Any:  # noqa: ARG002
        """The latent after a step in W, (D,), of all layers together."""
        return latent + step

    def fixed(self, space: str) -> Collection[str]:  # noqa: ARG002
        """Nothing: a code has no named parts."""
        return ()

    def check(self, latent: Any) -> None:
        """Raises ValueError for anything but W (1,D) or W+ (1,L,D)."""
        if not isinstance(latent, Tensor):
            raise ValueError(f"holds {len(latent)} named tensors; this generator takes one W or W+")
        wanted = ((1, self.code_dim), (1, self.layers, self.code_dim))
        if tuple(latent.shape) not in wanted:
            raise ValueError(
                f"holds {tuple(latent.shape)}; this generator takes one W {wanted[0]} or W+ {wanted[1]}"
            )
