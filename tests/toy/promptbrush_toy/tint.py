"""The method `tint`: three numbers, by which red, green and blue are multiplied, move until CLIP sees the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptbrush.editing.methods import MAX_SEED, MAX_STEPS, Method, Settings, Takes, Watched, setting

if TYPE_CHECKING:
    from promptbrush.editing.edit import Edit, Place, Source
    from promptbrush.editing.models import Models
    from torch import Tensor


class TintSettings(Settings):
    """Each field is a flag, a line of help, a Python keyword and an entry of the recipe."""

    prompt: str = setting("", "what the picture should look like", panel="Prompt", role="prompt")
    strength: float = setting(1.0, "0 is the input, 1 the tint", panel="Strength", ge=0, le=10)
    seed: int = setting(0, "of losses that look at random views", panel="Optimization", ge=0, le=MAX_SEED)
    steps: int = setting(40, "optimization steps", panel="Optimization", ge=1, le=MAX_STEPS)
    lr: float = setting(0.05, "learning rate", panel="Optimization", gt=0, le=10)
    loss: tuple[str, ...] = setting((), "another objective, NAME:weight", panel="Losses", role="losses")


def compose(models: Models, subject: Source, settings: TintSettings, place: Place) -> Edit:
    """What runs; torch is imported here, so that `promptbrush tint --help` need not wait for it."""
    import torch
    from promptbrush.editing.drivers import Gradient
    from promptbrush.editing.edit import Edit, Output
    from promptbrush.editing.losses import objective_of, start_of
    from promptbrush.guidance.prompts import parse_prompts

    picture = subject.picture.image.to(models.device)
    untinted = torch.ones(1, 3, device=models.device)

    def decode(gains: Tensor) -> Tensor:
        return (picture * gains[..., None, None]).clamp(0, 1)

    def finish(gains: Tensor) -> Output:
        gains = untinted.lerp(gains, settings.strength)
        return Output(decode(gains).cpu(), picture.cpu(), gains, untinted, subject.picture.alpha)

    start = start_of(models, picture, parse_prompts(settings.prompt), latent=untinted)
    objective = objective_of(settings, start, ("similarity", 1.0, {}))
    driver = Gradient(untinted, settings.steps, settings.lr)
    return Edit(decode, objective, driver, settings.steps, [settings.seed], finish=finish)


METHOD = Method(
    name="tint",
    about="Tint pictures by text: only the balance of their colours changes.",
    settings=TintSettings,
    compose=compose,
    takes=Takes(pictures="many", prompt="required"),
    outputs=Watched,
    roles=("pack", "clip", "device", "precision", "offline"),
)
