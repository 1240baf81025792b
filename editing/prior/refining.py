"""A few steps of optimisation after a prior's draw: CLIP's own gradient takes the latent the rest of the way."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from ..drivers import Latent
from ..editor import Best
from ..models import LoadedModels
from ..optimise import latent_edit, origin_of
from ..recipe import edit_settings
from ..watching import watch
from .settings import SampleSettings


def refined(models: LoadedModels, latent: Tensor, settings: SampleSettings, prompt: str, seed: int) -> Tensor:
    """The latent W (1,w_dim) or W+ (1,num_ws,w_dim) after `settings.refine` steps.

    All layers move together along what random w vary in, so that the picture stays one of the generator's; its
    nearness to the first one counts as in an edit.

    Args:
        prompt: what the picture should show, a picture as "@file".
    """
    wanted = edit_settings(
        prompt,
        negative=settings.negative,
        templates=settings.templates,
        steps=settings.refine,
        lr=settings.refine_lr,
        space="w" if latent.ndim == 2 else "w+",
        clip_loss="similarity",
        clip_input="standard",
        explore=0,
    )
    # The seed is of the draw; the optimisation sets out from the latent itself.
    origin = replace(origin_of(models, latent, wanted), first=latent)
    best = Best()
    watch(latent_edit(models, origin, wanted.model_copy(update={"seed": seed})).run(), [best])
    return _tensor(best.latent)


def _tensor(latent: Latent | None) -> Tensor:
    if not isinstance(latent, Tensor):
        raise TypeError("codes in W or W+ are a tensor")
    return latent
