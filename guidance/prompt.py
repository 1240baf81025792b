r"""Prompts: "a red hat:1.5 | glasses:-0.5 | @mood.png:0.3", read without importing torch.

Parts are joined by `|`. A number after the last colon is the part's weight, else the weight is 1; a negative
weight pushes away. A part that starts with `@` names a picture. Any other colon is text, and so is one
between a digit and a whole number, as in "a clock at 10:30" or "3:2"; put a space before the colon
("route 66 :2") to make it a weight all the same. `\|`, `\:` and a leading `\@` are the plain characters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .._base import UsageError, check_utf8

# Names of published templates; any other is a file.
TEMPLATE_SETS = ("imagenet79", "imagenet80", "none")
# Weights are divided by their sum in float32, which smaller or larger ones would not survive.
SMALLEST_WEIGHT, LARGEST_WEIGHT = 1e-6, 1e6
_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|[-+]?(?:nan|inf|infinity)"
# Anchored at the colon, so that no prompt, however long, makes it search twice.
_WEIGHT = re.compile(rf"(?<!\\):\s*({_NUMBER})$", re.IGNORECASE)
_CLOCK_OR_RATIO = re.compile(r".*[0-9]:[0-9]+", re.DOTALL)


@dataclass(frozen=True)
class Prompt:
    """One part: a text, or the path of a picture, and how much it counts.

    Raises:
        UsageError: an empty text, or a weight that is not a finite number, or too small or large to count.
    """

    text: str
    weight: float = 1.0
    is_image: bool = False

    def __post_init__(self) -> None:
        check_utf8(self.text, "the picture of a prompt" if self.is_image else "the prompt")
        if not self.text.strip():
            raise UsageError("a prompt is empty; write what the picture should show")
        if not math.isfinite(self.weight):
            raise UsageError(f"the weight {self.weight} of '{short(self.text)}' is not a finite number")
        if self.weight and not SMALLEST_WEIGHT <= abs(self.weight) <= LARGEST_WEIGHT:
            raise UsageError(
                f"the weight {self.weight} of '{short(self.text)}' is out of range; "
                "give 0, or 0.000001 to 1000000 with either sign"
            )

    def __str__(self) -> str:
        """The spelling that `parse_prompts` reads back."""
        text = re.sub(r"([|:])", r"\\\1", self.text)
        mark = "@" if self.is_image else "\\" if text.startswith("@") else ""
        # The space keeps a last digit or backslash away from the colon.
        return f"{mark}{text} :{self.weight!r}"


def parse_prompts(text: str) -> tuple[Prompt, ...]:
    """Read prompts in the notation of this module.

    Raises:
        UsageError: nothing to read, an empty part, a weight out of range, or only zero weights.
    """
    if not text.strip():
        raise UsageError("the prompt is empty; write what the picture should show")
    parts = re.split(r"(?<!\\)\|", text)
    for number, part in enumerate(parts, start=1):
        if not part.strip():
            raise UsageError(f"part {number} of the prompt '{short(text)}' is empty; remove the extra '|'")
    prompts = tuple(_parse_part(part.strip()) for part in parts)
    if not any(prompt.weight for prompt in prompts):
        raise UsageError(f"all weights of the prompt '{short(text)}' are 0; give one part another weight")
    return prompts


def _parse_part(part: str) -> Prompt:
    text, weight = part, 1.0
    match = _WEIGHT.search(part)
    if match and not _CLOCK_OR_RATIO.fullmatch(part):
        text, weight = part[: match.start()].rstrip(), float(match[1])
    is_image = text.startswith("@")
    text = text.removeprefix("@").strip() if is_image else re.sub(r"^\\@", "@", text)
    if not text.strip():
        raise UsageError(f"'{short(part)}' has a weight or an @ but no text; write one before it")
    return Prompt(re.sub(r"\\([|:])", r"\1", text), weight, is_image)


def signed_prompts(prompt: str, negative: str = "") -> tuple[Prompt, ...]:
    """What a picture should show, and with weights turned round what it should not.

    Raises:
        UsageError: a prompt that cannot be read.
    """
    wanted = parse_prompts(prompt) if prompt.strip() else ()
    if not negative.strip():
        return wanted
    return (*wanted, *(replace(p, weight=-p.weight) for p in parse_prompts(negative)))


def respelt(prompts: str, spell: Callable[[str], str]) -> str:
    """Prompts with the paths of their pictures in another spelling; texts stay as they were typed."""
    if not prompts.strip():
        return prompts
    typed = re.split(r"(?<!\\)\|", prompts)
    return "|".join(_respelt(*each, spell) for each in zip(typed, parse_prompts(prompts), strict=True))


def _respelt(typed: str, prompt: Prompt, spell: Callable[[str], str]) -> str:
    if not prompt.is_image:
        return typed
    margin = typed[: len(typed) - len(typed.lstrip())]
    return f"{margin}{Prompt(spell(prompt.text), prompt.weight, is_image=True)}"


def short(text: str) -> str:
    """A prompt of ten thousand words must not fill the screen with its error."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
