"""What an edit can be asked for, and its entry in the table of methods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from ..._base import UsageError
from ..._settings import MAX_SEED, MAX_STEPS, TEMPLATES, Settings, setting
from ..methods import Method, Takes
from ..outputs import Watched, beside

MAX_EXPLORED = 1_000_000
Fidelity = Literal["auto", "encoder", "refined", "tuned"]
FIDELITY = (
    "how a picture is found: encoder (its guess), refined (a few steps more), tuned (the generator learns to draw it), "
    "or auto: tuned for small generators"
)
# Losses that compare the picture with the start's, as a whole: they know a source, and no cutouts.
COMPARING = ("directional", "progress")
_LOOKING = ("similarity", "spherical")
AUTO, ALL = "auto", "all"
_SMALL = 256
# Names of regions -> the parts that a face parser finds.
REGIONS: Mapping[str, tuple[str, ...]] = {
    "hair": ("hair",),
    "face": ("skin", "nose", "eyes", "eyebrows", "mouth", "beard", "glasses"),
    "eyes": ("eyes", "eyebrows"),
    "mouth": ("mouth",),
    "beard": ("beard",),
    "glasses": ("glasses",),
    "hat": ("hat",),
    "earrings": ("earrings",),
    "clothes": ("clothes",),
    "background": ("background",),
}


def region_names(region: str) -> tuple[str, ...]:
    """The regions of a setting, such as ("hair", "hat"); AUTO and ALL stand alone.

    Raises:
        ValueError: an unknown one.
    """
    names = tuple(dict.fromkeys(name.strip() for name in region.split(",")))
    for name in names:
        if name not in REGIONS and (name not in (AUTO, ALL) or len(names) > 1):
            known = ", ".join(REGIONS)
            raise ValueError(f"choose {AUTO}, {ALL}, or with commas between them {known}")
    return names


def drawn_size(of: str = "") -> Any:
    """A field for the side of what a generator drew, as it is saved."""
    told = f"side in pixels{of}; by default as drawn"
    return setting(None, told, panel="Strength", ge=16, le=8192)


class EditSettings(Settings):
    """How one picture is edited; the published values are in the preset `paper` (Patashnik et al. 2021)."""

    prompt: str = setting("", "what the result should show", panel="Prompt", role="prompt")
    negative: str = setting("", "what it should not show", panel="Prompt", role="prompt")
    source: str = setting(
        "",
        "what the picture shows now; by default the pack's own words",
        panel="Prompt",
        needs={"clip_loss": COMPARING},
    )
    templates: str = setting("none", TEMPLATES, panel="Prompt", role="templates")
    strength: float = setting(
        1.0, "0 is the input, 1 the edit, more exaggerates", panel="Strength", ge=0, le=10
    )
    mask: Path | None = setting(
        None, "picture that is white where the input may change", panel="Strength", role="mask"
    )
    region: str = setting(
        AUTO,
        f"where the picture may change: auto (what the prompt is about), all, or with commas: {', '.join(REGIONS)}",
        panel="Strength",
        needs={"paste": ("changed", "square"), "mask": False},
    )
    paste: Literal["changed", "all", "square"] = setting(
        "changed",
        "changed: only what changed goes into the picture; all: everything; square: no paste-back",
        panel="Strength",
    )
    redraw: bool = setting(
        True, "draw what changed with sharp lines, where the pack has a network for it", panel="Strength"
    )
    size: int | None = drawn_size(" of results that are not pasted back")
    fidelity: Fidelity = setting("auto", FIDELITY)
    from_latent: Path | None = setting(
        None,
        "start from this latent file; the picture can then be left out",
        panel="Optimization",
        role="latent",
    )
    seed: int = setting(
        0, "of the start and the views; result k has seed + k", panel="Optimization", ge=0, le=MAX_SEED
    )
    steps: int = setting(30, "optimization steps", panel="Optimization", ge=1, le=MAX_STEPS)
    lr: float = setting(0.04, "learning rate", panel="Optimization", gt=0, le=100)
    units: Literal["deviations", "raw"] = setting(
        "deviations",
        "deviations: layers move together along the directions in which random latents vary; raw: every number apart",
        panel="Optimization",
    )
    explore: int | None = setting(
        None,
        "random pictures to learn from what the prompt looks like; by default all that the pack has, or 2048",
        panel="Optimization",
        ge=0,
        le=MAX_EXPLORED,
    )
    space: Literal["w", "w+", "s"] = setting("w+", "latent space: w, w+ or s", panel="Optimization")
    variation: float = setting(
        0.2,
        "how far off the picture seeds other than 0 start, in standard deviations of w",
        panel="Optimization",
        ge=0,
        le=10,
    )
    clip_loss: Literal["similarity", "spherical", "directional", "progress"] = setting(
        "progress", "CLIP loss: similarity, spherical, directional or progress", panel="Losses"
    )
    clip_input: Literal["standard", "reference"] = setting(
        "standard", "how pictures reach CLIP; reference: as in the published StyleCLIP", panel="Losses"
    )
    cutouts: int = setting(
        0,
        "random views a step; 0: the whole picture",
        panel="Losses",
        ge=0,
        le=1024,
        needs={"clip_loss": _LOOKING},
    )
    latent_weight: float = setting(0.0, "weight of the distance to the start's latent", panel="Losses", ge=0)
    picture_weight: float = setting(
        0.5, "weight of the distance to the start's picture", panel="Losses", ge=0
    )
    identity_weight: float = setting(0.0, "weight of the face's identity", panel="Losses", ge=0)
    loss: tuple[str, ...] = setting(
        (), "another objective, NAME:weight; can be given several times", panel="Losses", role="losses"
    )

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
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
            "fidelity": "refined",
            "region": ALL,
            "redraw": False,
        },
    }

    @field_validator("region")
    @classmethod
    def _is_known(cls, value: str) -> str:
        region_names(value)
        return value

    def resolved(self, models: Any) -> EditSettings:
        """Whether the generator is tuned to the picture by default, written out."""
        return self.model_copy(update={"fidelity": resolved_fidelity(self.fidelity, models.generator)})


def resolved_fidelity(fidelity: Fidelity, generator: Any) -> Fidelity:
    """What `auto` stands for: generators above _SMALL pixels take minutes to be tuned."""
    if fidelity != "auto":
        return fidelity
    small = getattr(generator, "resolution", _SMALL + 1) <= _SMALL
    return "tuned" if small and hasattr(generator, "tunable") else "refined"


def _plan(settings: EditSettings, count: int) -> None:
    """Whether so many results differ."""
    if count > 1 and settings.variation == 0 and settings.cutouts == 0:
        raise UsageError(
            f"-n {count} would make {count} times the same picture, for variation is 0; give --variation 0.2, or -n 1"
        )
    if settings.mask and settings.from_latent and not settings.prompt:
        raise UsageError("a mask needs a picture; give one, or leave the mask out")


class EditOutputs(Watched):
    """What an edit can write."""

    count: int = setting(
        1, "results for each picture", panel="Output", flags=("-n", "--count"), ge=1, le=1000
    )
    strip: bool = beside(
        "also NAME-strip.png: before and after", "-strip.png", write=".editing.result:write_strip"
    )
    latents: bool = beside(
        "also NAME.latent.safetensors, and NAME.start.safetensors of the picture as it was",
        ".latent.safetensors",
        write=".editing.latent.subjects:write_latents",
        more=(".start.safetensors",),
    )


METHOD = Method(
    name="edit",
    about="Edit face pictures by text: StyleGAN latent optimization guided by CLIP (StyleCLIP).",
    settings=EditSettings,
    compose=".editing.latent.compose:compose",
    takes=Takes("many", "required"),
    open=".editing.latent.subjects:open_subject",
    check=".editing.latent.subjects:check_start",
    plan=_plan,
    outputs=EditOutputs,
    roles=("pack", "generator", "clip", "encoder", "face_encoder", "device", "precision", "offline"),
    file=("from_latent",),
)
