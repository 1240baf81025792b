"""StyleCLIP's latent optimization (Patashnik et al. 2021, section 4): a latent moves until CLIP sees the prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..._base import UsageError
from ...generators.base import LatentSpace
from ...guidance.objective import Context, Objective, Start, total
from ...guidance.prompt import Prompt, signed_prompts
from .. import losses
from ..drawing import decoder, drawn, saved_form
from ..drivers import Gradient, Latent, Offsets
from ..edit import Driver, Edit, Output, Place
from ..framing import letterbox
from ..models import Models
from ..notes import size_note, text_notes
from ..pictures import load_image
from .exploration import best_stride, explored, step_towards, to_explore
from .pasting import Pasted, pasted
from .regions import Region, region_of
from .settings import COMPARING, EditSettings
from .subjects import Subject, on_device


def compose(models: Models, subject: Subject, settings: EditSettings, place: Place | None = None) -> Edit:  # noqa: ARG001
    """The edit of a subject.

    Raises:
        UsageError, InputFileError, MissingError: prompts, settings or files that do not fit.
    """
    if settings.size is not None and subject.picture is not None and settings.paste != "square":
        raise UsageError(
            "size has no effect on a result that is pasted back; give --paste square, or leave size out"
        )
    origin = origin_of(models, subject.w, settings)
    background = _background(subject)
    edit = latent_edit(models, origin, settings, background)
    judge = partial(_loss, edit, origin, background)
    edit.finish = lambda latent: _finished(models, subject, origin, settings, latent, judge)
    edit.notes = _notes(edit.objective, subject, settings)
    return edit


def prompts_of(settings: EditSettings) -> tuple[Prompt, ...]:
    """The prompts with their weights; the negative ones with theirs turned round."""
    return signed_prompts(settings.prompt, settings.negative)


def start_latent(space: LatentSpace, latent: Any, name: str) -> Latent:
    """A latent in the space of that name.

    Raises:
        UsageError: it cannot be had there.
    """
    try:
        found: Latent = space.start(latent, name)  # type: ignore[assignment]
    except ValueError as error:
        raise UsageError(str(error)) from error
    return found


def objective_of(settings: EditSettings, start: Start) -> Objective:
    """The sum of the CLIP term, the distances to the start, identity where it counts, and the user's own terms."""
    clip: dict[str, Any] = {"templates": settings.templates}
    if settings.clip_loss not in COMPARING:
        clip["cutouts"] = settings.cutouts
    return losses.objective_of(
        settings,
        start,
        (settings.clip_loss, 1.0, clip),
        ("latent", settings.latent_weight, {}),
        ("picture", settings.picture_weight, {}),
        ("identity", settings.identity_weight, {}),
    )


@dataclass(frozen=True)
class Origin:
    """Where an edit starts.

    Attributes:
        latent: the picture's own, in the space of the settings.
        image: (1,3,R,R) in [0,1], what the generator draws of it.
        first: where the optimization sets out: `latent`, or a little off it.
    """

    latent: Latent
    image: Tensor
    first: Latent


@torch.no_grad()
def origin_of(models: Models, w: Latent, settings: EditSettings) -> Origin:
    """The start of an edit of W, W+ or styles.

    Raises:
        UsageError: styles for another space than s.
    """
    space = models.generator.latent_space
    latent = start_latent(space, on_device(w, models.device), settings.space)
    first = latent
    if settings.seed:
        step = settings.variation * _noise(space, settings.seed)
        first = space.move(latent, step, space.fixed(settings.space))
    return Origin(latent, decoder(models)(latent), first)


def _noise(space: LatentSpace, seed: int) -> Tensor:
    """A random step of the code, (D,), that varies as random codes do."""
    axes = space.axes(space.spaces[0])
    if not isinstance(axes, Tensor):
        raise TypeError("the axes of codes are a tensor")
    return torch.randn(len(axes), generator=torch.Generator().manual_seed(seed)).to(axes) @ axes


def latent_edit(
    models: Models,
    origin: Origin,
    settings: EditSettings,
    background: tuple[Tensor, Tensor] | None = None,
) -> Edit:
    """The composition of the nouns that runs the optimization.

    Args:
        background: a picture and a mask, (1,3,R,R) and (1,1,R,R): CLIP sees the generator's picture only where
            the mask is 1.
    """
    decode, space = decoder(models), models.generator.latent_space

    def shown(latent: Latent) -> Tensor:
        return _over(decode(latent), background)

    perceptor = models.perceptor(settings.clip_input)
    count = to_explore(models, settings)
    known = explored(models, perceptor, count, settings.clip_input) if count else None
    start = losses.start_of(
        models,
        # With a mask as well as without, the start is what the first step shows.
        _over(origin.image, background),
        prompts_of(settings),
        perceptor,
        latent=origin.latent,
        population=known.features if known else (),
        source=settings.source or models.source,
    )
    objective, fixed, first = objective_of(settings, start), space.fixed(settings.space), origin.first
    if known is not None:
        step = step_towards(known, perceptor, start.prompts, settings.templates, load_image)
        first = best_stride(
            lambda length: space.move(origin.first, length * step, fixed), shown, objective, settings.seed
        )
    driver: Driver = (
        Gradient(first, settings.steps, settings.lr, fixed=fixed)
        if settings.units == "raw"
        else Offsets(first, space.axes(settings.space), settings.steps, settings.lr, fixed)
    )
    return Edit(shown, objective, driver, settings.steps, [settings.seed])


@torch.no_grad()
def _loss(edit: Edit, origin: Origin, background: tuple[Tensor, Tensor] | None, image: Tensor) -> float:
    """What the edit's objective makes of a picture (1,3,R,R) of the start's latent."""
    losses = edit.objective(_over(image, background), Context(origin.latent, edit.seeds))
    return float(total(losses))


def _over(images: Tensor, background: tuple[Tensor, Tensor] | None) -> Tensor:
    return images if background is None else torch.lerp(background[0], images, background[1])


def between(start: Latent, end: Latent, strength: float) -> Latent:
    """start + strength * (end - start)."""
    if isinstance(start, Tensor) and isinstance(end, Tensor):
        return torch.lerp(start, end, strength)
    if isinstance(start, Mapping) and isinstance(end, Mapping):
        return {name: torch.lerp(start[name], end[name], strength) for name in start}
    raise TypeError("both latents must be tensors, or both styles")


def _finished(
    models: Models,
    subject: Subject,
    origin: Origin,
    settings: EditSettings,
    best: Latent | None,
    judge: Callable[[Tensor], float],
) -> Output:
    """The edited picture, pasted back into its own."""
    if best is None:
        raise TypeError("an edit has a latent")
    latent = between(origin.latent, best, settings.strength)
    # The search went through pictures as the generator always drew them: CLIP knows these, and the ways between them.
    tuned = subject.models or models
    square, before = drawn(tuned, latent), drawn(tuned, origin.latent)
    output = Output(square, before=before, latent=latent, start=origin.latent, tuned=subject.tuned)
    if subject.picture is None:
        output.image, output.before = (
            saved_form(models, each, settings.redraw, settings.size).cpu() for each in (square, before)
        )
        return output
    if settings.paste != "square":
        output.alpha = subject.picture.alpha
    region = _region(models, subject, settings, (before, square), judge)
    made = pasted(models, subject, (before, square), region, settings)
    output.image, output.before = made.image.cpu(), made.before.cpu()
    output.described = _described(made, region)
    return output


def _region(
    models: Models,
    subject: Subject,
    settings: EditSettings,
    pictures: tuple[Tensor, Tensor],
    judge: Callable[[Tensor], float],
) -> Region | None:
    """Where the picture may change; the user's own mask says it all."""
    if subject.mask is not None or settings.paste == "all" or torch.equal(*pictures):
        return None
    return region_of(models, settings, prompts_of(settings), pictures, judge)


def _described(made: Pasted, region: Region | None) -> str:
    """Where the picture changed, and how much of it did not."""
    where = f"changed in {', '.join(region.names)}; " if region is not None else ""
    return f"{where}{100 * made.kept:.0f} % of the pixels are the picture's own"


def _background(subject: Subject) -> tuple[Tensor, Tensor] | None:
    if subject.mask is None or subject.square is None:
        return None
    mask, _ = letterbox(subject.mask, subject.square.shape[-1])
    return subject.square, mask.to(subject.square)


def _notes(objective: Any, subject: Subject, settings: EditSettings) -> tuple[str, ...]:
    cut = [text for module in objective.modules() for text in getattr(module, "truncated", ())]
    return (*size_note(subject.picture), *text_notes(prompts_of(settings), cut))
