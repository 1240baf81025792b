"""The second stage of the CLIP's training: pictures attacked in a larger ball, and blends with known shares.

A guide is asked about pictures that no drawing shows: the half-way points of an edit, and whatever raises its score.
So the picture tower learns on, while the texts stay: from pictures moved against it within an L2 ball (Madry et al.
2018), and from a generator's pictures on the way from one face to another, whose labels are mixed in proportion
(Zhang et al. 2018, mixup, but along the generator's latents).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..._base import Autosave, loaded_state, save_state
from .clip import ClipStep, ClipTrainer, attacked, contrastive_loss, decaying_adam, schedule

_WORDINGS = 40
_CHUNK = 256


@dataclass(frozen=True)
class Blends:
    """Pictures between two known ones.

    Args:
        images: uint8 (N,3,H,W).
        first, second: int64 (N, questions), the answers at both ends, -1 where there is none.
        share: float32 (N,) in [0,1], how much of the second.
    """

    images: Tensor
    first: Tensor
    second: Tensor
    share: Tensor

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class RobustSettings:
    """AdamW with warm-up and cosine on the picture tower alone.

    Args:
        batch: drawn pictures a step, and as many blends.
        radius: of the largest L2 ball in [-1,1] units, of which every picture has a random share; it grows from a
            tenth to the whole over the first half.
        contrast_weight, question_weight: of the captions' loss and of the labelled texts'.
    """

    steps: int = 4_800
    batch: int = 80
    lr: float = 5e-4
    weight_decay: float = 0.05
    radius: float = 9.0
    attack_steps: int = 2
    contrast_weight: float = 0.3
    question_weight: float = 6.0
    save_seconds: float = 180.0


class RobustTrainer:
    """Trains the picture tower of a trained CLIP further; a checkpoint in `folder` is continued.

    Args:
        trainer: holds the model, the pictures and the words; its model is changed.
        blends: of the pictures' size.

    Raises:
        InputFileError: the checkpoint in `folder` is of another training.
    """

    def __init__(
        self,
        trainer: ClipTrainer,
        blends: Blends,
        folder: Path,
        settings: RobustSettings,
        seed: int = 0,
    ) -> None:
        self.trainer, self.blends, self.settings = trainer, blends, settings
        self.rng = torch.Generator().manual_seed(seed)
        self.sizes = trainer.sizes
        self.scale = trainer.model.logit_scale.detach().exp().clamp(max=100)
        self.values, self.captions = self._texts(random.Random(seed))
        visual = trainer.model.visual.parameters()
        self.optimiser = decaying_adam(visual, [], settings.lr, settings.weight_decay)
        self.path, self.done = folder / "clip-robust.pt", 0
        if self.path.exists():
            self._load()

    def run(self) -> Iterator[ClipStep]:
        """Step by step to the end; finished steps are not repeated."""
        autosave, total = Autosave(self.save, self.settings.save_seconds), self.settings.steps
        for index in range(self.done, total):
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.lr * schedule(index, total, 100)
            loss = self._step(min(1.0, 0.1 + 2 * index / total) * self.settings.radius)
            self.done = index + 1
            autosave()
            yield ClipStep(index, total, loss)
        self.save()

    def _step(self, radius: float) -> float:
        settings, device = self.settings, self.trainer.device
        rows = torch.randint(len(self.trainer.pairs), (settings.batch,), generator=self.rng)
        images, first, second, share = self._pictures(rows)
        images = self.trainer.shifted(images.to(device), self.rng)
        target, known = soft_targets(first, second, share, self.sizes)
        target, known = target.to(device), known.to(device)
        wording = int(torch.randint(len(self.values), (1,), generator=self.rng))

        def loss_of(pictures: Tensor) -> Tensor:
            return self._loss(self.trainer.features(pictures), self.captions[rows], wording, target, known)

        start = torch.randn(images.shape, generator=self.rng).to(device)
        # Of any size up to the whole, for the largest take small things (earrings, mouths) away altogether.
        sizes = radius * torch.rand(len(images), 1, 1, 1, generator=self.rng).to(device)
        loss = loss_of(attacked(images, loss_of, start, sizes, settings.attack_steps))
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        return float(loss.detach())

    def _pictures(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Drawn pictures in [-1,1], then blends, with their answers at both ends and the shares of the second."""
        drawn, answers = self.trainer.pairs.images(rows) * 2 - 1, self.trainer.pairs.answers(rows)
        chosen = torch.randint(len(self.blends), (len(rows),), generator=self.rng)
        between = self.blends.images[chosen].float() / 127.5 - 1
        return (
            torch.cat([drawn, between]),
            torch.cat([answers, self.blends.first[chosen]]),
            torch.cat([answers, self.blends.second[chosen]]),
            torch.cat([torch.zeros(len(rows)), self.blends.share[chosen]]),
        )

    def _loss(self, image: Tensor, captions: Tensor, wording: int, target: Tensor, known: Tensor) -> Tensor:
        contrast = contrastive_loss(image[: len(captions)], captions, self.scale)
        logits = self.scale * image @ self.values[wording].T
        parts = [F.log_softmax(part, dim=1) for part in torch.split(logits, self.sizes, dim=1)]
        asked = -(target * torch.cat(parts, dim=1)).sum() / known.sum().clamp(min=1)
        return self.settings.contrast_weight * contrast + self.settings.question_weight * asked

    @torch.no_grad()
    def _texts(self, rng: random.Random) -> tuple[Tensor, Tensor]:
        """Features of every value in many wordings, (wordings, values, D), and of a caption a picture, (N,D)."""
        worded = [
            [text for texts in self.trainer.pairs.questions(rng) for text in texts] for _ in range(_WORDINGS)
        ]
        values = torch.stack([self.trainer.text_features(texts) for texts in worded])
        parts = [
            self.trainer.text_features([self.trainer.pairs.caption(int(row), rng) for row in rows])
            for rows in torch.split(torch.arange(len(self.trainer.pairs)), _CHUNK)
        ]
        return values, torch.cat(parts)

    def save(self) -> None:
        """Write the whole state in one step."""
        state = {
            "visual": self.trainer.model.visual.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.get_state(),
            "done": self.done,
        }
        save_state(self.path, state)

    def _load(self) -> None:
        with loaded_state(self.path, self.trainer.device) as state:
            self.trainer.model.visual.load_state_dict(state["visual"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.rng.set_state(state["rng"].cpu())
            self.done = state["done"]


def soft_targets(first: Tensor, second: Tensor, share: Tensor, sizes: list[int]) -> tuple[Tensor, Tensor]:
    """Answers at both ends as shares of every question's values.

    Args:
        first, second: int64 (B,Q), -1 where there is no answer.
        share: (B,) in [0,1], how much of the second.
        sizes: how many values each question has.

    Returns:
        (B, sum of sizes), which adds up to 1 over the values of each question that both ends answer and to 0 over
        others', and (B,Q), 1 where both answer.
    """
    known = (first >= 0) & (second >= 0)
    parts = []
    for index, size in enumerate(sizes):
        start, end = (F.one_hot(each[:, index].clamp(min=0), size).float() for each in (first, second))
        parts.append(torch.lerp(start, end, share[:, None].float()) * known[:, index, None])
    return torch.cat(parts, dim=1), known.float()
