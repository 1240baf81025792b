"""Training the embedded CLIP, and the one that judges, on faces, drawings and styles."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from ..._base import DAMAGE_ERRORS, InputFileError
from ..._devices import memory_checked
from ..._files import atomic_files, prepare_folder, save_tensors
from ..._identity import digest_of
from ...generators.training.face_captions import caption
from ...generators.training.face_set import load_faces
from ...generators.training.fit import load_paired
from ...guidance.clip_configs import SHARED
from ...guidance.clip_models import BPE_NAME
from ...guidance.training.bpe import train_bpe, write_merges
from ...guidance.training.clip import MEAN, STD, ClipData, ClipTrainer
from ...guidance.training.clip_settings import ClipSettings
from ...guidance.training.photos import Teacher
from ...guidance.training.shapes import IMAGE_SIZE, photo_config, resnet_config
from ..doctor import resolve_device
from .blends import BlendPart, Blends, draw_blends
from .clip_world import SOURCE_SIZE, World, mini_world, read_sources
from .options import ClipOptions, part_of

SHAPES = {"mini": photo_config, "judge": resnet_config}
_CAPTIONS_FOR_BPE = 30_000
_MERGES = 4096


@memory_checked("smaller --times and --captions, or --device cpu")
def train_clip(options: ClipOptions) -> Iterator[str]:
    """Train a CLIP on faces, drawings and styles, then its picture tower on attacked pictures.

    Raises:
        UsageError, InputFileError, MissingError: in one line.
    """
    device, size = resolve_device(options.device), IMAGE_SIZE
    settings = part_of(ClipSettings, options)
    generator = load_paired(options.work).to(device) if settings.harden_steps else None
    sources = read_sources(options.data)
    # All CLIPs learn from one world, so that what is drawn of it is drawn once; their seeds set them apart.
    faces = load_faces(options.work, options.faces, SOURCE_SIZE, world=options.world)
    world = mini_world(faces, sources, options.work)
    blends = draw_blends(world.faces, generator, size) if generator is not None else None
    trainer = clip_trainer(world, options.work, settings, blends, options)
    yield from trainer.lines()
    if trainer.processes.is_main:
        save_clip(trainer, *clip_config(world, options.work, options.preset), options.output)
        yield f"{options.output}: {settings.steps} steps, {settings.harden_steps} on attacked pictures"


class Choice(Protocol):
    """Which CLIP is trained, and where."""

    @property
    def preset(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def device(self) -> str: ...
    @property
    def workers(self) -> int: ...


def clip_trainer(
    world: World, work: Path, settings: ClipSettings, blends: Blends | None, choice: Choice
) -> ClipTrainer:
    """A trainer of a small CLIP; merges are made from all words on the first run and kept in `work`.

    World and merges do not follow the seed.

    Raises:
        InputFileError: `work` cannot be written, or holds the checkpoint of another training.
        MissingError: the package with the photographs' network is not installed.
    """
    config, merges = clip_config(world, work, choice.preset)
    part = None if blends is None else BlendPart(blends, world.faces)
    facts = {**world.facts, "names": f"{len(world.names.texts)} names"}
    if blends is not None:
        facts["harden_blends"] = digest_of({"images": blends.images, "share": blends.share})
    data = ClipData(world.shares(part), world.names, Teacher(config["embed_dim"]), facts)
    checkpoint, device = work / f"clip-{choice.preset}.pt", resolve_device(choice.device)
    return ClipTrainer(data, config, merges, checkpoint, settings, choice.seed, device, choice.workers)


def clip_config(world: World, work: Path, shape: str = "mini") -> tuple[dict[str, Any], Path]:
    """A small CLIP's configuration and the file of its merges, which is made in `work` if it is not there.

    Raises:
        InputFileError: `work` cannot be written.
    """
    merges = work / BPE_NAME
    if not merges.exists():
        made = train_bpe(_corpus(world), _MERGES, min_count=3)
        prepare_folder(work)
        write_merges(made, merges)
    try:
        return SHAPES[shape](SimpleTokenizer(bpe_path=str(merges)).vocab_size), merges
    except DAMAGE_ERRORS as error:
        raise InputFileError(f"{merges}: not a file of merges ({error}); delete it") from error


def _corpus(world: World) -> Iterator[str]:
    rng, noise = random.Random(0), torch.Generator().manual_seed(0)
    for _ in range(_CAPTIONS_FOR_BPE):
        yield caption(world.faces.known[rng.randrange(len(world.faces))], rng)
    for each in world.drawings.drawings:
        yield from each.names
    for texts in world.names.texts:
        yield from [texts] * 3
    for _ in range(100):
        yield from world.styled.batch(32, 32, 16, noise, rng).captions


def save_clip(trainer: ClipTrainer, config: Mapping[str, Any], merges: Path, folder: Path) -> None:
    """Write the model as a folder that `load_perceptor` reads: clip.json, clip.safetensors (fp16), bpe.txt.gz.

    After hardening there are also painter.json and painter.safetensors, the hardened picture tower, whose texts are
    those of clip.safetensors.

    Raises:
        InputFileError: the folder cannot be written.
    """
    stored = {**config, "preprocess": {"mean": list(MEAN), "std": list(STD)}}
    models = {"clip": (trainer.weights(), stored)}
    if hardened := trainer.hardened():
        models["painter"] = hardened, {**stored, SHARED: "clip.safetensors"}
    with atomic_files(folder) as draft:
        for name, (state, described) in models.items():
            save_tensors(draft / f"{name}.safetensors", _half(state))
            (draft / f"{name}.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
        (draft / BPE_NAME).write_bytes(merges.read_bytes())


def _half(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        key: value.cpu().contiguous().to(torch.float16 if value.is_floating_point() else value.dtype)
        for key, value in state.items()
    }
