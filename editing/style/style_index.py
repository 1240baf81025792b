"""Whether the embedded models know a style: of one that they were not trained on, they can only guess."""

from __future__ import annotations

import torch

from ...guidance.prompt import signed_prompts
from .settings import StyleSettings
from .style_networks import WordStyler

# CLIP similarity to the nearest text of the training: synonyms lie above it, names of unknown painters and noise below.
_KNOWN = 0.6


@torch.no_grad()
def unknown_styles(settings: StyleSettings, known: WordStyler, pack: str) -> tuple[str, ...]:
    """A line for each text of a style that a pack's models were not trained on, with its score.

    Raises:
        UsageError: a prompt that cannot be read.
    """
    words = known.styler.words
    texts = [
        prompt.text for prompt in signed_prompts(settings.prompt, settings.negative) if not prompt.is_image
    ]
    if settings.start != "words" or not words or not texts:
        return ()
    similarities = known.perceptor.encode_text(texts) @ known.perceptor.encode_text(list(words)).T
    found = []
    for text, row in zip(texts, similarities, strict=True):
        score, nearest = float(row.max()), words[int(row.argmax())]
        if score < _KNOWN:
            found.append(
                f"'{text[:40]}' is a style that the {pack} pack was not trained on (score {score:.2f} of 1, "
                f"known from {_KNOWN:g} on); nearest is '{nearest}'"
            )
    return tuple(found)
