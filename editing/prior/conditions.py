"""What a prior is told: features of texts and pictures, with their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..._base import UsageError
from ...guidance.perceptor import Perceptor
from ...guidance.phrases import phrases_of
from ...guidance.prompts import Prompt, Template, encode_prompts, load_templates, parse_prompts
from ..optimise import signed_prompts
from ..pictures import read_picture
from .sampler import between_conditions
from .settings import SampleSettings


@dataclass(frozen=True)
class Conditions:
    """What each sample is told.

    Attributes:
        told: (B,P,D): prompts, then phrases of them.
        weights: (P,), of guidance; the largest of a prompt with its phrases is 1, negative ones turn away.
        scored: (S,), of the prompts, the first ones, by which pictures are scored.
        cut: texts that were longer than CLIP reads.
    """

    told: Tensor
    weights: Tensor
    scored: Tensor
    cut: tuple[str, ...] = ()

    def rows(self, rows: Sequence[int]) -> Conditions:
        """Those of some samples."""
        return Conditions(self.told[list(rows)], self.weights, self.scored, self.cut)

    def scores(self, seen: Tensor) -> Tensor:
        """How well pictures with these features (B,D) fit, (B,): the weighted mean cosine with the prompts."""
        told = self.told[:, : len(self.scored)]
        cosines = (F.normalize(told, dim=-1) * F.normalize(seen, dim=-1)[:, None]).sum(-1)
        return cosines @ self.scored / self.scored.abs().sum()


def prompts_of(settings: SampleSettings, like: Path | None) -> tuple[Prompt, ...]:
    """What the pictures should show, and with negative weights what they should not.

    Raises:
        UsageError: nothing is asked for, or a prompt that cannot be read.
    """
    own = (Prompt(str(like), 1.0, is_image=True),) if like else ()
    if not settings.prompt.strip():
        if not own:
            raise UsageError(
                "there is no prompt; write what the pictures should show, or give --like a picture"
            )
        turned = signed_prompts("-", settings.negative)[1:] if settings.negative.strip() else ()
        return (*own, *turned)
    return (*own, *signed_prompts(settings.prompt, settings.negative))


@torch.no_grad()
def conditions_of(
    perceptor: Perceptor, unit: bool, settings: SampleSettings, like: Path | None, count: int
) -> Conditions:
    """What `count` samples are told: the same, or with a second prompt what lies on the way to it.

    Args:
        unit: features as unit vectors, else at the length that the towers give them.

    Raises:
        UsageError, InputFileError: prompts or pictures that cannot be read.
    """
    prompts, templates = prompts_of(settings, like), load_templates(settings.templates)
    told, weights, cut = _encoded(perceptor, unit, prompts, templates)
    if not settings.to.strip():
        scored = weights / weights.abs().max()
        parts, guiding = _apart([each for each in prompts if each.weight], scored, settings.phrases)
        if parts:
            told = torch.cat([told, _encoded(perceptor, unit, parts, templates)[0]])
        return Conditions(told.expand(count, -1, -1), guiding, scored, cut)
    ends, shares, more = _encoded(perceptor, unit, parse_prompts(settings.to), templates)
    away = weights < 0
    if bool(away.all()) or bool((shares < 0).any()):
        raise UsageError(
            "the way from one prompt to another needs something to show at both ends; put what should not show into "
            "--negative"
        )
    first, last = (_mean(told[~away], weights[~away]), _mean(ends, shares))
    way = between_conditions(first, last, count)[:, None]
    rest = told[away].expand(count, -1, -1)
    signed = torch.cat([weights.new_ones(1), weights[away] / weights.abs().max()])
    return Conditions(torch.cat([way, rest], dim=1), signed, signed, (*cut, *more))


def _apart(prompts: Sequence[Prompt], weights: Tensor, share: float) -> tuple[list[Prompt], Tensor]:
    """The phrases of prompts, and the weights of prompts and phrases; each phrase has a share of its prompt's.

    Only what a picture should show has phrases.
    """
    own, parts, shares = weights.clone(), [], []
    for row, (prompt, weight) in enumerate(zip(prompts, weights.tolist(), strict=True)):
        phrases = phrases_of(prompt.text) if share and weight > 0 and not prompt.is_image else []
        if len(phrases) > 1:
            own[row] = (1 - share) * weight
            parts += [Prompt(phrase) for phrase in phrases]
            shares += [share * weight] * len(phrases)
    return parts, torch.cat([own, own.new_tensor(shares)])


def _mean(features: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean direction of features (P,D), as long as they are on average."""
    length = features.norm(dim=1).mean()
    mean: Tensor = F.normalize(weights @ features, dim=0) * length
    return mean


def _encoded(
    perceptor: Perceptor, unit: bool, prompts: Sequence[Prompt], templates: Sequence[Template]
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Features (P,D) and weights (P,) of the prompts that count, and texts that are cut."""
    counting = [prompt for prompt in prompts if prompt.weight]
    average = "unit" if unit else "raw"
    found = encode_prompts(perceptor, counting, templates, average, lambda path: read_picture(path).image)
    if unit:
        return found.features, found.weights, found.truncated
    lengths = [_length(perceptor, prompt, templates) for prompt in counting]
    return found.features * torch.stack(lengths)[:, None], found.weights, found.truncated


def _length(perceptor: Perceptor, prompt: Prompt, templates: Sequence[Template]) -> Tensor:
    """How long the features are as the tower makes them."""
    if prompt.is_image:
        features = perceptor.encode_image(read_picture(prompt.text).image, normalise=False)
    else:
        sentences = [template(prompt.text) for template in templates]
        features = perceptor.encode_text(sentences, normalise=False)
    length: Tensor = features.mean(dim=0).norm()
    return length
