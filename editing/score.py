"""How well texts fit a picture, as CLIP sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .._devices import enough_memory
from ..guidance.perceptor import AnyPerceptor
from ..guidance.prompts import Prompt, Template, encode_prompts, load_templates, parse_prompts
from .choice import ModelChoice
from .making import source_of
from .models import Models
from .notes import text_notes
from .pictures import load_image


@dataclass(frozen=True)
class Score:
    """How well a text fits a picture.

    Attributes:
        similarity: cosine of CLIP's features, -1 to 1.
        probability: of this text among all that were given, 0 to 1.
    """

    text: str
    similarity: float
    probability: float


def score(
    picture: str | Path | Any,
    *texts: str,
    templates: str = "none",
    models: Models | ModelChoice | None = None,
    **choice: Any,
) -> tuple[Score, ...]:
    """How well texts fit a picture; the best first.

    Args:
        picture: a file, a tensor (1,3,H,W) in [0,1] or a Pillow image.
        texts: prompts, see `guidance.prompt`.
        templates: see `load_templates`.
        models: loaded once for many calls, or a choice; else `choice` are fields of `ModelChoice`.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    return scored(picture, texts, templates, models if models is not None else ModelChoice(**choice))[0]


def scored(
    picture: str | Path | Any, texts: Sequence[str], templates: str, models: Models | ModelChoice
) -> tuple[tuple[Score, ...], tuple[str, ...]]:
    """As `score`, and remarks for the user."""
    prompts = [prompt for text in texts for prompt in parse_prompts(text)]
    read, sentences = source_of(picture).picture, load_templates(templates)
    with enough_memory():
        loaded = models if isinstance(models, Models) else Models(models)
        similarities, probabilities, cut = _scores(loaded.perceptor(), read.image, prompts, sentences)
    order = similarities.argsort(descending=True).tolist()
    found = (Score(prompts[i].text, float(similarities[i]), float(probabilities[i])) for i in order)
    return tuple(found), (*read.notes, *text_notes(prompts, cut))


@torch.no_grad()
def _scores(
    perceptor: AnyPerceptor, image: Tensor, prompts: Sequence[Prompt], templates: tuple[Template, ...]
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Of each prompt: its similarity and its probability (P,); and the texts that were too long."""
    similarities, probabilities = torch.zeros(len(prompts)), torch.zeros(len(prompts))
    cut: tuple[str, ...] = ()
    for member, weight in perceptor.members:
        found = encode_prompts(member, prompts, templates, load_image=load_image)
        cosine = (member.encode_image(image) @ found.features.T)[0].cpu()
        similarities += weight * cosine
        probabilities += weight * (member.logit_scale * cosine).softmax(dim=0)
        cut += found.truncated
    return similarities, probabilities, cut
