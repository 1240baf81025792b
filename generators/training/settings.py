"""How the embedded generator and the small networks beside it are trained. Nothing here imports torch."""

from __future__ import annotations

from typing import Any

from ..._settings import Settings, setting


def _steps(default: int) -> Any:
    return setting(default, "steps of training", ge=1)


def _batch(default: int, of: str = "pictures") -> Any:
    return setting(default, f"{of} per step", ge=1)


def _lr(default: float) -> Any:
    return setting(default, "learning rate of Adam", gt=0, le=1)


class JudgeSettings(Settings):
    """Adam, with a rate that falls linearly to 0."""

    steps: int = _steps(4_000)
    batch: int = _batch(96)
    lr: float = _lr(1e-3)


class ReaderSettings(Settings):
    """Adam, with a rate that falls linearly to 0."""

    steps: int = _steps(2_000)
    batch: int = _batch(64)
    lr: float = _lr(2e-3)
    radius: float = setting(1.0, "largest L2 distance by which a picture is attacked", ge=0)


class ParserSettings(Settings):
    """Adam, with a rate that falls linearly to 0."""

    steps: int = _steps(5_000)
    batch: int = _batch(16)
    lr: float = _lr(3e-3)
    evenness: float = setting(
        0.5, "parts are weighted by their fraction of all pixels to the power of minus this, at first", ge=0
    )


class FeaturesSettings(Settings):
    """Adam, with a rate that falls linearly to 0."""

    steps: int = _steps(5_000)
    batch: int = _batch(48, "identities, each shown twice,")
    lr: float = _lr(2e-3)
    temperature: float = setting(0.1, "temperature of the contrastive loss", gt=0)
    # Contrast alone settles for skin and outlines, and hardly finds the few pixels of a nose.
    naming_weight: float = setting(1.0, "weight of naming what an identity consists of", ge=0)


class FitSettings(Settings):
    """Adam with a short warm-up and a cosine to a tenth over the last 40 %, in each of the four stages."""

    half_steps: int = setting(15_000, "steps at half the resolution", ge=0)
    half_lr: float = setting(4e-3, "learning rate of these", gt=0, le=1)
    steps: int = setting(6_000, "steps at the full resolution", ge=0)
    batch: int = _batch(32)
    lr: float = _lr(2e-3)
    ema: float = setting(0.998, "decay of the average of the weights", ge=0, lt=1)
    refine_steps: int = setting(5_000, "steps that also use the loss of the reader of attributes", ge=0)
    refine_lr: float = setting(2e-3, "learning rate of these", gt=0, le=1)
    reading: float = setting(2.0, "weight of the reader's loss relative to the pixels' loss", ge=0)
    naming: float = setting(0.25, "weight of naming the attributes within the reader's loss", ge=0)
    distil_steps: int = setting(24_000, "steps of the mapping network", ge=0)
    distil_faces: int = setting(300_000, "faces that the mapping network learns", ge=1)
    distil_batch: int = setting(512, "faces per step of the mapping network", ge=1)
    distil_lr: float = setting(3e-2, "learning rate of the mapping network", gt=0, le=1)


class FinishSettings(Settings):
    """Adam without momentum; over the last 40 % of the steps both rates fall to a tenth.

    For the first `warm_up` steps only the discriminator learns: it starts from nothing against a fitted generator.
    """

    steps: int = setting(2_000, "adversarial steps at the end", ge=0)
    batch: int = setting(32, "pictures per step", ge=4, multiple_of=4)
    lr: float = setting(1e-3, "learning rate of the generator", gt=0, le=1)
    discriminator_lr: float = setting(2e-3, "learning rate of the discriminator", gt=0, le=1)
    gamma: float = setting(0.1, "weight of the R1 penalty", ge=0)
    r1_every: int = setting(16, "steps between two R1 penalties", ge=1)
    adversarial: float = setting(
        0.5, "length of the adversarial gradient as a fraction of the known faces' gradient", ge=0
    )
    reading: float = setting(2.0, "weight of the reader's loss relative to the pixels' loss", ge=0)
    warm_up: int = setting(100, "steps in which only the discriminator learns", ge=0)
    ema: float = setting(0.995, "decay of the average of the weights", ge=0, lt=1)


class EncoderSettings(Settings):
    """Adam with a short warm-up and a cosine to 0."""

    steps: int = _steps(8_000)
    batch: int = setting(16, "drawn faces per step", ge=2)
    drawn: int = setting(
        8, "pictures per step that are generated again for the picture loss, the costly part", ge=1
    )
    sampled: int = setting(4, "pictures of the generator itself per step", ge=1)
    lr: float = _lr(1.5e-3)
    picture: float = setting(1.0, "weight of the picture loss", ge=0)
    reading: float = setting(1.0, "weight of the reader's loss", ge=0)
    latent: float = setting(1.0, "weight of the latent loss", ge=0)
    offset: float = setting(0.1, "weight of the offsets of single layers", ge=0)


class RedrawSettings(Settings):
    """Adam with a short warm-up and a cosine to 2 % over the last part."""

    steps: int = _steps(20_000)
    batch: int = _batch(8, "crops")
    crop: int = setting(48, "side of the small pictures' crops", ge=16, multiple_of=8)
    lr: float = _lr(1e-3)
    flat: float = setting(0.4, "part of the training in which the learning rate stays", ge=0, lt=1)
    beside: float = setting(
        0.6, "fraction of the crops that are shown beside what they were made of", ge=0, le=1
    )
    real: float = setting(0.4, "fraction of those that a generator drew, where there are such", ge=0, le=1)
    gradients: float = setting(1.0, "weight of the differences between neighbours", ge=0)
    perceptual: float = setting(0.02, "weight of the layers of a network of photographs", ge=0)
    perceptual_from: float = setting(0.5, "part of the training after which these count", ge=0, le=1)
    ema: float = setting(0.998, "decay of the average of the weights", ge=0, lt=1)
