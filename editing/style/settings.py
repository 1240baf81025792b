"""What a style transfer is asked to be: the one place where defaults are written."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..._base import did_you_mean
from ...guidance.content import NETWORKS
from ..recipe import MAX_SEED, preset_settings

MAX_STEPS = 100_000


class StyleSettings(BaseModel):
    """How a photograph gets its style; the published values (Kwon & Ye 2022) are in the preset `paper`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prompt: str = Field("", description="the style; several with weights and '|', a picture as '@file.png'")
    negative: str = Field("", description="what the result should not look like")
    source: str = Field("a photo", description="what the picture looks like now")
    templates: str = Field(
        "none", description="sentences around texts: none, imagenet79, imagenet80 or a file"
    )
    convention: Literal["nada", "clipstyler"] = Field(
        "nada", description="how two texts become a direction: nada, or clipstyler as published"
    )
    network: Literal["styler", "stylenet"] = Field(
        "styler", description="what is trained: styler (small, fast) or stylenet, as published"
    )
    start: Literal["words", "photo", "random"] = Field(
        "words",
        description="where it sets out: words (what the embedded styler makes of them), photo (the picture itself)"
        " or random",
    )
    steps: int = Field(24, ge=0, le=MAX_STEPS, description="of training; 0: the start as it is")
    lr: float = Field(1e-3, gt=0, le=1, description="learning rate of Adam")
    halve_every: int = Field(0, ge=0, description="steps after which the rate is halved; 0: it falls to 0")
    side: int = Field(512, ge=16, le=4096, description="longest side in pixels while training")
    coarse: float = Field(0.6, ge=0, le=1, description="share of the steps at half that side")
    fit: Literal["keep", "stretch"] = Field(
        "keep", description="keep the aspect; or stretch to a square of that side and stay so, as published"
    )
    patience: int = Field(12, ge=0, description="stop when so many steps brought nothing; 0: never")
    cutouts: int = Field(16, ge=1, le=4096, description="views of the picture a step")
    views: Literal["inside", "published"] = Field(
        "inside", description="inside: antialiased, of many sizes; published: of one size, on black"
    )
    view_min: float = Field(0.4, gt=0, le=1, description="smallest view, as a share of the shorter side")
    view_max: float = Field(1.0, gt=0, le=1, description="largest view")
    threshold: float = Field(0.0, ge=0, le=2, description="views with a loss below it count as done")
    patch_weight: float = Field(0.0, ge=0, le=1e6, description="of the views' directional loss")
    global_weight: float = Field(0.0, ge=0, le=1e6, description="of the whole picture's")
    naming_weight: float = Field(
        0.5, ge=0, le=1e6, description="of being named by the words, among all that the styler knows"
    )
    stay_weight: float = Field(
        30.0, ge=0, le=1e6, description="of the colours with which it sets out, with start words"
    )
    content_weight: float = Field(0.05, ge=0, le=1e6, description="of what the picture shows")
    content: str = Field("auto", description=f"network that sees what is shown: {', '.join(NETWORKS)}")
    relative: bool = Field(True, description="content in shares of the photograph's own features")
    tv_weight: float = Field(1e-5, ge=0, le=1e6, description="of differences between neighbours")
    strength: float = Field(1.0, ge=0, le=2, description="0 is the photograph, 1 the style, 2 beyond")
    colours: float = Field(0.0, ge=0, le=1, description="how much of the photograph's colours stays")
    texture: float | None = Field(
        None, gt=0, le=16, description="how large strokes and pieces are; else by the picture's size"
    )
    region: str = Field("", description="only where CLIP sees these words, e.g. 'the sky'")
    keep_subject: bool = Field(False, description="leave what stands out of its surroundings as it is")
    smooth: float = Field(
        0.6, ge=0, le=0.98, description="of a film: how much of the frame before stays where nothing moves"
    )
    contrast: float = Field(1.0, ge=0, le=10, description="of the result; 1.5 as published")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="of all that is random")

    @model_validator(mode="after")
    def _fits(self) -> StyleSettings:
        if self.view_min > self.view_max:
            raise ValueError(f"view_min {self.view_min} is above view_max {self.view_max}; swap them")
        if self.content not in NETWORKS:
            hint = did_you_mean(self.content, list(NETWORKS))
            raise ValueError(f"no network is called '{self.content}'{hint}; known: {', '.join(NETWORKS)}")
        if self.network == "stylenet" and self.start == "words":
            raise ValueError("a stylenet knows no words to start from; take --start photo or random")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper": {
        "source": "a Photo",
        "templates": "imagenet79",
        "convention": "clipstyler",
        "network": "stylenet",
        "start": "random",
        "steps": 201,
        "lr": 5e-4,
        "halve_every": 100,
        "coarse": 0.0,
        "fit": "stretch",
        "patience": 0,
        "cutouts": 64,
        "views": "published",
        "view_max": 0.25,
        "view_min": 0.25,
        "threshold": 0.7,
        "naming_weight": 0.0,
        "stay_weight": 0.0,
        "patch_weight": 9000.0,
        "global_weight": 500.0,
        "content_weight": 150.0,
        "relative": False,
        "tv_weight": 2e-3,
        "texture": 1.0,
        "contrast": 1.5,
    },
}


def style_settings(preset: str = "default", **chosen: Any) -> StyleSettings:
    """As `preset_settings`.

    Raises:
        UsageError: an unknown preset or setting, or values that do not fit.
    """
    return preset_settings(StyleSettings, PRESETS, preset, chosen)
