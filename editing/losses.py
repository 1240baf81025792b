"""What a method is judged by: its own objectives, and those that a user adds by name with --loss NAME:weight."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from .._base import UsageError
from .._settings import Settings
from ..guidance import OBJECTIVES

if TYPE_CHECKING:
    from torch import Tensor

    from ..guidance.objective import Objective, Start
    from ..guidance.perceptor import AnyPerceptor
    from ..guidance.prompt import Prompt
    from .models import Models

# The name of an objective, its weight, and its settings.
Term = tuple[str, float, Mapping[str, Any]]


def parse_loss(text: str) -> tuple[str, float]:
    """The name and weight of "NAME:weight"; the weight is 1 if it is left out.

    Raises:
        UsageError: a weight that is not a finite number.
    """
    name, colon, weight = text.partition(":")
    try:
        value = float(weight) if colon else 1.0
    except ValueError:
        value = math.nan
    if not name or not math.isfinite(value):
        raise UsageError(f"loss is '{text[:40]}'; write NAME:weight, such as tv:0.1")
    return name, value


def check_losses(settings: Settings) -> None:
    """Whether all objectives that settings add exist, without importing torch.

    Raises:
        UsageError: an unknown name, or a weight that is not a finite number.
    """
    for field in settings.with_role("losses"):
        for text in getattr(settings, field):
            OBJECTIVES.check(parse_loss(text)[0])


def start_of(
    models: Models,
    image: Tensor,
    prompts: Sequence[Prompt] = (),
    perceptor: AnyPerceptor | None = None,
    **more: Any,
) -> Start:
    """What objectives compare with and are built from; a network that only some of them need loads when one does.

    Args:
        image: (1,3,H,W) in [0,1], where the edit begins.
        perceptor: by default the CLIP of the choice.
        more: see `guidance.objective.Start`.
    """
    from ..guidance.objective import Start
    from .models import required_face_encoder
    from .pictures import load_image

    given = {
        "source": models.source,
        "load_image": load_image,
        "face_encoder": partial(required_face_encoder, models),
        **more,
    }
    return Start(image=image, prompts=tuple(prompts), perceptor=perceptor or models.perceptor(), **given)


def objective_of(settings: Settings, start: Start, *terms: Term) -> Objective:
    """A method's own terms, (name, weight, settings) each, without those of weight 0, and the user's.

    Raises:
        UsageError, MissingError: an objective that needs what this method does not have.
    """
    from ..guidance.objective import Sum

    own = [OBJECTIVES.load(name)(wanted, start) * weight for name, weight, wanted in terms if weight]
    added = [added_losses(getattr(settings, field), start) for field in settings.with_role("losses")]
    return Sum([*own, *chain.from_iterable(added)])


def added_losses(losses: Sequence[str], start: Start) -> list[Objective]:
    """The objectives of `--loss`.

    Raises:
        UsageError: an unknown name, or an objective that needs what this method does not have.
    """
    parsed = [parse_loss(text) for text in losses]
    return [OBJECTIVES.load(name)({}, start) * weight for name, weight in parsed]
