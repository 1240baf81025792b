"""Whether the embedded models know a style: what they were never told of, they can only guess."""

from __future__ import annotations

import torch

from ...generators.packs.pack import load_pack
from ...generators.style.styler import load_styler
from ...guidance.perceptor import load_perceptor
from ..doctor import resolve_device
from ..models import ModelChoice
from ..optimise import signed_prompts
from .settings import StyleSettings

# Cosine to the nearest text that was taught: synonyms lie above it, names of unknown painters and noise below.
_KNOWN = 0.6


@torch.no_grad()
def warnings_of(settings: StyleSettings, choice: ModelChoice) -> tuple[str, ...]:
    """A line for each text of a style that the pack's models were not taught, with its score.

    Raises:
        UsageError, InputFileError, MissingError: as the loaders do.
    """
    pack, device = load_pack(choice.pack), resolve_device(choice.device)
    if not pack.styler or settings.start != "words":
        return ()
    words = load_styler(pack.path("styler")).words
    texts = [
        prompt.text for prompt in signed_prompts(settings.prompt, settings.negative) if not prompt.is_image
    ]
    if not words or not texts:
        return ()
    perceptor = load_perceptor(pack.clip_spec, device)
    cosines = perceptor.encode_text(texts) @ perceptor.encode_text(list(words)).T
    found = []
    for text, row in zip(texts, cosines, strict=True):
        score, nearest = float(row.max()), words[int(row.argmax())]
        if score < _KNOWN:
            found.append(
                f"'{text[:40]}' is a style that the {choice.pack} pack was not taught (score {score:.2f} of 1, "
                f"known from {_KNOWN:g} on); nearest is '{nearest}'"
            )
    return tuple(found)
