"""What a style transfer can be asked for, and its entry in the table of methods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from ..._base import UsageError
from ..._settings import MAX_SEED, MAX_STEPS, TEMPLATES, Settings, setting
from ...guidance import ContentName
from ..methods import Method, Takes
from ..outputs import Watched, beside, named

FILMS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
# A network that has its style already is not trained.
_TRAINED = {"fast": False, "styler": False}


def _training(default: Any, description: str, panel: str = "Optimization", **more: Any) -> Any:
    """A setting of the training for one picture."""
    return setting(default, description, panel=panel, needs={**_TRAINED, **more.pop("needs", {})}, **more)


def _loss(default: Any, description: str, **more: Any) -> Any:
    return _training(default, description, "Losses", **more)


class StyleSettings(Settings):
    """How a photograph gets its style; the published values (Kwon & Ye 2022) are in the preset `paper`."""

    prompt: str = setting(
        "",
        "the style; several with weights and '|', a picture as '@file.png'",
        panel="Prompt",
        role="prompt",
        needs={"styler": False},
    )
    negative: str = setting(
        "", "what the result should not look like", panel="Prompt", role="prompt", needs=_TRAINED
    )
    source: str = _training("a photo", "what the picture looks like now", "Prompt")
    templates: str = _training("none", TEMPLATES, "Prompt", role="templates")
    convention: Literal["nada", "clipstyler"] = _training(
        "nada", "how two texts become a direction: nada, or clipstyler as published", "Prompt"
    )
    fast: bool = setting(
        False,
        "one pass of the network that knows every style by words, instead of a training",
        panel="Models",
        needs={"styler": False},
    )
    styler: str = setting(
        "",
        "one pass of a trained styler, a name or a file; no STYLE is given then",
        panel="Models",
        role="models",
    )
    mix: str = setting(
        "",
        "another styler to blend with it, NAME or NAME:weight",
        panel="Models",
        role="models",
        needs={"styler": True},
    )
    encoder: Path | None = setting(
        None,
        "AdaIN's vgg_normalised.pth, for its decoders as stylers",
        panel="Models",
        role="file",
        needs={"styler": True},
    )
    transformer: Path | None = setting(
        None,
        "FastCLIPstyler's style transformer",
        panel="Models",
        role="file",
        needs={"fast": True, "text_to_style": True},
    )
    text_to_style: Path | None = setting(
        None,
        "FastCLIPstyler's network for texts",
        panel="Models",
        role="file",
        needs={"fast": True, "transformer": True},
    )
    network: Literal["styler", "stylenet"] = _training(
        "styler", "what is trained: styler (small, fast) or stylenet, as published"
    )
    start: Literal["words", "photo", "random"] = _training(
        "words",
        "where the training starts: words (what the embedded styler makes of them), photo (the picture itself)"
        " or random",
    )
    steps: int = _training(24, "training steps; 0: the start as it is", ge=0, le=MAX_STEPS)
    lr: float = _training(1e-3, "learning rate of Adam", gt=0, le=1)
    halve_every: int = _training(0, "steps after which the rate is halved; 0: it falls to 0", ge=0)
    side: int = _training(512, "longest side in pixels while training", ge=16, le=4096)
    coarse: float = _training(
        0.6, "fraction of the steps at half that side", ge=0, le=1, needs={"fit": ("keep",)}
    )
    fit: Literal["keep", "stretch"] = _training(
        "keep", "keep the aspect ratio; or stretch to a square of that side and stay so, as published"
    )
    patience: int = _training(12, "stop after this many steps without improvement; 0: never", ge=0)
    cutouts: int = _loss(16, "random views of the picture in each step", ge=1, le=4096)
    views: Literal["inside", "published"] = _loss(
        "inside",
        "inside: antialiased, of many sizes; published: of one size, on black",
        needs={"patch_weight": True},
    )
    view_min: float = _loss(0.4, "smallest view, as a fraction of the shorter side", gt=0, le=1)
    view_max: float = _loss(1.0, "largest view, as a fraction of the shorter side", gt=0, le=1)
    threshold: float = _loss(
        0.0, "views with a loss below it count as done", ge=0, le=2, needs={"patch_weight": True}
    )
    patch_weight: float = _loss(0.0, "weight of the directional loss of views", ge=0, le=1e6)
    global_weight: float = _loss(0.0, "weight of the directional loss of the whole picture", ge=0, le=1e6)
    naming_weight: float = _loss(
        0.5, "weight of being named by the words, among all that the styler knows", ge=0, le=1e6
    )
    stay_weight: float = _loss(
        30.0,
        "weight of the colours at the start",
        ge=0,
        le=1e6,
        needs={"start": ("words",)},
    )
    content_weight: float = _loss(0.05, "weight of what the picture shows", ge=0, le=1e6)
    content: ContentName = _loss(
        "auto", "network that sees what the picture shows", needs={"content_weight": True}
    )
    relative: bool = _loss(
        True,
        "content relative to the photograph's own features",
        flags=("--relative/--absolute",),
        needs={"content_weight": True},
    )
    tv_weight: float = _loss(1e-5, "weight of differences between neighbouring pixels", ge=0, le=1e6)
    loss: tuple[str, ...] = _loss(
        (), "another objective, NAME:weight; can be given several times", role="losses"
    )
    strength: float = setting(1.0, "0 is the photograph, 1 the style, 2 beyond", panel="Strength", ge=0, le=2)
    colours: float = setting(0.0, "how much of the photograph's colours stays", panel="Strength", ge=0, le=1)
    texture: float | None = setting(
        None,
        "size of strokes and pieces; by default it follows the picture's size",
        panel="Strength",
        gt=0,
        le=16,
    )
    mask: Path | None = setting(
        None, "picture that is white where the style shows", panel="Strength", role="mask"
    )
    region: str = setting("", "only where CLIP sees these words, e.g. 'the sky'", panel="Strength")
    keep_subject: bool = setting(
        False, "leave what stands out of its surroundings as it is", panel="Strength"
    )
    smooth: float = setting(
        0.6,
        "for films: how much of the previous frame stays where nothing moves",
        panel="Strength",
        ge=0,
        le=0.98,
    )
    contrast: float = setting(1.0, "contrast of the result; 1.5 as published", panel="Strength", ge=0, le=10)
    seed: int = _training(0, "of all that is random", ge=0, le=MAX_SEED)

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
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

    @model_validator(mode="after")
    def _fits(self) -> StyleSettings:
        if self.view_min > self.view_max:
            raise ValueError(f"view_min {self.view_min} is above view_max {self.view_max}; swap them")
        if self.network == "stylenet" and self.start == "words":
            raise ValueError("a stylenet knows no words to start from; choose start photo or random")
        return self

    @property
    def one_shot(self) -> str:
        """A network that has its style already takes no steps."""
        return next((name for name in _TRAINED if getattr(self, name)), "")

    @property
    def stylers(self) -> str:
        """All stylers that are blended."""
        return ",".join(spec for spec in (self.styler, self.mix) if spec)

    @property
    def smooths(self) -> bool:
        """Whether another smoothness than the default was chosen."""
        return self.smooth != float(type(self).model_fields["smooth"].default)


def _plan(settings: StyleSettings, count: int) -> None:  # noqa: ARG001
    """Whether there is a style."""
    if not settings.styler and not settings.prompt.strip():
        raise UsageError('STYLE is missing; write one, such as "a stained glass window"')


class StyleOutputs(Watched):
    """What a style transfer can write."""

    strip: bool = beside(
        "also NAME-strip.png: before and after", "-strip.png", write=".editing.result:write_strip"
    )
    keep: Path | None = named(
        "also write the trained network, for --styler",
        ".safetensors",
        ".editing.style.compose:write_styler",
        steps=True,
    )


METHOD = Method(
    name="style",
    about="Give photographs or films a style described by words (CLIPstyler).",
    settings=StyleSettings,
    compose=".editing.style.compose:compose",
    takes=Takes("many", "optional", instead=("styler",)),
    open=".editing.style.subjects:open_subject",
    check=".editing.style.subjects:check",
    plan=_plan,
    outputs=StyleOutputs,
    roles=("pack", "clip", "device", "precision", "offline"),
    kinds={".mp4": ".editing.style.film:write_film"},
    converts=dict.fromkeys(FILMS, ".mp4"),
)
