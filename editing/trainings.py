"""What the `train` commands do: run a trainer to its end, tell a line now and then, write the weights.

The presets say how the embedded models were made. A training that was stopped goes on from its checkpoint in
the work folder when its command is given again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .._base import UsageError, did_you_mean
from .._weights import save_half
from ..generators.content import save_content
from ..generators.encoder import save_encoder
from ..generators.packs import write_manifest
from ..generators.parser import save_parser
from ..generators.stylegan2 import load_generator, save_generator
from ..generators.training.adversarial import FinishSettings, FinishTrainer
from ..generators.training.encoder import EncoderSettings, EncoderTrainer, load_attributes
from ..generators.training.face_set import load_faces
from ..generators.training.features import FeaturesSettings, FeaturesTrainer, load_variants, variant_labels
from ..generators.training.judge import JudgeSettings, JudgeTrainer
from ..generators.training.network import NetworkSettings, NetworkTrainer
from ..generators.training.paired import FitSettings, Trainer, load_paired
from ..generators.training.parser import ParserSettings, ParserTrainer
from ..generators.training.reader import ReaderSettings, ReaderTrainer, load_reader
from ..generators.training.sheets import fit_rows, save_sheet
from ..guidance import face_features
from ..guidance.perceptor import load_perceptor
from ..guidance.training.clip_settings import ClipSettings
from .doctor import resolve_device
from .exploration import explore, save_explored
from .training import clip_config, clip_trainer, draw_blends, mini_world, read_sources, save_clip

__all__ = [
    "CLIPS",
    "ClipSettings",
    "EncoderSettings",
    "FinishSettings",
    "FitSettings",
    "ReaderSettings",
    "check_preset",
    "clip",
    "encoder",
    "features",
    "judge",
    "network",
    "pack",
    "parser",
    "stylegan2",
]

PRESETS = ("mini",)
# The one that guides, and the one that names what others made: another tower, another seed, not hardened.
CLIPS = {"mini": ClipSettings(), "judge": ClipSettings(steps=5_000, harden_steps=0, tower_lr=1e-3)}
_CLIP_SEEDS = {"mini": 0, "judge": 1}
LICENCE = "CC-BY-4.0"
ATTRIBUTION = (
    "Faces drawn with 'Toon Head' by Johan Melin (CC BY 4.0), through DiceBear, with changes: parts, colours and "
    "backgrounds were added",
)
ATTRIBUTES, CONTENT = "attributes.safetensors", "content.safetensors"
# Files of a pack that may be missing, by what they do in it.
_OPTIONAL = {
    "painter": "clip/painter.json",
    "encoder": "encoder.safetensors",
    "face_encoder": "features.safetensors",
    "parser": "parser.safetensors",
    "content": CONTENT,
    "explored": "explored.safetensors",
    "styler": "styler.safetensors",
    "prior": "prior.safetensors",
}
_SIZE, _JUDGE_SIZE = 128, 64
_SHEET_EVERY = 1000


def check_preset(preset: str, known: Iterable[str] = PRESETS) -> None:
    """Raises UsageError for a preset that is not known."""
    known = list(known)
    if preset not in known:
        hint = did_you_mean(preset, known)
        raise UsageError(f"no preset of this training is called '{preset}'{hint}; known: {', '.join(known)}")


def stylegan2(
    work: Path,
    output: Path,
    faces: int,
    seed: int,
    reader: ReaderSettings,
    fit: FitSettings,
    finish: FinishSettings,
    device: str = "cpu",
) -> Iterator[str]:
    """Train the reader, fit to drawn faces, refine by what it reads, distil the mapping, finish adversarially."""
    drawn = load_faces(work, faces, _SIZE)
    reading = ReaderTrainer(drawn, work, reader, seed)
    yield from _told(reading)
    trainer = Trainer(drawn, reading.network, work, fit, seed, resolve_device(device))
    sheet = functools.partial(save_sheet, path=work / "stylegan2.png", zoom=2)
    for step in trainer.run():
        if (step.index + 1) % 100 == 0:
            yield f"{step.stage} {step.index + 1}/{step.total}  loss {step.loss:.4f}"
        if (step.index + 1) % _SHEET_EVERY == 0:
            sheet(fit_rows(trainer.average, drawn))
    last = FinishTrainer(drawn, work, trainer.average, reading.network, finish, seed)
    for done in last.run():
        if (done.index + 1) % 20 == 0:
            yield (
                f"finish {done.index + 1}/{done.total}  discriminator {done.discriminator:.3f}"
                f"  generator {done.generator:.3f}  known {done.known:.4f}"
            )
        if (done.index + 1) % 200 == 0:
            sheet(fit_rows(last.average, drawn))
    sheet(fit_rows(last.average, drawn))
    header = {"licence": LICENCE, "seed": str(seed)}
    save_generator(last.average.generator, output, header, torch.float16)
    save_half(last.average.attributes, output.with_name(ATTRIBUTES), header)
    save_content(reading.network, output.with_name(CONTENT), header)
    yield f"{output}: {fit.steps} steps of fit, {fit.refine_steps} of refining, {finish.steps} of finish"


def clip(
    work: Path,
    output: Path,
    data: Path,
    faces: int,
    seed: int | None,
    settings: ClipSettings,
    shape: str,
    device: str = "cpu",
    workers: int = 0,
) -> Iterator[str]:
    """Train a CLIP of one of CLIPS on faces, drawings and styles, then its picture tower on attacked pictures.

    Args:
        seed: the preset's if None.
        workers: processes that prepare pictures and words ahead.
    """
    place = resolve_device(device)
    generator = load_paired(work).to(place) if settings.harden_steps else None
    sources = read_sources(data)
    # All CLIPs learn from one world, so that what is drawn of it is drawn once; their seeds set them apart.
    world = mini_world(load_faces(work, faces, _SIZE), sources, work)
    config, merges = clip_config(world, work, shape)
    size = config["vision_cfg"]["image_size"]
    blends = draw_blends(world.faces, generator, size) if generator is not None else None
    own = _CLIP_SEEDS[shape] if seed is None else seed
    trainer = clip_trainer(world, work, settings, blends, own, shape, place, workers)
    for step in trainer.run():
        if (step.index + 1) % 50 == 0:
            yield f"{step.stage} {step.index + 1}/{step.total}  loss {step.loss:.4f}"
    save_clip(trainer, config, merges, output)
    yield f"{output}: {settings.steps} steps, {settings.harden_steps} of hardening"


def judge(work: Path, output: Path, faces: int, seed: int, settings: JudgeSettings) -> Iterator[str]:
    """Train the classifier that measures edits and guides nothing; `seed` is also its first face's."""
    trainer = JudgeTrainer(load_faces(work, faces, _JUDGE_SIZE, seed), work, settings, seed)
    yield from _told(trainer)
    save_half(trainer.network, output, _header(settings, seed))
    yield f"{output}: {settings.steps} steps on {faces} faces"


def encoder(
    work: Path,
    generator: Path,
    output: Path,
    faces: int,
    seed: int,
    settings: EncoderSettings,
    device: str = "cpu",
) -> Iterator[str]:
    """Train the encoder of a generator that `stylegan2` made in the same work folder."""
    model = load_generator(generator, device=resolve_device(device))
    attributes, reader = load_attributes(work), load_reader(work)
    drawn = load_faces(work, faces, model.resolution)
    trainer = EncoderTrainer(drawn, model, attributes, reader, work, settings, seed)
    for step in trainer.run():
        if (step.index + 1) % 100 == 0:
            yield (
                f"encoder {step.index + 1}/{step.total}  loss {step.loss:.4f}"
                f"  picture {step.picture:.4f}  reading {step.reading:.4f}"
                f"  latent {step.latent:.4f}  offset {step.offset:.4f}"
            )
    save_encoder(trainer.encoder, output, {"licence": LICENCE, "seed": str(seed)})
    yield f"{output}: {settings.steps} steps on {faces} faces"


def parser(work: Path, output: Path, faces: int, seed: int, settings: ParserSettings) -> Iterator[str]:
    """Train the network that finds the parts of a face, on drawn faces and their exact masks."""
    trainer = ParserTrainer(load_faces(work, faces, _SIZE), work, settings, seed)
    yield from _told(trainer)
    save_parser(trainer.network, output, _header(settings, seed))
    yield f"{output}: {settings.steps} steps on {faces} faces"


def features(work: Path, output: Path, faces: int, seed: int, settings: FeaturesSettings) -> Iterator[str]:
    """Train the network that tells drawn faces apart, on `faces` identities."""
    pictures = load_variants(work, faces)
    labels = variant_labels(faces)
    trainer = FeaturesTrainer(pictures, labels, face_features.FaceFeatures, work, settings, seed)
    yield from _told(trainer)
    save_half(trainer.network.network, output, {**_header(settings, seed), "kind": face_features.KIND})
    yield f"{output}: {settings.steps} steps on {faces} identities"


@dataclass(frozen=True)
class _Network:
    """How one of the small networks is trained, and on which faces unless told otherwise."""

    train: Callable[[Path, Path, int, int, Any], Iterator[str]]
    settings: Callable[..., NetworkSettings]
    faces: int
    seed: int = 0


_NETWORKS = {
    "judge": _Network(judge, JudgeSettings, 20_000, 10_000_000),
    "parser": _Network(parser, ParserSettings, 40_000),
    "features": _Network(features, FeaturesSettings, 8_000),
}


def network(name: str, work: Path, output: Path, **given: int) -> Iterator[str]:
    """Train the judge, the parser or the features.

    Args:
        given: faces, seed and fields of the network's settings, where they differ from the preset's.
    """
    kind = _NETWORKS[name]
    faces, seed = given.pop("faces", kind.faces), given.pop("seed", kind.seed)
    return kind.train(work, output, faces, seed, kind.settings(**given))


def _told(trainer: NetworkTrainer[Any]) -> Iterator[str]:
    """Run a trainer; a line every 100 steps."""
    for done, loss in trainer.run():
        if done % 100 == 0:
            yield f"{trainer.name} {done}/{trainer.settings.steps}  loss {loss:.4f}"


def _header(settings: NetworkSettings, seed: int) -> dict[str, str]:
    return {"licence": LICENCE, "steps": str(settings.steps), "seed": str(seed)}


def pack(folder: Path, name: str, version: str, explored: int) -> Iterator[str]:
    """Write the manifest of a folder that holds stylegan2.safetensors and clip/, and what else there is for a pack.

    Args:
        explored: random pictures that its CLIP sees once and for all, so that no edit has to draw them.
    """
    generator, perceptor = load_generator(folder / "stylegan2.safetensors"), load_perceptor(folder / "clip")
    found = explore(generator, perceptor, explored)
    save_explored(found, folder / "explored.safetensors", {"licence": LICENCE})
    made = write_manifest(
        folder,
        name=name,
        version=version,
        about="small models of drawn faces, for trying out, tests and teaching",
        domain="cartoon faces",
        source="a person",
        resolution=_SIZE,
        generator="stylegan2.safetensors",
        clip="clip",
        **{role: file for role, file in _OPTIONAL.items() if (folder / file).exists()},
        licence=LICENCE,
        attribution=ATTRIBUTION,
    )
    yield f"{folder}: pack '{made.name}' {made.version}, {made.size / 1e6:.1f} MB"
