"""The latent spaces W, W+ and S of a StyleGAN2: starts, axes, moves (Karras et al. 2020, Wu et al. 2021)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..codes import SAMPLES, CodeSpace

if TYPE_CHECKING:
    from .generator import StyleGAN2

SMALLEST_SPREAD = 1e-3
Latent = Tensor | Mapping[str, Tensor]


class StyleGAN2Space(CodeSpace):
    """See `generators.base.LatentSpace`; codes are w, (B,w_dim), or W+, (B,num_ws,w_dim), and styles stand by name."""

    spaces = ("w", "w+", "s")

    def __init__(self, generator: StyleGAN2) -> None:
        self.generator = generator
        super().__init__(generator.w_dim, generator.num_ws, generator.z_dim, generator.w_avg.device)

    def sample(self, z: Tensor) -> Tensor:
        """w (N,w_dim) of z (N,z_dim), without truncation, of no class."""
        z, classes = z.to(self.device), self.generator.c_dim
        labels = torch.zeros(len(z), classes, device=z.device) if classes else None
        return self.generator.mapping.single(z, labels)

    def average(self, batch: int) -> Tensor:
        """The mean w for every layer, (batch,num_ws,w_dim)."""
        return self.generator.w_avg.repeat(batch, self.layers, 1)

    def start(self, latent: Any, space: str) -> Latent:
        """A latent in W, W+ or S; styles stay what they are.

        Raises:
            ValueError: styles in another space: no w leads to them.
        """
        if not isinstance(latent, Tensor):
            if space != "s":
                raise ValueError(f"the latent is in S, and the space is {space}; choose the space s")
            return dict(latent)
        found: Tensor = super().start(latent, "w+" if space == "s" else space)
        return self._styles(found) if space == "s" else found

    def _styles(self, plus: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.generator.style_names, self.generator.styles(plus), strict=True))

    @torch.no_grad()
    def axes(self, space: str) -> Latent:
        """As of codes in W and W+; in S the standard deviations (C,) by name, for there every channel has a meaning."""
        if space != "s":
            found: Tensor = super().axes(space)
            return found
        w = self.random(SAMPLES, torch.Generator().manual_seed(0))
        styles = self._styles(w[:, None].expand(-1, self.layers, -1))
        return {name: style.std(dim=0).clamp(min=SMALLEST_SPREAD) for name, style in styles.items()}

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
            super().check(latent)
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
