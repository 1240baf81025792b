"""CLIP as this project uses it: pictures in [0,1] and texts in, unit vectors out.

Nothing else resizes or normalises a picture for CLIP.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._base import UsageError
from .._resize import Filter, fit
from . import clip_models

Precision = Literal["float32", "bfloat16", "float16"]
Preprocessing = Literal["standard", "reference", "twice"]
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
PREPROCESSINGS = ("standard", "reference", "twice")
TEXT_BATCH = 256
CACHED_TEXTS = 4096


class Perceptor(nn.Module):
    """One CLIP: any open_clip model with its tokenizer and its preprocessing.

    `standard` preprocessing keeps the aspect: the longer side becomes the model's size (antialiased bicubic)
    and the edges are repeated; then mean and deviation. `reference` is the input that StyleCLIP published:
    the picture in [-1,1], averaged over exact boxes (x7 nearest, then an average pool, there), no mean and no
    deviation. `twice` is what the published clip2latent was trained on: averaged over boxes, normalised, cut to
    [0,1], and normalised again.

    Args:
        model: an open_clip model.
        tokenizer: its tokenizer, an open_clip one: has `context_length`, is called with texts.
        name: how to call it in messages and recipes.
        mean, std: three numbers each, for pictures in [0,1].
        interpolation: "bicubic" or "bilinear", of the standard preprocessing.
        precision: of the towers; features are always float32.

    Raises:
        UsageError: an unknown precision or preprocessing, or a model that wants pictures that are not square.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        name: str = "clip",
        mean: Sequence[float] = (0.48145466, 0.4578275, 0.40821073),
        std: Sequence[float] = (0.26862954, 0.26130258, 0.27577711),
        interpolation: str = "bicubic",
        precision: str = "float32",
        preprocessing: str = "standard",
    ) -> None:
        super().__init__()
        _check_choice("precision", precision, tuple(PRECISIONS))
        _check_choice("preprocessing", preprocessing, PREPROCESSINGS)
        self.model: Any = model
        self.tokenizer = tokenizer
        self.name = name
        self.image_size = _square_size(self.model, name)
        self.interpolation: Filter = "bilinear" if interpolation == "bilinear" else "bicubic"
        self.precision = precision
        self.preprocessing = preprocessing
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)
        self._texts: dict[str, Tensor] = {}

    @property
    def logit_scale(self) -> float:
        """What the model multiplies cosines by (100 for OpenAI's)."""
        return math.exp(float(self.model.logit_scale))

    @property
    def device(self) -> torch.device:
        return self.mean.device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that the towers compute in."""
        return PRECISIONS[self.precision]

    @property
    def members(self) -> tuple[tuple[Perceptor, float], ...]:
        """Itself with weight 1: the face that it shares with `Ensemble`."""
        return ((self, 1.0),)

    def preprocess(self, images: Tensor) -> Tensor:
        """What the image tower sees.

        Args:
            images: (B,3,H,W) in [0,1], floating point, any size and aspect.

        Returns:
            (B,3,image_size,image_size) float32.

        Raises:
            UsageError: not such a tensor.
        """
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise UsageError(
                f"images must be floating point (B,3,H,W), not {images.dtype} {tuple(images.shape)}"
            )
        images = images.to(self.device, torch.float32)
        if self.preprocessing == "reference":
            return fit(images, self.image_size, "box") * 2 - 1
        if self.preprocessing == "twice":
            once = (fit(images, self.image_size, "box") - self.mean) / self.std
            return (once.clamp(0, 1) - self.mean) / self.std
        return (fit(images, self.image_size, self.interpolation) - self.mean) / self.std

    def encode_image(self, images: Tensor, normalise: bool = True) -> Tensor:
        """Unit features (B,D), float32, differentiable, of images (B,3,H,W) in [0,1] of any size.

        Args:
            normalise: off gives the features as the tower makes them.
        """
        pixels = self.preprocess(images)
        with self._autocast():
            features: Tensor = self.model.encode_image(pixels).float()
        return F.normalize(features, dim=-1) if normalise else features

    def encode_text(self, texts: Sequence[str], normalise: bool = True) -> Tensor:
        """Unit features (N,D), float32, without gradient; each text is encoded once and remembered.

        A text longer than the context is cut; `truncates` tells.

        Args:
            texts: any texts.
            normalise: off gives the features as the tower makes them, for methods that average before.
        """
        if isinstance(texts, str):
            texts = [texts]
        known = dict(self._texts)
        new = [text for text in dict.fromkeys(texts) if text not in known]
        for start in range(0, len(new), TEXT_BATCH):
            chunk = new[start : start + TEXT_BATCH]
            known.update(zip(chunk, self._encode_new(chunk), strict=True))
        self._texts = dict(list(known.items())[-CACHED_TEXTS:])
        features = torch.stack([known[text].to(self.device) for text in texts])
        return F.normalize(features, dim=-1) if normalise else features

    def truncates(self, text: str) -> bool:
        """Whether the text is longer than the context, so that its end is lost."""
        length = self.tokenizer.context_length
        # One place more than the model has: what stands there is padding unless the text goes on.
        tokens = self.tokenizer([text, ""], context_length=length + 1)
        return bool(tokens[0, -1] != tokens[1, -1])

    @torch.no_grad()
    def _encode_new(self, texts: list[str]) -> Tensor:
        tokens = self.tokenizer(texts, context_length=self.tokenizer.context_length).to(self.device)
        with self._autocast():
            features: Tensor = self.model.encode_text(tokens)
        return features.float()

    def _autocast(self) -> torch.autocast:
        # Switched off for float32, so that an outer autocast does not change what was asked for.
        enabled = self.precision != "float32"
        return torch.autocast(self.device.type, dtype=self.dtype if enabled else None, enabled=enabled)


class Ensemble(nn.Module):
    """Several CLIPs that look at the same picture; losses are averaged with these weights.

    Raises:
        UsageError: no perceptor, or weights that are not positive numbers, one each.
    """

    def __init__(self, perceptors: Sequence[Perceptor], weights: Sequence[float] | None = None) -> None:
        super().__init__()
        weights = [1.0] * len(perceptors) if weights is None else list(weights)
        if not perceptors or len(weights) != len(perceptors):
            raise UsageError(
                f"an ensemble needs one weight per perceptor, not {len(weights)} for {len(perceptors)}"
            )
        if not all(math.isfinite(weight) and weight > 0 for weight in weights):
            raise UsageError(f"the weights of CLIP models must be positive numbers, not {weights}")
        self.perceptors = nn.ModuleList(perceptors)
        self.weights = tuple(weight / sum(weights) for weight in weights)

    @property
    def name(self) -> str:
        return ",".join(f"{perceptor.name}:{weight:g}" for perceptor, weight in self.members)

    @property
    def members(self) -> tuple[tuple[Perceptor, float], ...]:
        """Perceptors with weights that add up to 1."""
        return tuple(zip(self._perceptors(), self.weights, strict=True))

    @property
    def device(self) -> torch.device:
        return self.members[0][0].device

    def truncates(self, text: str) -> bool:
        """Whether one of the models loses the end of the text."""
        return any(perceptor.truncates(text) for perceptor, _ in self.members)

    def _perceptors(self) -> Iterator[Perceptor]:
        for perceptor in self.perceptors:
            if isinstance(perceptor, Perceptor):
                yield perceptor


AnyPerceptor = Perceptor | Ensemble


def load_perceptor(
    spec: str | Path,
    device: str | torch.device = "cpu",
    precision: str = "float32",
    preprocessing: str = "standard",
    cache_dir: str | None = None,
    offline: bool = False,
) -> Perceptor:
    """Load one CLIP.

    Args:
        spec: "ViT-B-32/openai" (architecture/tag), "hf-hub:org/name", "ARCH=weights.safetensors" (or .pt;
            "ARCH/tag=file" takes the tag's activation and preprocessing), or a folder with clip.json,
            clip.safetensors and bpe.txt.gz.
        precision: "float32", "bfloat16" or "float16" of the towers.
        preprocessing: "standard", "reference" for the published StyleCLIP input, or "twice" for clip2latent's.
        cache_dir: where downloads go and are looked for.
        offline: never download.

    Raises:
        UsageError: an unknown name or choice. InputFileError: a broken or unfitting file.
        MissingError: weights that are neither cached nor reachable.
    """
    _check_choice("precision", precision, tuple(PRECISIONS))
    _check_choice("preprocessing", preprocessing, PREPROCESSINGS)
    source = clip_models.find(str(spec), cache_dir, offline)
    model, tokenizer = clip_models.load(source, device, cache_dir, offline)
    told = {
        key: source.preprocess[key] for key in ("mean", "std", "interpolation") if key in source.preprocess
    }
    perceptor = Perceptor(
        model, tokenizer, source.name, precision=precision, preprocessing=preprocessing, **told
    )
    return perceptor.to(device).eval()


def load_ensemble(
    specs: str | Path | Sequence[str | Path],
    device: str | torch.device = "cpu",
    precision: str = "float32",
    preprocessing: str = "standard",
    cache_dir: str | None = None,
    offline: bool = False,
) -> Ensemble:
    """Load several CLIPs, "SPEC:weight,SPEC:weight" or a list of such; a weight left out is 1.

    Raises as `load_perceptor` and `Ensemble` do.
    """
    listed = (
        specs.split(",") if isinstance(specs, str) else [specs] if isinstance(specs, Path) else list(specs)
    )
    parts = [_split_weight(str(spec).strip()) for spec in listed]
    if not parts or not all(spec for spec, _ in parts):
        raise UsageError(f"'{specs}' lacks the name of a CLIP model between two commas")
    loaded = [load_perceptor(spec, device, precision, preprocessing, cache_dir, offline) for spec, _ in parts]
    return Ensemble(loaded, [weight for _, weight in parts])


def _split_weight(spec: str) -> tuple[str, float]:
    match = re.fullmatch(r"(.+):([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)", spec)
    return (match[1], float(match[2])) if match else (spec, 1.0)


def _square_size(model: Any, name: str) -> int:
    size = model.visual.image_size
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise UsageError(f"{name} expects pictures of {height}x{width}; only square inputs are supported")
    return int(height)


def _check_choice(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{what} '{value}' is unknown; choose from {', '.join(known)}")
