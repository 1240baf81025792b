"""Training a styler of one style on photographs, guided by CLIP (CLIPstyler's fast variant)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..._base import UsageError, did_you_mean
from ..._files import prove_folder
from ...generators.packs.pack import Pack, load_pack
from ...generators.style.styler import save_styler, told
from ...guidance.objective import Context, total
from ...guidance.perceptor import AnyPerceptor
from ...guidance.prompts import Prompt, parse_prompts
from ...guidance.training.styles.table import STYLES
from ..doctor import resolve_device, resolve_precision
from ..models import ModelChoice, load_painters
from .lessons import DRAWN, LICENCE, Course, cropped, drawn, photographs, told_now_and_then
from .settings import StyleSettings
from .stylists import of_styler, taught
from .task import objective_of
from .teaching import TeachingLoss, TeachingSettings

# Pixels that a picture is moved by to see whether its style goes along.
_MOVE = 12


@dataclass(frozen=True)
class StylerSettings:
    """How a styler of one style is trained (Kwon & Ye 2022, fast variant; sheet values in brackets).

    Args:
        steps: [200]. batch: photographs a step [4]. crop: their side [224]. lr: of Adam [1e-4].
        cutouts: views of each [16].
        naming_weight [none], patch_weight [10], global_weight [1], content_weight [1], tv_weight [1e-4]: of the losses.
        consistency: weight of the same pixels looking the same when the picture moves, for films.
        light: train only what a style asks of each layer, and the last one; the file holds these alone, and is of use
            beside the pack's styler.
        stay_weight: of the colours with which the training sets out; a CLIP is easily pleased by a few glowing spots.
        example: a drawn style that it learns from as well, in place of these; "" for none. example_weight: of that.
    """

    steps: int = 200
    batch: int = 2
    crop: int = 256
    lr: float = 1e-3
    cutouts: int = 8
    naming_weight: float = 0.2
    patch_weight: float = 0.0
    global_weight: float = 0.0
    content_weight: float = 0.1
    tv_weight: float = 1e-5
    consistency: float = 0.0
    light: bool = False
    example: str = ""
    example_weight: float = 1.0
    stay_weight: float = 20.0
    save_seconds: float = 120.0


class StylerTraining(Course):
    """Trains a styler of one style on photographs, from what the pack's styler makes of its words.

    Args:
        prompts: the style.
        perceptor: the CLIP or CLIPs that guide.
        checkpoint: a file that is continued where it is there.
    """

    def __init__(
        self,
        photos: Sequence[Path],
        prompts: Sequence[Prompt],
        pack: Pack,
        perceptor: AnyPerceptor,
        settings: StylerSettings,
        seed: int,
        checkpoint: Path | None = None,
    ) -> None:
        self.photos, self.prompts, self.perceptor = list(photos), tuple(prompts), perceptor
        self.settings, self.device = settings, perceptor.members[0][0].device
        known = taught(pack, self.device)
        styler, self.others = told(known.styler, known.vector(prompts), ""), known.styler.words
        parts = dict(styler.requires_grad_(False).named_parameters())
        if settings.light:
            parts = {name: value for name, value in parts.items() if _is_light(name)}
        moved = [value.requires_grad_() for value in (*parts.values(), styler.vector)]
        # Without `glow`: lines of the styler's own in other places than drawn ones would fade for it.
        self.lesson = TeachingLoss(TeachingSettings(glow=0.0)).to(self.device) if settings.example else None
        self.first = copy.deepcopy(styler).requires_grad_(False)
        super().__init__(styler, torch.optim.Adam(moved, settings.lr), settings, seed, checkpoint)

    def rate(self, index: int) -> float:
        """See `Course`: it falls to 0."""
        return 1 - index / self.settings.steps

    def loss(self) -> Tensor:
        """See `Course`."""
        settings = self.settings
        chosen = self.rng.choices(self.photos, k=settings.batch)
        photos, goals = self._seen(chosen)
        made = of_styler(self.styler).whole(photos)
        judge = objective_of(self._judging(), self.prompts, photos, self.perceptor, self.others)
        seeds = [self.rng.getrandbits(40) for _ in chosen]
        loss = total(judge(made, Context(seeds=seeds))).mean()
        if self.lesson is not None:
            loss = loss + settings.example_weight * self.lesson(made, goals)
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
        squares = torch.cat([cropped(path, side, self.rng, (0.4, 1.0)) for path in chosen])
        if not example:
            return squares.to(self.device), squares
        rows = [drawn(each, example) for each in squares.permute(0, 2, 3, 1).numpy()]
        goals = torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2)
        top, left = (self.rng.randint(0, side - crop) for _ in range(2))
        part = (..., slice(top, top + crop), slice(left, left + crop))
        return squares[part].to(self.device), goals[part].to(self.device)

    def _moved(self, photos: Tensor, made: Tensor) -> Tensor:
        """How much a picture changes besides moving when the photograph moves, as things do in films."""
        down, right = (self.rng.randint(1, _MOVE) for _ in range(2))
        moved = of_styler(self.styler).whole(photos[..., down:, right:])
        return (moved - made[..., down:, right:]).square().mean()


def _is_light(name: str) -> bool:
    return ".ask." in name or name.startswith("end.")


def train_styler(
    prompt: str,
    photos: Path,
    output: Path,
    choice: ModelChoice,
    settings: StylerSettings,
    seed: int,
    checkpoint: Path | None = None,
) -> Iterator[str]:
    """Train a styler of one style on the photographs of a folder.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    if not prompt.strip():
        raise UsageError('there is no style; write one, such as "a stained glass window"')
    if settings.example and settings.example not in STYLES:
        hint = did_you_mean(settings.example, list(STYLES))
        raise UsageError(
            f"no style is drawn by the name '{settings.example}'{hint}; known: {', '.join(STYLES)}"
        )
    prove_folder(output.parent)
    device, pack = resolve_device(choice.device), load_pack(choice.pack)
    perceptor = load_painters(choice, pack, device, resolve_precision(choice.precision, device))
    prompts, files = parse_prompts(prompt), photographs(photos)
    training = StylerTraining(files, prompts, pack, perceptor, settings, seed, checkpoint)
    training.styler.prompt = prompt
    yield from told_now_and_then(training.run(), settings.steps)
    base = pack.path("styler") if settings.light else None
    save_styler(training.styler, output, {"licence": LICENCE, "seed": str(seed)}, base)
    yield f"{output}: {settings.steps} steps on {len(files)} photographs"
