"""What a sample is asked to be: the one place where defaults are written."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...generators.prior.kinds import Space
from ..recipe import MAX_SEED, preset_settings
from .kinds import PAPER, SCHEDULERS

MAX_DIFFUSION_STEPS, MOST_GUIDANCE, MOST_RANK = 1000, 1e9, 10_000


# Chosen by `benchmarks/prior.py tune`. What is beyond the data in w is no face; every z is one.
_GUIDANCE = {"z": 5.0, "w": 2.0}


class SampleSettings(BaseModel):
    """How pictures are drawn from a prompt; the published values (Pinkney & Li 2022) are in the preset `paper`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prompt: str = Field(
        "", description="what they should show; several with weights and '|', a picture as '@file.png'"
    )
    negative: str = Field("", description="what they should not show")
    to: str = Field("", description="a second prompt: the pictures go from the first to it, all of one seed")
    templates: str = Field(
        "none", description="sentences around texts: none, imagenet79, imagenet80 or a file"
    )
    scheduler: str = Field(
        "dpm++", description=f"sampler of the diffusion: {', '.join(SCHEDULERS)}, or {PAPER} as published"
    )
    steps: int = Field(15, ge=1, le=MAX_DIFFUSION_STEPS, description="of the diffusion")
    guidance: float | None = Field(
        None,
        ge=-MOST_GUIDANCE,
        le=MOST_GUIDANCE,
        description="how much the prompt counts: 0 not at all, 1 as learnt, more exaggerates, below 0 turns away; by "
        f"default {_GUIDANCE['z']:g} for priors of z and {_GUIDANCE['w']:g} for those of w",
    )
    phrases: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of the guidance that goes to each phrase of a prompt alone, as in 'a man with | a hat and | "
        "a beard'; 0 leaves the whole",
    )
    rescale: float = Field(
        0.0, ge=0, le=1, description="bring what guidance exaggerates back to the usual spread, by this share"
    )
    limit: float = Field(
        3.0, ge=0, le=1e6, description="most standard deviations that a prediction may have; 0: any"
    )
    truncation: float = Field(
        1.0, ge=0, le=10, description="how far from the mean w the latents stay; 1 as drawn, 0 the mean"
    )
    variance: Literal["published", "respaced"] = Field(
        "published", description=f"noise of the sampler {PAPER}: as published, or right for its steps"
    )
    strength: float = Field(
        1.0, ge=0, le=1, description="with --like: 0 the picture itself, 1 all anew from what CLIP sees in it"
    )
    rank: int = Field(
        1, ge=1, le=MOST_RANK, description="candidates for each picture, of which CLIP picks one"
    )
    refine: int = Field(0, ge=0, le=1000, description="steps of optimisation by CLIP at the end")
    refine_lr: float = Field(0.02, gt=0, le=10, description="learning rate of these")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="of the noise; picture k has seed + k")

    def guided(self, space: Space) -> float:
        """The guidance for a prior of z or w."""
        return _GUIDANCE[space] if self.guidance is None else self.guidance

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


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper": {"scheduler": PAPER, "steps": 4, "guidance": 2.0, "phrases": 0.0, "limit": 0.0},
}


def sample_settings(preset: str = "default", **chosen: Any) -> SampleSettings:
    """As `preset_settings`.

    Raises:
        UsageError: an unknown preset or setting, or values that do not fit.
    """
    return preset_settings(SampleSettings, PRESETS, preset, chosen)
