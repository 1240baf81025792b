"""What prompts mean to CLIP: features of texts over templates, and of pictures.

The notation of prompts is read in `prompt`, without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor

from .._base import InputFileError, UsageError, did_you_mean
from .perceptor import Perceptor
from .prompt import TEMPLATE_SETS, Prompt, parse_prompts, short

Template = Callable[[str], str]
ImageLoader = Callable[[Path], Tensor]
__all__ = [
    "AVERAGES",
    "TEMPLATE_SETS",
    "ImageLoader",
    "Prompt",
    "PromptFeatures",
    "Template",
    "encode_prompts",
    "load_templates",
    "parse_prompts",
    "text_features",
]

AVERAGES = ("unit", "raw")


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
            raise InputFileError(f"line {number} of {path} has no {{}} for the text: '{short(line)}'")
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
