"""Training a prior: latents with noise, the features of their pictures, and the latents to predict."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._base import UsageError
from ..._identity import digest_of, identity_of
from ..._schedules import constant, cosine
from ..._seeds import seeded
from ..._training import Average, Stage, Trainer, Update
from ...generators.prior.mini import MiniPrior
from ...generators.prior.noise import kept_signal, noised
from ...generators.prior.prior import Home, Prior, Spread
from ...generators.prior.published import PublishedPrior
from ...generators.stylegan2.layers import normalise
from ..prior.shards import Pairs
from ..prior.statistics import normalised, plain_spread, set_guess, spread_of, whitening_of
from .settings import NOISE_ALONE, NOISE_BESIDE_CAPTIONS, PriorSettings

# Samples that the linear guess is found by.
_GUESSED = 80_000


def pseudo_text(features: Tensor, noise: Tensor, scale: float) -> Tensor:
    """Features (B,D) of pictures, moved as far as those of texts may lie from them (Zhou et al. 2022, LAFITE).

    Args:
        noise: (B,D), normal. scale: length of the move, relative to the features' own.

    Returns:
        (B,D), each as long as it was.
    """
    lengths = features.norm(dim=1, keepdim=True)
    moved = F.normalize(features, dim=1) + scale * F.normalize(noise, dim=1)
    noisy: Tensor = F.normalize(moved, dim=1) * lengths
    return noisy


@dataclass(frozen=True)
class PriorData:
    """What a prior learns from.

    Args:
        pairs: of pictures, with z or w as the settings' space says. captions: of texts, or None.
        groups: how many layers each latent feeds.
        home: which models the pairs come from.
    """

    pairs: Pairs
    captions: Pairs | None
    groups: tuple[int, ...]
    home: Home

    @property
    def facts(self) -> dict[str, object]:
        """Which data it is, for a checkpoint's identity."""
        kinds = {"pairs": self.pairs, "captions": self.captions}
        found = {name: digest_of(vars(each)) if each else "none" for name, each in kinds.items()}
        return {**vars(self.home), "groups": self.groups, **found}


class PriorTrainer(Trainer):
    """Trains a prior on pairs; a checkpoint is resumed, where there is one.

    Raises:
        UsageError: sizes that do not fit. MissingError: accelerate is not installed.
        InputFileError: a checkpoint of another training.
    """

    mend = "give --checkpoint another file"

    def __init__(
        self,
        data: PriorData,
        settings: PriorSettings,
        seed: int,
        checkpoint: Path | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.settings, self.seed, self.data = settings, seed, data
        self.unit, pairs, captions = settings.network == "mini", data.pairs, data.captions
        by_default = NOISE_BESIDE_CAPTIONS if captions else NOISE_ALONE
        self.noise = by_default if settings.noise is None else settings.noise
        self.spread, self.length = self._spread(pairs.latents), pairs.latents.shape[2]
        self.pairs, self.captions = self._scaled(pairs), captions and self._scaled(captions)
        self.whitening = whitening_of(self.pairs, self.captions) if self.unit else None
        self.network = seeded(seed, self._network)
        self._begin_guess()
        self.network.to(device)
        self.kept = kept_signal(self.network.steps).to(device)
        update = Update(
            torch.optim.AdamW(_parameters(self.network, settings), settings.lr, eps=1e-6), self._loss
        )
        schedule = cosine if settings.fall else constant
        stage = Stage("prior", settings.steps, [update], schedule, settings.warm_up)
        average = Average.begin(self.network, settings.ema, settings.ema_start)
        self.averaged: MiniPrior | PublishedPrior = average.module  # type: ignore[assignment]
        identity = identity_of("prior", seed, settings.model_dump(), **data.facts)
        super().__init__({"network": self.network}, [stage], identity, seed, checkpoint, average)
        self.own_batch = self.processes.part_of(settings.batch)

    def _spread(self, latents: Tensor) -> Spread:
        if self.settings.space == "z":
            return Spread(*(torch.full(latents.shape[1:], value) for value in (0.0, 1.0)))
        return spread_of(latents) if self.unit else plain_spread(latents)

    def _scaled(self, pairs: Pairs) -> Pairs:
        """Pairs with latents in standard deviations, and features of the length that the prior is conditioned on."""
        features = F.normalize(pairs.features, dim=1) if self.unit else pairs.features
        latents = normalise(pairs.latents) if self.settings.space == "z" else pairs.latents
        return Pairs(features, normalised(latents, self.spread))

    def _network(self) -> MiniPrior | PublishedPrior:
        (_, latents, dim), length = self.pairs.latents.shape, self.pairs.features.shape[1]
        if self.settings.network == "mini":
            return MiniPrior(dim, length, self.settings.width, self.settings.depth, latents=latents)
        if dim != length:
            raise UsageError(
                f"{self.settings.space} has {self.length} numbers and CLIP's features {length}, which must be as many "
                "for the published network; take --network mini"
            )
        return PublishedPrior(dim, latents=latents)

    def _begin_guess(self) -> None:
        """Let the mini network begin with what is linear in its conditions, by as many of each kind as it will see."""
        if not isinstance(self.network, MiniPrior):
            return
        rng = torch.Generator().manual_seed(self.seed)
        count = 2 * max(len(self.pairs), len(self.captions) if self.captions else 0)
        w, conditions = self._drawn(min(count, _GUESSED), rng)
        set_guess(self.network.guess, conditions, w)

    def _loss(self, _index: int) -> Tensor:
        """Mean squared error of the latents found."""
        clean, noise, condition, step, known = (each.to(self.device) for each in self._batch(self.rng))
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            found = self.network(noised(clean, noise, step, self.kept), step, condition, known)
        loss: Tensor = (found.float() - clean).square().mean()
        if isinstance(self.network, MiniPrior):
            # What is decided first is a guess from the condition alone; among noise it would hardly be asked for.
            apart = (self.network.guessed(condition) - clean).square().mean(dim=(1, 2))
            loss = loss + (apart * known).sum() / known.sum().clamp(min=1)
        return loss

    def _batch(self, rng: torch.Generator) -> tuple[Tensor, ...]:
        """Latents, noise (B,G,w_dim), conditions (B,D), steps (B,) and whether the condition is known (B,)."""
        settings, count = self.settings, self.own_batch
        w, conditions = self._drawn(count, rng)
        noise = torch.randn(w.shape, generator=rng)
        late = torch.rand(count, generator=rng) ** (1 / (1 + settings.early))
        step = (late * self.network.steps).long().clamp(max=self.network.steps - 1)
        return w, noise, conditions, step, torch.rand(count, generator=rng) >= settings.drop

    def _drawn(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents (B,G,K) and conditions (B,D), of pictures and of captions in the proportion of the settings."""
        settings = self.settings
        texts = round(settings.caption_share * count) if self.captions else 0
        w, conditions = self._picked(self.pairs, count - texts, self.noise, rng)
        if not self.captions or not texts:
            return w, conditions
        more, captions = self._picked(self.captions, texts, 0.0, rng)
        return torch.cat([w, more]), torch.cat([conditions, captions])

    def _picked(self, pairs: Pairs, count: int, noise: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(pairs), (count,), generator=rng)
        features = pairs.features[rows]
        noisy = pseudo_text(features, torch.randn(features.shape, generator=rng), noise)
        return pairs.latents[rows], self.whitening(noisy) if self.whitening else noisy

    def prior(self) -> Prior:
        """The prior with averaged weights, on the CPU."""
        network = copy.deepcopy(self.averaged).cpu()
        if self.whitening and isinstance(network, MiniPrior):
            self.whitening.fold(network.condition)
            self.whitening.fold(network.guess)
        data, space = self.data, self.settings.space
        return Prior(network, data.groups, self.spread, data.home, self.unit, space).eval()


def _parameters(network: nn.Module, settings: PriorSettings) -> list[dict[str, Any]]:
    """Matrices decay, vectors do not."""
    parts: list[list[nn.Parameter]] = [[], []]
    for each in network.parameters():
        parts[each.ndim < 2].append(each)
    return [
        {"params": parts[0], "weight_decay": settings.weight_decay},
        {"params": parts[1], "weight_decay": 0.0},
    ]
