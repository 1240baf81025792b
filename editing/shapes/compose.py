"""ES-CLIP (Tian & Ha 2021): what a drawing is made of, chosen by the settings: canvas, objective, driver and stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..._base import UsageError
from ..._resize import resize
from ...generators.shapes import Drawing, Limits, Shapes, drawing_of
from ...generators.shapes.forms import LARGEST
from ...guidance.objective import Objective, Start, Sum
from ...guidance.prompt import Prompt, signed_prompts
from ...guidance.prompts import encode_prompts, load_templates
from ..drivers import Chain, Latent
from ..edit import Edit, Output, Place, Stage
from ..losses import added_losses, start_of
from ..models import Models
from ..notes import text_notes
from ..pgpe import PGPE, PGPESettings
from ..pictures import load_image, picture_of
from ..population import Executor, Parts
from .files import read_drawing
from .mutation import Mutation, sown
from .objectives import DrawingObjective, Guide, Legibility, Likeness
from .settings import ShapesSettings

# Steps by what moves the shapes, for a picture and for words.
STEPS = {"adam": (600, 100), "evolution": (10_000, 2_000)}
_EVOLVED_FIRST = 100
_TARGET_HEIGHT, _TEXT_HEIGHT, _WRITTEN_HEIGHT = 200, 224, 1024
_NOISES = 5
# Up to this fraction of its steps adam sees the target at half its size, if at least this many pixels are left.
_COARSE, _SMALLEST = 0.6, 48
# Steps that a round of mutation takes at least, and drawings side by side for a prompt.
_ROUND, _CANDIDATES = 25, 8


@dataclass
class ShapesOutput(Output):
    """A drawing.

    Attributes:
        drawing: the shapes. loss: of the answer, by the objective's own measure.
    """

    drawing: Drawing | None = None
    loss: float = 0.0


@dataclass(frozen=True)
class _Work:
    """What all parts of a search are made from.

    Attributes:
        objective: of the whole search. coarse: of adam's first steps, if that is another one.
        start: shapes to start from. added: the user's own objectives.
        executor, jobs: judge populations in parts, see `population.evaluated`.
    """

    settings: ShapesSettings
    objective: DrawingObjective
    coarse: DrawingObjective | None = None
    start: Drawing | None = None
    added: tuple[Objective, ...] = ()
    executor: Executor | None = None
    jobs: int = 1


def compose(
    models: Models,
    subject: Any,  # noqa: ARG001
    settings: ShapesSettings,
    place: Place | None = None,  # noqa: ARG001
    executor: Executor | None = None,
    jobs: int = 1,
) -> Edit:
    """The search for a drawing.

    Args:
        executor, jobs: judge populations in parts, see `population.evaluated`.

    Raises:
        UsageError, InputFileError, MissingError: prompts, settings or files that do not fit.
    """
    target = picture_of(settings.target).image if settings.target is not None else None
    start = read_drawing(settings.from_svg) if settings.from_svg is not None else None
    if start is not None:
        settings = settings.model_copy(update={"kind": start.kind, "count": len(start.numbers)})
    generator = _generator(settings, target, start).to(models.device)
    height = _written_height(settings, generator)
    prompts = signed_prompts(settings.prompt, settings.negative) if target is None else ()
    cut: list[str] = []
    objective: DrawingObjective
    if target is None:
        objective, cut = _legibility(settings, generator, models, prompts)
    else:
        objective = _likeness(settings, generator, target.to(models.device))
    work = _Work(settings, objective, _coarse(objective), start, executor=executor, jobs=jobs)
    if settings.loss:
        first = _first(models, work, prompts)
        work = replace(work, added=tuple(added_losses(settings.loss, first)))
    driver, stages = _search(work, partial(_shown, generator))
    return Edit(
        driver=driver,
        stages=stages,
        seeds=[settings.seed],
        finish=partial(_finished, generator, objective, settings, height),
        notes=text_notes(prompts, cut),
    )


def canvas(settings: ShapesSettings, target: Tensor | None) -> tuple[int, int]:
    """Height and width: those of the settings, else of the target's aspect, or square."""
    if target is None:
        height = settings.height or settings.width or _TEXT_HEIGHT
        return height, settings.width or height
    high, wide = target.shape[-2:]
    if settings.height and settings.width:
        return settings.height, settings.width
    if settings.width:
        return max(1, round(settings.width * high / wide)), settings.width
    height = settings.height or min(_TARGET_HEIGHT, high)
    return height, max(1, round(height * wide / high))


def _generator(settings: ShapesSettings, target: Tensor | None, start: Drawing | None) -> Shapes:
    return Shapes(
        settings.kind,
        settings.count,
        canvas(settings, target) if start is None else start.size,
        settings.mode,
        _background(settings, target, start),
        _limits(settings),
        settings.coordinate_scale,
        settings.opacity_max,
    )


def _background(settings: ShapesSettings, target: Tensor | None, start: Drawing | None) -> Sequence[float]:
    own = settings.backdrop()
    if own is not None:
        return own
    if start is not None:
        return start.background.tolist()
    if target is not None and settings.background == "auto" and settings.mode == "smooth":
        return target.mean((0, 2, 3)).cpu().tolist()
    return (1.0, 1.0, 1.0)


def _limits(settings: ShapesSettings) -> Limits:
    # What a prompt names should be there as a whole; a picture goes on beyond its frame.
    usual = -0.04 if settings.prompt else 0.25
    beyond = usual if settings.beyond is None else settings.beyond
    colours = settings.colours()
    palette = torch.tensor(colours) if colours else None
    return Limits((settings.opacity_min, settings.opacity_max), palette, beyond)


def _written_height(settings: ShapesSettings, generator: Shapes) -> int | None:
    """Of the picture that is written; None for the canvas as it is drawn.

    Raises:
        UsageError: the picture would be too wide: better said before the search than after.
    """
    height, width = generator.size
    if settings.size is None and settings.mode == "pillow":
        return None
    written = settings.size or max(1, min(_WRITTEN_HEIGHT, LARGEST * height // width))
    if round(written * width / height) > LARGEST:
        raise UsageError(
            f"size is {written}, so that the picture would be {round(written * width / height):,} pixels wide; "
            f"give a size of at most {max(1, LARGEST * height // width)}"
        )
    return written


def _likeness(settings: ShapesSettings, generator: Shapes, target: Tensor) -> Likeness:
    high, wide = generator.size
    fitted = resize(target, high, wide)
    noisy = settings.background == "noise" or (settings.mode == "pillow" and settings.background == "auto")
    return Likeness(generator, fitted, settings.distance, _NOISES if noisy else 0)


def _legibility(
    settings: ShapesSettings, generator: Shapes, models: Models, prompts: Sequence[Prompt]
) -> tuple[Legibility, list[str]]:
    """The objective of prompts, and those that were too long for it."""
    perceptor, templates = models.painters, load_templates(settings.templates)
    guides: list[Guide] = []
    cut: list[str] = []
    for member, weight in perceptor.members:
        with torch.no_grad():
            found = encode_prompts(member, prompts, templates, load_image=load_image)
        guides.append(Guide(member, found, weight))
        cut += found.truncated
    if settings.mode == "smooth":
        # Shapes look the same at any size, so that none larger than CLIP's input needs to be drawn.
        scale = perceptor.members[0][0].image_size / max(generator.size)
        height, width = (max(1, round(each * scale)) for each in generator.size)
        generator = generator.at((height, width))
    return Legibility(generator, guides, settings.cutouts, settings.shared_views), cut


@torch.no_grad()
def _first(models: Models, work: _Work, prompts: tuple[Prompt, ...]) -> Start:
    """What the user's own objectives may compare with: the target, or the first of the starts."""
    objective, latent = work.objective, _starts(work)[:1]
    image = objective.target if isinstance(objective, Likeness) else objective.generator.decode(latent)
    return start_of(models, image, prompts, models.painters if prompts else None, latent=latent)


def _search(work: _Work, show: Callable[[Latent], Tensor]) -> tuple[Any, list[Stage]]:
    """The driver, and the stages that it goes through."""
    settings, to_words = work.settings, isinstance(work.objective, Legibility)
    if settings.optimizer == "adam":
        steps = settings.steps or STEPS["adam"][to_words]
        return _mutation(work, _starts(work), steps), _descent(work, steps, show)
    if settings.optimizer != "hybrid":
        steps = settings.steps or STEPS["evolution"][to_words]
        driver, steps = _evolution(work, settings.optimizer, steps)
        return driver, [_evolved(work, steps, show)]
    steps = settings.steps or STEPS["adam"][to_words]
    first, evolved = _evolution(work, "PGPE", max(1, min(_EVOLVED_FIRST, steps // 2)))
    driver = Chain(first, [(evolved, lambda best: _mutation(work, _row(best), steps))])
    stages = _descent(work, steps, show)
    stages[0] = replace(stages[0], first=0)
    return driver, [_evolved(work, evolved, show), *stages]


def _row(latent: Latent) -> Tensor:
    if not isinstance(latent, Tensor):
        raise TypeError("the latent of a drawing is a tensor")
    return latent[None]


def _starts(work: _Work) -> Tensor:
    """The latents (K,M) that adam begins with."""
    settings, objective = work.settings, work.objective
    rng = torch.Generator().manual_seed(settings.seed)
    if work.start is not None:
        return work.start.numbers.flatten()[None].to(objective.generator.background.device)
    if isinstance(objective, Likeness):
        rows = range(settings.candidates or 1)
        return torch.stack([sown(objective, None, settings.count, rng, 0.12, 0.5).flatten() for _ in rows])
    return objective.generator.init(settings.candidates or _CANDIDATES, rng)


def _mutation(work: _Work, starts: Tensor, steps: int) -> Mutation:
    # A round takes at least so long, for what was sown to grow.
    settings, rounds = work.settings, min(work.settings.rounds, steps // _ROUND)

    def objective(progress: float) -> DrawingObjective:
        return work.coarse if work.coarse is not None and progress < _COARSE else work.objective

    return Mutation(objective, starts, steps, settings.lr, rounds, settings.seed)


def _coarse(objective: DrawingObjective) -> Likeness | None:
    """The objective of the first steps, at half the size; None if the whole is small already, or words are drawn."""
    if not isinstance(objective, Likeness) or min(objective.generator.size) < 2 * _SMALLEST:
        return None
    return objective.at(0.5)


def _descent(work: _Work, steps: int, show: Callable[[Latent], Tensor]) -> list[Stage]:
    """The stages of adam: first at half the size, then whole."""
    if work.coarse is None:
        return [_stage(work, work.objective, steps, show)]
    first = sum(step / steps < _COARSE for step in range(steps))
    return [_stage(work, work.coarse, first, show), _stage(work, work.objective, steps - first, show)]


def _stage(work: _Work, objective: DrawingObjective, steps: int, show: Callable[[Latent], Tensor]) -> Stage:
    whole = Sum([objective, *work.added]) if work.added else objective
    return Stage(steps, objective.generator, whole, show)


def _evolved(work: _Work, steps: int, show: Callable[[Latent], Tensor]) -> Stage:
    """A stage of evolution. Backgrounds and shared views are the same for the whole population."""
    objective = work.objective
    parts = Parts(objective.most, not objective.shared, work.executor, work.jobs)
    return replace(_stage(work, objective, steps, show), parts=parts)


def _evolution(work: _Work, name: str, steps: int) -> tuple[Any, int]:
    """A driver of populations, and how many steps it takes."""
    settings, generator = work.settings, work.objective.generator
    if settings.mode == "pillow":
        # The published search starts from nothing: only the order of the numbers counts.
        numbers = settings.count * len(generator.columns)
        latent = torch.zeros(numbers, device=generator.background.device)
    else:
        one = replace(work, settings=settings.model_copy(update={"candidates": 1}))
        latent = _starts(one)[0]
    if name == "PGPE":
        return PGPE(latent, PGPESettings(settings.population, settings.sigma), settings.seed), steps
    from ..evolution import Evolution

    driver = Evolution(latent, name, settings.population, settings.sigma, steps, settings.seed)
    # Optimizers that go one by one take as many steps as there would be candidates.
    return driver, steps * max(1, settings.population // driver.population)


def _shown(generator: Shapes, best: Latent) -> Tensor:
    """The drawing so far on its canvas, (1,3,H,W)."""
    return generator.decode(_row(best)).cpu()


def _finished(
    generator: Shapes,
    objective: DrawingObjective,
    settings: ShapesSettings,
    height: int | None,
    best: Latent | None,
) -> ShapesOutput:
    """The drawing of the answer and how good it is."""
    if not isinstance(best, Tensor):
        raise TypeError("the latent of a drawing is a tensor")
    loss = float(objective.losses(best[None], settings.seed))
    drawing = drawing_of(generator, best)
    likeness = isinstance(objective, Likeness)
    return ShapesOutput(
        image=_shown(generator, best) if height is None else drawing.picture(height),
        latent=best[None],
        score=1 - loss if likeness else -loss,
        described=(
            f"{100 * (1 - loss):.2f} % like the target (100 % - {settings.distance.upper()})"
            if likeness
            else f"CLIP similarity {-loss:.3f}"
        ),
        drawing=drawing,
        loss=loss,
    )
