"""Training a small CLIP (Radford et al. 2021) on parts of different worlds, and hardening it for guidance.

1. `learn`: both towers, from pictures with captions, from questions with known answers, and from a network of
   photographs.
2. `harden`: the picture tower alone, from pictures moved against it within an L2 ball (Madry et al. 2018). That aligns
   its gradients with what a person sees, which is what methods that paint need of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor, nn

from ..._devices import coarse
from ..._files import sha256_of
from ..._identity import identity_of
from ..._schedules import cosine
from ..._seeds import seeded
from ..._training import Stage, Trainer, Update
from ..depthwise import quicken
from .clip_settings import STAGES, ClipSettings
from .losses import answered, attacked, contrastive_loss
from .parts import Batch, Part, Share, unasked
from .photos import Teacher, begin_tower
from .step_data import AskedQuestion, StepData, StepDataset
from .vocabulary import Names

MEAN, STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
# On a CPU, larger activations are handed back to the system after every layer, which costs as much as the layer.
_TOGETHER = 30
_TOWER = "visual."
_LONGEST_WARM_UP = 200


@dataclass(frozen=True)
class _Question:
    """Some values of a part's question in words.

    Args:
        part, index: whose question it is.
        places: (all its values,) the row of each value in `texts`, -1 where it is not in words.
        texts: (V,D).
        anchors: rows of these values among all anchors.
    """

    part: int
    index: int
    places: Tensor
    texts: Tensor
    anchors: Tensor


@dataclass(frozen=True)
class _Words:
    """All texts of a step: captions (C,D) with their keys, questions, and names (N,D) with their classes."""

    captions: Tensor
    keys: list[str]
    questions: list[_Question]
    names: Tensor
    classes: Tensor
    anchors: Tensor
    scale: Tensor


class Anchors(nn.Module):
    """Free vectors (count,width), one for each answer of each question."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(count, width))


@dataclass(frozen=True)
class ClipData:
    """What a CLIP learns from.

    Args:
        shares: the parts, and how many pictures of each a step has.
        names: of the teacher's classes. teacher: has the width of the configuration; without one nothing is learnt of
            photographs.
        facts: which data it is, for the checkpoint's identity.
    """

    shares: Sequence[Share]
    names: Names | None = None
    teacher: Teacher | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


class ClipTrainer(Trainer):
    """Trains a CLIP on parts; a checkpoint is resumed.

    Args:
        config: an open_clip configuration.
        merges: the file of the tokenizer's merges.
        workers: processes that prepare pictures and words ahead; 0 prepares them in this one.
    """

    def __init__(
        self,
        data: ClipData,
        config: Mapping[str, Any],
        merges: Path,
        checkpoint: Path,
        settings: ClipSettings,
        seed: int = 0,
        device: str | torch.device = "cpu",
        workers: int = 0,
    ) -> None:
        self.shares, self.settings, self.workers = list(data.shares), settings, workers
        teacher = data.teacher
        self.parts = self._parts(False)
        self.size = int(config["vision_cfg"]["image_size"])
        scale, widths = math.log(settings.first_scale), (sum(map(sum, self._sizes())), config["embed_dim"])
        self.model, self.anchors = seeded(
            seed, lambda: (CLIP(**dict(config), init_logit_scale=scale), Anchors(*widths))
        )
        self.pretrained = teacher is not None and "timm_model_name" in config["vision_cfg"]
        if teacher is not None and self.pretrained:
            begin_tower(self.model.visual, teacher)
        quicken(self.model)
        self.model.to(device, memory_format=torch.channels_last)
        self.anchors.to(device)
        self.teacher = None if teacher is None else teacher.to(device)
        self.names = data.names if teacher is not None else None
        context = config["text_cfg"]["context_length"]
        self.tokenizer = SimpleTokenizer(bpe_path=str(merges), context_length=context)
        self.upcoming: Iterator[StepData] = iter(())
        facts = {"config": dict(config), "merges": sha256_of(merges)[:16], **data.facts}
        identity = identity_of("clip", seed, settings.model_dump(), **facts)
        modules = {"model": self.model, "anchors": self.anchors}
        super().__init__(modules, self._stages(), identity, seed, checkpoint)

    def _parts(self, hard: bool) -> list[tuple[Part, int]]:
        """The parts of a stage, with how many of their pictures a step has."""
        return [(each.part, each.count(hard)) for each in self.shares if each.count(hard)]

    def _sizes(self) -> list[list[int]]:
        return [part.sizes for part, _ in self.parts]

    def _stages(self) -> list[Stage]:
        settings, visual = self.settings, [*self.model.visual.parameters()]
        own = {id(each) for each in visual}
        others = [each for each in self.model.parameters() if id(each) not in own]
        decay, times = settings.weight_decay, math.sqrt(settings.times)
        learn = [
            *decaying(visual, settings.tower_lr * times, decay),
            *decaying(others, settings.lr * times, decay),
            {"params": [self.anchors.vectors], "lr": settings.lr * times, "weight_decay": 0.0},
        ]
        groups = learn, decaying(visual, settings.harden_lr * times, decay)
        return [
            self._stage(name, steps, each)
            for name, steps, each in zip(STAGES, (settings.steps, settings.harden_steps), groups, strict=True)
        ]

    def _stage(self, name: str, steps: int, groups: list[dict[str, Any]]) -> Stage:
        optimizer = torch.optim.AdamW(groups, self.settings.lr, betas=(0.9, 0.98))
        update = Update(optimizer, partial(self._loss, name == "harden"))
        warm = min(_LONGEST_WARM_UP, max(1, steps // 20))
        return Stage(name, steps, [update], partial(cosine, floor=0.02), warm, partial(self._begin, name))

    def dataset(self, stage: str) -> StepDataset:
        """What the steps of a stage learn from."""
        hard = stage == "harden"
        early = self.settings.early_size if self.pretrained else None
        names = None if hard else self.names
        parts = self._parts(hard)
        return StepDataset(parts, names, self.tokenizer, self.settings, stage, self.seed, self.size, early)

    def _loss(self, hard: bool, index: int) -> dict[str, Tensor]:
        data = next(self.upcoming)
        batches = data.batches
        images = torch.cat([batch.images for batch in batches]).to(self.device).float() * 2 - 1
        with torch.set_grad_enabled(not hard):
            words = self._words(data)
        opinion = self._opinion(images)
        if hard:
            images = self._attacked(images, batches, words, opinion, index)
        return self._terms(self.features(images), batches, words, opinion, hard)

    def _begin(self, stage: str) -> None:
        """Make ready for a stage: its parts, its data, and what learns in it.

        A tower that starts from a pretrained one keeps its statistics: parts so unlike have none in common.
        """
        hard = stage == "harden"
        self.parts, visual = self._parts(hard), self.model.visual
        self.upcoming = iter(self.dataset(stage).steps(self.done[stage], self.workers))
        if hard and not self.done["harden"] and self.settings.harden_steps:
            self.extra = {key: value.clone() for key, value in visual.state_dict().items()}
        self.model.train().requires_grad_(not hard)
        visual.train(not self.pretrained).requires_grad_(True)
        thrifty = self.pretrained and self.device.type == "cpu"
        if thrifty:
            # A depthwise filter of 5 x 5 costs more to learn than all that it feeds, and is one of a thousand.
            for module in visual.modules():
                if isinstance(module, nn.Conv2d) and module.groups > 1 and module.kernel_size == (5, 5):
                    module.requires_grad_(False)
        if thrifty and not hard:
            # Edges and colours are known already, and their large maps are most of the work.
            trunk = visual.get_submodule("trunk")
            for name in ("conv_stem", "bn1", "blocks.0", "blocks.1"):
                trunk.get_submodule(name).requires_grad_(False)

    def _attacked(
        self, images: Tensor, batches: list[Batch], words: _Words, opinion: Tensor | None, index: int
    ) -> Tensor:
        rng = torch.Generator(self.device).manual_seed((self.seed << 32) + index)
        start = torch.randn(images.shape, generator=rng, device=self.device)
        sizes = torch.rand(len(images), 1, 1, 1, generator=rng, device=self.device)
        grown = min(1.0, 0.1 + 2 * index / self.settings.harden_steps)
        # The gradient of the picture alone is half the work.
        trained = [each for each in self.model.visual.parameters() if each.requires_grad]
        self.model.visual.requires_grad_(False)

        def loss_of(moved: Tensor) -> Tensor:
            return _total(self._terms(self.features(moved), batches, words, opinion, True))

        # The same change of every pixel is as long as the picture is wide.
        radius = grown * self.settings.radius * images.shape[3] / self.size
        moved = attacked(images, loss_of, start, radius * sizes, self.settings.attack_steps)
        for each in trained:
            each.requires_grad_(True)
        return moved.detach()

    def _words(self, data: StepData) -> _Words:
        """Features of everything in words that the pictures of a step are compared with."""
        head, *middle, tail = torch.split(self.token_features(data.tokens), data.sizes)
        questions = [self._question(each, texts) for each, texts in zip(data.asked, middle, strict=True)]
        scale = self.model.logit_scale.exp().clamp(max=100)
        anchors = F.normalize(self.anchors.vectors, dim=-1)
        return _Words(head, data.keys, questions, tail, data.classes.to(self.device), anchors, scale)

    def _question(self, asked: AskedQuestion, texts: Tensor) -> _Question:
        sizes, part, index = self._sizes(), asked.part, asked.index
        chosen = torch.tensor(asked.values)
        places = torch.full((sizes[part][index],), -1)
        places[chosen] = torch.arange(len(asked.values))
        first = sum(map(sum, sizes[:part])) + sum(sizes[part][:index])
        return _Question(part, index, places, texts, chosen + first)

    def _opinion(self, images: Tensor) -> Tensor | None:
        """What the teacher takes the pictures of taught parts for, one after the other; None without a teacher."""
        taught = self._of_taught(images)
        return self.teacher.opinion(taught) if self.teacher is not None and len(taught) else None

    def _of_taught(self, x: Tensor) -> Tensor:
        pieces = torch.split(x, [count * self.settings.times for _, count in self.parts])
        return torch.cat(
            [piece for piece, (part, _) in zip(pieces, self.parts, strict=True) if part.taught] or [x[:0]]
        )

    def _terms(
        self, image: Tensor, batches: list[Batch], words: _Words, opinion: Tensor | None, hard: bool
    ) -> dict[str, Tensor]:
        """The weighted terms of the loss; features (B,D) of all pictures, part after part."""
        settings = self.settings
        pieces = torch.split(image, [len(batch.images) for batch in batches])
        captioned = torch.cat(
            [piece[: len(batch.captions)] for piece, batch in zip(pieces, batches, strict=True)]
        )
        contrast = contrastive_loss(captioned, words.captions, words.scale, words.keys)
        terms = {"contrast": settings.contrast_weight[hard] * contrast}
        asked = [
            self._answer(pieces[each.part], batches[each.part], each, words.scale) for each in words.questions
        ]
        if asked:
            terms["questions"] = settings.question_weight[hard] * torch.stack(asked).mean()
        if opinion is not None and self.teacher is not None:
            taught = self.teacher.named(self._of_taught(image))
            terms["teacher"] = settings.teach_weight * F.kl_div(taught, opinion, reduction="batchmean")
        return terms if hard else {**terms, **self._word_terms(pieces, batches, words)}

    def _answer(self, image: Tensor, batch: Batch, asked: _Question, scale: Tensor) -> Tensor:
        places = torch.cat([asked.places, torch.tensor([-1])])
        first, second = (
            places[each[:, asked.index]].to(self.device) for each in (batch.answers, batch.others)
        )
        spared = self._unasked(batch, asked.part, asked.index)[:, asked.places >= 0].to(self.device)
        return answered(scale * image @ asked.texts.T, first, second, batch.share.to(self.device), spared)

    def _unasked(self, batch: Batch, part: int, question: int) -> Tensor:
        """`unasked` of a question of a part, (B, its values)."""
        own = self.parts[part][0]
        return unasked(batch, question, own.sizes[question], own.apart)

    def _word_terms(self, pieces: Sequence[Tensor], batches: list[Batch], words: _Words) -> dict[str, Tensor]:
        """Pictures against anchors, texts against anchors, and texts against the teacher's classes."""
        terms, settings = {}, self.settings
        blocks = iter(torch.split(words.anchors, [size for sizes in self._sizes() for size in sizes]))
        drawn = []
        for place, (piece, batch) in enumerate(zip(pieces, batches, strict=True)):
            for index, (first, second) in enumerate(zip(batch.answers.T, batch.others.T, strict=True)):
                known = first, second, batch.share, self._unasked(batch, place, index)
                given = (each.to(self.device) for each in known)
                drawn.append(answered(words.scale * piece @ next(blocks).T, *given))
        if drawn:
            terms["anchors"] = settings.anchor_weight * torch.stack(drawn).mean()
            rows = torch.cat([each.anchors for each in words.questions]).to(self.device)
            texts = torch.cat([each.texts for each in words.questions])
            terms["words"] = F.cross_entropy(words.scale * texts @ words.anchors.T, rows)
        if self.teacher is not None and len(words.names):
            chances = self.teacher.named(words.names)
            terms["names"] = settings.name_weight * F.kl_div(chances, words.classes, reduction="batchmean")
        return terms

    def features(self, images: Tensor) -> Tensor:
        """Unit features (B,D) of pictures (B,3,H,W) in [-1,1]."""
        together = _TOGETHER if self.device.type == "cpu" else len(images)
        with coarse(self.device):
            parts = [
                part.contiguous(memory_format=torch.channels_last) for part in torch.split(images, together)
            ]
            features = torch.cat([self.model.encode_image(part) for part in parts])
        return F.normalize(features.float(), dim=-1)

    def text_features(self, captions: list[str]) -> Tensor:
        """Unit features (B,D) of captions."""
        return self.token_features(self.tokenizer(captions))

    def token_features(self, tokens: Tensor) -> Tensor:
        """Of tokens (B,context), computed in groups of about the same length, each without its padding."""
        lengths = tokens.argmax(dim=1) + 1
        groups = lengths.argsort().chunk(self.settings.text_groups)
        parts = [self._text_group(tokens[rows, : int(lengths[rows].max())]) for rows in groups]
        order = torch.cat(groups).argsort().to(self.device)
        return F.normalize(torch.cat(parts)[order], dim=-1)

    def _text_group(self, tokens: Tensor) -> Tensor:
        """What `encode_text` gives for the padded tokens: its attention is causal, so padding changes nothing."""
        model, tokens = self.model, tokens.to(self.device)
        length = tokens.shape[1]
        with coarse(self.device):
            x = model.token_embedding(tokens) + model.positional_embedding[:length]
            x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
            pooled = x[torch.arange(len(x)), tokens.argmax(dim=1)]
            features: Tensor = pooled @ model.text_projection
        return features.float()

    def weights(self) -> dict[str, Tensor]:
        """The state of the model that `learn` made."""
        state = {key: value.detach() for key, value in self.model.state_dict().items()}
        return {**state, **{f"{_TOWER}{key}": value for key, value in self.extra.items()}}

    def hardened(self) -> dict[str, Tensor]:
        """The state of the picture tower that `harden` made; empty if there was none.

        It is a model of its own beside `weights`: hardening costs photographs and small things dear, and what lies
        between both towers (Wortsman et al. 2022, WiSE-FT) paints no better than before.
        """
        if not self.extra:
            return {}
        state = self.model.state_dict()
        return {key: value.detach() for key, value in state.items() if key.startswith(_TOWER)}


def decaying(parameters: Sequence[nn.Parameter], lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups of an optimizer: matrices and filters decay, vectors do not."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "lr": lr, "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "lr": lr, "weight_decay": 0.0},
    ]


def _total(terms: Mapping[str, Tensor]) -> Tensor:
    return torch.stack([*terms.values()]).sum()
