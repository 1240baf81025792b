"""Training a small CLIP (Radford et al. 2021) on pictures and captions, with optional adversarial steps.

Adversarial steps on the picture (Madry et al. 2018, L2 ball) align the model's gradients with what a person
sees, which is what guidance needs of it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from ..._base import Autosave, loaded_state, save_state

MEAN, STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


class Pairs(Protocol):
    """Pictures with captions that may differ from call to call."""

    def __len__(self) -> int:
        """How many pictures there are."""

    def images(self, rows: Tensor) -> Tensor:
        """Pictures (B,3,H,W) in [0,1]."""

    def caption(self, row: int, rng: random.Random) -> str:
        """A true caption of one picture."""

    def questions(self, rng: random.Random) -> list[list[str]]:
        """For each thing that is known of the pictures, a text for every value that it may have; or nothing."""

    def answers(self, rows: Tensor) -> Tensor:
        """(B, questions) int64: which text is true of a picture, -1 where none is."""


@dataclass(frozen=True)
class ClipSettings:
    """AdamW with warm-up and cosine. `radius` is the L2 ball of the adversarial steps, in [-1,1] units.

    It grows from 0 over the first half of the share `attacked` at the end of the training: attacked from the
    start, the small model had learnt nothing but the colours of large areas after a thousand steps.

    `first_scale` multiplies cosines at the start. A unit vector that tells twenty things at once has cosines of about
    0.2 with each: CLIP's usual 14 leaves the smaller ones no room, and grows only slowly.
    `captions` of the pictures and the values of `questions` things, drawn anew, are put in words each step: words
    cost more than pictures here. `question_weight` is the share of these labelled texts (as in Yang et al. 2022,
    UniCL) beside the captions, and `anchor_weight` that of the anchors: a free vector for every value, to which
    pictures and texts are drawn. Both towers learn from them at once, where each would else wait for the other.
    """

    steps: int = 8_000
    batch: int = 128
    captions: int = 48
    questions: int = 6
    question_weight: float = 2.0
    anchor_weight: float = 4.0
    first_scale: float = 50.0
    lr: float = 1e-3
    weight_decay: float = 0.05
    shift: int = 3
    attack_steps: int = 1
    radius: float = 2.0
    attacked: float = 0.25
    text_groups: int = 4
    save_seconds: float = 180.0


@dataclass(frozen=True)
class ClipStep:
    """One step of training."""

    index: int
    total: int
    loss: float


def mini_config(vocab_size: int, image_size: int = 64) -> dict[str, Any]:
    """The embedded model as open_clip's configuration: a small ResNet and a small text transformer."""
    vision = {"image_size": image_size, "layers": [1, 2, 2, 1], "width": 24, "head_width": 32}
    text = {"context_length": 40, "vocab_size": vocab_size, "width": 192, "heads": 4, "layers": 4}
    return {"embed_dim": 192, "vision_cfg": vision, "text_cfg": text}


def contrastive_loss(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross-entropy of normalised features (B,D): the mean over pictures and captions."""
    logits = scale * image @ text.T
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


@dataclass(frozen=True)
class _Texts:
    """What pictures are compared with: captions (C,D), the values of the `asked` questions in words, one (V,D)
    each, those of all questions as anchors, and the answers (B,questions)."""

    captions: Tensor
    asked: list[int]
    questions: list[Tensor]
    anchors: list[Tensor]
    answers: Tensor
    scale: Tensor

    def detached(self) -> _Texts:
        """The same without gradients."""
        questions, anchors = ([part.detach() for part in parts] for parts in (self.questions, self.anchors))
        captions, scale = self.captions.detach(), self.scale.detach()
        return _Texts(captions, self.asked, questions, anchors, self.answers, scale)


def _answered(image: Tensor, values: list[Tensor], answers: Tensor, scale: Tensor) -> Tensor:
    """Mean over the questions of the cross-entropy over each one's values, (V,D) a question; answers (questions,B)."""
    logits = torch.split(scale * image @ torch.cat(values).T, [len(each) for each in values], dim=1)
    losses = [_cross_entropy(*pair) for pair in zip(logits, answers, strict=True)]
    return torch.stack(losses).mean()


def _cross_entropy(logits: Tensor, answers: Tensor) -> Tensor:
    """Mean over the pictures that have an answer; 0 if none has."""
    known = answers >= 0
    return F.cross_entropy(logits[known], answers[known]) if bool(known.any()) else logits.sum() * 0


class ClipTrainer:
    """Trains a CLIP on pairs; a checkpoint in `folder` is continued."""

    def __init__(
        self,
        pairs: Pairs,
        config: Mapping[str, Any],
        merges: Path,
        folder: Path,
        settings: ClipSettings,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.pairs, self.settings, self.device = pairs, settings, torch.device(device)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            scale = math.log(settings.first_scale)
            self.model = CLIP(**dict(config), init_logit_scale=scale).to(
                self.device, memory_format=torch.channels_last
            )
        context = config["text_cfg"]["context_length"]
        self.tokenizer = SimpleTokenizer(bpe_path=str(merges), context_length=context)
        self.rng, self.words = torch.Generator().manual_seed(seed), random.Random(seed)
        self.sizes = [len(question) for question in pairs.questions(random.Random(seed))]
        width = config["embed_dim"]
        anchors = torch.randn(sum(self.sizes), width, generator=torch.Generator().manual_seed(seed))
        self.anchors = torch.nn.Parameter(anchors.to(self.device))
        self.optimiser = decaying_adam(
            self.model.parameters(), [self.anchors], settings.lr, settings.weight_decay
        )
        self.path, self.done = folder / "clip.pt", 0
        if self.path.exists():
            self._load()

    def run(self) -> Iterator[ClipStep]:
        """Step by step to the end; finished steps are not repeated."""
        autosave, total = Autosave(self.save, self.settings.save_seconds), self.settings.steps
        for index in range(self.done, total):
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.lr * schedule(index, total, 200)
            loss = self._step(index / total)
            self.done = index + 1
            autosave()
            yield ClipStep(index, total, loss)
        self.save()

    def _step(self, progress: float) -> float:
        rows = torch.randint(len(self.pairs), (self.settings.batch,), generator=self.rng)
        images = self.shifted(self.pairs.images(rows).to(self.device), self.rng) * 2 - 1
        texts = self._texts(rows)
        share = (progress - 1 + self.settings.attacked) / max(self.settings.attacked, 1e-6)
        radius = self.settings.radius * min(1.0, max(0.0, 2 * share))
        images = self._attacked(images, texts.detached(), radius)
        loss = self._loss(self.features(images), texts)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        return float(loss.detach())

    def _texts(self, rows: Tensor) -> _Texts:
        """Everything that the pictures of a step are compared with."""
        captions = [self.pairs.caption(int(row), self.words) for row in rows[: self.settings.captions]]
        asked = sorted(
            self.words.sample(range(len(self.sizes)), min(self.settings.questions, len(self.sizes)))
        )
        questions = self.pairs.questions(self.words)
        words = [text for index in asked for text in questions[index]]
        sizes = [len(captions), *(self.sizes[index] for index in asked)]
        features, *found = torch.split(self.text_features([*captions, *words]), sizes)
        scale = self.model.logit_scale.exp().clamp(max=100)
        anchors = [*torch.split(F.normalize(self.anchors, dim=-1), self.sizes)] if self.sizes else []
        return _Texts(features, asked, found, anchors, self.pairs.answers(rows).to(self.device), scale)

    def _loss(self, image: Tensor, texts: _Texts) -> Tensor:
        """All terms; features (B,D) of the pictures."""
        loss = contrastive_loss(image[: len(texts.captions)], texts.captions, texts.scale)
        if not self.sizes:
            return loss
        asked = _answered(image, texts.questions, texts.answers.T[texts.asked], texts.scale)
        anchored = _answered(image, texts.anchors, texts.answers.T, texts.scale)
        every = torch.cat(texts.anchors).T
        starts = [sum(self.sizes[:index]) for index in texts.asked]
        own = [
            start + i for start, part in zip(starts, texts.questions, strict=True) for i in range(len(part))
        ]
        logits = texts.scale * torch.cat(texts.questions) @ every
        named = F.cross_entropy(logits, torch.tensor(own, device=image.device))
        return loss + self.settings.question_weight * asked + self.settings.anchor_weight * anchored + named

    def shifted(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Pictures (B,3,H,W) moved by the same few pixels, edges repeated."""
        reach = self.settings.shift
        dy, dx = torch.randint(-reach, reach + 1, (2,), generator=rng).tolist()
        padded = F.pad(images, (reach,) * 4, mode="replicate")
        height, width = images.shape[2:]
        return padded[:, :, reach + dy : reach + dy + height, reach + dx : reach + dx + width]

    def _attacked(self, images: Tensor, texts: _Texts, radius: float) -> Tensor:
        """Pictures moved within the ball to where the loss is higher."""
        if self.settings.attack_steps == 0 or radius == 0:
            return images
        start = torch.randn(images.shape, generator=self.rng).to(self.device)

        def loss_of(moved: Tensor) -> Tensor:
            return self._loss(self.features(moved), texts)

        return attacked(images, loss_of, start, radius, self.settings.attack_steps)

    def features(self, images: Tensor) -> Tensor:
        """Unit features (B,D) of pictures (B,3,H,W) in [-1,1]."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            features = self.model.encode_image(images.contiguous(memory_format=torch.channels_last))
        return F.normalize(features.float(), dim=-1)

    def text_features(self, captions: list[str]) -> Tensor:
        """Features of captions (B,D), computed in groups of about the same length, each without its padding."""
        tokens = self.tokenizer(captions)
        lengths = tokens.argmax(dim=1) + 1
        groups = lengths.argsort().chunk(self.settings.text_groups)
        parts = [self._text_group(tokens[rows, : int(lengths[rows].max())]) for rows in groups]
        order = torch.cat(groups).argsort().to(self.device)
        return F.normalize(torch.cat(parts)[order], dim=-1)

    def _text_group(self, tokens: Tensor) -> Tensor:
        """What `encode_text` gives for the padded tokens: its attention is causal, so padding changes nothing."""
        model, tokens = self.model, tokens.to(self.device)
        length = tokens.shape[1]
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            x = model.token_embedding(tokens) + model.positional_embedding[:length]
            x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
            pooled = x[torch.arange(len(x)), tokens.argmax(dim=1)]
            features: Tensor = pooled @ model.text_projection
        return features.float()

    def save(self) -> None:
        """Write the whole state in one step."""
        version, internal, gauss = self.words.getstate()
        state = {
            "model": self.model.state_dict(),
            "anchors": self.anchors.detach(),
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.get_state(),
            "words": [version, list(internal), gauss],
            "done": self.done,
        }
        save_state(self.path, state)

    def _load(self) -> None:
        with loaded_state(self.path, self.device) as state:
            self.model.load_state_dict(state["model"])
            self.anchors.data.copy_(state["anchors"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.rng.set_state(state["rng"].cpu())
            version, internal, gauss = state["words"]
            self.words.setstate((version, tuple(internal), gauss))
            self.done = state["done"]


def attacked(
    images: Tensor, loss_of: Callable[[Tensor], Tensor], start: Tensor, radius: float | Tensor, steps: int
) -> Tensor:
    """Pictures moved within an L2 ball to where the loss is higher (Madry et al. 2018).

    Args:
        images: (B,C,H,W).
        loss_of: pictures -> the loss, a scalar.
        start: the direction of the first move, in the form of `images`; its length does not count.
        radius: of the ball, in the pictures' units, or (B,1,1,1) of one for each.
        steps: of gradient ascent, three quarters of the radius each.
    """
    delta = _to_length(start, radius / 2)
    for _ in range(steps):
        delta.requires_grad_()
        (gradient,) = torch.autograd.grad(loss_of(images + delta), delta)
        moved = delta.detach() + _to_length(gradient, 0.75 * radius)
        lengths = moved.flatten(1).norm(dim=1)[:, None, None, None]
        delta = moved * (radius / lengths.clamp(min=radius))
    return images + delta


def decaying_adam(
    parameters: Iterable[torch.nn.Parameter], free: list[torch.nn.Parameter], lr: float, weight_decay: float
) -> torch.optim.AdamW:
    """AdamW in which matrices and filters decay, and vectors and what is `free` do not."""
    every = [*parameters]
    groups = [
        {"params": [p for p in every if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [*free, *(p for p in every if p.ndim <= 1)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr, betas=(0.9, 0.98))


def schedule(index: int, total: int, longest_warm_up: int) -> float:
    """Share of the learning rate: warm-up over a twentieth of the steps at most, cosine to a fiftieth."""
    warm = min(1.0, (index + 1) / min(longest_warm_up, max(1, total // 20)))
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * index / total)))


def _to_length(x: Tensor, length: float | Tensor) -> Tensor:
    norms: Tensor = x.flatten(1).norm(dim=1)
    return x * (length / norms.clamp(min=1e-12)[:, None, None, None])
