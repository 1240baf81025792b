"""Training the small networks: the judge, the parser, the features of faces, and the encoder."""

from __future__ import annotations

from collections.abc import Iterator

from ..._devices import memory_checked
from ..._weights import save_half
from ...generators.encoder import save_encoder
from ...generators.parser import save_parser
from ...generators.redraw import FACTOR, save_redraw
from ...generators.stylegan2 import load_generator
from ...generators.training.edited_drawings import load_pairs
from ...generators.training.encoder import EncoderTrainer, load_attributes
from ...generators.training.face_set import load_faces
from ...generators.training.features import FeaturesTrainer, load_variants, variant_labels
from ...generators.training.judge import JudgeTrainer
from ...generators.training.parser import ParserTrainer
from ...generators.training.reader import load_reader
from ...generators.training.redraw import RedrawTrainer
from ...generators.training.settings import (
    EncoderSettings,
    FeaturesSettings,
    JudgeSettings,
    ParserSettings,
    RedrawSettings,
)
from ...guidance import face_features
from ...guidance.content import LiteLayers
from ..doctor import resolve_device
from .generator import LICENCE, SIZE
from .options import EncoderOptions, FeaturesOptions, JudgeOptions, ParserOptions, RedrawOptions, part_of

_JUDGE_SIZE = 64
_LESS = "a smaller --batch, or --device cpu"


@memory_checked(_LESS)
def train_judge(options: JudgeOptions) -> Iterator[str]:
    """Train the classifier that measures edits and guides nothing; the seed is also its first face's."""
    settings, seed = part_of(JudgeSettings, options), options.seed
    faces = load_faces(options.work, options.faces, _JUDGE_SIZE, seed, options.world)
    trainer = JudgeTrainer(faces, options.work, settings, seed, resolve_device(options.device))
    yield from trainer.lines()
    if trainer.processes.is_main:
        save_half(trainer.network, options.output, _header(settings.steps, seed))
        yield _done(options, "faces")


@memory_checked(_LESS)
def train_parser(options: ParserOptions) -> Iterator[str]:
    """Train the network that finds the parts of a face, on drawn faces and their exact masks."""
    settings = part_of(ParserSettings, options)
    faces = load_faces(options.work, options.faces, SIZE, world=options.world)
    trainer = ParserTrainer(faces, options.work, settings, options.seed, resolve_device(options.device))
    yield from trainer.lines()
    if trainer.processes.is_main:
        save_parser(trainer.network, options.output, _header(settings.steps, options.seed))
        yield _done(options, "faces")


@memory_checked(_LESS)
def train_features(options: FeaturesOptions) -> Iterator[str]:
    """Train the network that distinguishes drawn faces."""
    settings, device = part_of(FeaturesSettings, options), resolve_device(options.device)
    pictures, labels = load_variants(options.work, options.faces), variant_labels(options.faces)
    build = face_features.FaceFeatures
    trainer = FeaturesTrainer(pictures, labels, build, options.work, settings, options.seed, device)
    yield from trainer.lines()
    if trainer.processes.is_main:
        header = {**_header(settings.steps, options.seed), "kind": face_features.KIND}
        save_half(trainer.network.network, options.output, header)
        yield _done(options, "identities")


@memory_checked(_LESS)
def train_encoder(options: EncoderOptions) -> Iterator[str]:
    """Train the encoder of a generator that `train stylegan2` made in the same work folder."""
    settings, work, seed = part_of(EncoderSettings, options), options.work, options.seed
    model = load_generator(options.generator, device=resolve_device(options.device))
    attributes, reader = load_attributes(work), load_reader(work)
    faces = load_faces(work, options.faces, model.resolution)
    trainer = EncoderTrainer(faces, model, attributes, reader, work, settings, seed)
    yield from trainer.lines()
    if trainer.processes.is_main:
        save_encoder(trainer.encoder, options.output, {"licence": LICENCE, "seed": str(seed)})
        yield _done(options, "faces")


@memory_checked(_LESS)
def train_redraw(options: RedrawOptions) -> Iterator[str]:
    """Train the network that draws a small generator's pictures at four times their side."""
    settings, device = part_of(RedrawSettings, options), resolve_device(options.device)
    pairs = load_pairs(options.work, options.pairs, FACTOR * SIZE)
    trainer = RedrawTrainer(pairs, LiteLayers().to(device), options.work, settings, options.seed, device)
    yield from trainer.lines()
    if trainer.processes.is_main and trainer.average is not None:
        save_redraw(trainer.average.module, options.output, _header(settings.steps, options.seed))
        yield f"{options.output}: {settings.steps} steps on {options.pairs} pairs of drawings"


def _header(steps: int, seed: int) -> dict[str, str]:
    return {"licence": LICENCE, "steps": str(steps), "seed": str(seed)}


def _done(options: JudgeOptions | ParserOptions | FeaturesOptions | EncoderOptions, what: str) -> str:
    return f"{options.output}: {options.steps} steps on {options.faces} {what}"
