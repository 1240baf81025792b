"""What CLIP sees in random pictures of a generator.

An edit sets out from here. Random pictures that fit the prompt differ from the others by one step in W, on average
(the class means of Shen et al. 2020, with CLIP's similarity in place of a classifier); descent goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..._base import InputFileError
from ..._devices import coarse
from ..._files import save_tensors
from ...generators.base import LatentSpace
from ...guidance.clip import fitness
from ...guidance.objective import Context, Objective, total
from ...guidance.perceptor import AnyPerceptor
from ...guidance.prompts import ImageLoader, Prompt, encode_prompts, load_templates
from ..drivers import Latent, chosen

if TYPE_CHECKING:
    from ..models import Models
    from .settings import EditSettings

KIND = "explored latents"
_SAMPLES = 2048
_LOG = logging.getLogger("promptbrush")
# From this side on a user should know what takes so long.
_SLOW_RESOLUTION = 128
_CHUNK_PIXELS = 2**19
# How many latents a file holds.
_SIGN = 8
_STRIDES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0)


def _explored_codes(space: LatentSpace, count: int) -> Tensor:
    """The first `count` of an endless row of random codes, (count,D), the same on every machine.

    NumPy's old generator never changes its numbers, so a file need not hold them.
    """
    numbers = np.random.RandomState(1).standard_normal((count, space.z_dim))  # noqa: NPY002
    return space.sample(torch.from_numpy(numbers).float())


@dataclass(frozen=True)
class Explored:
    """Random latents and what the CLIP models see in their pictures.

    Attributes:
        w: (N,w_dim).
        features: unit vectors (N,D), one tensor a model.
    """

    w: Tensor
    features: tuple[Tensor, ...]

    def first(self, count: int) -> Explored:
        """The first `count` of them."""
        return Explored(self.w[:count], tuple(each[:count] for each in self.features))


def explored(models: Models, perceptor: AnyPerceptor, count: int, clip_input: str) -> Explored:
    """`count` random pictures as the CLIP models see them: of the pack's file if it has as many, else drawn now.

    What was drawn is kept with the models.
    """
    if models.known is not None and has_explored(models, count, clip_input):
        return models.known.first(count)
    key = (count, clip_input)
    if key not in models.explored:
        models.explored[key] = explore(models.generator, perceptor, count)
    return models.explored[key]


def to_explore(models: Models, settings: EditSettings) -> int:
    """How many random pictures an edit looks at: those of its settings, else what the pack knows, or a good number."""
    if settings.explore is not None:
        return settings.explore
    return len(models.known.w) if has_explored(models, 1, settings.clip_input) and models.known else _SAMPLES


def has_explored(models: Models, count: int, clip_input: str) -> bool:
    """Whether the models' pack knows what so many random pictures show."""
    return models.known is not None and clip_input == "standard" and count <= len(models.known.w)


@torch.no_grad()
def explore(generator: Any, perceptor: AnyPerceptor, count: int) -> Explored:
    """Draw `count` random pictures and look at them."""
    if generator.resolution >= _SLOW_RESOLUTION:
        _LOG.info("looking at %d random pictures first; --explore 0 leaves that out", count)
    space = generator.latent_space
    w = _explored_codes(space, count)
    features: list[list[Tensor]] = [[] for _ in perceptor.members]
    for part in torch.split(w, max(1, _CHUNK_PIXELS // generator.resolution**2)):
        # Coarse numbers will do for an average over many pictures, and are several times faster.
        with coarse(w.device):
            images = generator.decode(part).float()
            for seen, (member, _) in zip(features, perceptor.members, strict=True):
                seen.append(member.encode_image(images))
    return Explored(w, tuple(torch.cat(seen) for seen in features))


def save_explored(found: Explored, path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write what one CLIP saw, as bytes: what is read of it are averages over many pictures.

    The latents follow from their number; a few stand in the file, as a sign of the generator that they belong to.

    Raises:
        InputFileError: the file cannot be written.
    """
    (features,) = found.features
    scale = features.abs().max() / 127
    state = {
        "w": found.w[:_SIGN].half(),
        "features": (features / scale).round().to(torch.int8),
        "scale": scale.float(),
    }
    tensors = {name: each.cpu().contiguous() for name, each in state.items()}
    save_tensors(path, tensors, {**(metadata or {}), "kind": KIND})


@torch.no_grad()
def load_explored(path: Path, generator: Any) -> Explored:
    """What `save_explored` wrote of this generator, on its device.

    Raises:
        InputFileError: not such a file, a damaged one, or one of another generator.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            if (kind := (file.metadata() or {}).get("kind", "")) != KIND:
                raise ValueError(f"its header says kind '{kind[:40]}', not '{KIND}'")
            sign, features, scale = (file.get_tensor(name).float() for name in ("w", "features", "scale"))
        if features.ndim != 2 or not len(features) or scale.numel() != 1:
            raise ValueError(
                f"features {tuple(features.shape)} and scale {tuple(scale.shape)} are not as they should be"
            )
        if not bool(sign.isfinite().all() and (scale > 0) & scale.isfinite()):
            raise ValueError("not all of its numbers are finite")
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0][:200].rstrip(":")
        raise InputFileError(
            f"{path}: not a pack's explored latents ({reason}); get the pack again"
        ) from error
    w = _explored_codes(generator.latent_space, len(features))
    own = w[: len(sign)].cpu()
    if own.shape != sign.shape or not torch.allclose(own, sign, atol=0.02, rtol=0.02):
        raise InputFileError(f"{path}: belongs to another generator; get the pack again")
    features = F.normalize(features * scale, dim=1)
    return Explored(w, (features.to(w.device),))


@torch.no_grad()
def step_towards(
    explored: Explored,
    perceptor: AnyPerceptor,
    prompts: Sequence[Prompt],
    templates: str = "none",
    load_image: ImageLoader | None = None,
) -> Tensor:
    """The mean step (w_dim,) from all random latents to those whose pictures fit the prompts.

    The steps of several prompts add up, with their weights over the largest one's.
    """
    step = torch.zeros_like(explored.w[0])
    shares = sum(share for _, share in perceptor.members)
    middle = explored.w.mean(dim=0)
    for (member, share), features in zip(perceptor.members, explored.features, strict=True):
        wanted = encode_prompts(member, prompts, load_templates(templates), load_image=load_image)
        weights = wanted.weights / wanted.weights.abs().max() * share / shares
        for each, weight in zip(wanted.features, weights, strict=True):
            step += weight * (fitness(features, each) @ explored.w - middle)
    return step


@torch.no_grad()
def best_stride(
    stride: Callable[[float], Latent], decode: Callable[[Latent], Tensor], objective: Objective, seed: int
) -> Latent:
    """The latent with the lowest loss, for each sample, of those at some strides along the step.

    Args:
        stride: how many steps to go -> the latent there.
        seed: for objectives that look at random views.
    """

    def judged(latent: Latent) -> tuple[Latent, Tensor]:
        images = decode(latent)
        return latent, total(objective(images, Context(latent, [seed] * len(images))))

    best, lowest = judged(stride(0.0))
    for length in _STRIDES:
        latent, loss = judged(stride(length))
        best, lowest = chosen(loss < lowest, latent, best), torch.minimum(loss, lowest)
    return best
