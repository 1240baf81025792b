"""What a drawing of shapes can be asked for, and its entry in the table of methods."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from ..._base import UsageError, did_you_mean
from ..._settings import MAX_SEED, TEMPLATES, Except, PictureFile, Settings, printable, setting
from ...generators.shapes.forms import COLUMNS, LARGEST, MOST
from ..methods import Method, Takes
from ..outputs import Watched, beside

MAX_STEPS = 1_000_000
Colour = tuple[float, float, float]
# Optimizers that are not nevergrad's, as they are spelt here.
OWN_OPTIMIZERS = ("adam", "hybrid", "PGPE")
_DESCENDING = ("adam", "hybrid")


class ShapesSettings(Settings):
    """How shapes are searched for; the published values (Tian & Ha 2021) are in the preset `paper`."""

    prompt: str = setting("", "what the drawing should show", panel="Prompt", role="prompt")
    negative: str = setting(
        "", "what it should not show", panel="Prompt", role="prompt", needs={"prompt": True}
    )
    templates: str = setting("none", TEMPLATES, panel="Prompt", role="templates", needs={"prompt": True})
    target: PictureFile | None = setting(
        None, "picture to draw, in place of a prompt", panel="Prompt", role="picture"
    )
    from_svg: Path | None = setting(
        None, "start from the shapes of this .svg or .json", panel="Prompt", role="file"
    )
    count: int = setting(50, "number of shapes", panel="Shapes", ge=1, le=MOST, needs={"from_svg": False})
    kind: str = setting(
        "triangle", f"kind of shape: {', '.join(COLUMNS)}", panel="Shapes", needs={"from_svg": False}
    )
    height: int | None = setting(
        None,
        "height of the canvas; by default the target's up to 200, or 224 for a prompt",
        panel="Shapes",
        ge=1,
        le=LARGEST,
        needs={"from_svg": False},
    )
    width: int | None = setting(
        None,
        "width of the canvas; by default of the target's aspect, or the height",
        panel="Shapes",
        ge=1,
        le=LARGEST,
        needs={"from_svg": False},
    )
    mode: Literal["smooth", "pillow"] = setting(
        "smooth", "smooth: antialiased; pillow: whole pixels, as published, triangles only", panel="Shapes"
    )
    background: str = setting(
        "auto",
        "auto (the target's mean, or white), #rrggbb, a CSS colour, or noise: shapes must cover the target",
        panel="Shapes",
    )
    palette: str = setting("", "the only colours, with commas: #rrggbb or CSS names", panel="Shapes")
    opacity_min: float = setting(0.0, "lowest opacity of a shape", panel="Shapes", ge=0, le=1)
    opacity_max: float = setting(
        1.0, "highest opacity of a shape; in mode pillow the scale of opacities", panel="Shapes", gt=0, le=1
    )
    beyond: float | None = setting(
        None,
        "how far shapes may reach beyond the canvas, as a fraction of it; negative: how far they stay inside; "
        "by default 0.25, or -0.04 for a prompt",
        panel="Shapes",
        ge=-0.4,
        le=2,
        needs={"mode": ("smooth",)},
    )
    coordinate_scale: float = setting(
        1.0,
        "scale of triangles about their centres",
        panel="Shapes",
        gt=0,
        le=10,
        needs={"mode": ("pillow",)},
    )
    optimizer: str = setting(
        "adam",
        "adam, hybrid (PGPE, then adam), PGPE, or any of nevergrad, such as CMA or DE",
        panel="Optimization",
    )
    steps: int | None = setting(
        None,
        "steps; by default 600 for a target and 100 for a prompt, or 10000 and 2000 by evolution",
        panel="Optimization",
        ge=1,
        le=MAX_STEPS,
    )
    population: int = setting(
        64,
        "candidates in each step of evolution",
        panel="Optimization",
        ge=1,
        le=100_000,
        needs={"optimizer": Except(("adam",))},
    )
    sigma: float = setting(
        0.1,
        "standard deviation of the first candidates of evolution",
        panel="Optimization",
        gt=0,
        le=100,
        needs={"optimizer": Except(("adam",))},
    )
    candidates: int | None = setting(
        None,
        "drawings that adam starts with, of which it keeps the best; by default 1, or 8 for a prompt",
        panel="Optimization",
        ge=1,
        le=1000,
        needs={"optimizer": ("adam",), "from_svg": False},
    )
    rounds: int = setting(
        8,
        "how often adam places its least useful shapes anew",
        panel="Optimization",
        ge=0,
        le=1000,
        needs={"optimizer": _DESCENDING},
    )
    lr: float = setting(
        0.02,
        "learning rate of adam, as a fraction of the canvas",
        panel="Optimization",
        gt=0,
        le=10,
        needs={"optimizer": _DESCENDING},
    )
    seed: int = setting(0, "seed of everything random", panel="Optimization", ge=0, le=MAX_SEED)
    distance: Literal["l2", "l1"] = setting(
        "l2", "distance to the target: l2 or l1", panel="Losses", needs={"target": True}
    )
    cutouts: int = setting(
        3, "random views of each drawing in a step", panel="Losses", ge=1, le=1024, needs={"prompt": True}
    )
    shared_views: bool = setting(
        False, "show all candidates in the same view, as published", panel="Losses", needs={"prompt": True}
    )
    loss: tuple[str, ...] = setting(
        (), "another objective, NAME:weight; can be given several times", panel="Losses", role="losses"
    )
    size: int | None = setting(
        None,
        "height of the written picture; by default 1024, in mode pillow that of the canvas",
        panel="Output",
        ge=1,
        le=LARGEST,
    )

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {},
        "paper": {
            "mode": "pillow",
            "optimizer": "PGPE",
            "population": 256,
            "opacity_max": 0.5,
            "height": 200,
            "cutouts": 4,
            "shared_views": True,
            "rounds": 0,
        },
    }

    @model_validator(mode="before")
    @classmethod
    def _spelt(cls, values: Any) -> Any:
        # In upper or lower case, as nevergrad's are.
        if isinstance(values, Mapping) and isinstance(name := values.get("optimizer"), str):
            own = {each.lower(): each for each in OWN_OPTIMIZERS}
            return {**values, "optimizer": own.get(name.lower(), name)}
        return values

    @model_validator(mode="after")
    def _fits(self) -> ShapesSettings:
        if self.opacity_min > self.opacity_max:
            raise ValueError(
                f"opacity_min {self.opacity_min} is above opacity_max {self.opacity_max}; swap them"
            )
        if self.kind not in COLUMNS:
            known = ", ".join(COLUMNS)
            raise ValueError(
                f"no kind of shape is called '{printable(self.kind)}'{did_you_mean(self.kind, list(COLUMNS))}; "
                f"known: {known}"
            )
        if self.optimizer in ("PGPE", "hybrid") and self.population % 2:
            raise ValueError(f"population is {self.population}; PGPE samples in pairs, give an even number")
        if self.mode == "pillow":
            self._check_pillow()
        self.colours()
        self.backdrop()
        return self

    def _check_pillow(self) -> None:
        if self.kind != "triangle":
            raise ValueError(f"mode pillow draws triangles, not '{self.kind}'; choose mode smooth")
        if self.optimizer in _DESCENDING:
            raise ValueError(
                f"mode pillow has no gradient for '{self.optimizer}'; choose mode smooth, or optimizer PGPE"
            )
        if self.palette or self.opacity_min:
            raise ValueError("mode pillow has no palette and no lowest opacity; choose mode smooth")
        if self.from_svg:
            raise ValueError(
                "mode pillow cannot start from shapes; choose mode smooth, or leave from_svg out"
            )

    def colours(self) -> tuple[Colour, ...]:
        """The palette, red, green and blue in [0,1]; empty for any colours."""
        if not self.palette:
            return ()
        return tuple(_rgb(each.strip(), "palette") for each in self.palette.split(","))

    def backdrop(self) -> Colour | None:
        """The background, red, green and blue in [0,1], if a colour was given."""
        return None if self.background in ("auto", "noise") else _rgb(self.background, "background")


def _rgb(text: str, what: str) -> Colour:
    """A colour of #rrggbb or of its CSS name."""
    if found := re.fullmatch("#([0-9a-fA-F]{6})", text):
        red, green, blue = bytes.fromhex(found[1])
        return red / 255, green / 255, blue / 255
    from PIL import ImageColor

    if text.lower() not in ImageColor.colormap:
        hint = did_you_mean(text.lower(), list(ImageColor.colormap))
        raise ValueError(
            f"the {what} '{printable(text)}' is not a colour{hint}; write #rrggbb or a CSS name such as navy"
        )
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red / 255, green / 255, blue / 255


def _plan(settings: ShapesSettings, count: int) -> None:  # noqa: ARG001
    """Whether there is one thing to draw."""
    if settings.target is None and not settings.prompt.strip():
        raise UsageError("there is nothing to draw; give a prompt, or --target with a picture")
    if settings.target is not None and settings.prompt.strip():
        raise UsageError(
            f"a target and the prompt '{printable(settings.prompt)}' cannot both be drawn; give one"
        )
    if settings.target is None and settings.background == "noise":
        raise UsageError("background noise has no effect without target; give target, or another background")


class ShapesOutputs(Watched):
    """What is written of a drawing."""

    svg: bool = beside("also NAME.svg", ".svg", default=True, write=".editing.shapes.files:write_svg")
    json_file: bool = beside(
        "also NAME.json: the numbers of the shapes",
        ".json",
        default=True,
        write=".editing.shapes.files:write_json",
    )
    curve: bool = beside(
        "also NAME-curve.png: the loss of every step", "-curve.png", write=".editing.shapes.curve:write_curve"
    )


METHOD = Method(
    name="shapes",
    about="Draw with a few dozen shapes what a prompt or a picture shows, as PNG, SVG and JSON (ES-CLIP).",
    settings=ShapesSettings,
    compose=".editing.shapes.compose:compose",
    takes=Takes("none", "optional"),
    check=".editing.shapes.files:check",
    plan=_plan,
    outputs=ShapesOutputs,
    roles=("pack", "clip", "device", "precision", "offline"),
    kinds={".svg": ".editing.shapes.files:write_svg", ".json": ".editing.shapes.files:write_json"},
    file=("target",),
)
