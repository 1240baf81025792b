"""What a sample can be asked for, and its entry in the table of methods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import field_validator, model_validator

from ..._base import UsageError
from ..._settings import MAX_SEED, TEMPLATES, Settings, setting
from ...generators.prior.kinds import Space
from ...guidance.prompt import Prompt, parse_prompts, signed_prompts
from ..latent.settings import drawn_size
from ..methods import Method, Takes
from ..outputs import Outputs, beside
from .scheduler_names import PAPER, SCHEDULERS

MAX_DIFFUSION_STEPS, MOST_GUIDANCE, MOST_RANK = 1000, 1e9, 10_000

# Chosen by `benchmarks/prior.py tune`. What is beyond the data in w is no face; every z is one.
_GUIDANCE = {"z": 5.0, "w": 2.0}


class SampleSettings(Settings):
    """How pictures are drawn from a prompt; the published values (Pinkney & Li 2022) are in the preset `paper`."""

    prompt: str = setting(
        "",
        "what they should show; several with weights and '|', a picture as '@file.png'",
        panel="Prompt",
        role="prompt",
    )
    negative: str = setting("", "what they should not show", panel="Prompt", role="prompt")
    to: str = setting(
        "",
        "a second prompt: the pictures lead from the first one to it, all with one seed",
        panel="Prompt",
        role="prompt",
    )
    like: Path | None = setting(None, "a picture whose variations are wanted", panel="Prompt", role="picture")
    templates: str = setting("none", TEMPLATES, panel="Prompt", role="templates")
    guidance: float | None = setting(
        None,
        "how much the prompt counts: 0 not at all, 1 as learned, more exaggerates, below 0 turns away; by default "
        f"{_GUIDANCE['z']:g} for priors of z and {_GUIDANCE['w']:g} for those of w",
        panel="Strength",
        ge=-MOST_GUIDANCE,
        le=MOST_GUIDANCE,
    )
    phrases: float = setting(
        0.5,
        "fraction of the guidance that goes to each phrase of a prompt alone, as in 'a man with | a hat and | "
        "a beard'; 0 takes the prompt as a whole",
        panel="Strength",
        ge=0,
        le=1,
        needs={"prompt": True, "to": False},
    )
    rescale: float = setting(
        0.0,
        "bring what guidance exaggerates back to the usual spread, by this fraction",
        panel="Strength",
        ge=0,
        le=1,
    )
    limit: float = setting(
        3.0,
        "largest prediction, in standard deviations; 0: no limit",
        panel="Strength",
        ge=0,
        le=1e6,
    )
    truncation: float = setting(
        1.0,
        "how far from the mean w the latents stay: 1 as drawn, 0 the mean",
        panel="Strength",
        ge=0,
        le=10,
    )
    strength: float = setting(
        1.0,
        "with --like: 0 the picture itself, 1 a new picture of what CLIP sees in it",
        panel="Strength",
        ge=0,
        le=1,
        needs={"like": True},
    )
    redraw: bool = setting(
        True, "draw with sharp lines and large, where the pack has a network for it", panel="Strength"
    )
    size: int | None = drawn_size()
    scheduler: str = setting(
        "dpm++",
        f"sampler of the diffusion: {', '.join(SCHEDULERS)}, or {PAPER} as published",
        panel="Optimization",
    )
    steps: int = setting(15, "diffusion steps", panel="Optimization", ge=1, le=MAX_DIFFUSION_STEPS)
    variance: Literal["published", "respaced"] = setting(
        "published",
        f"noise of the sampler {PAPER}: as published, or right for its steps",
        panel="Optimization",
        needs={"scheduler": (PAPER,)},
    )
    rank: int = setting(
        1,
        "candidates for each picture, of which CLIP picks one",
        panel="Optimization",
        ge=1,
        le=MOST_RANK,
    )
    refine: int = setting(0, "steps of optimization by CLIP at the end", panel="Optimization", ge=0, le=1000)
    refine_lr: float = setting(
        0.02, "learning rate of --refine", panel="Optimization", gt=0, le=10, needs={"refine": True}
    )
    loss: tuple[str, ...] = setting(
        (),
        "another objective of --refine, NAME:weight; can be given several times",
        panel="Losses",
        role="losses",
        needs={"refine": True},
    )
    seed: int = setting(0, "of the noise; picture k has seed + k", panel="Optimization", ge=0, le=MAX_SEED)
    groups: str = setting(
        "", "layers that each latent of a published checkpoint feeds, such as 4,4,10", panel="Models"
    )

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {},
        "paper": {"scheduler": PAPER, "steps": 4, "guidance": 2.0, "phrases": 0.0, "limit": 0.0},
    }

    @field_validator("groups")
    @classmethod
    def _are_counts(cls, value: str) -> str:
        if value.strip() and not all(part.strip().isdecimal() for part in value.split(",")):
            raise ValueError("write whole numbers with commas between, such as 4,4,10")
        return value

    @model_validator(mode="after")
    def _fits(self) -> SampleSettings:
        if self.scheduler != PAPER:
            SCHEDULERS.check(self.scheduler)
        elif MAX_DIFFUSION_STEPS % self.steps:
            raise ValueError(
                f"scheduler {PAPER} takes steps that divide {MAX_DIFFUSION_STEPS}, not {self.steps}; try 4, 10 or 100"
            )
        if self.to.strip() and self.refine:
            raise ValueError(
                "a picture on the way between two prompts has no prompt to refine it by; give refine 0"
            )
        return self

    def guided(self, space: Space) -> float:
        """The guidance for a prior of z or w."""
        return _GUIDANCE[space] if self.guidance is None else self.guidance

    @property
    def layer_groups(self) -> tuple[int, ...]:
        """`groups` as numbers; empty if they are not given."""
        return tuple(int(part) for part in self.groups.split(",") if part.strip())

    def of_result(self, index: int) -> Settings:
        """On the way between two prompts all pictures have one seed, and differ by their place alone."""
        return self if self.to.strip() else super().of_result(index)

    def resolved(self, models: Any) -> Settings:
        """The guidance that the prior's space has by default, written out."""
        space: Space = models.prior(self.layer_groups).space
        return self.model_copy(update={"guidance": self.guided(space)})


def prompts_of(settings: SampleSettings) -> tuple[Prompt, ...]:
    """What the pictures should show, and with negative weights what they should not.

    Raises:
        UsageError: neither a prompt nor a picture, or a prompt that cannot be read.
    """
    own = (Prompt(str(settings.like), 1.0, is_image=True),) if settings.like else ()
    if not own and not settings.prompt.strip():
        raise UsageError("there is no prompt; write what the pictures should show, or give --like a picture")
    return (*own, *signed_prompts(settings.prompt, settings.negative))


def destination_of(settings: SampleSettings) -> tuple[Prompt, ...]:
    """The prompts of `to`.

    Raises:
        UsageError: one of the two ends has nothing to show.
    """
    prompts = parse_prompts(settings.to)
    if all(each.weight <= 0 for each in prompts_of(settings)) or any(each.weight < 0 for each in prompts):
        raise UsageError(
            "the way from one prompt to another needs something to show at both ends; put what should not show into "
            "--negative"
        )
    return prompts


def _plan(settings: SampleSettings, count: int) -> None:
    if count < 1:
        raise UsageError(f"n is {count}; give 1 or more")
    prompts_of(settings)
    if settings.to.strip():
        destination_of(settings)


class SampleOutputs(Outputs):
    """What a sample can write."""

    count: int = setting(1, "how many pictures", panel="Output", flags=("-n", "--count"), ge=1)
    sheet: bool = beside(
        "also NAME-sheet.png: up to 64 pictures side by side",
        "-sheet.png",
        gather=".editing.sample.sheet:write_sheet",
    )
    latents: bool = beside(
        "also NAME.latent.safetensors", ".latent.safetensors", write=".editing.result:write_latent"
    )


METHOD = Method(
    name="sample",
    about="Draw pictures from words: a diffusion prior makes latents for a prompt (clip2latent).",
    settings=SampleSettings,
    compose=".editing.sample.compose:compose",
    takes=Takes("none", "optional"),
    open=".editing.sample.compose:open_sampler",
    plan=_plan,
    outputs=SampleOutputs,
    roles=("pack", "generator", "clip", "encoder", "face_encoder", "prior", "device", "precision", "offline"),
    many=True,
    file=("prompt", "like"),
)
