"""What a drawing of shapes is asked to be: the one place where defaults are written."""

from __future__ import annotations

import re
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from ..._base import did_you_mean
from ...generators.shapes import KINDS, Limits
from ..recipe import MAX_SEED, preset_settings

MAX_STEPS = 1_000_000
COLOURS = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0)}


class ShapesSettings(BaseModel):
    """How shapes are searched for; the published values (Tian & Ha 2021) are in the preset `paper`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prompt: str = Field("", description="what the drawing should show; weights and '|' as in the README")
    negative: str = Field("", description="what it should not show")
    templates: str = Field(
        "none", description="sentences around a prompt: none, imagenet79, imagenet80 or a file"
    )
    count: int = Field(50, ge=1, le=10_000, description="how many shapes")
    kind: str = Field("triangle", description=f"of shape: {', '.join(KINDS)}")
    height: int | None = Field(
        None, ge=1, le=8192, description="of the canvas; else the target's up to 200, or 224 for a prompt"
    )
    width: int | None = Field(
        None, ge=1, le=8192, description="of the canvas; else by the target's aspect, or the height"
    )
    mode: Literal["smooth", "pillow"] = Field(
        "smooth", description="smooth: antialiased; pillow: whole pixels, as published, triangles alone"
    )
    optimizer: str = Field(
        "adam", description="adam, hybrid (PGPE, then adam), PGPE, or any of nevergrad, such as CMA or DE"
    )
    steps: int | None = Field(None, ge=1, le=MAX_STEPS, description="else what the optimizer needs")
    population: int = Field(64, ge=1, le=100_000, description="candidates a step of evolution")
    sigma: float = Field(0.1, gt=0, le=100, description="how far these lie apart at first")
    candidates: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="drawings that adam begins with, to go on with the best; else 1, with a prompt 8",
    )
    rounds: int = Field(8, ge=0, le=1000, description="how often adam's least useful shapes begin anew")
    lr: float = Field(0.02, gt=0, le=10, description="learning rate of adam, in shares of the canvas")
    loss: Literal["l2", "l1"] = Field("l2", description="distance to the target: l2 or l1")
    background: str = Field(
        "auto",
        description="auto (the target's mean, or white), white, black, #rrggbb, or noise: shapes must cover it",
    )
    opacity_min: float = Field(0.0, ge=0, le=1, description="of every shape")
    opacity_max: float = Field(
        1.0, gt=0, le=1, description="of every shape; in mode pillow the scale of opacities"
    )
    beyond: float | None = Field(
        None,
        ge=-0.4,
        le=2,
        description="so far may shapes lie outside of the canvas, as a share; below 0 inside; else 0.25, or -0.04",
    )
    palette: str = Field("", description="the only colours: #rrggbb,#rrggbb,...")
    cutouts: int = Field(3, ge=1, le=1024, description="random views of each drawing a step, with a prompt")
    shared_views: bool = Field(False, description="all candidates seen by the same views, as published")
    coordinate_scale: float = Field(
        1.0, gt=0, le=10, description="mode pillow: triangles shrink about their middles"
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description="of all that is random")

    @model_validator(mode="after")
    def _fits(self) -> ShapesSettings:
        if self.opacity_min > self.opacity_max:
            raise ValueError(
                f"opacity_min {self.opacity_min} is above opacity_max {self.opacity_max}; swap them"
            )
        if self.kind not in KINDS:
            raise ValueError(
                f"no kind of shape is called '{self.kind}'{did_you_mean(self.kind, list(KINDS))}"
            )
        if self.mode == "pillow" and self.kind != "triangle":
            raise ValueError(f"mode pillow draws triangles, not '{self.kind}'; take mode smooth")
        if self.mode == "pillow" and self.optimizer in ("adam", "hybrid"):
            raise ValueError(
                f"mode pillow has no gradient for '{self.optimizer}'; take mode smooth, or optimizer PGPE"
            )
        if self.mode == "pillow" and (self.palette or self.opacity_min):
            raise ValueError("mode pillow keeps to no palette or least opacity; take mode smooth")
        self.colours()
        self.backdrop()
        return self

    def colours(self) -> Tensor | None:
        """The palette (P,3) in [0,1], or None."""
        if not self.palette:
            return None
        return torch.tensor([_rgb(each.strip(), "palette") for each in self.palette.split(",")])

    def backdrop(self) -> Tensor | None:
        """The background (3,) if a colour was asked for."""
        if self.background in ("auto", "noise"):
            return None
        return torch.tensor(_rgb(self.background, "background"))

    def limits(self) -> Limits:
        """Of opacities, colours and places."""
        # What a prompt names should be there as a whole; a picture goes on beyond its frame.
        usual = -0.04 if self.prompt else 0.25
        beyond = usual if self.beyond is None else self.beyond
        return Limits((self.opacity_min, self.opacity_max), self.colours(), beyond)


def _rgb(text: str, what: str) -> tuple[float, float, float]:
    if text in COLOURS:
        return COLOURS[text]
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise ValueError(f"the {what} '{text[:40]}' is no colour; write #rrggbb, white or black")
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper": {
        "mode": "pillow",
        "optimizer": "PGPE",
        "population": 256,
        "opacity_max": 0.5,
        "height": 200,
        "cutouts": 4,
        "shared_views": True,
        "rounds": 0,
    },
}


def shapes_settings(preset: str = "default", **chosen: Any) -> ShapesSettings:
    """As `preset_settings`.

    Raises:
        UsageError: an unknown preset or setting, or values that do not fit.
    """
    return preset_settings(ShapesSettings, PRESETS, preset, chosen)
