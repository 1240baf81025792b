"""Whether the embedded models know a style: what they were never told of, they can only guess."""

from __future__ import annotations

import torch

from ..optimise import signed_prompts
from .settings import StyleSettings
from .stylists import Taught

# Cosine to the nearest text that was taught: synonyms lie above it, names of unknown painters and noise below.
_KNOWN = 0.6


@torch.no_grad()
def warnings_of(settings: StyleSettings, known: Taught, pack: str) -> tuple[str, ...]:
    """A line for each text of a style that a pack's models were not taught, with its score.

    Raises:
        UsageError: a prompt that cannot be read.
    """
    words = known.styler.words
    texts = [
        prompt.text for prompt in signed_prompts(settings.prompt, settings.negative) if not prompt.is_image
    ]
    if settings.start != "words" or not words or not texts:
        return ()
    cosines = known.perceptor.encode_text(texts) @ known.perceptor.encode_text(list(words)).T
    found = []
    for text, row in zip(texts, cosines, strict=True):
        score, nearest = float(row.max()), words[int(row.argmax())]
        if score < _KNOWN:
            found.append(
                f"'{text[:40]}' is a style that the {pack} pack was not taught (score {score:.2f} of 1, "
                f"known from {_KNOWN:g} on); nearest is '{nearest}'"
            )
    return tuple(found)
