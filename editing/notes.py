"""Remarks on pictures and prompts that a model can make little of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..guidance.prompt import Prompt
from .pictures import Picture

# Below this side nobody could tell what a picture shows.
_SMALL = 16


def size_note(picture: Picture | None) -> tuple[str, ...]:
    """A remark on a picture that is too small."""
    if picture is None or max(picture.image.shape[-2:]) >= _SMALL:
        return ()
    height, width = picture.image.shape[-2:]
    return (f"{width}x{height} pixels show little; give a larger picture",)


def text_notes(prompts: Sequence[Prompt], cut: Sequence[str] = ()) -> tuple[str, ...]:
    """Remarks on prompts that CLIP reads badly; `cut` are those that were too long for it."""
    long = (f"'{_start(text)}' is longer than CLIP reads; its end is lost" for text in dict.fromkeys(cut))
    strange = (
        f"'{_start(prompt.text)}' has no Latin letters; CLIP models for English see little in it"
        for prompt in prompts
        if not prompt.is_image and not re.search("[A-Za-z]", prompt.text)
    )
    return (*long, *strange)


def _start(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else f"{text[:40]}..."
