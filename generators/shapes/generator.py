"""Pictures made of shapes, as a generator: a latent holds the numbers of all shapes, decoding draws them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..._base import UsageError, did_you_mean
from .decoding import Limits, bounded, bounds, relative, within
from .forms import COLOUR, LARGEST, MODES, MOST, Mode, Size
from .kinds import Kind, kind_of


class Shapes(nn.Module):
    """Draws shapes over a background (ES-CLIP, Tian & Ha 2021, arXiv 2109.08857).

    `smooth` draws antialiased and can be differentiated; `pillow` draws triangles by the published decoding, to the
    pixel as the original does with Pillow.

    Args:
        kind: "triangle", "quadrilateral", "ellipse", "rectangle", "line" or "bezier".
        count: how many shapes, 1 to 10,000.
        size: height and width of the canvas, 1 to 8,192 each.
        mode: "smooth" or "pillow".
        background: red, green, blue in [0,1].
        limits: of opacity and colours, for "smooth".
        coordinate_scale, alpha_scale: as of `relative`, for "pillow".

    Raises:
        UsageError: a number or name out of bounds.
    """

    def __init__(
        self,
        kind: str = "triangle",
        count: int = 50,
        size: Size = (224, 224),
        mode: Mode = "smooth",
        background: Sequence[float] = (1.0, 1.0, 1.0),
        limits: Limits | None = None,
        coordinate_scale: float = 1.0,
        alpha_scale: float = 0.5,
    ) -> None:
        super().__init__()
        _check(kind, count, size, mode)
        self.kind: Kind = kind_of(kind)
        self.count, self.size, self.mode = count, size, mode
        self.limits = limits or Limits()
        self.coordinate_scale, self.alpha_scale = coordinate_scale, alpha_scale
        self.background: Tensor
        self.register_buffer("background", torch.tensor([*background], dtype=torch.float32))

    @property
    def differentiable(self) -> bool:
        """Whether gradients of the pictures reach the latent."""
        return self.mode == "smooth"

    @property
    def columns(self) -> tuple[str, ...]:
        """What the numbers of a shape are, in their order."""
        return (*self.kind.columns, *COLOUR)

    def at(self, size: Size) -> Shapes:
        """The same shapes on another canvas."""
        other = Shapes(
            self.kind.name,
            self.count,
            size,
            self.mode,
            self.background.tolist(),
            self.limits,
            self.coordinate_scale,
            self.alpha_scale,
        )
        return other.to(self.background.device)

    def init(self, batch: int, rng: torch.Generator) -> Tensor:
        """Random shapes, a fifth of the canvas large, in all places and colours: (batch, count * columns)."""
        drawn = [self._random(rng) for _ in range(batch)]
        return torch.stack(drawn).to(self.background.device)

    def _random(self, rng: torch.Generator) -> Tensor:
        numbers = torch.rand(self.count, len(self.columns), generator=rng)
        low, high = bounds(self.kind, self.limits)
        middles = torch.rand(self.count, 2, generator=rng)
        for column, place in enumerate(self.kind.places):
            if place:
                offset = (numbers[:, column] - 0.5) * 0.4
                numbers[:, column] = middles[:, "yx".index(self.kind.columns[column][0])] + offset
            elif self.kind.columns[column] != "angle":
                numbers[:, column] = 0.04 + 0.16 * numbers[:, column]
        numbers[:, -1] = low[-1] + (high[-1] - low[-1]) * (0.3 + 0.4 * numbers[:, -1])
        return numbers.flatten()

    def kept(self, numbers: Tensor) -> Tensor:
        """Numbers (...,N,D) within the bounds and colours that decoding keeps them to, for mode "smooth"."""
        return within(numbers, self.kind, self.limits)

    def outlines(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Corners (B,N,K,2) in pixels and colours (B,N,4) of latents; whole numbers to 255 in "pillow" mode."""
        numbers = latent.reshape(len(latent), -1, len(self.columns))
        if self.mode == "pillow":
            return relative(numbers, self.size, self.coordinate_scale, self.alpha_scale)
        return bounded(numbers, self.kind, self.size, self.limits)

    def decode(self, latent: Tensor, background: Tensor | None = None) -> Tensor:
        """Pictures of latents.

        Args:
            latent: (B, N * columns); N may differ from `count`.
            background: (B,3,H,W) in [0,1]; the generator's own colour by default.

        Returns:
            (B,3,H,W) in [0,1].
        """
        corners, colours = self.outlines(latent)
        if background is None:
            background = self.background[:, None, None].expand(len(latent), 3, *self.size)
        if self.mode == "pillow":
            return _exact(corners, colours, (background * 255).to(torch.uint8)).float() / 255
        return _smooth(corners, colours, background).clamp(0, 1)

    def errors(self, latent: Tensor, backgrounds: Tensor, target: Tensor, absolute: bool = False) -> Tensor:
        """How far the pictures of latents (B,M) in mode "pillow" are from a target of whole levels.

        Args:
            backgrounds: (R,3,H,W) uint8. target: (3,H,W) uint8.
            absolute: absolute differences in place of squared ones.

        Returns:
            (B,) means over backgrounds, pixels and channels, of values in [0,1].
        """
        corners, colours = self.outlines(latent)
        if corners.device.type == "cpu":
            from . import spans

            return spans.errors(corners, colours, backgrounds, target, absolute)
        found = []
        for background in backgrounds:
            drawn = _exact(corners, colours, background.expand(len(latent), -1, -1, -1))
            away = drawn.float() / 255 - target.float() / 255
            found.append((away.abs() if absolute else away.square()).flatten(1).mean(1))
        return torch.stack(found).mean(0)

    def forward(self, latent: Tensor) -> Tensor:
        """As `decode`."""
        return self.decode(latent)


def _smooth(corners: Tensor, colours: Tensor, background: Tensor) -> Tensor:
    # The compiled renderers are imported when they are needed: compiling takes seconds the first time.
    if corners.device.type == "cpu":
        from . import coverage

        return coverage.smooth(corners, colours, background)
    from . import raster

    return raster.smooth(corners, colours, background)


def _exact(corners: Tensor, colours: Tensor, background: Tensor) -> Tensor:
    if corners.device.type == "cpu":
        from . import spans

        return spans.exact(corners, colours, background)
    from . import raster

    return raster.exact(corners, colours, background)


def _check(kind: str, count: int, size: Size, mode: str) -> None:
    if mode not in MODES:
        raise UsageError(
            f"mode '{mode}' is not known{did_you_mean(mode, [*MODES])}; known: {', '.join(MODES)}"
        )
    if mode == "pillow" and kind_of(kind).name != "triangle":
        raise UsageError(f"mode 'pillow' draws triangles, not '{kind}'; use mode 'smooth'")
    if not 1 <= count <= MOST:
        raise UsageError(f"count is {count}; give 1 to {MOST:,} shapes")
    if not all(1 <= side <= LARGEST for side in size):
        raise UsageError(f"the canvas is {size[1]} x {size[0]}; give 1 to {LARGEST:,} pixels a side")
