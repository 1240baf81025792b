"""Where an edit may change a picture: the parts that its prompt is about, as the pack's parser finds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..._base import MissingError
from ...generators.parser import PARTS
from .settings import ALL, AUTO, REGIONS, EditSettings, region_names

if TYPE_CHECKING:
    from ...guidance.prompt import Prompt
    from ..models import Models

# From this probability on a pixel is of a part; of a possible one it is if it also changed and lies beside the part:
# thin strands, rims and brims.
_PROBABLE, _POSSIBLE, _SURE, _CHANGED = 0.35, 0.08, 0.9, 0.12
_GROWN, _BESIDE = 2, 6
# Of the fall of the loss that the parts of an edit have to bring together, and each of them at least.
_ENOUGH, _LEAST = 0.85, 0.04

Judge = Callable[[Tensor], float]


@dataclass(frozen=True)
class Region:
    """Where a picture may change.

    Attributes:
        names: of its parts, for people.
        mask: (1,1,S,S) of 0 and 1, over the generator's square.
    """

    names: tuple[str, ...]
    mask: Tensor


def region_of(
    models: Models,
    settings: EditSettings,
    prompts: Sequence[Prompt],
    pictures: tuple[Tensor, Tensor],
    judge: Judge,
) -> Region | None:
    """The region of an edit; None where everything may change.

    With `auto` it is what the prompt's words are about, and where the pack does not know all of them, also the parts
    whose change helps the objective most.

    Args:
        pictures: the square before and after, (1,3,R,R) each in [0,1].
        judge: the loss of a picture (1,3,R,R).

    Raises:
        MissingError: parts were asked for, and the models have no parser.
    """
    asked = region_names(settings.region)
    if asked == (ALL,):
        return None
    parser = models.parser
    if parser is None:
        if asked == (AUTO,):
            return None
        raise MissingError(
            f"--region {settings.region} needs the parser of a pack, and this generator has none; give --region all, "
            "or a --mask"
        )
    seen = [parser(each).softmax(1) for each in pictures]
    if asked != (AUTO,):
        parts = tuple(dict.fromkeys(part for name in asked for part in REGIONS[name]))
        return Region(asked, region_mask(seen, pictures, parts))
    parts, understood = parts_in_words(models, prompts)
    if not understood:
        parts = tuple(dict.fromkeys((*parts, *helpful_parts(seen, pictures, judge))))
    return Region(parts, region_mask(seen, pictures, parts)) if parts else None


def parts_in_words(models: Models, prompts: Sequence[Prompt]) -> tuple[tuple[str, ...], bool]:
    """The parser's parts that prompts are about, by the pack's words, and whether that is all that they say."""
    words = models.words
    if words is None:
        return (), False
    texts = [prompt.text for prompt in prompts if not prompt.is_image]
    parts = words.parts_of(name for text in texts for name in words.asked(text))
    understood = len(texts) == len(prompts) and not any(map(words.unknown, texts))
    return parts, bool(parts) and understood


def helpful_parts(seen: Sequence[Tensor], pictures: tuple[Tensor, Tensor], judge: Judge) -> tuple[str, ...]:
    """The fewest parts whose change alone lowers the loss nearly as far as the whole change does; greedily chosen."""
    before, after = pictures
    start, whole = judge(before), judge(after)
    if start <= whole:
        return ()
    masks = {name: region_mask(seen, pictures, (name,)) for name in PARTS}
    left = {name: mask for name, mask in masks.items() if float(mask.mean()) > 0}
    found: list[str] = []
    covered, reached = torch.zeros_like(before[:, :1]), 0.0
    while left and reached < _ENOUGH:
        gains = {
            name: (start - judge(torch.lerp(before, after, torch.maximum(covered, mask)))) / (start - whole)
            for name, mask in left.items()
        }
        best = max(gains, key=lambda name: gains[name])
        if gains[best] < reached + _LEAST:
            break
        covered, reached = torch.maximum(covered, left.pop(best)), gains[best]
        found.append(best)
    return tuple(found)


def region_mask(seen: Sequence[Tensor], pictures: tuple[Tensor, Tensor], parts: Sequence[str]) -> Tensor:
    """Where a picture shows any of the parts before or after a change, (1,1,S,S) of 0 and 1.

    Args:
        seen: the parser's probabilities of both pictures, (1,12,S,S) each.
    """
    rows = [PARTS.index(part) for part in parts]
    probable = torch.stack([each[:, rows].sum(1, keepdim=True) for each in seen]).amax(0)
    mask = _grown((probable > _PROBABLE).float(), _GROWN)
    before, after = (_sized(each, mask.shape[-1]) for each in pictures)
    changed = (after - before).abs().amax(1, keepdim=True) > _CHANGED
    strands = _grown((changed & (probable > _POSSIBLE)).float() * _grown(mask, _BESIDE), 1)
    return torch.maximum(mask, strands) * (1 - _others(seen, parts))


def _others(seen: Sequence[Tensor], parts: Sequence[str]) -> Tensor:
    """What shows one other part before and after, (1,1,S,S) of 0 and 1; of large ones, whose edges move, the inside."""
    (was, sure), (becomes, still) = (tuple(reversed(each.max(1, keepdim=True))) for each in seen)
    own = [PARTS.index(part) for part in parts]
    inside = [PARTS.index(part) for part in ("background", "skin")]
    same = (was == becomes) & ~torch.isin(was, torch.tensor(own, device=was.device))
    large = torch.isin(was, torch.tensor(inside, device=was.device))
    return (same & (~large | (torch.minimum(sure, still) > _SURE))).float()


def _grown(mask: Tensor, reach: int) -> Tensor:
    return F.max_pool2d(mask, 2 * reach + 1, stride=1, padding=reach)


def _sized(images: Any, side: int) -> Tensor:
    return F.interpolate(images, (side, side), mode="area")
