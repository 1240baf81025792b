"""The record that draws the same sample again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from ..._files import readable
from ..models import ModelChoice
from ..named import check_models, check_unchanged, choice_of, made_with, named_files, read_files
from ..recipe import Record
from .home import SamplingModels, load_sampling
from .settings import SampleSettings


class SampleRecipe(Record):
    """The record of a sample.

    Attributes:
        prior: its file; None for the pack's. groups: how many layers each latent feeds.
        like: a picture that it is a variation of.
        index, count: which of how many on the way between two prompts.
    """

    method: Literal["sample"] = "sample"
    prior: str | None = None
    groups: tuple[int, ...] = Field(strict=False)
    like: str | None = None
    like_sha256: str | None = None
    index: int = Field(0, ge=0)
    count: int = Field(1, ge=1)
    settings: SampleSettings


def recipe_of(own: SamplingModels, settings: SampleSettings, like: Path | None) -> SampleRecipe:
    """The record of samples that are about to be drawn.

    Raises:
        UsageError, InputFileError: something named is not there.
    """
    models, pack_hash = own.models, own.models.names.hashes
    return SampleRecipe(
        models=models.names.model_copy(update={"hashes": {**pack_hash, "prior": own.digest}}),
        prior=None if own.of_pack else readable(own.path.resolve()),
        groups=own.prior.groups,
        **made_with(settings, models.device, models.precision),
        **read_files({"like": like}),
    )


def models_of(recipe: SampleRecipe, device: str | None) -> SamplingModels:
    """The models of a recipe, found to be what they were.

    Raises:
        InputFileError: a file that is gone or has changed.
    """
    like = [("picture", recipe.like, recipe.like_sha256)]
    check_unchanged([*like, *named_files(recipe, recipe.settings.templates)])
    names = recipe.models
    choice: ModelChoice = replace(
        choice_of(recipe, device),
        generator=names.generator,
        encoder=names.encoder,
        face_encoder=names.face_encoder,
    )
    own = load_sampling(choice, recipe.prior, recipe.groups)
    check_models(recipe, {**own.models.names.hashes, "prior": own.digest})
    return own
