"""Training the embedded CLIP: pictures come from generators and from drawings, the loss from guidance."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from .._base import DAMAGE_ERRORS, InputFileError
from .._devices import coarse
from .._files import atomic_files, prepare_folder, save_tensors
from .._resize import resize_linear
from ..generators.training.face_captions import attribute_prompt, caption, held_out_pairs, is_held_out
from ..generators.training.face_set import FaceSet, face_of, vectors_of
from ..generators.training.faces import CHOICES, Face
from ..generators.training.labels import labels_of_faces
from ..generators.training.paired import PairedModel
from ..guidance.clip_configs import SHARED
from ..guidance.clip_models import BPE_NAME
from ..guidance.training.bpe import train_bpe, write_merges
from ..guidance.training.clip import MEAN, STD, ClipTrainer
from ..guidance.training.clip_settings import ClipSettings
from ..guidance.training.parts import Batch, Pair, Part, Share, batch_of
from ..guidance.training.photos import Teacher
from ..guidance.training.pictures import (
    DrawingPart,
    StyledPart,
    Subject,
    crops,
    held_out_drawings,
    styled_set,
    training_photographs,
    with_article,
)
from ..guidance.training.shapes import photo_config, resnet_config
from ..guidance.training.sources.classes import PhotoClass, photo_classes
from ..guidance.training.sources.clip_art import clip_art
from ..guidance.training.sources.drawings import Drawing
from ..guidance.training.sources.icons import icons
from ..guidance.training.sources.photographs import Photograph, photographs
from ..guidance.training.sources.rendering import drawable, rendered
from ..guidance.training.views import Views, backgrounds, composed, lit, moved, premultiplied
from ..guidance.training.vocabulary import Names, class_names, photo_caption

SHAPES = {"mini": photo_config, "judge": resnet_config}
SOURCE_SIZE = 128
_CAPTIONS_FOR_BPE = 30_000
_MERGES = 4096
_CHUNK = 256
_BLENDS = 12_000
_STYLED_EACH, _CROPS_EACH, _STYLED_FACES, _STYLED_DRAWINGS = 260, 24, 300, 400
# Shares of the others, how far blends go beyond both ends, and how far off W, in its standard deviations.
_CHANGED_ONCE, _CHANGED_THRICE = 0.65, 0.15
_BEYOND, _OFF_W = 0.15, 0.25
_FACE_VIEWS = Views(zoom=(0.95, 1.1), shift=0.03, light=0.06)
_FACE_WORDS = ("a face", "a person", "a cartoon face", "a cartoon person")


def _placed(name: str, value: str) -> tuple[int, int]:
    """An attribute and its value as their places in CHOICES."""
    return list(CHOICES).index(name), list(CHOICES[name]).index(value)


class FacePart:
    """Drawn faces with captions from the grammar; held-out wordings and pairs never occur.

    The questions are the attributes.
    """

    taught = False

    def __init__(self, faces: FaceSet) -> None:
        self.faces = faces
        self.known = [face_of(seed) for seed in faces.seeds]
        self.labels = labels_of_faces(self.known)
        self.sizes = [len(odds) for odds in CHOICES.values()]
        self.apart: Sequence[Pair] = [
            (_placed(*first), _placed(*second)) for first, second in held_out_pairs()
        ]

    def __len__(self) -> int:
        return len(self.known)

    def images(self, rows: Tensor) -> Tensor:
        """Pictures (B,3,S,S) in [0,1], as they were drawn."""
        return self.faces.pictures(rows) / 2 + 0.5

    def batch(
        self, count: int, captions: int, size: int, rng: torch.Generator, words: random.Random
    ) -> Batch:
        """See `Part`."""
        rows = torch.randint(len(self), (count,), generator=rng)
        images = lit(moved(self.images(rows), size, _FACE_VIEWS, rng, "border"), _FACE_VIEWS, rng)
        texts = [caption(self.known[int(row)], words) for row in rows[:captions]]
        return batch_of(images, texts, texts, self.labels[rows])

    def wordings(self, question: int, values: list[int], words: random.Random) -> list[str]:
        """See `Part`."""
        name = list(CHOICES)[question]
        return [attribute_prompt(name, list(CHOICES[name])[value], words) for value in values]


@dataclass(frozen=True)
class Blends:
    """A generator's pictures between two known faces.

    Args:
        images: uint8 (N,3,S,S).
        first, second: int64 (N, attributes), the answers at both ends, -1 where there is none.
        share: float32 (N,) in [0,1], how much of the second.
    """

    images: Tensor
    first: Tensor
    second: Tensor
    share: Tensor


class BlendPart:
    """Blends, whose labels are mixed in proportion (Zhang et al. 2018, mixup, but along the generator's latents).

    A guide is asked about pictures that no drawing shows: the half-way points of an edit.
    """

    taught = False

    def __init__(self, blends: Blends, faces: FacePart) -> None:
        self.blends, self.faces, self.sizes, self.apart = blends, faces, faces.sizes, faces.apart

    def batch(
        self, count: int, _captions: int, size: int, rng: torch.Generator, _words: random.Random
    ) -> Batch:
        """See `Part`; blends have no captions."""
        rows, blends = torch.randint(len(self.blends.share), (count,), generator=rng), self.blends
        images = moved(blends.images[rows].float() / 255, size, _FACE_VIEWS, rng, "border")
        return Batch(images, [], [], blends.first[rows], blends.second[rows], blends.share[rows])

    def wordings(self, question: int, values: list[int], words: random.Random) -> list[str]:
        """See `Part`."""
        return self.faces.wordings(question, values, words)


@dataclass(frozen=True)
class World:
    """All that the embedded CLIP learns from."""

    faces: FacePart
    drawings: DrawingPart
    styled: StyledPart
    names: Names

    def shares(self, blends: Blends | None = None) -> list[Share]:
        """The parts: half of a step faces in `learn`; mostly drawings and styles in `harden`, which makes a painter."""
        parts: list[tuple[Part, int, int]] = [
            (self.faces, 72, 20),
            (self.drawings, 36, 48),
            (self.styled, 28, 28),
        ]
        if blends is not None:
            parts.append((BlendPart(blends, self.faces), 0, 8))
        return [Share(*each) for each in parts]


@dataclass(frozen=True)
class Sources:
    """What a data folder holds: icons and clip art, and the classes of photographs."""

    drawings: list[Drawing]
    classes: list[PhotoClass]


def read_sources(data: Path) -> Sources:
    """Everything in `data` that the preset `mini` learns from.

    Raises:
        MissingError: a source is not there, or a package of the extra `train` is not installed.
        InputFileError: a source is damaged.
    """
    return Sources([*icons(data), *clip_art(data)], photo_classes(data))


def read_drawings(
    listed: Sequence[Drawing], work: Path, held_out: bool = False
) -> tuple[list[Drawing], np.ndarray[Any, Any]]:
    """Those of some icons and clip art to learn from, with their pictures, uint8 (N,128,128,4); `work` keeps these.

    Args:
        held_out: those that training never sees, instead of all others.

    Raises:
        InputFileError: see `rendered`.
    """
    every = drawable(listed, work, "drawings")
    kept_out = {*held_out_drawings(every)}
    chosen = [index for index in range(len(every)) if (index in kept_out) == held_out]
    drawings = [every[index] for index in chosen]
    return drawings, rendered(drawings, work, "held-out" if held_out else "drawings", SOURCE_SIZE)


def mini_world(faces: FaceSet, sources: Sources, work: Path, seed: int = 0) -> World:
    """Everything that the preset `mini` learns from; drawings and styles are drawn once and kept in `work`.

    Raises:
        MissingError: a package of the extra `train` is not installed.
        InputFileError: `work` cannot be written.
    """
    drawings, images = read_drawings(sources.drawings, work)
    seen = training_photographs(photographs())
    part, known = DrawingPart(drawings, images, _textures(seen)), FacePart(faces)
    subjects = [
        *_photograph_subjects(seen, seed),
        *_face_subjects(known, seed),
        *_drawing_subjects(part, seed),
    ]
    styled = styled_set(work, "styled", subjects, _STYLED_EACH, seed)
    return World(known, part, StyledPart(styled, _plain_caption), class_names(sources.classes))


def _plain_caption(subject: str, words: random.Random) -> str:
    return photo_caption(subject, words) if subject not in _FACE_WORDS else subject


def _textures(known: Sequence[Photograph]) -> Tensor:
    """Photographs to cut backgrounds from, (T,3,160,160) in [0,1]."""
    rng = np.random.default_rng(0)
    cut = [window for each in known for window in crops(each.image, 160, 8, rng)]
    return torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).float() / 255


def _photograph_subjects(known: Sequence[Photograph], seed: int) -> Iterator[Subject]:
    rng = np.random.default_rng(seed)
    for each in known:
        for window in crops(each.image, SOURCE_SIZE, _CROPS_EACH, rng):
            yield Subject(window, each.subject)


def _face_subjects(faces: FacePart, seed: int) -> Iterator[Subject]:
    rng = random.Random(seed)
    for row in rng.sample(range(len(faces)), min(_STYLED_FACES, len(faces))):
        drawn = faces.images(torch.tensor([row]))
        image = resize_linear(drawn, SOURCE_SIZE, SOURCE_SIZE)
        yield Subject(_levels(image), rng.choice(_FACE_WORDS))


def _drawing_subjects(part: DrawingPart, seed: int) -> Iterator[Subject]:
    rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    for row in rng.sample(range(len(part.drawings)), min(_STYLED_DRAWINGS, len(part.drawings))):
        behind = backgrounds(1, SOURCE_SIZE, noise, part.textures)
        image = composed(premultiplied(part.images[row : row + 1]), behind)
        yield Subject(_levels(image), with_article(part.drawings[row].names[0]))


def _levels(image: Tensor) -> np.ndarray[Any, Any]:
    """One picture (1,3,H,W) in [0,1] as uint8 (H,W,3)."""
    return (image[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


def clip_trainer(
    world: World,
    work: Path,
    settings: ClipSettings,
    blends: Blends | None = None,
    seed: int = 0,
    shape: str = "mini",
    device: str | torch.device = "cpu",
    workers: int = 0,
) -> ClipTrainer:
    """A trainer of a small CLIP; merges are made from all words on the first run and kept in `work`.

    Args:
        seed: of the weights and the order of pictures; world and merges do not follow it.
        shape: of SHAPES; "mini" guides, "judge" names what others made.
        workers: see `ClipTrainer`.

    Raises:
        InputFileError: `work` cannot be written, or holds the checkpoint of another training.
        MissingError: the package with the photographs' network is not installed.
    """
    config, merges = clip_config(world, work, shape)
    return ClipTrainer(
        world.shares(blends),
        config,
        merges,
        work,
        settings,
        names=world.names,
        teacher=Teacher(config["embed_dim"]),
        seed=seed,
        device=device,
        name=f"clip-{shape}",
        workers=workers,
    )


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


@torch.no_grad()
def draw_blends(
    faces: FacePart, model: PairedModel, size: int, count: int = _BLENDS, seed: int = 0
) -> Blends:
    """For some faces, the generator's picture of a point in W on the way to another, or a little beyond.

    Two of three others differ in one choice, the rest in three or in everything. Half of the pictures are off W:
    every layer's w is moved a little on its own.

    Args:
        size: of the pictures' sides.
    """
    rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    known = faces.known[:count]
    others = [_another(face, known, rng) for face in known]
    ends = [torch.from_numpy(vectors_of(each)) for each in (known, others)]
    share = torch.rand(len(others), generator=noise) * (1 + 2 * _BEYOND) - _BEYOND
    place = next(model.parameters()).device
    first, second = (
        torch.cat([model.attributes(part.to(place)) for part in torch.split(end, _CHUNK)]) for end in ends
    )
    w = torch.lerp(first, second, share[:, None].to(place))
    images = torch.cat([_drawn(model, part, first.std(0), size, noise) for part in torch.split(w, _CHUNK)])
    return Blends(images, faces.labels[: len(known)], labels_of_faces(others), share.clamp(0, 1))


def _another(face: Face, faces: list[Face], rng: random.Random) -> Face:
    """Another face to blend with, without a held-out pair."""
    kind = rng.random()
    if kind > _CHANGED_ONCE + _CHANGED_THRICE:
        return rng.choice(faces)
    times = 1 if kind < _CHANGED_ONCE else 3
    made = _changed(face, times, rng)
    while is_held_out(made):
        made = _changed(face, times, rng)
    return made


def _changed(face: Face, times: int, rng: random.Random) -> Face:
    """A face with some choices made anew."""
    for _ in range(times):
        name = rng.choice(list(CHOICES))
        value = rng.choice([value for value in CHOICES[name] if value != face.choices[name]])
        face = replace(face, choices={**face.choices, name: value})
    return face


def _drawn(model: PairedModel, w: Tensor, spread: Tensor, size: int, rng: torch.Generator) -> Tensor:
    """uint8 (B,3,size,size)."""
    codes = w[:, None].repeat(1, model.generator.num_ws, 1)
    amount, moved = torch.rand(2, len(w), 1, 1, generator=rng)
    off = _OFF_W * amount * (moved < 0.5) * torch.randn(codes.shape, generator=rng)
    codes += off.to(w.device) * spread
    with coarse(w.device):
        images = model.generator.synthesis(codes, noise="none").float()
    images = resize_linear(images, size, size)
    levels: Tensor = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return levels.cpu()


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
