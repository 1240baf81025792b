"""What a style transfer is made of: a network whose weights move, losses over views, and a start (CLIPstyler)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..._base import UsageError
from ..._resize import resize
from ...generators.packs.pack import Pack, load_pack
from ...generators.style.stylenet import StyleNet
from ...generators.style.styler import Styler, told
from ...generators.style.stylist import Stylist
from ...guidance import OBJECTIVES
from ...guidance.clip import DirectionSettings
from ...guidance.cutouts import step_seed
from ...guidance.objective import Context, Objective, Start, Sum, total
from ...guidance.perceptor import AnyPerceptor
from ...guidance.prompts import Prompt, parse_prompts
from ..doctor import resolve_device, resolve_precision
from ..drivers import Gradient, Latent
from ..edit import check_finite
from ..editor import text_notes
from ..models import ModelChoice, load_painters
from ..optimise import signed_prompts
from ..pictures import read_picture
from .finish import in_style, texture_scale, working_size
from .settings import StyleSettings
from .stylists import Taught, of_stylenet, of_styler, taught

_PLATEAU = 0.002


@dataclass(frozen=True)
class StyleStep:
    """What consumers see; the picture is the one that the step drew."""

    index: int
    total: int
    losses: Mapping[str, Tensor]
    best: Tensor
    images: Tensor

    def image(self) -> Tensor:
        """(1,3,h,w) in [0,1]."""
        return self.images


@dataclass
class Stage:
    """Steps at one size."""

    photo: Tensor
    objective: Objective
    steps: int


@dataclass
class Task:
    """A photograph, a network that gives it a style, and how the network's weights move.

    Attributes:
        photo: (1,3,H,W) in [0,1], as it came.
        stylist: the network, drawing with the weights that it has.
        driver: moves these; `finish` puts them into the network.
    """

    photo: Tensor
    stylist: Stylist
    driver: Gradient | None
    stages: list[Stage]
    settings: StyleSettings
    notes: tuple[str, ...] = ()
    losses: list[float] = field(default_factory=list)
    last: int | None = None
    settled: bool = False

    @property
    def done(self) -> int:
        """Steps taken."""
        return len(self.losses)

    @property
    def end(self) -> int:
        """How many will be taken."""
        if self.settled:
            return self.done
        return min(self.last or self.settings.steps, self.settings.steps) if self.driver else 0

    @property
    def settings_json(self) -> str:
        """See `Run`."""
        return self.settings.model_dump_json()

    def stop_after(self, steps: int) -> None:
        """End after so many steps, as Ctrl-C once did; schedules still span them all."""
        self.last = steps

    def state_dict(self) -> dict[str, Any]:
        """See `Run`."""
        driver = self.driver.state_dict() if self.driver else {}
        return {"driver": driver, "losses": self.losses, "settled": self.settled}

    def load_state_dict(self, state: Any) -> None:
        """See `Run`."""
        if self.driver:
            self.driver.load_state_dict(state["driver"])
        self.losses[:], self.settled = state["losses"], state["settled"]

    def run(self) -> Iterator[StyleStep]:
        """All steps that are left."""
        while self.done < self.end:
            yield self._step(self._stage())

    def _stage(self) -> Stage:
        ends = accumulate(stage.steps for stage in self.stages)
        return next(stage for stage, end in zip(self.stages, ends, strict=True) if self.done < end)

    def _step(self, stage: Stage) -> StyleStep:
        driver = self.driver
        if driver is None:
            raise TypeError("a style in one pass takes no steps")
        index, latent = self.done, driver.ask()
        images = self._drawn(stage.photo, latent)
        losses = stage.objective(images, Context(latent, [step_seed(self.settings.seed, index)]))
        now = total(losses).detach()
        if not index:
            check_finite(now, losses)
        driver.tell(losses)
        self.losses.append(float(now.sum()))
        self.settled = self._is_settled()
        best = torch.tensor([min(range(self.done), key=self.losses.__getitem__)])
        shown = {name: value.detach() for name, value in losses.items()}
        return StyleStep(index, self.settings.steps, shown, best, images.detach())

    def _is_settled(self) -> bool:
        """Whether the last steps brought hardly anything, in the last stage."""
        patience = self.settings.patience
        earlier = sum(stage.steps for stage in self.stages[:-1])
        if not patience or self.done < earlier + 2 * patience:
            return False
        late, before = self.losses[-patience:], self.losses[-2 * patience : -patience]
        return sum(late) > (1 - _PLATEAU) * sum(before)

    def _drawn(self, photo: Tensor, latent: Latent) -> Tensor:
        made: Tensor = functional_call(_Whole(self.stylist), dict(_below(latent)), (photo,))
        return made

    @torch.no_grad()
    def picture(self) -> Tensor:
        """The photograph in the style as far as it has come, at the size that its strokes ask for: (1,3,h,w)."""
        if self.driver is not None:
            self.stylist.network.load_state_dict(dict(self._weights()), strict=False)
        if self.settings.fit == "stretch":
            return self.stylist(resize(self.photo, self.settings.side, self.settings.side))
        return in_style(self.stylist, self.photo, self.settings)

    def _weights(self) -> Mapping[str, Tensor]:
        if self.driver is None or isinstance(self.driver.latent, Tensor):
            raise TypeError("the weights of a network have names")
        return {name: value.detach() for name, value in self.driver.latent.items()}


class _Whole(nn.Module):
    """A stylist as a module, whose network's weights can be others for one call."""

    def __init__(self, stylist: Stylist) -> None:
        super().__init__()
        self.network, self.stylist = stylist.network, stylist

    def forward(self, images: Tensor) -> Tensor:
        return self.stylist.whole(images)


def _below(latent: Latent) -> Iterator[tuple[str, Tensor]]:
    if isinstance(latent, Tensor):
        raise TypeError("the weights of a network have names")
    return ((f"network.{name}", value) for name, value in latent.items())


def task_of(
    settings: StyleSettings, photo: Tensor, choice: ModelChoice | None = None, known: Taught | None = None
) -> Task:
    """Load what a style transfer needs and set it up.

    Args:
        photo: (1,3,H,W) in [0,1].
        known: the pack's styler with its CLIP, if they are loaded already.

    Raises:
        UsageError, InputFileError, MissingError: what does not fit or is not there.
    """
    choice = choice or ModelChoice()
    prompts = _prompts(settings)
    device, pack = resolve_device(choice.device), load_pack(choice.pack)
    if known is None and pack.styler:
        known = taught(pack, device, choice.offline)
    with torch.random.fork_rng([]):
        torch.manual_seed(settings.seed)
        stylist = _stylist(settings, prompts, pack, known, device)
    photo = photo.to(device)
    if not settings.steps:
        return Task(photo, stylist, None, [], settings)
    perceptor = load_painters(choice, pack, device, resolve_precision(choice.precision, device))
    others = known.styler.words if known else ()

    def judge(image: Tensor) -> Objective:
        objective = objective_of(settings, prompts, image, perceptor, others)
        if settings.start != "words" or not settings.stay_weight:
            return objective
        with torch.no_grad():
            first = Start(image=stylist.whole(image))
        # Squares: a CLIP is easily pleased by a few glowing spots, which a plain distance lets pass.
        stay: Objective = OBJECTIVES.load("picture")({"edge": 1.0}, first)
        return objective + stay * settings.stay_weight

    stages = _stages(settings, photo, judge)
    cut = [text for part in stages[0].objective.modules() for text in getattr(part, "truncated", ())]
    return Task(photo, stylist, _driver(settings, stylist), stages, settings, text_notes(prompts, cut))


def _prompts(settings: StyleSettings) -> tuple[Prompt, ...]:
    if not settings.prompt.strip():
        raise UsageError('there is no style; write one, such as "a stained glass window"')
    return signed_prompts(settings.prompt, settings.negative)


def _stylist(
    settings: StyleSettings, prompts: Sequence[Prompt], pack: Pack, known: Taught | None, device: torch.device
) -> Stylist:
    if settings.network == "stylenet":
        return of_stylenet(StyleNet().to(device))
    if settings.start == "random":
        return of_styler(Styler(features=0).to(device))
    known = known or taught(pack, device)
    words = [prompt for prompt in prompts if prompt.weight > 0]
    vector = known.vector(words if settings.start == "words" else parse_prompts("a photo"))
    return of_styler(told(known.styler, vector, settings.prompt))


def _driver(settings: StyleSettings, stylist: Stylist) -> Gradient:
    network = stylist.network
    latent = {**dict(network.named_parameters()), **dict(network.named_buffers())}

    def schedule(t: float) -> float:
        if not settings.halve_every:
            return 1 - t
        # The published schedule moves on before each step, not after it.
        return float(0.5 ** ((round(t * settings.steps) + 1) // settings.halve_every))

    return Gradient(latent, settings.steps, settings.lr, schedule)


def _stages(settings: StyleSettings, photo: Tensor, judge: Callable[[Tensor], Objective]) -> list[Stage]:
    height, width = photo.shape[-2:]
    if settings.fit == "stretch":
        whole = resize(photo, settings.side, settings.side)
        return [Stage(whole, judge(whole), settings.steps)]
    coarse, stages = round(settings.coarse * settings.steps), []
    for side, steps in ((settings.side // 2, coarse), (settings.side, settings.steps - coarse)):
        if steps:
            scale = max(max(height, width) / side, texture_scale(height, width, settings.texture), 1e-3)
            seen = resize(photo, *working_size(height, width, max(scale, 1.0)))
            stages.append(Stage(seen, judge(seen), steps))
    return stages


def objective_of(
    settings: StyleSettings,
    prompts: Sequence[Prompt],
    images: Tensor,
    perceptor: AnyPerceptor,
    others: Sequence[str] = (),
) -> Objective:
    """The losses of pictures that were `images` (B,3,H,W): names, patches, the whole, content and smoothness.

    Args:
        others: what a style is told from.
    """
    start = Start(
        image=images,
        prompts=tuple(prompts),
        source=settings.source,
        perceptor=perceptor,
        load_image=lambda path: read_picture(path).image,
    )
    floor = 1e-6 if settings.convention == "clipstyler" else DirectionSettings.floor
    words: dict[str, Any] = {
        "templates": settings.templates,
        "convention": settings.convention,
        "floor": floor,
    }
    sizes = (settings.view_min, settings.view_max)
    naming = {
        "templates": settings.templates,
        "cutouts": settings.cutouts,
        "scale": sizes,
        **({"others": tuple(others)} if others else {}),
    }
    views = {
        "count": settings.cutouts,
        "scale": sizes,
        "threshold": settings.threshold,
        "views": settings.views,
    }
    terms: list[tuple[str, float, Mapping[str, Any]]] = [
        ("patches", settings.patch_weight, {**words, **views}),
        ("directional", settings.global_weight, words),
        ("naming", settings.naming_weight, naming),
        ("content", settings.content_weight, {"network": settings.content, "relative": settings.relative}),
        ("tv", settings.tv_weight, {}),
    ]
    return Sum(OBJECTIVES.load(name)(own, start) * weight for name, weight, own in terms if weight > 0)
