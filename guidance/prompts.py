r"""Prompts: "a red hat:1.5 | glasses:-0.5 | @mood.png:0.3", and the features they stand for.

Parts are joined by `|`. A number after the last colon is the part's weight, else the weight is 1; a negative
weight pushes away. A part that starts with `@` names a picture. Any other colon is text, and so is one
between a digit and a whole number, as in "a clock at 10:30" or "3:2"; put a space before the colon
("route 66 :2") to make it a weight all the same. `\|`, `\:` and a leading `\@` are the plain characters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor

from .._base import InputFileError, UsageError, check_utf8, did_you_mean
from .perceptor import Perceptor

Template = Callable[[str], str]
ImageLoader = Callable[[Path], Tensor]

TEMPLATE_SETS = ("imagenet79", "imagenet80", "none")
AVERAGES = ("unit", "raw")
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
            raise UsageError(f"the weight {self.weight} of '{_short(self.text)}' is not a finite number")
        if self.weight and not SMALLEST_WEIGHT <= abs(self.weight) <= LARGEST_WEIGHT:
            raise UsageError(
                f"the weight {self.weight} of '{_short(self.text)}' is out of range; "
                "give 0, or 0.000001 to 1000000 with either sign"
            )

    def __str__(self) -> str:
        """The spelling that `parse_prompts` reads back."""
        text = re.sub(r"([|:])", r"\\\1", self.text)
        mark = "@" if self.is_image else "\\" if text.startswith("@") else ""
        # The space keeps a last digit or backslash away from the colon.
        return f"{mark}{text} :{self.weight!r}"


@dataclass(frozen=True)
class PromptFeatures:
    """What prompts mean to one perceptor.

    Attributes:
        features: (P,D) unit vectors.
        weights: (P,).
        truncated: texts that were longer than the context, so that their end is lost.
    """

    features: Tensor
    weights: Tensor
    truncated: tuple[str, ...] = ()


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
            raise UsageError(f"part {number} of the prompt '{_short(text)}' is empty; remove the extra '|'")
    prompts = tuple(_parse_part(part.strip()) for part in parts)
    if not any(prompt.weight for prompt in prompts):
        raise UsageError(f"all weights of the prompt '{_short(text)}' are 0; give one part another weight")
    return prompts


def _parse_part(part: str) -> Prompt:
    text, weight = part, 1.0
    match = _WEIGHT.search(part)
    if match and not _CLOCK_OR_RATIO.fullmatch(part):
        text, weight = part[: match.start()].rstrip(), float(match[1])
    is_image = text.startswith("@")
    text = text.removeprefix("@").strip() if is_image else re.sub(r"^\\@", "@", text)
    if not text.strip():
        raise UsageError(f"'{_short(part)}' has a weight or an @ but no text; write one before it")
    return Prompt(re.sub(r"\\([|:])", r"\1", text), weight, is_image)


def load_templates(name: str | Path) -> tuple[Template, ...]:
    """The sentences that a text is put into before it is encoded.

    Args:
        name: "none" (the text as typed), "imagenet80" (those published with CLIP), "imagenet79" (the same
            without "a photo of many {}.", as StyleCLIP, CLIPstyler and StyleGAN-NADA use them), or a file with
            one template a line, {} standing for the text.

    Raises:
        UsageError: neither a known set nor a file. InputFileError: a file with a line without {}.
    """
    if str(name) == "none":
        return (str,)
    if str(name) in TEMPLATE_SETS:
        published: tuple[Template, ...] = tuple(open_clip.OPENAI_IMAGENET_TEMPLATES)
        left_out = "a photo of many {}." if str(name) == "imagenet79" else ""
        return tuple(template for template in published if template("{}") != left_out)
    if not Path(name).is_file():
        hint = did_you_mean(str(name), list(TEMPLATE_SETS))
        raise UsageError(
            f"no templates are called '{name}'{hint}; known: {', '.join(TEMPLATE_SETS)}, or a file"
        )
    return _read_templates(Path(name))


def _read_templates(path: Path) -> tuple[Template, ...]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(f"{path} cannot be read as templates: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line and "{}" not in line:
            raise InputFileError(f"line {number} of {path} has no {{}} for the text: '{_short(line)}'")
    templates = tuple(_fill_in(line) for line in lines if line)
    if not templates:
        raise InputFileError(f"{path} holds no template; write one per line, with {{}} for the text")
    return templates


def _fill_in(line: str) -> Template:
    return lambda text: line.replace("{}", text)


def text_features(
    perceptor: Perceptor, text: str, templates: Sequence[Template] = (str,), average: str = "unit"
) -> Tensor:
    """One unit vector (D,) for a text over all templates.

    Args:
        average: "unit" averages unit vectors, as zero-shot CLIP and StyleCLIP do; "raw" averages features as
            the tower makes them, as CLIPstyler does. Both normalise the mean.

    Raises:
        UsageError: another average.
    """
    if average not in AVERAGES:
        raise UsageError(f"average '{average}' is unknown; choose from {', '.join(AVERAGES)}")
    features = perceptor.encode_text([template(text) for template in templates], normalise=average == "unit")
    return F.normalize(features.mean(dim=0), dim=0)


def encode_prompts(
    perceptor: Perceptor,
    prompts: Sequence[Prompt],
    templates: Sequence[Template] = (str,),
    average: str = "unit",
    load_image: ImageLoader | None = None,
) -> PromptFeatures:
    """Features and weights of prompts for one perceptor.

    Args:
        load_image: gives (1,3,H,W) in [0,1] for the path of an image prompt.

    Raises:
        UsageError: no prompts, only zero weights, or an image prompt without `load_image`.
    """
    if not any(prompt.weight for prompt in prompts):
        raise UsageError("there is no prompt with a weight other than 0; write what the picture should show")
    features = [_features(perceptor, prompt, templates, average, load_image) for prompt in prompts]
    weights = torch.tensor([prompt.weight for prompt in prompts], device=perceptor.device)
    texts = [prompt.text for prompt in prompts if not prompt.is_image]
    # The longest sentence stands for all of them: one look instead of eighty.
    truncated = (text for text in texts if perceptor.truncates(max((t(text) for t in templates), key=len)))
    return PromptFeatures(torch.stack(features), weights, tuple(truncated))


def _features(
    perceptor: Perceptor,
    prompt: Prompt,
    templates: Sequence[Template],
    average: str,
    load_image: ImageLoader | None,
) -> Tensor:
    if not prompt.is_image:
        return text_features(perceptor, prompt.text, templates, average)
    if load_image is None:
        raise UsageError(f"image prompts such as '@{prompt.text}' cannot be used here")
    with torch.no_grad():
        return perceptor.encode_image(load_image(Path(prompt.text)))[0]


def _short(text: str) -> str:
    """A prompt of ten thousand words must not fill the screen with its error."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
