"""Training a prior: latents with noise, what CLIP saw in their pictures, and the latents as they were to find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._base import Entry, UsageError, load_target
from ..._files import Autosave, loaded_state, save_state
from ...generators.prior.mini import MiniPrior
from ...generators.prior.noise import kept_signal, noised
from ...generators.prior.prior import Home, Prior, Spread
from ...generators.prior.published import PublishedPrior
from ...generators.stylegan2.layers import normalise
from ...guidance.cutouts import step_seed
from .presets import NOISE_ALONE, NOISE_BESIDE_CAPTIONS, PriorSettings, rate
from .shards import Pairs
from .statistics import normalised, plain_spread, set_guess, spread_of, whitening_of

# Samples that the linear guess is found by.
_GUESSED = 80_000


def pseudo_text(features: Tensor, noise: Tensor, scale: float) -> Tensor:
    """Features (B,D) of pictures, moved as far as those of texts may lie from them (Zhou et al. 2022, LAFITE).

    Args:
        noise: (B,D), normal. scale: length of the move, in shares of the features' own.

    Returns:
        (B,D), each as long as it was.
    """
    lengths = features.norm(dim=1, keepdim=True)
    moved = F.normalize(features, dim=1) + scale * F.normalize(noise, dim=1)
    noisy: Tensor = F.normalize(moved, dim=1) * lengths
    return noisy


class PriorTraining:
    """Trains a prior on pairs; a checkpoint is continued, where there is one.

    Several processes, as `accelerate launch` starts them, share each step's batch.

    Args:
        pairs: of pictures, with z or w as the settings' space says. captions: of texts, or None.
        groups: how many layers each latent feeds.
        home: which models the pairs come from.
        checkpoint: a file that keeps the state; None keeps nothing.
        device: "cpu", "cuda" or "mps"; several processes on CUDA take one device each.

    Raises:
        UsageError: sizes that do not fit. MissingError: accelerate is not installed.
        InputFileError: a checkpoint of another training.
    """

    def __init__(
        self,
        pairs: Pairs,
        captions: Pairs | None,
        groups: tuple[int, ...],
        home: Home,
        settings: PriorSettings,
        seed: int,
        checkpoint: Path | None = None,
        device: str = "cpu",
    ) -> None:
        self.settings, self.seed, self.checkpoint, self.done = settings, seed, checkpoint, 0
        self.groups, self.home, self.unit = groups, home, settings.network == "mini"
        accelerator = load_target(Entry("accelerate:Accelerator", "train"), "training a prior")
        self.accelerator: Any = accelerator(
            cpu=device == "cpu", mixed_precision="bf16" if device == "cuda" else "no"
        )
        world = self.accelerator.num_processes
        if settings.batch % world:
            raise UsageError(
                f"batch is {settings.batch}, which {world} processes cannot share; take a multiple"
            )
        self.own_batch = settings.batch // world
        by_default = NOISE_BESIDE_CAPTIONS if captions else NOISE_ALONE
        self.noise = by_default if settings.noise is None else settings.noise
        self.spread = self._spread(pairs.latents)
        self.length = pairs.latents.shape[2]
        self.pairs, self.captions = self._scaled(pairs), captions and self._scaled(captions)
        self.whitening = whitening_of(self.pairs, self.captions) if self.unit else None
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.network = self._network()
        self._begin_guess()
        self.optimiser = torch.optim.AdamW(_parameters(self.network, settings), settings.lr, eps=1e-6)
        average = load_target(Entry("diffusers.training_utils:EMAModel"), "the average of weights")
        # Up to `update_after_step` it is a copy of the weights, so that it starts from trained ones.
        self.average: Any = average(
            self.network.parameters(), decay=settings.ema, update_after_step=settings.ema_start
        )
        self._restore()
        self.wrapped, self.optimiser = self.accelerator.prepare(self.network, self.optimiser)
        self.average.to(self.accelerator.device)
        self.kept = kept_signal(self.network.steps).to(self.accelerator.device)

    def _spread(self, latents: Tensor) -> Spread:
        if self.settings.space == "z":
            return Spread(*(torch.full(latents.shape[1:], value) for value in (0.0, 1.0)))
        return spread_of(latents) if self.unit else plain_spread(latents)

    def _scaled(self, pairs: Pairs) -> Pairs:
        """Pairs with latents in standard deviations, and features of the length that the prior is told."""
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
        w, told = self._told(min(count, _GUESSED), rng)
        set_guess(self.network.guess, told, w)

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return bool(self.accelerator.is_main_process)

    def run(self) -> Iterator[tuple[int, float]]:
        """(steps done, loss) after each step; finished steps are not repeated."""
        autosave = Autosave(self.save, self.settings.save_seconds)
        for index in range(self.done, self.settings.steps):
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.lr * rate(index, self.settings)
            loss = self._loss(index)
            self.optimiser.zero_grad()
            self.accelerator.backward(loss)
            self.optimiser.step()
            self.average.step(self.network.parameters())
            self.done = index + 1
            autosave()
            yield self.done, float(loss.detach())
        self.save()

    def _loss(self, index: int) -> Tensor:
        """Mean squared error of the latents found."""
        # What a step sees follows from its number and the process, so that a stopped training goes on to the same end.
        seed = step_seed(step_seed(self.seed, index), self.accelerator.process_index)
        batch = self._batch(torch.Generator().manual_seed(seed))
        clean, noise, condition, step, known = (each.to(self.accelerator.device) for each in batch)
        with self.accelerator.autocast():
            found = self.wrapped(noised(clean, noise, step, self.kept), step, condition, known)
        loss: Tensor = (found.float() - clean).square().mean()
        if isinstance(self.network, MiniPrior):
            # What is decided first is a guess from the condition alone; among noise it would hardly be asked for.
            apart = (self.network.guessed(condition) - clean).square().mean(dim=(1, 2))
            loss = loss + (apart * known).sum() / known.sum().clamp(min=1)
        return loss

    def _batch(self, rng: torch.Generator) -> tuple[Tensor, ...]:
        """Latents, noise (B,G,w_dim), conditions (B,D), steps (B,) and whether the condition is known (B,)."""
        settings, count = self.settings, self.own_batch
        w, conditions = self._told(count, rng)
        noise = torch.randn(w.shape, generator=rng)
        share = torch.rand(count, generator=rng) ** (1 / (1 + settings.early))
        step = (share * self.network.steps).long().clamp(max=self.network.steps - 1)
        return w, noise, conditions, step, torch.rand(count, generator=rng) >= settings.drop

    def _told(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents (B,G,K) and conditions (B,D), of pictures and of captions in their shares."""
        settings = self.settings
        told = round(settings.caption_share * count) if self.captions else 0
        w, conditions = self._picked(self.pairs, count - told, self.noise, rng)
        if not self.captions or not told:
            return w, conditions
        more, texts = self._picked(self.captions, told, 0.0, rng)
        return torch.cat([w, more]), torch.cat([conditions, texts])

    def _picked(self, pairs: Pairs, count: int, noise: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(pairs), (count,), generator=rng)
        features = pairs.features[rows]
        noisy = pseudo_text(features, torch.randn(features.shape, generator=rng), noise)
        return pairs.latents[rows], self.whitening(noisy) if self.whitening else noisy

    def prior(self) -> Prior:
        """The prior with averaged weights, on the CPU."""
        network = self._network()
        with torch.no_grad():
            self.average.copy_to(network.parameters())
        if self.whitening and isinstance(network, MiniPrior):
            self.whitening.fold(network.condition)
            self.whitening.fold(network.guess)
        return Prior(network, self.groups, self.spread, self.home, self.unit, self.settings.space).eval()

    def save(self) -> None:
        """Write the whole state in one step, if it is to be kept."""
        if self.checkpoint and self.is_main:
            state = {
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "average": [each.cpu() for each in self.average.shadow_params],
                "averaged": self.average.optimization_step,
                "done": self.done,
                "space": self.settings.space,
            }
            save_state(self.checkpoint, state)

    def _restore(self) -> None:
        if self.checkpoint is None or not self.checkpoint.exists():
            return
        with loaded_state(self.checkpoint, torch.device("cpu")) as state:
            if state["space"] != self.settings.space:
                raise ValueError(f"of a prior of {state['space']}")
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            for own, kept in zip(self.average.shadow_params, state["average"], strict=True):
                own.copy_(kept)
            self.average.optimization_step, self.done = state["averaged"], state["done"]


def _parameters(network: nn.Module, settings: PriorSettings) -> list[dict[str, Any]]:
    """Matrices decay, vectors do not."""
    parts: list[list[nn.Parameter]] = [[], []]
    for each in network.parameters():
        parts[each.ndim < 2].append(each)
    return [
        {"params": parts[0], "weight_decay": settings.weight_decay},
        {"params": parts[1], "weight_decay": 0.0},
    ]
