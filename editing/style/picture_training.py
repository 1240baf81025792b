"""Training a network for one picture: its weights move, losses over views judge what it draws (CLIPstyler)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..._resize import resize
from ...generators.style.stylenet import StyleNet
from ...generators.style.styler import Styler, of_one_style
from ...generators.style.transfer import StyleTransfer
from ...guidance import OBJECTIVES
from ...guidance.clip import DirectionSettings
from ...guidance.objective import Objective, Start, Sum
from ...guidance.perceptor import AnyPerceptor
from ...guidance.prompt import Prompt, parse_prompts, signed_prompts
from ..drivers import Latent, WeightGradient
from ..edit import Edit, Stage
from ..losses import added_losses
from ..models import Models
from ..notes import text_notes
from ..pictures import load_image
from .blending import in_style, texture_scale, working_size
from .settings import StyleSettings
from .style_networks import of_stylenet, of_styler, word_styler_of

# Steps whose mean loss falls by less than this fraction bring nothing.
_PLATEAU = 0.002


def training(models: Models, photo: Tensor, settings: StyleSettings) -> tuple[Edit, StyleTransfer]:
    """The edit that trains a network for a photograph (1,3,H,W) in [0,1], and the network.

    Its latent is the network's weights by name; without a step the network stays as it starts.

    Raises:
        UsageError, InputFileError, MissingError: what does not fit or is not there.
    """
    prompts = signed_prompts(settings.prompt, settings.negative)
    # Loaded before the seed is set: a network that is built draws random numbers.
    others = models.styler.words if models.styler else ()
    with torch.random.fork_rng([]):
        torch.manual_seed(settings.seed)
        transfer = _first(models, settings, prompts)
    if not settings.steps:
        return Edit(), transfer
    perceptor = models.painters

    def judge(image: Tensor) -> Objective:
        objective = objective_of(settings, prompts, image, perceptor, others)
        if settings.start != "words" or not settings.stay_weight:
            return objective
        with torch.no_grad():
            first = Start(image=transfer.whole(image))
        # Squares: a CLIP is easily pleased by a few glowing spots, which a plain distance lets pass.
        stay: Objective = OBJECTIVES.load("picture")({"edge": 1.0}, first)
        return objective + stay * settings.stay_weight

    views = list(_views(settings, photo.to(models.device)))
    judges = [judge(seen) for seen, _ in views]
    whole = _Whole(transfer)
    stages = [
        Stage(steps, partial(whole.drawn, seen), own)
        for (seen, steps), own in zip(views, judges, strict=True)
    ]
    cut = [text for part in judges[0].modules() for text in getattr(part, "truncated", ())]
    edit = Edit(
        stages=stages,
        driver=_driver(settings, transfer.network),
        seeds=[settings.seed],
        settled=partial(_is_settled, settings.patience, sum(stage.steps for stage in stages[:-1])),
        notes=text_notes(prompts, cut),
    )
    return edit, transfer


@torch.no_grad()
def trained_picture(
    transfer: StyleTransfer, weights: Latent | None, photo: Tensor, settings: StyleSettings
) -> Tensor:
    """The photograph (1,3,H,W) in the style, at the size that its strokes ask for: (1,3,h,w).

    Args:
        weights: what the training came to; they go into the network. None: the network stays as it is.
    """
    if weights is not None:
        transfer.network.load_state_dict(named_weights(weights), strict=False)
    if settings.fit == "stretch":
        device = next(transfer.network.parameters()).device
        return transfer(resize(photo.to(device), settings.side, settings.side))
    return in_style(transfer, photo, settings)


def named_weights(latent: Latent) -> dict[str, Tensor]:
    """A network's weights by name, detached.

    Raises:
        TypeError: the latent is one tensor.
    """
    if isinstance(latent, Tensor):
        raise TypeError("the weights of a network have names")
    return {name: value.detach() for name, value in latent.items()}


def _first(models: Models, settings: StyleSettings, prompts: Sequence[Prompt]) -> StyleTransfer:
    """The network as the training starts."""
    if settings.network == "stylenet":
        return of_stylenet(StyleNet().to(models.device))
    if settings.start == "random":
        return of_styler(Styler(features=0).to(models.device))
    known = word_styler_of(models)
    words = [prompt for prompt in prompts if prompt.weight > 0]
    vector = known.vector(words if settings.start == "words" else parse_prompts("a photo"))
    return of_styler(of_one_style(known.styler, vector, settings.prompt))


class _Whole(nn.Module):
    """A style transfer as a module, whose network's weights can be others for one call."""

    def __init__(self, transfer: StyleTransfer) -> None:
        super().__init__()
        self.network, self.transfer = transfer.network, transfer

    def forward(self, images: Tensor) -> Tensor:
        return self.transfer.whole(images)

    def drawn(self, photo: Tensor, latent: Latent) -> Tensor:
        """The photograph by a network of these weights; gradients flow into them."""
        made: Tensor = functional_call(self, dict(_below(latent)), (photo,))
        return made


def _below(latent: Latent) -> Iterator[tuple[str, Tensor]]:
    if isinstance(latent, Tensor):
        raise TypeError("the weights of a network have names")
    return ((f"network.{name}", value) for name, value in latent.items())


def _driver(settings: StyleSettings, network: nn.Module) -> WeightGradient:
    weights = {**dict(network.named_parameters()), **dict(network.named_buffers())}

    def schedule(t: float) -> float:
        if not settings.halve_every:
            return 1 - t
        # The published schedule moves on before each step, not after it.
        return float(0.5 ** ((round(t * settings.steps) + 1) // settings.halve_every))

    return WeightGradient(weights, settings.steps, settings.lr, schedule)


def _views(settings: StyleSettings, photo: Tensor) -> Iterator[tuple[Tensor, int]]:
    """The photograph at the size of each stage of the training, and the stage's steps."""
    height, width = photo.shape[-2:]
    if settings.fit == "stretch":
        yield resize(photo, settings.side, settings.side), settings.steps
        return
    coarse = round(settings.coarse * settings.steps)
    for side, steps in ((settings.side // 2, coarse), (settings.side, settings.steps - coarse)):
        if steps:
            scale = max(max(height, width) / side, texture_scale(height, width, settings.texture), 1e-3)
            yield resize(photo, *working_size(height, width, max(scale, 1.0))), steps


def _is_settled(patience: int, earlier: int, totals: Sequence[float]) -> bool:
    """Whether the last steps brought hardly anything, in the last stage.

    Args:
        patience: how many steps are compared with as many before them; 0: never.
        earlier: steps of the stages before the last one.
    """
    if not patience or len(totals) < earlier + 2 * patience:
        return False
    late, before = totals[-patience:], totals[-2 * patience : -patience]
    return sum(late) > (1 - _PLATEAU) * sum(before)


def objective_of(
    settings: StyleSettings,
    prompts: Sequence[Prompt],
    images: Tensor,
    perceptor: AnyPerceptor,
    others: Sequence[str] = (),
) -> Objective:
    """The losses of pictures that were `images` (B,3,H,W): names, patches, the whole, content, smoothness, the user's.

    Args:
        others: styles that the prompts' must differ from.
    """
    start = Start(
        image=images,
        prompts=tuple(prompts),
        source=settings.source,
        perceptor=perceptor,
        load_image=load_image,
    )
    terms = [each for each in _terms(settings, others) if each[1] > 0]
    own = [OBJECTIVES.load(name)(wanted, start) * weight for name, weight, wanted in terms]
    return Sum([*own, *added_losses(settings.loss, start)])


def _terms(settings: StyleSettings, others: Sequence[str]) -> list[tuple[str, float, Mapping[str, Any]]]:
    """(objective, weight, its settings)."""
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
    return [
        ("patches", settings.patch_weight, {**words, **views}),
        ("directional", settings.global_weight, words),
        ("naming", settings.naming_weight, naming),
        ("content", settings.content_weight, {"network": settings.content, "relative": settings.relative}),
        ("tv", settings.tv_weight, {}),
    ]
