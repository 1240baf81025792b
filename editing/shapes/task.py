"""What a search for a drawing is made of: canvas, fitness and search, chosen by the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..._base import UsageError
from ..._resize import resize
from ...generators.packs.pack import load_pack
from ...generators.shapes import Drawing, Shapes, drawing_of
from ...guidance.prompts import encode_prompts, load_templates
from ..doctor import resolve_device, resolve_precision
from ..editor import text_notes
from ..evolution import Evolution
from ..models import ModelChoice, load_painters
from ..optimise import signed_prompts
from ..pgpe import PGPE, PGPESettings
from ..pictures import read_picture
from .fitness import Fitness, Guide, TargetFitness, TextFitness
from .search import EvolutionSearch, GradientSearch, Search, sown
from .settings import ShapesSettings

# Steps by what moves the shapes, towards a picture and towards words.
STEPS = {"adam": (600, 100), "evolution": (10_000, 2_000)}
_EVOLVED_FIRST = 100
_TARGET_HEIGHT, _TEXT_HEIGHT = 200, 224
_NOISES = 5
# Up to this share of its steps adam looks at the target at half its size, if that has so many pixels left.
_COARSE, _SMALLEST = 0.6, 48
# Steps that a round of a gradient search takes at least, and drawings side by side where there is a prompt.
_ROUND, _CANDIDATES = 25, 8


@dataclass(frozen=True)
class ShapesStep:
    """What consumers see; the drawing is made only for those that look at it."""

    index: int
    total: int
    losses: dict[str, Tensor]
    best: Tensor
    draw: Callable[[], Tensor]

    def image(self) -> Tensor:
        """The drawing so far, (1,3,H,W) in [0,1]."""
        return self.draw()


@dataclass
class Task:
    """A search and what it is for."""

    search: Search
    generator: Shapes
    fitness: Fitness
    settings: ShapesSettings
    notes: tuple[str, ...] = ()
    losses: list[float] = field(default_factory=list)
    last: int | None = None

    def stop_after(self, steps: int) -> None:
        """End after so many steps, as Ctrl-C once did; schedules still span them all."""
        self.last = steps

    @property
    def done(self) -> int:
        """Steps taken."""
        return self.search.done

    @property
    def settings_json(self) -> str:
        """See `Run`."""
        return self.settings.model_dump_json()

    def state_dict(self) -> dict[str, Any]:
        """See `Run`."""
        return {"losses": self.losses, "search": self.search.state_dict()}

    def load_state_dict(self, state: Any) -> None:
        """See `Run`."""
        self.search.load_state_dict(state["search"])
        self.losses[:] = state["losses"]

    @property
    def end(self) -> int:
        """How many steps will be taken."""
        return min(self.last or self.search.steps, self.search.steps)

    def run(self) -> Iterator[ShapesStep]:
        """All steps that are left."""
        total, lowest, best = self.search.steps, float("inf"), 0
        while self.search.done < self.end:
            index = self.search.done
            found = float(self.search.step().min())
            self.losses.append(found)
            if found < lowest:
                lowest, best = found, index
            shown = {self.fitness.name: torch.tensor([found])}
            yield ShapesStep(index, total, shown, torch.tensor([best]), self.picture)

    @torch.no_grad()
    def picture(self) -> Tensor:
        """The drawing so far on its canvas."""
        return self.generator.decode(self.search.best()[None]).cpu()

    def drawing(self) -> Drawing:
        """The shapes so far."""
        return drawing_of(self.generator, self.search.best())


class Stages:
    """Searches one after the other, each from what the one before it found."""

    def __init__(self, first: Search, then: Callable[[Tensor], Search], more: int) -> None:
        self.first, self.then = first, then
        self.steps = first.steps + more
        self.second: Search | None = None

    @property
    def done(self) -> int:
        """Steps of both."""
        return self.first.done + (self.second.done if self.second else 0)

    def step(self) -> Tensor:
        """As `Search`."""
        if self.first.done < self.first.steps:
            return self.first.step()
        if self.second is None:
            self.second = self.then(self.first.best())
        return self.second.step()

    def best(self) -> Tensor:
        """As `Search`."""
        return self.second.best() if self.second else self.first.best()

    def state_dict(self) -> dict[str, Any]:
        """As `Search`."""
        second = self.second.state_dict() if self.second else None
        return {"first": self.first.state_dict(), "second": second}

    def load_state_dict(self, state: Any) -> None:
        """As `Search`."""
        self.first.load_state_dict(state["first"])
        if state["second"] is not None:
            self.second = self.then(self.first.best())
            self.second.load_state_dict(state["second"])


def canvas(settings: ShapesSettings, target: Tensor | None) -> tuple[int, int]:
    """Height and width: as asked for, else of the target's aspect, or square."""
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


def task_of(
    settings: ShapesSettings,
    target: Tensor | None = None,
    start: Drawing | None = None,
    choice: ModelChoice | None = None,
    executor: Any = None,
) -> Task:
    """Load what a search needs and set it up.

    Args:
        target: (1,3,H,W) in [0,1], to be drawn; else the settings' prompt.
        start: shapes to go on with; else random ones.
        choice: of the CLIP, for a prompt, and the device.
        executor: runs parts of a population side by side, as of `evaluated`.

    Raises:
        UsageError, InputFileError, MissingError: what does not fit or is not there.
    """
    _check_goal(settings, target)
    choice = choice or ModelChoice()
    device = resolve_device(choice.device)
    if start is not None:
        settings = _as_started(settings, start)
    size = start.size if start is not None else canvas(settings, target)
    generator = Shapes(
        settings.kind,
        settings.count,
        size,
        settings.mode,
        _background(settings, target, start).tolist(),
        settings.limits(),
        settings.coordinate_scale,
        settings.opacity_max,
    ).to(device)
    fitness: Fitness
    notes: tuple[str, ...] = ()
    if target is not None:
        fitness = _target_fitness(settings, generator, target.to(device))
    else:
        fitness, notes = _text_fitness(settings, generator, choice, device)
    search = _search(settings, fitness, start, executor)
    return Task(search, generator, fitness, settings, notes)


def _check_goal(settings: ShapesSettings, target: Tensor | None) -> None:
    if target is None and not settings.prompt:
        raise UsageError("there is nothing to draw; give a prompt, or --target with a picture")
    if target is not None and (settings.prompt or settings.negative):
        raise UsageError(f"a target and the prompt '{settings.prompt[:40]}' cannot both be drawn; give one")


def _as_started(settings: ShapesSettings, start: Drawing) -> ShapesSettings:
    if settings.mode == "pillow":
        raise UsageError(
            "mode pillow cannot go on from shapes, which it places by their order alone; take mode smooth"
        )
    return settings.model_copy(update={"kind": start.kind, "count": len(start.numbers)})


def _background(settings: ShapesSettings, target: Tensor | None, start: Drawing | None) -> Tensor:
    asked = settings.backdrop()
    if asked is not None:
        return asked
    if start is not None:
        return start.background
    if target is not None and settings.background == "auto" and settings.mode == "smooth":
        return target.mean((0, 2, 3)).cpu()
    return torch.ones(3)


def _target_fitness(settings: ShapesSettings, generator: Shapes, target: Tensor) -> TargetFitness:
    high, wide = generator.size
    fitted = resize(target, high, wide)
    noisy = settings.background == "noise" or (settings.mode == "pillow" and settings.background == "auto")
    return TargetFitness(generator, fitted, settings.loss, _NOISES if noisy else 0)


def _text_fitness(
    settings: ShapesSettings, generator: Shapes, choice: ModelChoice, device: torch.device
) -> tuple[TextFitness, tuple[str, ...]]:
    perceptor = load_painters(
        choice, load_pack(choice.pack), device, resolve_precision(choice.precision, device)
    )
    prompts, templates = (
        signed_prompts(settings.prompt, settings.negative),
        load_templates(settings.templates),
    )
    guides: list[Guide] = []
    cut: list[str] = []
    for member, weight in perceptor.members:
        with torch.no_grad():
            found = encode_prompts(
                member, prompts, templates, load_image=lambda path: read_picture(path).image
            )
        guides.append(Guide(member, found, weight))
        cut += found.truncated
    if settings.mode == "smooth":
        # Shapes look the same at any size, so that none larger than CLIP's input needs to be drawn.
        side = perceptor.members[0][0].image_size
        share = side / max(generator.size)
        generator = generator.at(tuple(max(1, round(each * share)) for each in generator.size))  # type: ignore[arg-type]
    fitness = TextFitness(generator, guides, settings.cutouts, settings.shared_views)
    return fitness, text_notes(prompts, cut)


def _search(settings: ShapesSettings, fitness: Fitness, start: Drawing | None, executor: Any) -> Search:
    name = settings.optimizer.lower()
    to_words = isinstance(fitness, TextFitness)
    if name == "adam":
        return _gradient(
            settings, fitness, _starts(settings, fitness, start), settings.steps or STEPS["adam"][to_words]
        )
    if name != "hybrid":
        steps = settings.steps or STEPS["evolution"][to_words]
        return _evolution(settings, fitness, start, settings.optimizer, steps, executor)
    steps = settings.steps or STEPS["adam"][to_words]
    first = _evolution(settings, fitness, start, "PGPE", max(1, min(_EVOLVED_FIRST, steps // 2)), executor)
    return Stages(first, lambda best: _gradient(settings, fitness, best[None], steps), steps)


def _starts(settings: ShapesSettings, fitness: Fitness, start: Drawing | None) -> Tensor:
    rng = torch.Generator().manual_seed(settings.seed)
    device = fitness.generator.background.device
    if start is not None:
        return start.numbers.flatten()[None].to(device)
    if isinstance(fitness, TargetFitness):
        count = settings.candidates or 1
        return torch.stack(
            [sown(fitness, None, settings.count, rng, 0.12, 0.5).flatten() for _ in range(count)]
        )
    return fitness.generator.init(settings.candidates or _CANDIDATES, rng)


def _gradient(settings: ShapesSettings, fitness: Fitness, starts: Tensor, steps: int) -> GradientSearch:
    # So long are the rounds at least, for what was sown to grow.
    rounds = min(settings.rounds, steps // _ROUND)
    return GradientSearch(_coarse_first(fitness), starts, steps, settings.lr, rounds, settings.seed)


def _coarse_first(fitness: Fitness) -> Callable[[float], Fitness]:
    if not isinstance(fitness, TargetFitness) or min(fitness.generator.size) < 2 * _SMALLEST:
        return lambda share: fitness
    coarse = fitness.at(0.5)
    return lambda share: coarse if share < _COARSE else fitness


def _evolution(
    settings: ShapesSettings, fitness: Fitness, start: Drawing | None, name: str, steps: int, executor: Any
) -> EvolutionSearch:
    if settings.mode == "pillow":
        # The published search starts from nothing: only the order of the numbers counts.
        latent = torch.zeros(
            settings.count * len(fitness.generator.columns), device=fitness.generator.background.device
        )
    else:
        latent = _starts(settings.model_copy(update={"candidates": 1}), fitness, start)[0]
    driver: Any
    if name.lower() == "pgpe":
        population = settings.population
        driver = PGPE(latent, PGPESettings(population, settings.sigma), settings.seed)
    else:
        driver = Evolution(latent, name, settings.population, settings.sigma, steps, settings.seed)
        # Optimisers that go one by one take as many steps as there would be candidates.
        steps *= max(1, settings.population // driver.population)
    return EvolutionSearch(fitness, driver, steps, settings.seed, executor)
