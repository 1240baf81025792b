"""Losses in CLIP's space: how near a picture is to words, and whether it moved the way the words did.

Every loss is per sample, averages over prompts with their weights (a negative weight pushes away; the sum is
divided by the sum of |weights|) and over the models of an ensemble.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._base import UsageError
from .cutouts import Cutouts
from .objective import (
    Context,
    Objective,
    Start,
    choice,
    for_batch,
    members_of,
    read_settings,
    required,
    seeds_of,
)
from .perceptor import Perceptor
from .prompts import Prompt, Template, encode_prompts, load_templates, text_features

CONVENTIONS = ("nada", "clipstyler", "global")
_LEAD = 0.03
# A picture that shows the prompt already is not asked to show it twice, but is not left without any pull either.
_SHORTEST_REACH = 0.1


@dataclass(frozen=True)
class SimilaritySettings:
    """Settings of `similarity` and `spherical`.

    Args:
        templates: see `load_templates`.
        average: "unit" or "raw", see `text_features`.
        cutouts: random views a picture to average over; 0 judges the whole picture.
    """

    templates: str = "none"
    average: str = "unit"
    cutouts: int = 0


@dataclass(frozen=True)
class DirectionSettings:
    """Settings of `directional`.

    Args:
        templates: see `load_templates`.
        convention: how the text's direction is made, see `text_direction`.
        floor: shorter moves than this count in proportion, see `Directional`.
    """

    templates: str = "imagenet79"
    convention: str = "nada"
    floor: float = 0.05


@dataclass(frozen=True)
class ProgressSettings(DirectionSettings):
    """Settings of `progress`, see `Progress`.

    Args:
        reach: the way along the text's direction after which there is little more to win, in CLIP's unit space,
            for starts without a population.
        beyond: the same for those with one, in lengths of the way to the mean of the pictures that fit.
        aside: weight of the square of the way in all other directions.
        sharpness: how suddenly the reward ends there, per length of the way.
        shown: share of the direction that the start's population gives, where it has one; the text gives the rest.
    """

    reach: float = 0.42
    beyond: float = 1.2
    aside: float = 1.0
    sharpness: float = 8.0
    shown: float = 0.5


class Member(nn.Module):
    """One CLIP of an ensemble, with what it knows of the prompts and of the start.

    Args:
        rows: (P,D) unit vectors. weights: (P,). share: the model's in the ensemble.
        origin: (1 or B,D) features of the start's picture, where they matter.
        basis: (D,P or less), orthonormal, spans the rows; of `Progress`.
        reach: (1 or B,P), how far each prompt's way is; of `Progress`.
        rivals: (N,D) unit vectors of words that are not the prompts'; of `Naming`.
    """

    rows: Tensor
    weights: Tensor
    origin: Tensor
    basis: Tensor
    reach: Tensor
    rivals: Tensor

    def __init__(
        self, perceptor: Perceptor, rows: Tensor, weights: Tensor, share: float, origin: Tensor | None = None
    ) -> None:
        super().__init__()
        self.perceptor = perceptor
        self.share = share
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("weights", weights / weights.abs().sum(), persistent=False)
        self.register_buffer("origin", origin, persistent=False)

    def average(self, distances: Tensor) -> Tensor:
        """(B,P) distances to (B,), by weight."""
        averaged: Tensor = distances @ self.weights
        return averaged * self.share


class _ClipObjective(Objective):
    """Adds up over the members of an ensemble; `truncated` names texts whose end no model reads."""

    def __init__(self, name: str, members: list[Member], truncated: tuple[str, ...]) -> None:
        super().__init__(name)
        self.members = nn.ModuleList(members)
        self.truncated = truncated

    def loss(self, images: Tensor, context: Context) -> Tensor:
        each = [self.member_loss(member, images, context) for member in self.each_member()]
        return torch.stack(each).sum(dim=0)

    def each_member(self) -> list[Member]:
        """The members, with their type."""
        return [member for member in self.members if isinstance(member, Member)]

    def views_of(self, member: Member, count: int) -> int:
        """How many of so many views a model sees: several share them, so that they cost no more than one."""
        whole = sum(each.share for each in self.each_member())
        return max(1, round(count * member.share / whole))

    def member_loss(self, member: Member, images: Tensor, context: Context) -> Tensor:
        """The loss (B,) as one model sees it, times its share."""
        raise NotImplementedError


class Similarity(_ClipObjective):
    """Distance of the picture's feature from the prompts': 1 - cos, or on the sphere.

    Args:
        start: perceptor, prompts and, for image prompts, `load_image`.
        settings: templates, average, cutouts.
        distance: takes (B,1,D) and (P,D) unit vectors to (B,P).

    Raises:
        UsageError: no perceptor or no prompts.
    """

    def __init__(
        self,
        start: Start,
        settings: SimilaritySettings,
        name: str = "similarity",
        distance: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        models = members_of(start, name)
        prompts = required(start.prompts, "a prompt", name)
        templates = load_templates(settings.templates)
        members = []
        truncated: list[str] = []
        for each, share in models:
            found = encode_prompts(each, prompts, templates, settings.average, start.load_image)
            members.append(Member(each, found.features, found.weights, share))
            truncated += found.truncated
        super().__init__(name, members, tuple(dict.fromkeys(truncated)))
        self.distance = distance or cosine_distance
        self.cutouts = settings.cutouts

    def member_loss(self, member: Member, images: Tensor, context: Context) -> Tensor:
        if not self.cutouts:
            return member.average(self.distance(member.perceptor.encode_image(images)[:, None], member.rows))
        seeds = seeds_of(context, self.name)
        views, _ = Cutouts(self.cutouts, member.perceptor.image_size)(images, seeds)
        losses = member.average(self.distance(member.perceptor.encode_image(views)[:, None], member.rows))
        return losses.view(len(images), self.cutouts).mean(dim=1)


class Directional(_ClipObjective):
    """Whether the picture moved in CLIP's space the way the text did: 1 - cos of the two moves.

    Gal et al. 2022 (StyleGAN-NADA), eq. 2; also the global term of CLIPstyler. At the start itself the move
    has no direction and 1 - cos no usable gradient; so a move shorter than `floor` is not stretched to unit
    length but counted in proportion: the loss begins at 1 and its gradient is never steeper than 1/floor.

    Args:
        start: image, perceptor, prompts (the target), source (what the start shows).

    Raises:
        UsageError: one of these is absent, or an unknown convention.
    """

    def __init__(self, start: Start, settings: DirectionSettings, name: str = "directional") -> None:
        image = required(start.image, "the start image", name)
        models = members_of(start, name)
        prompts = required(start.prompts, "a prompt", name)
        if not settings.floor > 0:
            raise UsageError(f"the setting floor of '{name}' must be above 0, not {settings.floor}")
        templates = load_templates(settings.templates)
        members = []
        for each, share in models:
            rows = torch.stack([_direction(each, prompt, start, templates, settings) for prompt in prompts])
            weights = torch.tensor([prompt.weight for prompt in prompts], device=each.device)
            with torch.no_grad():
                members.append(Member(each, rows, weights, share, origin=each.encode_image(image)))
        super().__init__(name, members, _truncated(start, models, templates))
        self.floor = settings.floor

    def member_loss(self, member: Member, images: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        origin = for_batch(member.origin, len(images), "images")
        move = F.normalize(member.perceptor.encode_image(images) - origin, dim=-1, eps=self.floor)
        return member.average(cosine_distance(move[:, None], member.rows))


class Progress(Directional):
    """How far the picture moved the text's way in CLIP's space, up to a reach, and how far aside of it.

    The cosine of `Directional` asks for a pure move of any length, which no change of a real picture is: the
    faces of a generator with the attribute and without lie at cosines of 0.5 to 0.6. Descent then goes on to where
    CLIP is fooled. Here a move that has reached what such pictures reach is enough.

    The loss is softplus(sharpness * (1 - along / reach)) / sharpness + aside * |rest|^2, about 1 at the start,
    where `along` is the move's part in the text's direction and `rest` what lies in no prompt's. For a prompt with a
    negative weight `along` is the part against its direction: moving away has a reach as well.

    Texts and pictures lie apart in CLIP's space (Liang et al. 2022), and so do their directions. With a population of
    random pictures the direction is made of both: of the texts', and of `shown_direction`. The reach then follows
    what lies between the start and the mean of the pictures that fit: a hat is a long way, freckles are a short one.
    Away from a prompt it is the way to the mean of all.

    Raises:
        UsageError: as for `Directional`, a reach, beyond or sharpness that is not above 0, or a share out of [0, 1].
    """

    def __init__(self, start: Start, settings: ProgressSettings, name: str = "progress") -> None:
        for field in ("reach", "beyond", "sharpness"):
            if not getattr(settings, field) > 0:
                raise UsageError(
                    f"the setting {field} of '{name}' must be above 0, not {getattr(settings, field)}"
                )
        if not 0 <= settings.shown <= 1:
            raise UsageError(f"the setting shown of '{name}' must be between 0 and 1, not {settings.shown}")
        super().__init__(start, settings, name)
        self.aside, self.sharpness = settings.aside, settings.sharpness
        for member in self.each_member():
            reach = member.rows.new_full((1, len(member.rows)), settings.reach)
            member.register_buffer("reach", reach, persistent=False)
        if start.population:
            self._learn(start, settings)
        for member in self.each_member():
            # On the CPU, for MPS has no QR.
            basis, _ = torch.linalg.qr(member.rows.T.float().cpu())
            member.register_buffer("basis", basis.to(member.rows.device), persistent=False)

    def _learn(self, start: Start, settings: ProgressSettings) -> None:
        """Turn each prompt's direction towards what the population shows, and reach as far as that."""
        templates = load_templates(settings.templates)
        for member, features in zip(self.each_member(), start.population, strict=True):
            wanted = encode_prompts(member.perceptor, start.prompts, templates, load_image=start.load_image)
            shown = torch.stack([shown_direction(features, each) for each in wanted.features])
            member.rows = F.normalize(torch.lerp(member.rows, shown, settings.shown), dim=1)
            fitting = torch.stack([fitness(features, each) @ features for each in wanted.features])
            ends = torch.where(member.weights[:, None] < 0, features.mean(dim=0), fitting)
            way = (ends * member.rows).sum(dim=1) - member.origin @ member.rows.T
            way = torch.where(member.weights < 0, -way, way)
            member.reach = (settings.beyond * way).clamp(min=_SHORTEST_REACH)

    def member_loss(self, member: Member, images: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        move = member.perceptor.encode_image(images) - for_batch(member.origin, len(images), "images")
        reach = for_batch(member.reach, len(images), "images")
        along = move @ (member.rows * member.weights.sign()[:, None]).T
        missing = F.softplus(self.sharpness * (1 - along / reach)) / self.sharpness
        rest = move - move @ member.basis @ member.basis.T
        reached = missing @ member.weights.abs() * member.share
        loss: Tensor = reached + member.share * self.aside * rest.square().sum(dim=-1)
        return loss


def fitness(features: Tensor, wanted: Tensor) -> Tensor:
    """How much each of many pictures counts as an example of a text or picture.

    Args:
        features: (N,D) unit vectors of pictures.
        wanted: (D,), the unit vector that they are compared with.

    Returns:
        (N,), adds up to 1; a lead of 0.03 in cosine makes a picture count e times as much.
    """
    return torch.softmax(features @ wanted / _LEAD, dim=0)


def shown_direction(features: Tensor, wanted: Tensor) -> Tensor:
    """The unit vector (D,) from all pictures to those that fit best; arguments as of `fitness`."""
    return F.normalize(fitness(features, wanted) @ features - features.mean(dim=0), dim=0)


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """1 - cos of unit vectors, over the last axis."""
    return 1 - (a * b).sum(dim=-1)


def spherical_distance(a: Tensor, b: Tensor) -> Tensor:
    """2 asin(||a - b|| / 2)^2 of unit vectors, over the last axis: half the squared angle between them."""
    half: Tensor = torch.linalg.vector_norm(a - b, dim=-1) / 2
    # The slope of asin is infinite at opposite vectors.
    return 2 * half.clamp(max=1 - 1e-6).asin().square()


def text_direction(
    perceptor: Perceptor, target: str, source: str, templates: tuple[Template, ...], convention: str = "nada"
) -> Tensor:
    """The unit vector (D,) from one text to another.

    Args:
        convention: "nada" normalises every sentence's feature, averages the differences and normalises once
            (StyleGAN-NADA); "global" also normalises the two means (StyleCLIP's global directions);
            "clipstyler" averages the features as they come and normalises the two means.

    Raises:
        UsageError: another convention.
    """
    choice(convention, CONVENTIONS, "convention")
    if convention == "nada":
        sides = [perceptor.encode_text([t(text) for t in templates]).mean(dim=0) for text in (target, source)]
    else:
        average = "raw" if convention == "clipstyler" else "unit"
        sides = [text_features(perceptor, text, templates, average) for text in (target, source)]
    return F.normalize(sides[0] - sides[1], dim=0)


def _direction(
    perceptor: Perceptor,
    prompt: Prompt,
    start: Start,
    templates: tuple[Template, ...],
    settings: DirectionSettings,
) -> Tensor:
    if not prompt.is_image:
        if prompt.text.strip() == start.source.strip():
            raise UsageError(
                f"the prompt is the start's own description '{start.source}'; there is no direction"
            )
        return text_direction(perceptor, prompt.text, start.source, templates, settings.convention)
    there = encode_prompts(perceptor, [prompt], load_image=start.load_image).features[0]
    with torch.no_grad():
        # From picture to picture: the mean of the starts, where there are several (StyleGAN-NADA).
        here = perceptor.encode_image(required(start.image, "the start image", "directional")).mean(dim=0)
    return F.normalize(there - here, dim=0)


def _truncated(
    start: Start, models: tuple[tuple[Perceptor, float], ...], templates: tuple[Template, ...]
) -> tuple[str, ...]:
    texts = [start.source, *(prompt.text for prompt in start.prompts if not prompt.is_image)]
    longest = {text: max((template(text) for template in templates), key=len) for text in texts}
    return tuple(text for text in longest if any(model.truncates(longest[text]) for model, _ in models))


def similarity(settings: Mapping[str, Any], start: Start) -> Objective:
    """1 - cos to the prompts (StyleCLIP's loss, eq. 1)."""
    return Similarity(start, read_settings(SimilaritySettings, settings, "similarity"))


def spherical(settings: Mapping[str, Any], start: Start) -> Objective:
    """Squared angle to the prompts."""
    read = read_settings(SimilaritySettings, settings, "spherical")
    return Similarity(start, read, "spherical", spherical_distance)


def directional(settings: Mapping[str, Any], start: Start) -> Objective:
    """Direction of the change against the direction of the texts."""
    return Directional(start, read_settings(DirectionSettings, settings, "directional"))


def progress(settings: Mapping[str, Any], start: Start) -> Objective:
    """The way along the direction of the texts, up to a reach, and aside of it."""
    return Progress(start, read_settings(ProgressSettings, settings, "progress"))
