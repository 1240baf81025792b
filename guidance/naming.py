"""Whether CLIP would name a picture by the prompts, rather than by other words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .._base import UsageError
from .clip import Member, Similarity, SimilaritySettings
from .cutouts import Cutouts
from .objective import Context, Objective, Start, read_settings, seeds_of


@dataclass(frozen=True)
class NamingSettings(SimilaritySettings):
    """Settings of `naming`.

    Args:
        others: words that a picture might be named by instead.
        alike: others whose cosine with a prompt is above this mean the same and are no rivals of it.
        sharpness: scale of the cosines.
        scale: smallest and largest side of a view, as a share of the picture's shorter side.
    """

    others: tuple[str, ...] = ("a photo", "a drawing", "an object", "a pattern", "noise")
    alike: float = 0.75
    sharpness: float = 20.0
    scale: tuple[float, float] = (0.5, 1.0)


class Naming(Similarity):
    """Cross-entropy of the prompts among other words, the mean over views.

    A cosine alone rises as well with what a picture has in common with many words. Among rivals only what is peculiar
    to the prompt counts.

    Raises:
        UsageError: no other words, or as `Similarity`.
    """

    def __init__(self, start: Start, settings: NamingSettings, name: str = "naming") -> None:
        if not settings.others:
            raise UsageError(f"the objective '{name}' needs other words to tell the prompts from")
        super().__init__(start, settings, name)
        self.settings = settings
        for member in self.each_member():
            with torch.no_grad():
                texts = member.perceptor.encode_text(list(settings.others))
                near = (texts @ member.rows.T).amax(1) > settings.alike
            member.register_buffer("rivals", texts[~near], persistent=False)

    def member_loss(self, member: Member, images: Tensor, context: Context) -> Tensor:
        views = images
        if self.cutouts:
            count, size = self.views_of(member, self.cutouts), member.perceptor.image_size
            cut = Cutouts(count, size, self.settings.scale, perspective=0.2, flip=0.0, jitter=0.0)
            views = cut(images, seeds_of(context, self.name))[0]
        features = member.perceptor.encode_image(views).float()
        own, rest = features @ member.rows.T, features @ member.rivals.to(features).T
        sharp = self.settings.sharpness
        others = (sharp * rest).logsumexp(1, keepdim=True)
        entropy = torch.logaddexp(sharp * own, others) - sharp * own
        return member.average(entropy.view(len(images), -1, entropy.shape[1]).mean(1))


def naming(settings: Mapping[str, Any], start: Start) -> Objective:
    """Whether CLIP would name a picture by the prompts rather than by other words."""
    return Naming(start, read_settings(NamingSettings, settings, "naming"))
