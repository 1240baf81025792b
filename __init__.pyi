"""Types of promptbrush; made by `python -m promptbrush.editing.stubs`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy.typing
import torch
from PIL import Image

from ._base import InputFileError as InputFileError
from ._base import MissingError as MissingError
from ._base import OutOfMemoryError as OutOfMemoryError
from ._base import PromptbrushError as PromptbrushError
from ._base import UsageError as UsageError
from .editing.api import train as train
from .editing.choice import ModelChoice as ModelChoice
from .editing.edit import Step
from .editing.models import Models as Models
from .editing.record import Record as Record
from .editing.rerun import rerun as rerun
from .editing.result import Result as Result
from .editing.score import score as score
from .generators import load_generator as load_generator

__version__: str
Picture: TypeAlias = str | Path | torch.Tensor | Image.Image | numpy.typing.NDArray[Any]

def edit(
    picture: Picture | None = None,
    prompt: str = "",
    *,
    preset: str = "default",
    models: Models | ModelChoice | None = None,
    progress: Callable[[Step], None] | None = None,
    negative: str = "",
    source: str = "",
    templates: str = "none",
    strength: float = 1.0,
    mask: str | Path | None = None,
    region: str = "auto",
    paste: Literal["changed", "all", "square"] = "changed",
    redraw: bool = True,
    size: int | None = None,
    fidelity: Literal["auto", "encoder", "refined", "tuned"] = "auto",
    from_latent: str | Path | None = None,
    seed: int = 0,
    steps: int = 30,
    lr: float = 0.04,
    units: Literal["deviations", "raw"] = "deviations",
    explore: int | None = None,
    space: Literal["w", "w+", "s"] = "w+",
    variation: float = 0.2,
    clip_loss: Literal["similarity", "spherical", "directional", "progress"] = "progress",
    clip_input: Literal["standard", "reference"] = "standard",
    cutouts: int = 0,
    latent_weight: float = 0.0,
    picture_weight: float = 0.5,
    identity_weight: float = 0.0,
    loss: Sequence[str] = (),
    pack: str = "mini",
    generator: str | None = None,
    clip: str | None = None,
    encoder: str | None = None,
    face_encoder: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    offline: bool = False,
) -> Result:
    """Edit face pictures by text: StyleGAN latent optimization guided by CLIP (StyleCLIP)."""

def invert(
    picture: Picture,
    *,
    preset: str = "default",
    models: Models | ModelChoice | None = None,
    progress: Callable[[Step], None] | None = None,
    fidelity: Literal["auto", "encoder", "refined", "tuned"] = "auto",
    pack: str = "mini",
    generator: str | None = None,
    encoder: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    offline: bool = False,
) -> Result:
    """Find the latents of pictures: NAME-invert.safetensors, and what the generator draws as
    NAME-invert.png."""

def sample(
    prompt: str = "",
    n: int = 1,
    *,
    preset: str = "default",
    models: Models | ModelChoice | None = None,
    progress: Callable[[Step], None] | None = None,
    negative: str = "",
    to: str = "",
    like: str | Path | None = None,
    templates: str = "none",
    guidance: float | None = None,
    phrases: float = 0.5,
    rescale: float = 0.0,
    limit: float = 3.0,
    truncation: float = 1.0,
    strength: float = 1.0,
    redraw: bool = True,
    size: int | None = None,
    scheduler: str = "dpm++",
    steps: int = 15,
    variance: Literal["published", "respaced"] = "published",
    rank: int = 1,
    refine: int = 0,
    refine_lr: float = 0.02,
    loss: Sequence[str] = (),
    seed: int = 0,
    groups: str = "",
    pack: str = "mini",
    generator: str | None = None,
    clip: str | None = None,
    encoder: str | None = None,
    face_encoder: str | None = None,
    prior: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    offline: bool = False,
) -> Iterator[Result]:
    """Draw pictures from words: a diffusion prior makes latents for a prompt (clip2latent)."""

def shapes(
    prompt: str = "",
    *,
    preset: str = "default",
    models: Models | ModelChoice | None = None,
    progress: Callable[[Step], None] | None = None,
    negative: str = "",
    templates: str = "none",
    target: Picture | None = None,
    from_svg: str | Path | None = None,
    count: int = 50,
    kind: str = "triangle",
    height: int | None = None,
    width: int | None = None,
    mode: Literal["smooth", "pillow"] = "smooth",
    background: str = "auto",
    palette: str = "",
    opacity_min: float = 0.0,
    opacity_max: float = 1.0,
    beyond: float | None = None,
    coordinate_scale: float = 1.0,
    optimizer: str = "adam",
    steps: int | None = None,
    population: int = 64,
    sigma: float = 0.1,
    candidates: int | None = None,
    rounds: int = 8,
    lr: float = 0.02,
    seed: int = 0,
    distance: Literal["l2", "l1"] = "l2",
    cutouts: int = 3,
    shared_views: bool = False,
    loss: Sequence[str] = (),
    size: int | None = None,
    pack: str = "mini",
    clip: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    offline: bool = False,
) -> Result:
    """Draw with a few dozen shapes what a prompt or a picture shows, as PNG, SVG and JSON (ES-CLIP)."""

def style(
    picture: Picture,
    prompt: str = "",
    *,
    preset: str = "default",
    models: Models | ModelChoice | None = None,
    progress: Callable[[Step], None] | None = None,
    negative: str = "",
    source: str = "a photo",
    templates: str = "none",
    convention: Literal["nada", "clipstyler"] = "nada",
    fast: bool = False,
    styler: str = "",
    mix: str = "",
    encoder: str | Path | None = None,
    transformer: str | Path | None = None,
    text_to_style: str | Path | None = None,
    network: Literal["styler", "stylenet"] = "styler",
    start: Literal["words", "photo", "random"] = "words",
    steps: int = 24,
    lr: float = 0.001,
    halve_every: int = 0,
    side: int = 512,
    coarse: float = 0.6,
    fit: Literal["keep", "stretch"] = "keep",
    patience: int = 12,
    cutouts: int = 16,
    views: Literal["inside", "published"] = "inside",
    view_min: float = 0.4,
    view_max: float = 1.0,
    threshold: float = 0.0,
    patch_weight: float = 0.0,
    global_weight: float = 0.0,
    naming_weight: float = 0.5,
    stay_weight: float = 30.0,
    content_weight: float = 0.05,
    content: Literal["auto", "vgg19", "lite0"] = "auto",
    relative: bool = True,
    tv_weight: float = 1e-05,
    loss: Sequence[str] = (),
    strength: float = 1.0,
    colours: float = 0.0,
    texture: float | None = None,
    mask: str | Path | None = None,
    region: str = "",
    keep_subject: bool = False,
    smooth: float = 0.6,
    contrast: float = 1.0,
    seed: int = 0,
    pack: str = "mini",
    clip: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    offline: bool = False,
) -> Result:
    """Give photographs or films a style described by words (CLIPstyler)."""
