"""StyleCLIP's latent optimisation (Patashnik et al. 2021, section 4): a latent moves until CLIP sees the prompt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .._base import UsageError
from ..generators.stylegan2 import StyleGAN2
from ..guidance import OBJECTIVES
from ..guidance.objective import Objective, Start, Sum
from ..guidance.prompts import Prompt, parse_prompts
from .drivers import Gradient, Latent, Offsets
from .edit import Driver, Edit
from .exploration import axes_of, best_stride, explored, step_towards, to_explore
from .models import LoadedModels, required_face_encoder, seeing
from .pictures import read_picture
from .recipe import COMPARING, EditSettings


def start_latent(generator: StyleGAN2, w: Latent, space: str) -> Latent:
    """The latent to optimise, from W (B,w_dim) or W+ (B,num_ws,w_dim): W is the mean over the layers of W+.

    Styles stay what they are: no w leads to them.

    Returns:
        (B,w_dim), (B,num_ws,w_dim), or the styles by name.

    Raises:
        UsageError: styles for another space.
    """
    if not isinstance(w, Tensor):
        if space != "s":
            raise UsageError(f"the latent is in S, and the space is {space}; choose the space s")
        return w
    if space == "w":
        return w if w.ndim == 2 else w.mean(dim=1)
    plus = w[:, None].expand(-1, generator.num_ws, -1).contiguous() if w.ndim == 2 else w
    if space == "w+":
        return plus
    return dict(zip(generator.style_names, generator.styles(plus), strict=True))


def prompts_of(settings: EditSettings) -> tuple[Prompt, ...]:
    """The prompts with their weights; the negative ones with theirs turned round.

    Raises:
        UsageError: a prompt that cannot be read.
    """
    return signed_prompts(settings.prompt, settings.negative)


def signed_prompts(prompt: str, negative: str) -> tuple[Prompt, ...]:
    """What a picture should show, and with weights turned round what it should not.

    Raises:
        UsageError: a prompt that cannot be read.
    """
    wanted = parse_prompts(prompt)
    if not negative.strip():
        return wanted
    return (*wanted, *(replace(p, weight=-p.weight) for p in parse_prompts(negative)))


def objective_of(settings: EditSettings, start: Start) -> Objective:
    """The sum of the CLIP term, the distance to the start's latent, and identity where it counts."""
    clip: dict[str, Any] = {"templates": settings.templates}
    if settings.clip_loss not in COMPARING:
        clip["cutouts"] = settings.cutouts
    terms: list[tuple[str, float, Mapping[str, Any]]] = [
        (settings.clip_loss, 1.0, clip),
        ("latent", settings.latent_weight, {}),
        ("picture", settings.picture_weight, {}),
        ("identity", settings.identity_weight, {}),
    ]
    return Sum(OBJECTIVES.load(name)(own, start) * weight for name, weight, own in terms if weight > 0)


@dataclass(frozen=True)
class Origin:
    """Where an edit starts.

    Attributes:
        latent: the picture's own, in the space of the settings.
        image: (1,3,R,R) in [0,1], what the generator draws of it.
        first: where the optimisation sets out: `latent`, or a little off it.
    """

    latent: Latent
    image: Tensor
    first: Latent


@torch.no_grad()
def origin_of(models: LoadedModels, w: Latent, settings: EditSettings) -> Origin:
    """The start of an edit of W, W+ or styles.

    Raises:
        UsageError: styles for another space than s.
    """
    w = on_device(w, models.device)
    latent = start_latent(models.generator, w, settings.space)
    first = latent
    if settings.seed:
        move = settings.variation * _noise(models.generator, settings.seed)
        first = _moved(models.generator, latent, move, fixed_styles(latent))
    return Origin(latent, decoder(models)(latent), first)


def fixed_styles(latent: Latent) -> list[str]:
    """Names of the styles that no edit moves, those that only colour the picture; none for W and W+."""
    return [] if isinstance(latent, Tensor) else [name for name in latent if name.endswith("torgb")]


def on_device(latent: Latent, device: torch.device) -> Latent:
    """The latent there."""
    if isinstance(latent, Tensor):
        return latent.to(device)
    return {name: style.to(device) for name, style in latent.items()}


def _moved(generator: StyleGAN2, latent: Latent, move: Tensor, fixed: Collection[str] = ()) -> Latent:
    """The latent after a move in W, (w_dim,), of all layers together; styles in `fixed` stay.

    Styles follow w along straight lines, so a move in W is one of theirs wherever they are.
    """
    if isinstance(latent, Tensor):
        return latent + move
    still = torch.zeros_like(generator.w_avg).expand(1, generator.num_ws, -1)
    ends = zip(generator.style_names, generator.styles(still), generator.styles(still + move), strict=True)
    moves = {name: there - here for name, here, there in ends if name not in fixed}
    return {name: style + moves[name] if name in moves else style for name, style in latent.items()}


def _noise(generator: StyleGAN2, seed: int) -> Tensor:
    """A random move in W, (w_dim,), that varies as random w do."""
    axes = axes_of(generator, "w")
    if not isinstance(axes, Tensor):
        raise TypeError("axes of w are a tensor")
    return torch.randn(len(axes), generator=torch.Generator().manual_seed(seed)).to(axes) @ axes


def decoder(models: LoadedModels) -> Any:
    """latent -> pictures (B,3,R,R) in [0,1], in the models' precision: for a search; `draw` is for results."""

    def decode(latent: Latent) -> Tensor:
        with torch.autocast(models.device.type, models.precision, models.precision != torch.float32):
            return models.generator.decode(latent).float()

    return decode


def draw(models: LoadedModels, latent: Latent) -> Tensor:
    """The pictures of a result, (B,3,R,R) in [0,1], in float32 whatever the precision of the search."""
    with torch.no_grad(), torch.autocast(models.device.type, enabled=False):
        return models.generator.decode(latent).float()


def latent_edit(
    models: LoadedModels,
    origin: Origin,
    settings: EditSettings,
    background: tuple[Tensor, Tensor] | None = None,
) -> Edit:
    """The composition of the nouns that runs the optimisation.

    Args:
        background: a picture and a mask, (1,3,R,R) and (1,1,R,R): CLIP sees the generator's picture only where
            the mask is 1.
    """
    decode = decoder(models)

    def shown(images: Tensor) -> Tensor:
        return images if background is None else torch.lerp(background[0], images, background[1])

    perceptor = seeing(models.perceptor, settings.clip_input)
    count = to_explore(models, settings)
    known = explored(models, perceptor, count, settings.clip_input) if count else None
    start = Start(
        # With a mask as well as without, the start is what the first step shows.
        image=shown(origin.image),
        latent=origin.latent,
        population=known.features if known else (),
        prompts=prompts_of(settings),
        source=settings.source or models.source,
        perceptor=perceptor,
        load_image=_load_image,
        face_encoder=required_face_encoder(models) if settings.identity_weight > 0 else None,
    )
    objective = objective_of(settings, start)
    fixed = fixed_styles(origin.latent)
    first = origin.first
    if known is not None:
        step = step_towards(known, perceptor, start.prompts, settings.templates, _load_image)
        first = best_stride(
            lambda length: _moved(models.generator, origin.first, length * step, fixed),
            lambda latent: shown(decode(latent)),
            objective,
            settings.seed,
        )
    driver: Driver = (
        Gradient(first, settings.steps, settings.lr, fixed=fixed)
        if settings.units == "raw"
        else Offsets(first, axes_of(models.generator, settings.space), settings.steps, settings.lr, fixed)
    )
    return Edit(lambda latent: shown(decode(latent)), objective, driver, settings.steps, [settings.seed])


def between(start: Latent, end: Latent, strength: float) -> Latent:
    """start + strength * (end - start)."""
    if isinstance(start, Tensor) and isinstance(end, Tensor):
        return torch.lerp(start, end, strength)
    if isinstance(start, Mapping) and isinstance(end, Mapping):
        return {name: torch.lerp(start[name], end[name], strength) for name in start}
    raise TypeError("both latents must be tensors, or both styles")


def _load_image(path: Path) -> Tensor:
    return read_picture(path).image
