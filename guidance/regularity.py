"""Terms that keep a result smooth, and near the latent that it started from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .._base import UsageError
from .objective import Context, Latent, Objective, Start, choice, for_batch, read_settings, required

TV_FORMS = ("frobenius", "mean")
REDUCTIONS = ("sum", "mean")


@dataclass(frozen=True)
class TotalVariationSettings:
    """Settings of `tv`: the form is "frobenius" (CLIPstyler's) or "mean"."""

    form: str = "frobenius"


@dataclass(frozen=True)
class LatentSettings:
    """Settings of `latent`.

    Args:
        reduction: "sum" (StyleCLIP's optimisation) or "mean" (its mapper).
    """

    reduction: str = "sum"


@dataclass(frozen=True)
class PictureSettings:
    """Settings of `picture`: colours nearer than `edge` (of 1) hardly count."""

    edge: float = 0.02


class TotalVariation(Objective):
    """How much neighbouring pixels differ, in one of the forms below.

    Raises:
        UsageError: an unknown form.
    """

    def __init__(self, form: str = "frobenius", name: str = "tv") -> None:
        super().__init__(name)
        self.form = choice(form, TV_FORMS, "form")

    def loss(self, images: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        return frobenius_variation(images) if self.form == "frobenius" else mean_variation(images)


def frobenius_variation(images: Tensor) -> Tensor:
    """Sum of the norms of the horizontal, vertical and two diagonal differences (CLIPstyler), (B,).

    Args:
        images: (B,C,H,W) of any range.
    """
    left, right = images[..., :-1], images[..., 1:]
    differences = (
        left - right,
        images[..., :-1, :] - images[..., 1:, :],
        left[..., :-1, :] - right[..., 1:, :],
        left[..., 1:, :] - right[..., :-1, :],
    )
    return torch.stack([difference.flatten(1).norm(dim=1) for difference in differences]).sum(dim=0)


def mean_variation(images: Tensor) -> Tensor:
    """Mean absolute difference of horizontal plus that of vertical neighbours (Rudin et al. 1992), (B,).

    It does not grow with the size of the picture. A side of one pixel has no neighbours and adds 0.
    """
    horizontal = (images[..., 1:] - images[..., :-1]).abs().flatten(1)
    vertical = (images[..., 1:, :] - images[..., :-1, :]).abs().flatten(1)
    return sum((d.mean(dim=1) for d in (horizontal, vertical) if d.shape[1]), images.new_zeros(len(images)))


class LatentDistance(Objective):
    """Squared distance from the latent that the edit started from.

    "sum" adds up all elements of all parts (StyleCLIP's optimisation); "mean" is the mean over each part's
    elements, added up over the parts (its mapper, which has one part in W+ and one a layer in style space).

    Args:
        origin: W (1 or B,D), W+ (1 or B,L,D), or a list or mapping of such tensors.

    Raises:
        UsageError: an unknown reduction; when called, no latent, or one of another form.
    """

    def __init__(self, origin: Latent, reduction: str = "sum", name: str = "latent") -> None:
        super().__init__(name)
        self.reduction = choice(reduction, REDUCTIONS, "reduction")
        self.shapes = {key: part.shape[1:] for key, part in _parts(origin).items()}
        for key, part in _parts(origin).items():
            self.register_buffer(f"origin_{key}", part.detach().clone(), persistent=False)

    def loss(self, images: Tensor, context: Context) -> Tensor:
        if context.latent is None:
            raise UsageError(f"the objective '{self.name}' needs the latent that the pictures were made of")
        parts = _parts(context.latent)
        shapes = {key: part.shape[1:] for key, part in parts.items()}
        # Compared outright, because W minus W+ would broadcast to nonsense.
        if shapes != self.shapes:
            raise UsageError(f"the latent is made of {_told(shapes)}, the start's of {_told(self.shapes)}")
        squares = [(part - self._origin(key, len(images))).square().flatten(1) for key, part in parts.items()]
        reduced = [square.sum(dim=1) if self.reduction == "sum" else square.mean(dim=1) for square in squares]
        return torch.stack(reduced).sum(dim=0)

    def _origin(self, key: str, batch: int) -> Tensor:
        return for_batch(self.get_buffer(f"origin_{key}"), batch, "latents")


class PictureDistance(Objective):
    """How far the colours are from those of the start's picture, mean over the pixels (Charbonnier et al. 1994).

    Nearly the plain distance, not its square: many pixels that change a little cost as much as few that change
    much, so that an edit stays where it belongs.

    Args:
        origin: (1 or B,3,H,W) in [0,1].

    Raises:
        UsageError: an edge that is not above 0.
    """

    origin: Tensor

    def __init__(self, origin: Tensor, edge: float = 0.02, name: str = "picture") -> None:
        super().__init__(name)
        if not edge > 0:
            raise UsageError(f"the setting edge of '{name}' must be above 0, not {edge}")
        self.edge = edge
        self.register_buffer("origin", origin.detach().clone(), persistent=False)

    def loss(self, images: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        squares = (images - for_batch(self.origin, len(images), "images")).square().sum(dim=1)
        return ((squares + self.edge**2).sqrt() - self.edge).mean(dim=(1, 2))


def _parts(latent: Latent) -> dict[str, Tensor]:
    if isinstance(latent, Tensor):
        return {"latent": latent}
    if isinstance(latent, Mapping):
        # A buffer's name has no dot; the order is the names', whatever the mapping's is.
        return {key.replace(".", "_"): latent[key] for key in sorted(latent)}
    return {str(index): part for index, part in enumerate(latent)}


def _told(shapes: Mapping[str, torch.Size]) -> str:
    return ", ".join(f"{key} {tuple(shape)}" for key, shape in shapes.items())


def total_variation(settings: Mapping[str, Any], start: Start) -> Objective:  # noqa: ARG001
    """Smoothness of the picture."""
    return TotalVariation(read_settings(TotalVariationSettings, settings, "tv").form)


def latent_distance(settings: Mapping[str, Any], start: Start) -> Objective:
    """Nearness to the start's latent."""
    if start.latent is None:
        raise UsageError("the objective 'latent' needs the start's latent")
    return LatentDistance(start.latent, read_settings(LatentSettings, settings, "latent").reduction)


def picture_distance(settings: Mapping[str, Any], start: Start) -> Objective:
    """Nearness to the start's picture."""
    image = required(start.image, "the start image", "picture")
    return PictureDistance(image, read_settings(PictureSettings, settings, "picture").edge)
