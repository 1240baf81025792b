"""The latent spaces W, W+ and S of a StyleGAN2: starts, axes, moves (Karras et al. 2020, Wu et al. 2021)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .generator import StyleGAN2

SMALLEST_SPREAD = 1e-3
_SAMPLES = 2048
# Components whose deviation is below this fraction of the largest are noise of the mapping network.
_SMALLEST_COMPONENT = 0.01
Latent = Tensor | Mapping[str, Tensor]


class StyleGAN2Space:
    """See `generators.base.LatentSpace`; codes are w, (B,w_dim), or W+, (B,num_ws,w_dim)."""

    spaces = ("w", "w+", "s")

    def __init__(self, generator: StyleGAN2) -> None:
        self.generator = generator
        self.z_dim, self.code_dim, self.layers = generator.z_dim, generator.w_dim, generator.num_ws

    def sample(self, z: Tensor) -> Tensor:
        """w (N,w_dim) of z (N,z_dim), without truncation, of no class."""
        z = z.to(self.generator.w_avg.device)
        classes = self.generator.c_dim
        labels = torch.zeros(len(z), classes, device=z.device) if classes else None
        return self.generator.mapping.single(z, labels)

    def average(self, batch: int) -> Tensor:
        """The mean w for every layer, (batch,num_ws,w_dim)."""
        return self.generator.w_avg.repeat(batch, self.layers, 1)

    def start(self, latent: Any, space: str) -> Latent:
        """A latent in W, W+ or S; W is the mean over the layers of W+, and styles stay what they are.

        Raises:
            ValueError: styles in another space: no w leads to them.
        """
        if not isinstance(latent, Tensor):
            if space != "s":
                raise ValueError(f"the latent is in S, and the space is {space}; choose the space s")
            return dict(latent)
        if space == "w":
            return latent if latent.ndim == 2 else latent.mean(dim=1)
        plus = latent[:, None].expand(-1, self.layers, -1).contiguous() if latent.ndim == 2 else latent
        return plus if space == "w+" else self._styles(plus)

    def _styles(self, plus: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.generator.style_names, self.generator.styles(plus), strict=True))

    @torch.no_grad()
    def axes(self, space: str) -> Latent:
        """In W and W+ the principal components of w, (K,w_dim), largest first (Härkönen et al. 2020, GANSpace).

        In S the standard deviations (C,) by name, for there every channel has a meaning of its own.
        """
        w = self.random(_SAMPLES, torch.Generator().manual_seed(0))
        if space == "s":
            styles = self._styles(w[:, None].expand(-1, self.layers, -1))
            return {name: style.std(dim=0).clamp(min=SMALLEST_SPREAD) for name, style in styles.items()}
        # On the CPU, for MPS has no SVD; signs do not matter to a descent.
        _, lengths, directions = torch.linalg.svd((w - w.mean(dim=0)).cpu().float(), full_matrices=False)
        deviations = lengths / len(w) ** 0.5
        kept = deviations >= _SMALLEST_COMPONENT * deviations[0]
        axes: Tensor = (directions * deviations[:, None])[kept].to(w)
        return axes

    def random(self, count: int, rng: torch.Generator) -> Tensor:
        """Random w (count,w_dim)."""
        return self.sample(torch.randn(count, self.z_dim, generator=rng))

    def move(self, latent: Any, step: Tensor, fixed: Collection[str] = ()) -> Latent:
        """The latent after a step in W, (w_dim,), of all layers together; styles in `fixed` stay.

        Styles follow w along straight lines, so a step in W is one of theirs wherever they are.
        """
        if isinstance(latent, Tensor):
            return latent + step
        still = torch.zeros_like(self.generator.w_avg).expand(1, self.layers, -1)
        here, there = self._styles(still), self._styles(still + step)
        moves = {name: there[name] - here[name] for name in here if name not in fixed}
        return {name: style + moves[name] if name in moves else style for name, style in latent.items()}

    def fixed(self, space: str) -> list[str]:
        """The toRGB styles in S, which change colours alone."""
        return [name for name in self.generator.style_names if name.endswith("torgb")] if space == "s" else []

    def check(self, latent: Any) -> None:
        """Raises ValueError for anything but W (1,w_dim), W+ (1,num_ws,w_dim) or this generator's styles."""
        if isinstance(latent, Tensor):
            wanted = ((1, self.code_dim), (1, self.layers, self.code_dim))
            if tuple(latent.shape) not in wanted:
                raise ValueError(
                    f"holds {tuple(latent.shape)}; this generator takes one W {wanted[0]} or W+ {wanted[1]}"
                )
            return
        shapes = {name: tuple(each.shape) for name, each in self._styles(self.average(1)).items()}
        if set(latent) != set(shapes):
            raise ValueError(
                f"holds {len(latent)} named tensors; this generator takes one W, one W+, "
                f"or the {len(shapes)} styles {', '.join(shapes)[:60]}..."
            )
        for name, shape in shapes.items():
            if (found := tuple(latent[name].shape)) != shape:
                raise ValueError(
                    f"its style {name} is {found}, this generator's {shape}; give a latent of this generator"
                )
