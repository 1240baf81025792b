"""What a prior is conditioned on: features of texts and pictures, with their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...guidance.perceptor import Perceptor
from ...guidance.phrases import phrases_of
from ...guidance.prompts import Prompt, Template, encode_prompts, load_templates
from ..pictures import load_image, read_picture
from .settings import SampleSettings, destination_of, prompts_of


@dataclass(frozen=True)
class Conditions:
    """What each sample is conditioned on.

    Attributes:
        features: (B,P,D): of prompts, then of phrases of them.
        weights: (P,), of guidance; the largest of a prompt with its phrases is 1, negative ones turn away.
        scored: (S,), of the prompts, the first ones, by which pictures are scored.
        cut: texts that were longer than CLIP reads.
    """

    features: Tensor
    weights: Tensor
    scored: Tensor
    cut: tuple[str, ...] = ()

    def rows(self, rows: Sequence[int]) -> Conditions:
        """Those of some samples."""
        return Conditions(self.features[list(rows)], self.weights, self.scored, self.cut)

    def scores(self, seen: Tensor) -> Tensor:
        """How well pictures with these features (B,D) fit, (B,): the weighted mean CLIP similarity to the prompts."""
        prompts = self.features[:, : len(self.scored)]
        cosines = (F.normalize(prompts, dim=-1) * F.normalize(seen, dim=-1)[:, None]).sum(-1)
        return cosines @ self.scored / self.scored.abs().sum()


@torch.no_grad()
def conditions_of(perceptor: Perceptor, unit: bool, settings: SampleSettings, count: int) -> Conditions:
    """The conditions of `count` samples: the same for all, or with a second prompt what lies on the way to it.

    Args:
        unit: features as unit vectors, else at the length that the towers give them.

    Raises:
        UsageError, InputFileError: prompts or pictures that cannot be read.
    """
    prompts, templates = prompts_of(settings), load_templates(settings.templates)
    features, weights, cut = _encoded(perceptor, unit, prompts, templates)
    if not settings.to.strip():
        scored = weights / weights.abs().max()
        parts, guiding = _apart([each for each in prompts if each.weight], scored, settings.phrases)
        if parts:
            features = torch.cat([features, _encoded(perceptor, unit, parts, templates)[0]])
        return Conditions(features.expand(count, -1, -1), guiding, scored, cut)
    ends, shares, more = _encoded(perceptor, unit, destination_of(settings), templates)
    away = weights < 0
    first, last = (_mean(features[~away], weights[~away]), _mean(ends, shares))
    way = between_conditions(first, last, count)[:, None]
    rest = features[away].expand(count, -1, -1)
    signed = torch.cat([weights.new_ones(1), weights[away] / weights.abs().max()])
    return Conditions(torch.cat([way, rest], dim=1), signed, signed, (*cut, *more))


def between_conditions(first: Tensor, last: Tensor, count: int) -> Tensor:
    """`count` vectors on the arc from one (D,) to another, both included; the middle if it is one.

    Lengths go from one to the other along a straight line.
    """
    fractions = torch.linspace(0, 1, count) if count > 1 else torch.tensor([0.5])
    fractions = fractions.to(first)[:, None]
    one, other = F.normalize(first, dim=0), F.normalize(last, dim=0)
    angle = torch.arccos((one @ other).clamp(-1, 1))
    if float(angle.sin()) < 1e-6:
        arc = F.normalize(torch.lerp(one, other, fractions), dim=1)
    else:
        arc = (((1 - fractions) * angle).sin() * one + (fractions * angle).sin() * other) / angle.sin()
    return arc * torch.lerp(first.norm(), last.norm(), fractions)


def _apart(prompts: Sequence[Prompt], weights: Tensor, fraction: float) -> tuple[list[Prompt], Tensor]:
    """The phrases of prompts, and the weights of prompts and phrases; each phrase has a fraction of its prompt's.

    Only what a picture should show has phrases.
    """
    own, parts, more = weights.clone(), [], []
    for row, (prompt, weight) in enumerate(zip(prompts, weights.tolist(), strict=True)):
        phrases = phrases_of(prompt.text) if fraction and weight > 0 and not prompt.is_image else []
        if len(phrases) > 1:
            own[row] = (1 - fraction) * weight
            parts += [Prompt(phrase) for phrase in phrases]
            more += [fraction * weight] * len(phrases)
    return parts, torch.cat([own, own.new_tensor(more)])


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
    found = encode_prompts(perceptor, counting, templates, average, load_image)
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
