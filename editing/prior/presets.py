"""How priors are trained: the embedded pack's, and the published ones. Nothing here imports torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...generators.prior.kinds import Space


@dataclass(frozen=True)
class PriorSettings:
    """How a prior is trained (Pinkney & Li 2022; published values in brackets).

    Args:
        space: what the prior draws, "z" or ["w"]; see `codes`.
        network: "mini", or "published" with its sizes. width, depth: of "mini".
        steps [1,000,000], batch [512], lr [1e-4]: of AdamW; weight_decay: of matrices.
        warm_up: steps in which the rate rises; then it falls as a cosine if `fall` [no].
        early: noisy steps are seen more often, as the power of their number says [0]: what a condition asks for is
            decided there.
        noise: length of what is added to pictures' features, in shares of theirs [1, or 0.75 for several latents];
            None is 0.75, or 0.3 beside captions, which show better what texts are like.
        drop: share of samples without a condition [0.2].
        caption_share: of samples that are told by captions, where there are any; these get no noise.
        ema: decay of the average [0.9999]; it starts from the trained weights after `ema_start` steps [1000].
    """

    space: Space = "z"
    network: Literal["mini", "published"] = "mini"
    width: int = 240
    depth: int = 2
    steps: int = 8_000
    batch: int = 256
    lr: float = 1.5e-3
    warm_up: int = 200
    fall: bool = True
    weight_decay: float = 1e-2
    early: float = 1.0
    noise: float | None = None
    drop: float = 0.1
    caption_share: float = 0.6
    ema: float = 0.999
    ema_start: int = 100
    save_seconds: float = 120.0


NOISE_ALONE, NOISE_BESIDE_CAPTIONS = 0.75, 0.3

PRESETS = {
    "mini": PriorSettings(),
    "paper": PriorSettings(
        space="w",
        network="published",
        steps=1_000_000,
        batch=512,
        lr=1e-4,
        warm_up=0,
        fall=False,
        noise=1.0,
        drop=0.2,
        caption_share=0.0,
        early=0.0,
        ema=0.9999,
        ema_start=1000,
    ),
}


def rate(index: int, settings: PriorSettings) -> float:
    """Share of the learning rate at a step: a rise, and the fall of a cosine where there is one."""
    rise = min(1.0, (index + 1) / settings.warm_up) if settings.warm_up else 1.0
    if not settings.fall:
        return rise
    return rise * (0.5 + 0.5 * math.cos(math.pi * index / settings.steps))
