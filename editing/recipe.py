"""What an edit is asked to do, and the record that makes the same picture again.

`EditSettings` is the one place where defaults are written: flags of the command line and keywords of
`promptbrush.edit` are its fields. A `Recipe` adds what was edited, with which models, where.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .._base import InputFileError, UsageError, check_utf8, did_you_mean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_STEPS = 100_000
MAX_COUNT = 1000
MAX_EXPLORED = 1_000_000
MAX_SEED = 2**62 - 1


# Losses that compare the picture with the start's, as a whole: they know a source, and no cutouts.
COMPARING = ("directional", "progress")


class EditSettings(BaseModel):
    """How one picture is edited; the published values are in the preset `paper`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prompt: str = Field(description="what the result should show; weights and '|' as in the README")
    negative: str = Field("", description="what it should not show")
    source: str = Field("", description="what the picture shows now; empty: the pack's own words")
    strength: float = Field(1.0, ge=0, le=10, description="0 is the input, 1 the edit, more exaggerates")
    steps: int = Field(30, ge=1, le=MAX_STEPS, description="steps of the optimisation")
    lr: float = Field(0.04, gt=0, le=100, description="learning rate")
    units: Literal["deviations", "raw"] = Field(
        "deviations",
        description="what moves: all layers along what random latents vary in, by deviations, or each raw number",
    )
    explore: int | None = Field(
        None,
        ge=0,
        le=MAX_EXPLORED,
        description="random pictures to learn from what the prompt looks like; else all that the pack knows, or 2048",
    )
    space: Literal["w", "w+", "s"] = Field("w+", description="latent that is optimised: w, w+ or s")
    clip_loss: Literal["similarity", "spherical", "directional", "progress"] = Field(
        "progress", description="how CLIP judges: similarity, spherical, directional or progress"
    )
    clip_input: Literal["standard", "reference"] = Field(
        "standard", description="reference: the input of the published StyleCLIP"
    )
    templates: str = Field(
        "none", description="sentences around a prompt: none, imagenet79, imagenet80 or a file"
    )
    cutouts: int = Field(0, ge=0, le=1024, description="random views a step; 0: the whole picture")
    latent_weight: float = Field(0.0, ge=0, description="weight of the distance to the start's latent")
    picture_weight: float = Field(0.5, ge=0, description="weight of the distance to the start's picture")
    identity_weight: float = Field(
        0.0, ge=0, description="weight of the face's identity; needs --face-encoder"
    )
    variation: float = Field(
        0.2, ge=0, le=10, description="how far off seeds other than 0 start, in standard deviations of w"
    )
    paste: Literal["changed", "all", "square"] = Field(
        "changed",
        description="changed: only what changed is put into the picture; all; square: no paste-back",
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description="of the start and the views; result k has seed + k")

    @field_validator("prompt", "negative", "source", "templates")
    @classmethod
    def _can_be_stored(cls, text: str) -> str:
        # Bytes of a command line that are not UTF-8 arrive as surrogates, which no recipe can hold.
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValueError("it is not text in UTF-8; type it again")
        return text


# Where a preset differs from the defaults above; `paper` is StyleCLIP's latent optimisation (Patashnik et al. 2021).
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper": {
        "steps": 300,
        "lr": 0.1,
        "space": "w+",
        "clip_loss": "similarity",
        "clip_input": "reference",
        "units": "raw",
        "explore": 0,
        "latent_weight": 0.008,
        "picture_weight": 0.0,
        "variation": 0.0,
        "cutouts": 0,
        "templates": "none",
        "paste": "all",
    },
}


def edit_settings(prompt: str, preset: str = "default", **chosen: Any) -> EditSettings:
    """Settings of a preset, with what was chosen in place of its values; None means not chosen.

    Raises:
        UsageError: an unknown preset or setting, a value out of its range, or one that would not count.
    """
    settings = preset_settings(EditSettings, PRESETS, preset, {**chosen, "prompt": prompt})
    given = {name: value for name, value in chosen.items() if value is not None}
    _check_heeded(settings, given)
    return settings


def _check_heeded(settings: EditSettings, given: Mapping[str, Any]) -> None:
    """A value that the chosen loss would pass over in silence is a mistake."""
    directional = settings.clip_loss in COMPARING
    if directional and given.get("cutouts"):
        raise UsageError(
            f"cutouts is {settings.cutouts}, but the loss '{settings.clip_loss}' looks at the whole picture; "
            "choose the clip loss similarity or spherical, or leave cutouts out"
        )
    if not directional and given.get("source"):
        raise UsageError(
            f"source is '{_printable(settings.source)}', but the loss '{settings.clip_loss}' compares with nothing; "
            "choose the clip loss directional or progress, or leave source out"
        )


SettingsT = TypeVar("SettingsT", bound=BaseModel)


def preset_settings(
    kind: type[SettingsT],
    presets: Mapping[str, Mapping[str, Any]],
    preset: str,
    chosen: Mapping[str, Any],
) -> SettingsT:
    """Settings of a preset, with what was chosen in place of its values; None means not chosen.

    Raises:
        UsageError: an unknown preset or setting, or values that do not fit.
    """
    if preset not in presets:
        hint = did_you_mean(preset, list(presets))
        raise UsageError(f"no preset is called '{preset}'{hint}; known: {', '.join(presets)}")
    given = {name: value for name, value in chosen.items() if value is not None}
    known = list(kind.model_fields)
    for name in given:
        if name not in known:
            raise UsageError(
                f"no setting is called '{name}'{did_you_mean(name, known)}; known: {', '.join(known)}"
            )
    for name, value in given.items():
        if isinstance(value, str):
            check_utf8(value, name)
    try:
        return kind(**{**presets[preset], **given})
    except ValidationError as error:
        raise UsageError(first_problem(error)) from error


class Models(BaseModel):
    """Which models took part: what to load, and the first digits of each file's SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pack: str
    generator: str | None = None
    clip: str | None = None
    encoder: str | None = None
    face_encoder: str | None = None
    hashes: dict[str, str] = Field(default_factory=dict)


RecordT = TypeVar("RecordT", bound="Record")


class Record(BaseModel):
    """What every method writes into its pictures, TOML in their metadata, so that they can be made again.

    Attributes:
        images: path and SHA-256 of every picture among the prompts.
        stopped_after: how many steps there were when Ctrl-C came; None if all were taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    promptbrush: str
    torch: str
    device: str
    precision: str
    images: dict[str, str] | None = None
    templates_sha256: str | None = None
    stopped_after: int | None = Field(None, ge=1, le=MAX_STEPS)
    models: Models

    def to_toml(self) -> str:
        """Text that `from_toml` reads back."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    @classmethod
    def from_toml(cls: type[RecordT], text: str, where: str) -> RecordT:
        """Read a recipe; `where` is named in errors.

        Raises:
            InputFileError: not TOML, or not a recipe that this version knows.
        """
        try:
            return cls.model_validate(_parse(text, where))
        except ValidationError as error:
            raise InputFileError(
                f"{where}: its recipe does not fit this version: {first_problem(error)}"
            ) from error


class Recipe(Record):
    """The record of an edit."""

    method: Literal["edit"] = "edit"
    picture: str | None = None
    picture_sha256: str | None = None
    latent: str | None = None
    latent_sha256: str | None = None
    mask: str | None = None
    mask_sha256: str | None = None
    settings: EditSettings


def method_of(text: str, where: str) -> str:
    """The method that wrote a recipe.

    Raises:
        InputFileError: not TOML.
    """
    return str(_parse(text, where).get("method", ""))


def _parse(text: str, where: str) -> Mapping[str, Any]:
    try:
        parsed: Mapping[str, Any] = tomllib.loads(text)
    # ValueError: also a number of more digits than Python reads.
    except (ValueError, RecursionError) as error:
        raise InputFileError(
            f"{where}: its recipe is not TOML ({error}); give a picture that promptbrush wrote"
        ) from error
    return parsed


def first_problem(error: ValidationError) -> str:
    """The first of pydantic's findings in one line."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "value"
    if first["type"] == "missing":
        return f"{_printable(name)} is missing; add it"
    if first["type"] == "extra_forbidden":
        return f"no field is called '{_printable(name)}'; remove it"
    told = first["msg"].removeprefix("Value error, ")
    message = told[:1].lower() + told[1:]
    return f"{_printable(name)} is {_printable(str(first['input']))}; {message}"


def _printable(value: str) -> str:
    """A value that may be endless or hold control characters, on one line."""
    text = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return text if len(text) <= 60 else text[:57] + "..."
