"""Whether CLIP would name a picture by the prompts, rather than by other words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._base import UsageError
from .clip import Member, Similarity, SimilaritySettings
from .cutouts import Cutouts
from .objective import Context, Objective, Start, read_settings, seeds_of
from .perceptor import AnyPerceptor


@dataclass(frozen=True)
class NamingSettings(SimilaritySettings):
    """Settings of `naming`.

    Args:
        others: words that a picture might be named by instead.
        alike: others whose cosine with a prompt is above this mean the same and are no rivals of it.
        sharpness: scale of the cosines.
        scale: smallest and largest side of a view, as a fraction of the picture's shorter side.
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
            raise UsageError(f"the objective '{name}' needs other words to compare the prompts with")
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


class Names(nn.Module):
    """Cross-entropy of the name that each picture of a batch should have, among many.

    Args:
        names: what each thing is called, in one or several ways.
        scale: smallest and largest side of the view of a picture, as a fraction of its shorter side.
    """

    def __init__(
        self,
        perceptor: AnyPerceptor,
        names: Sequence[Sequence[str]],
        scale: tuple[float, float] = (0.7, 1.0),
    ) -> None:
        super().__init__()
        self.members, self.scale = perceptor.members, scale
        self.rows, self.near = [], []
        for member, _ in self.members:
            with torch.no_grad():
                rows = torch.stack([member.encode_text(list(called)).float().mean(0) for called in names])
            rows = F.normalize(rows, dim=1)
            self.rows.append(rows)
            # What means nearly the same is no rival.
            self.near.append(
                (rows @ rows.T > NamingSettings.alike) & ~torch.eye(len(rows)).bool().to(rows.device)
            )

    def forward(self, images: Tensor, wanted: Tensor, seeds: Sequence[int]) -> Tensor:
        """Pictures (B,3,H,W) in [0,1], the numbers of their names (B,), a seed for the view of each -> (B,)."""
        losses, seen = [], {}
        for (member, weight), rows, near in zip(self.members, self.rows, self.near, strict=True):
            size = member.image_size
            if size not in seen:
                cut = Cutouts(1, size, self.scale, perspective=0.2, flip=0.0, jitter=0.0)
                seen[size] = cut(images, seeds)[0]
            cosines = member.encode_image(seen[size]).float() @ rows.T
            logits = (NamingSettings.sharpness * cosines).masked_fill(near[wanted], -torch.inf)
            losses.append(weight * F.cross_entropy(logits, wanted, reduction="none"))
        return torch.stack(losses).sum(0) / sum(weight for _, weight in self.members)
