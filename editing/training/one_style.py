"""Training a styler of one style on photographs, guided by CLIP (CLIPstyler's fast variant)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..._base import UsageError, did_you_mean
from ..._devices import memory_checked
from ..._files import prove_folder
from ..._identity import digest_of, identity_of
from ..._schedules import linear
from ..._training import Stage, Trainer, Update
from ...generators.packs.pack import Pack
from ...generators.style.styler import of_one_style, save_styler
from ...guidance.objective import Context, total
from ...guidance.perceptor import AnyPerceptor
from ...guidance.prompts import parse_prompts
from ...guidance.training.styles.table import STYLES
from ..choice import ModelChoice
from ..models import Models
from ..style.picture_training import objective_of
from ..style.settings import StyleSettings
from ..style.style_networks import of_styler, word_styler
from .fast_styler import DrawnStyleLoss
from .generator import LICENCE
from .options import OneStyleOptions, part_of
from .settings import FastStylerSettings, OneStyleSettings
from .styled_photos import DRAWN, cropped, drawn, photographs, photographs_name

# Pixels that a picture is moved by to see whether its style goes along.
_MOVE = 12


class OneStyleTrainer(Trainer):
    """Trains a styler of one style on photographs, from what the pack's styler makes of its words.

    Args:
        photos: to train on.
        prompt: the style.
        pack: whose styler it begins with.
        perceptor: the CLIP or CLIPs that guide.
    """

    mend = "give --checkpoint another file"

    def __init__(
        self,
        photos: Sequence[Path],
        prompt: str,
        pack: Pack,
        perceptor: AnyPerceptor,
        settings: OneStyleSettings,
        seed: int,
        checkpoint: Path | None = None,
    ) -> None:
        self.photos, self.perceptor, self.settings = list(photos), perceptor, settings
        self.prompts, device = tuple(parse_prompts(prompt)), perceptor.members[0][0].device
        known = word_styler(pack, device)
        self.styler, self.others = (
            of_one_style(known.styler, known.vector(self.prompts), prompt),
            known.styler.words,
        )
        parts = dict(self.styler.requires_grad_(False).named_parameters())
        if settings.light:
            parts = {name: value for name, value in parts.items() if _is_light(name)}
        parameters = [value.requires_grad_() for value in (*parts.values(), self.styler.vector)]
        # Without `glow`: lines of the styler's own in other places than drawn ones would fade for it.
        self.drawn_loss = (
            DrawnStyleLoss(FastStylerSettings(glow=0.0)).to(device) if settings.example else None
        )
        self.first = copy.deepcopy(self.styler).requires_grad_(False)
        facts = {
            "prompt": prompt,
            "photos": photographs_name(photos),
            "styler": digest_of(self.first.state_dict()),
        }
        models = {"pack": pack.name, "clip": _digest(perceptor)}
        identity = identity_of("styler", seed, settings.model_dump(), **facts, **models)
        update = Update(torch.optim.Adam(parameters, settings.lr), self.loss)
        stage = Stage("styler", settings.steps, [update], linear)
        super().__init__({"styler": self.styler}, [stage], identity, seed, checkpoint)

    def loss(self, _index: int) -> Tensor:
        """The loss of a step, a scalar."""
        settings = self.settings
        chosen = self.random.choices(self.photos, k=self.processes.part_of(settings.batch))
        photos, goals = self._seen(chosen)
        made = of_styler(self.styler).whole(photos)
        judge = objective_of(self._judging(), self.prompts, photos, self.perceptor, self.others)
        seeds = [self.random.getrandbits(40) for _ in chosen]
        loss = total(judge(made, Context(seeds=seeds))).mean()
        if self.drawn_loss is not None:
            loss = loss + settings.example_weight * self.drawn_loss(made, goals)
        elif settings.stay_weight:
            with torch.no_grad():
                first = of_styler(self.first).whole(photos)
            loss = loss + settings.stay_weight * (made - first).square().mean()
        if settings.consistency:
            loss = loss + settings.consistency * self._moved(photos, made)
        return loss

    def _judging(self) -> StyleSettings:
        names = ("cutouts", "naming_weight", "patch_weight", "global_weight", "content_weight", "tv_weight")
        return StyleSettings(**{name: getattr(self.settings, name) for name in names})

    def _seen(self, chosen: Sequence[Path]) -> tuple[Tensor, Tensor]:
        """Parts of photographs (B,3,crop,crop), and the same in the example style, if there is one."""
        crop, example = self.settings.crop, self.settings.example
        side = max(crop, DRAWN) if example else crop
        squares = torch.cat([cropped(path, side, self.random, (0.4, 1.0)) for path in chosen])
        if not example:
            return squares.to(self.device), squares
        rows = [drawn(each, example) for each in squares.permute(0, 2, 3, 1).numpy()]
        goals = torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2)
        top, left = (self.random.randint(0, side - crop) for _ in range(2))
        part = (..., slice(top, top + crop), slice(left, left + crop))
        return squares[part].to(self.device), goals[part].to(self.device)

    def _moved(self, photos: Tensor, made: Tensor) -> Tensor:
        """How much a picture changes besides moving when the photograph moves, as things do in films."""
        down, right = (self.random.randint(1, _MOVE) for _ in range(2))
        moved = of_styler(self.styler).whole(photos[..., down:, right:])
        return (moved - made[..., down:, right:]).square().mean()


def _is_light(name: str) -> bool:
    return ".ask." in name or name.startswith("end.")


def _digest(perceptor: AnyPerceptor) -> str:
    """Of all weights of the CLIPs that guide."""
    found = [digest_of(member.model.state_dict()) for member, _ in perceptor.members]
    return ",".join(found)


@memory_checked("a smaller --batch, --crop or --clip, fewer --cutouts, or --device cpu")
def train_one_style(options: OneStyleOptions) -> Iterator[str]:
    """Train a styler of one style on the photographs of a folder.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    settings, output, prompt = part_of(OneStyleSettings, options), options.output, options.prompt
    if not prompt.strip():
        raise UsageError('the style is missing; write one, such as "a stained glass window"')
    if settings.example and settings.example not in STYLES:
        hint = did_you_mean(settings.example, list(STYLES))
        raise UsageError(
            f"no style is drawn by the name '{settings.example}'{hint}; known: {', '.join(STYLES)}"
        )
    prove_folder(output.parent)
    choice = ModelChoice(
        pack=options.pack, clip=options.clip, device=options.device, precision=options.precision
    )
    models = Models(choice)
    pack, perceptor = models.pack, models.painters
    photos = photographs(options.photos)
    trainer = OneStyleTrainer(photos, prompt, pack, perceptor, settings, options.seed, options.checkpoint)
    yield from trainer.lines()
    if trainer.processes.is_main:
        base = pack.path("styler") if settings.light else None
        save_styler(trainer.styler, output, {"licence": LICENCE, "seed": str(options.seed)}, base)
        yield f"{output}: {settings.steps} steps on {len(photos)} photographs"
