"""How priors and stylers are trained: settings and presets. Nothing here imports torch."""

from __future__ import annotations

from typing import Any, Literal

from ..._settings import Settings, setting
from ...generators.prior.kinds import Space


class PriorSettings(Settings):
    """AdamW (Pinkney & Li 2022); the preset `paper` holds the published values."""

    space: Space = setting("z", "what the prior draws: z, of which every one is a picture, or w as published")
    network: Literal["mini", "published"] = setting("mini", "mini, or published: clip2latent's transformer")
    width: int = setting(240, "channels of the network mini", ge=8)
    depth: int = setting(2, "blocks of the network mini", ge=1)
    steps: int = setting(8_000, "steps of training", ge=1)
    batch: int = setting(256, "samples per step, of all processes together", ge=1)
    lr: float = setting(1.5e-3, "learning rate of AdamW", gt=0, le=1)
    warm_up: int = setting(200, "steps in which the learning rate rises", ge=0)
    fall: bool = setting(True, "let the learning rate fall as a cosine")
    weight_decay: float = setting(1e-2, "weight decay of matrices", ge=0)
    # What a condition asks for is decided there.
    early: float = setting(
        1.0, "how much more often noisy steps are seen: the power of the step's number", ge=0
    )
    noise: float | None = setting(
        None,
        "length of the pseudo-text noise, relative to CLIP's features; else 0.75, or 0.3 beside captions",
        ge=0,
    )
    drop: float = setting(0.1, "fraction of samples without a condition", ge=0, le=1)
    caption_share: float = setting(
        0.6, "fraction of samples that are conditioned on captions, where there are any", ge=0, le=1
    )
    ema: float = setting(0.999, "decay of the average of the weights", ge=0, lt=1)
    ema_start: int = setting(100, "steps after which the average departs from the weights", ge=0)


NOISE_ALONE, NOISE_BESIDE_CAPTIONS = 0.75, 0.3

PRIOR_PRESETS: dict[str, dict[str, Any]] = {
    "mini": {},
    "paper": {
        "space": "w",
        "network": "published",
        "steps": 1_000_000,
        "batch": 512,
        "lr": 1e-4,
        "warm_up": 0,
        "fall": False,
        "noise": 1.0,
        "drop": 0.2,
        "caption_share": 0.0,
        "early": 0.0,
        "ema": 0.9999,
        "ema_start": 1000,
    },
}


class FastStylerSettings(Settings):
    """Adam with a short warm-up and a cosine, on pictures drawn in every style."""

    steps: int = setting(7000, "steps of training", ge=1)
    batch: int = setting(8, "pictures per step", ge=1)
    lr: float = setting(3e-3, "learning rate of Adam", gt=0, le=1)
    each: int = setting(60, "pictures drawn in each style", ge=1)
    crop: int = setting(128, "side of the part of a picture that a step sees, in pixels", ge=32, le=304)
    gram: float = setting(1.0, "weight of textures", ge=0)
    feature: float = setting(0.5, "weight of features at their places", ge=0)
    low: float = setting(4.0, "weight of colours", ge=0)
    # A few spots that please a CLIP raise squares more.
    glow: float = setting(15.0, "weight of squared differences of colours", ge=0)
    pixel: float = setting(0.5, "weight of pixels", ge=0)
    mesh: float = setting(
        8.0, "weight of single rows and columns that are lighter than their neighbours", ge=0
    )
    # With it, styles that are far from it at first are taught more often.
    naming: float = setting(0.0, "weight of CLIP naming the style", ge=0)
    image_share: float = setting(
        0.25, "fraction of samples conditioned on a picture's features instead of words", ge=0, le=1
    )
    # So that near texts mean near styles.
    noise: float = setting(0.15, "length of the noise that is added to the condition", ge=0)


class OneStyleSettings(Settings):
    """Adam with a rate that falls linearly to 0 (Kwon & Ye 2022, fast variant)."""

    steps: int = setting(200, "steps of training", ge=1)
    batch: int = setting(2, "photographs per step", ge=1)
    crop: int = setting(256, "side of the photographs, in pixels", ge=32)
    lr: float = setting(1e-3, "learning rate of Adam", gt=0, le=1)
    cutouts: int = setting(8, "random views of each photograph", ge=1)
    naming_weight: float = setting(0.2, "weight of CLIP naming the style", ge=0)
    patch_weight: float = setting(0.0, "weight of the patches' directions", ge=0)
    global_weight: float = setting(0.0, "weight of the whole picture's direction", ge=0)
    content_weight: float = setting(0.1, "weight of the photograph's content", ge=0)
    tv_weight: float = setting(1e-5, "weight of total variation", ge=0)
    consistency: float = setting(0.0, "weight of looking the same when things move, for films", ge=0)
    light: bool = setting(False, "train few layers: a small file that is used with the pack's styler")
    example: str = setting("", "a drawn style to learn textures from as well")
    example_weight: float = setting(1.0, "weight of that style", ge=0)
    # A CLIP is easily pleased by a few glowing spots.
    stay_weight: float = setting(20.0, "weight of keeping the colours of the start", ge=0)
