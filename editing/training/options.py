"""What each training takes, and the table of trainings. Nothing here imports torch.

A model of options holds exactly the options of its command. Options of a preset take the preset's value where they are
left out or None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import ValidationError, model_validator

from ..._base import Entry, UsageError, did_you_mean, load_target
from ..._settings import DATA, MAX_SEED, MODELS, OUTPUT, Settings, first_problem, setting
from ...generators.training.settings import (
    EncoderSettings,
    FeaturesSettings,
    FinishSettings,
    FitSettings,
    JudgeSettings,
    ParserSettings,
    ReaderSettings,
    RedrawSettings,
)
from ...guidance.training.clip_settings import ClipSettings
from .settings import PRIOR_PRESETS, FastStylerSettings, OneStyleSettings, PriorSettings

Chosen = TypeVar("Chosen", bound=Settings)
World = Literal["plain", "widened", "hands"]

CLIP_PRESETS: dict[str, dict[str, Any]] = {
    "mini": {},
    # The one that names what others made: another tower, another seed, not hardened.
    "judge": {"harden_steps": 0, "tower_lr": 1e-3, "seed": 1},
}


def part_of(model: type[Chosen], options: Settings) -> Chosen:
    """The settings of a trainer among the options of its command."""
    return model(**{name: getattr(options, name) for name in model.model_fields})


def _work() -> Any:
    return setting(..., "folder for drawn pictures, checkpoints and sample sheets", DATA)


def _output(what: str) -> Any:
    return setting(..., what, OUTPUT, flags=["--output", "-o"])


def _faces(default: int, what: str = "faces to draw") -> Any:
    return setting(default, what, DATA, ge=2)


def _world(default: str = "plain") -> Any:
    return setting(
        default,
        "which faces: plain, those of the generator; widened, with other framings, lines and garments; or hands, half "
        "of them in other hands as well",
        DATA,
    )


def _seed(default: int = 0, of: str = "the weights and the order of samples") -> Any:
    return setting(default, f"seed of {of}", ge=0, le=MAX_SEED)


def _device(default: str = "cpu") -> Any:
    return setting(default, "auto, cpu, cuda, cuda:1 or mps", MODELS)


def _checkpoint() -> Any:
    return setting(None, "file that keeps the state; a training that was stopped resumes from it", OUTPUT)


def _pack() -> Any:
    return setting("mini", "embedded pack, or the folder of one", MODELS)


def _photos() -> Any:
    return setting(..., "folder of photographs, of any size and kind", DATA)


def _precision() -> Any:
    return setting("auto", "auto, float32, bfloat16 or float16", MODELS)


class _WithPreset(Settings):
    """Settings that a preset may change; what is given comes first."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        chosen = {name: value for name, value in given.items() if value is not None}
        return {**cls.presets.get(str(chosen.get("preset", "mini")), {}), **chosen}


class GeneratorOptions(FitSettings):
    """Options of `train stylegan2`."""

    work: Path = _work()
    output: Path = _output("file of the trained generator, .safetensors")
    faces: int = _faces(40_000)
    reader_steps: int = setting(
        ReaderSettings.model_fields["steps"].default, "steps of the reader of attributes", ge=1
    )
    finish_steps: int = setting(
        FinishSettings.model_fields["steps"].default, "adversarial steps at the end", ge=0
    )
    seed: int = _seed()
    device: str = _device()


class ClipOptions(ClipSettings, _WithPreset):
    """Options of `train clip`."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = CLIP_PRESETS

    work: Path = _work()
    output: Path = _output("folder of the trained model")
    data: Path = setting(..., "folder with icons, clip art and WordNet; see the model card", DATA)
    preset: Literal["mini", "judge"] = setting("mini", "mini, which guides, or judge, which names pictures")
    faces: int = _faces(40_000)
    world: World = _world()
    seed: int = _seed()
    device: str = _device()
    workers: int = setting(0, "processes that prepare pictures ahead", DATA, ge=0)


class JudgeOptions(JudgeSettings):
    """Options of `train judge`."""

    work: Path = _work()
    output: Path = _output("file of the trained network, .safetensors")
    faces: int = _faces(20_000)
    world: World = _world()
    seed: int = _seed(10_000_000, "the weights, the order of samples and the first face")
    device: str = _device()


class ParserOptions(ParserSettings):
    """Options of `train parser`."""

    work: Path = _work()
    output: Path = _output("file of the trained network, .safetensors")
    faces: int = _faces(40_000)
    world: World = _world()
    seed: int = _seed()
    device: str = _device()


class FeaturesOptions(FeaturesSettings):
    """Options of `train features`."""

    work: Path = _work()
    output: Path = _output("file of the trained network, .safetensors")
    faces: int = _faces(8_000, "identities to draw")
    seed: int = _seed()
    device: str = _device()


class RedrawOptions(RedrawSettings):
    """Options of `train redraw`."""

    work: Path = _work()
    output: Path = _output("file of the trained network, .safetensors")
    pairs: int = setting(1_600, "pairs of drawings, one an edit of the other, at 512 px", DATA, ge=1)
    seed: int = _seed()
    device: str = _device()


class EncoderOptions(EncoderSettings):
    """Options of `train encoder`."""

    work: Path = _work()
    generator: Path = setting(..., "the finished generator, .safetensors", MODELS)
    output: Path = _output("file of the trained encoder, .safetensors")
    faces: int = _faces(40_000)
    seed: int = _seed()
    device: str = _device()


class FastStylerOptions(FastStylerSettings):
    """Options of `train fast-styler`."""

    photos: Path = _photos()
    work: Path = _work()
    output: Path = _output("file of the trained styler, .safetensors")
    start: Path | None = setting(None, "begin with this styler of all styles", MODELS, flags=["--from"])
    seed: int = _seed()
    pack: str = setting("mini", "pack whose CLIP turns words into conditions", MODELS)
    device: str = _device()


class OneStyleOptions(OneStyleSettings):
    """Options of `train styler`."""

    prompt: str = setting(..., "the style, in words", argument=True)
    photos: Path = _photos()
    output: Path = _output("file of the trained styler, .safetensors")
    checkpoint: Path | None = _checkpoint()
    seed: int = _seed()
    pack: str = _pack()
    clip: str | None = setting(
        None, "another CLIP: ARCH/tag, hf-hub:..., a file or a folder; several with commas", MODELS
    )
    device: str = _device("auto")
    precision: str = _precision()


class _PairSettings(Settings):
    """Which pairs of features and latents a prior learns from."""

    pairs: int = setting(40_000, "random pictures to learn from", DATA, ge=2)
    captions: int = setting(
        0, "captions to learn from as well; only for generators that 'train stylegan2' made", DATA, ge=0
    )
    groups: str = setting(
        "",
        "layers that each w of a picture feeds, such as 4,4,10; else one w for all",
        DATA,
        pattern=r"^[\d, ]*$",
    )
    psi: float = setting(1.0, "truncation of the random w", DATA, ge=0, le=1)
    shard: int = setting(1000, "pairs in a file", DATA, ge=1)
    seed: int = _seed(0, "the pairs and of the training")
    pack: str = _pack()
    generator: str | None = setting(None, "another StyleGAN2: .pkl, .pt or .safetensors", MODELS)
    clip: str | None = setting(None, "another CLIP: ARCH/tag, hf-hub:..., a file or a folder", MODELS)
    clip_input: Literal["standard", "reference", "twice"] = setting(
        "standard", "how pictures reach CLIP: standard, reference, or twice as in clip2latent", MODELS
    )
    device: str = _device("auto")
    precision: str = _precision()

    @property
    def layers(self) -> tuple[int, ...]:
        """The groups, as numbers."""
        return tuple(int(part) for part in self.groups.replace(",", " ").split())


class PairsOptions(_PairSettings):
    """Options of `train pairs`."""

    data: Path = setting(..., "folder of the pairs; those that are there already are kept", DATA)


class PriorOptions(PriorSettings, _PairSettings, _WithPreset):
    """Options of `train prior`."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRIOR_PRESETS

    output: Path = _output("file of the trained prior, .safetensors")
    data: Path | None = setting(None, "folder that keeps the pairs; else they are kept in memory", DATA)
    preset: Literal["mini", "paper"] = setting("mini", "mini, the embedded pack's; or paper: clip2latent's")
    checkpoint: Path | None = _checkpoint()


class PackOptions(Settings):
    """Options of `train pack`.

    What is None is taken from the generator's file; a generator that does not say it needs it.
    """

    folder: Path = setting(
        ..., "holds stylegan2.safetensors, clip/ and other trained models", OUTPUT, argument=True
    )
    name: str | None = setting(None, "name of the pack; else the folder's", OUTPUT)
    version: str = setting("1", "version of the pack", OUTPUT, flags=["--pack-version"])
    about: str | None = setting(None, "what the pack is, in a line; else its domain", OUTPUT)
    domain: str | None = setting(None, "what the pictures show, such as 'cartoon faces'", OUTPUT)
    source: str | None = setting(
        None, "what one picture shows, as a prompt says it, such as 'a person'", OUTPUT
    )
    licence: str | None = setting(None, "licence of the weights, as SPDX writes it", OUTPUT)
    attribution: tuple[str, ...] | None = setting(None, "whom to name; may be given several times", OUTPUT)
    explored: int = setting(4096, "random pictures that edits need not look at any more", DATA, ge=1)
    device: str = _device()


@dataclass(frozen=True)
class Training:
    """A training by name.

    Attributes:
        help: one sentence. options: target of its model of options.
        run: target of a function that takes the options and yields lines of progress.
    """

    name: str
    help: str
    options: Entry
    run: Entry

    def load_options(self, **given: Any) -> Any:
        """Its options, from what was given; None means that it was not.

        Raises:
            UsageError: an unknown option, or a value that does not fit, in one line.
        """
        model: type[Settings] = load_target(self.options, f"training '{self.name}'")
        for name in given:
            if name not in model.model_fields:
                hint = did_you_mean(name, list(model.model_fields))
                raise UsageError(f"train {self.name} has no option '{name}'{hint}")
        try:
            return model(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            raise UsageError(first_problem(error)) from error


# Name, options and run function, both below editing.training, and help.
_ROWS = (
    ("stylegan2", "GeneratorOptions", "generator:train_generator", "Train a StyleGAN2 on drawn faces."),
    ("encoder", "EncoderOptions", "networks:train_encoder", "Train the encoder of a generator."),
    ("clip", "ClipOptions", "clip:train_clip", "Train a CLIP on faces, drawings and styles."),
    ("judge", "JudgeOptions", "networks:train_judge", "Train the classifier that measures edits."),
    ("parser", "ParserOptions", "networks:train_parser", "Train the network that finds parts of faces."),
    ("features", "FeaturesOptions", "networks:train_features", "Train the network that distinguishes faces."),
    (
        "redraw",
        "RedrawOptions",
        "networks:train_redraw",
        "Train the network that draws a generator's pictures larger and sharper.",
    ),
    (
        "fast-styler",
        "FastStylerOptions",
        "fast_styler:train_fast_styler",
        "Train one network for all styles.",
    ),
    (
        "styler",
        "OneStyleOptions",
        "one_style:train_one_style",
        "Train a network that gives photographs one style.",
    ),
    ("pairs", "PairsOptions", "prior:make_pairs", "Make the pictures and features that a prior learns from."),
    ("prior", "PriorOptions", "prior:train_prior", "Train a prior for a generator and a CLIP (clip2latent)."),
    ("pack", "PackOptions", "pack:make_pack", "Make a pack of a folder of trained models."),
)
TRAININGS: dict[str, Training] = {
    name: Training(
        name, text, Entry(f".editing.training.options:{options}"), Entry(f".editing.training.{run}")
    )
    for name, options, run, text in _ROWS
}
