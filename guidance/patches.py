"""CLIPstyler's patch loss: every view of the picture should have moved in CLIP's space the way the texts did.

Kwon and Ye 2022, section 3.2. A view whose loss is below a threshold counts as done (eq. 4), so that parts that took
the style early are not driven further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .._base import UsageError
from .clip import Directional, DirectionSettings, Member, cosine_distance
from .cutouts import Cutouts
from .objective import Context, Objective, Start, choice, for_batch, read_settings, seeds_of

VIEWS = ("inside", "published")
_DISTORTION = 0.5


@dataclass(frozen=True)
class PatchSettings(DirectionSettings):
    """How a picture is looked at.

    Attributes:
        count: views a step.
        scale: smallest and largest side of a view, as a fraction of the picture's shorter side; with views "published"
            the largest alone.
        threshold: losses below it count as 0.
        views: "inside" looks at crops in perspective with nothing but the picture in them, antialiased; "published"
            lays crops of one size in perspective on black.
    """

    count: int = 64
    scale: tuple[float, float] = (0.2, 0.5)
    threshold: float = 0.7
    views: str = "inside"


class Patches(Directional):
    """The mean over random views of 1 - cos of the picture's move and the texts', without those below the threshold.

    The move is the one from the whole picture at the start to the view.

    Raises:
        UsageError: as for `Directional`, unknown views, or no count.
    """

    def __init__(self, start: Start, settings: PatchSettings, name: str = "patches") -> None:
        choice(settings.views, VIEWS, "views")
        if settings.count < 1:
            raise UsageError(f"the objective '{name}' needs a count of 1 or more, not {settings.count}")
        super().__init__(start, settings, name)
        self.settings = settings

    def member_loss(self, member: Member, images: Tensor, context: Context) -> Tensor:
        seeds, count = seeds_of(context, self.name), self.views_of(member, self.settings.count)
        views = self._views(images, seeds, member.perceptor.image_size, count)
        origin = for_batch(member.origin, len(images), "images").repeat_interleave(count, 0)
        move = F.normalize(member.perceptor.encode_image(views) - origin, dim=-1, eps=self.floor)
        losses = accepted(cosine_distance(move[:, None], member.rows), self.settings.threshold)
        return member.average(losses.view(len(images), count, -1).mean(1))

    def _views(self, images: Tensor, seeds: Sequence[int], size: int, count: int) -> Tensor:
        settings = self.settings
        if settings.views == "inside":
            cutouts = Cutouts(count, size, settings.scale, perspective=0.5, flip=0.0, jitter=0.0)
            return cutouts(images, seeds)[0]
        side = max(1, round(settings.scale[1] * min(images.shape[-2:])))
        views = [
            perspective_crops(image[None], *published_draws(seed, count, side, image.shape[-2:]), side)
            for image, seed in zip(images, seeds, strict=True)
        ]
        return F.interpolate(torch.cat(views), (size, size), mode="bilinear", align_corners=False)


def accepted(losses: Tensor, threshold: float) -> Tensor:
    """Losses, 0 where they are below the threshold."""
    return torch.where(losses < threshold, torch.zeros_like(losses), losses)


def published_draws(
    seed: int, count: int, side: int, of: Sequence[int], distortion: float = _DISTORTION
) -> tuple[Tensor, Tensor, Tensor]:
    """Where views lie, as torchvision's random crop and random perspective draw it.

    Args:
        of: height and width of the picture, `side` at least.

    Returns:
        Top left corners (count,2) as (row, column), and the corners of the crops, (count,4,2) as (x, y) clockwise from
        the top left, before and after the change of perspective.
    """
    rng = torch.Generator().manual_seed(seed)
    rows, columns = (torch.randint(whole - side + 1, (count,), generator=rng) for whole in of)
    inwards = torch.randint(int(distortion * (side // 2)) + 1, (count, 4, 2), generator=rng)
    last = side - 1
    before = torch.tensor([[0, 0], [last, 0], [last, last], [0, last]]).expand(count, 4, 2)
    signs = torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    return torch.stack([rows, columns], dim=1), before, before + signs * inwards


def perspective_crops(images: Tensor, corners: Tensor, before: Tensor, after: Tensor, side: int) -> Tensor:
    """Crops of one picture (1,3,H,W) in perspective on black, all in one sampling: (N,3,side,side).

    The numbers are torchvision's: pixels at the border are weighted twice by how much of the picture is in them.

    Args:
        corners: (N,2), rows and columns of the crops' top left.
        before, after: (N,4,2), as `published_draws` gives them.
    """
    crops = torch.stack(
        [images[0, :, row : row + side, column : column + side] for row, column in corners.tolist()]
    )
    grid = _grid(_coefficients(before, after), side).to(images)
    with_mask = torch.cat([crops, torch.ones_like(crops[:, :1])], dim=1)
    seen = F.grid_sample(with_mask, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return seen[:, :3] * seen[:, 3:]


def _coefficients(before: Tensor, after: Tensor) -> Tensor:
    """(N,8): a projection x = (a x' + b y' + c) / (g x' + h y' + 1), and y alike, that takes `after` to `before`."""
    x, y = after.double().unbind(-1)
    u, v = before.double().unbind(-1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    across = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=-1)
    down = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=-1)
    found: Tensor = torch.linalg.solve(torch.cat([across, down], dim=1), torch.cat([u, v], dim=1))
    return found


def _grid(coefficients: Tensor, side: int) -> Tensor:
    """Where to sample, (N,side,side,2) in `grid_sample`'s coordinates, at the middles of pixels."""
    place = torch.arange(side, dtype=torch.float64) + 0.5
    x, y = place.view(1, 1, -1), place.view(1, -1, 1)
    a, b, c, d, e, f, g, h = (each.view(-1, 1, 1) for each in coefficients.unbind(-1))
    under = g * x + h * y + 1
    return torch.stack([(a * x + b * y + c) / under, (d * x + e * y + f) / under], dim=-1) / (side / 2) - 1


def patches(settings: Mapping[str, Any], start: Start) -> Objective:
    """The moves of random views against the direction of the texts (CLIPstyler)."""
    return Patches(start, read_settings(PatchSettings, settings, "patches"))
