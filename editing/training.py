"""Training the embedded CLIP on drawn faces: pictures come from generators, the loss from guidance."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from .._base import InputFileError
from ..generators.training.face_captions import attribute_prompt, caption
from ..generators.training.face_set import FaceSet, face_of, vectors_of
from ..generators.training.faces import CHOICES, Face
from ..generators.training.labels import labels_of_faces
from ..generators.training.paired import PairedModel
from ..guidance.training.bpe import train_bpe, vocab_size, write_merges
from ..guidance.training.clip import MEAN, STD, ClipSettings, ClipTrainer, mini_config
from ..guidance.training.robust import Blends, RobustSettings, RobustTrainer

BPE_NAME = "bpe.txt.gz"
_CAPTIONS_FOR_BPE = 30_000
_MERGES = 4096
_CHUNK = 256
# Shares of the others, how far blends go beyond both ends, and how far off W, in its standard deviations.
_CHANGED_ONCE, _CHANGED_THRICE = 0.65, 0.15
_BEYOND, _OFF_W = 0.15, 0.25


class FacePairs:
    """Drawn faces with captions from the grammar; held-out wordings and pairs never occur."""

    def __init__(self, faces: FaceSet) -> None:
        self.faces = faces
        self.known = [face_of(seed) for seed in faces.seeds]
        self.labels = labels_of_faces(self.known)

    def __len__(self) -> int:
        return len(self.known)

    def images(self, rows: Tensor) -> Tensor:
        """Pictures (B,3,H,W) in [0,1]."""
        return self.faces.pictures(rows) / 2 + 0.5

    def caption(self, row: int, rng: random.Random) -> str:
        """A true caption of one face."""
        return caption(self.known[row], rng)

    def questions(self, rng: random.Random) -> list[list[str]]:
        """Each attribute's values in words, worded anew at every call."""
        return [[attribute_prompt(name, value, rng) for value in odds] for name, odds in CHOICES.items()]

    def answers(self, rows: Tensor) -> Tensor:
        """(B, attributes): the index of the visible value, -1 where it is hidden."""
        return self.labels[rows]


def clip_trainer(faces: FaceSet, work: Path, settings: ClipSettings, seed: int = 0) -> ClipTrainer:
    """A trainer over drawn faces; merges are made from their captions on the first run and kept in `work`.

    Raises:
        InputFileError: `work` cannot be written, or holds the checkpoint of another training.
    """
    pairs, merges = FacePairs(faces), work / BPE_NAME
    made = train_bpe(_corpus(pairs, seed), _MERGES)
    try:
        work.mkdir(parents=True, exist_ok=True)
        write_merges(made, merges)
    except OSError as error:
        raise InputFileError(f"{work}: cannot be written ({error}); choose another folder") from error
    config = mini_config(vocab_size(len(made)), faces.images.shape[1])
    return ClipTrainer(pairs, config, merges, work, settings, seed)


def robust_trainer(
    trainer: ClipTrainer, model: PairedModel, work: Path, settings: RobustSettings, seed: int = 0
) -> RobustTrainer:
    """The second stage of a CLIP that `clip_trainer` trained on drawn faces, with blends of a generator of them.

    Raises:
        InputFileError: `work` holds the checkpoint of another training.
    """
    if not isinstance(trainer.pairs, FacePairs):
        raise TypeError("the second stage needs drawn faces")
    return RobustTrainer(trainer, draw_blends(trainer.pairs, model, seed), work, settings, seed)


@torch.no_grad()
def draw_blends(pairs: FacePairs, model: PairedModel, seed: int = 0) -> Blends:
    """For every face, the generator's picture of a point in W on the way to another, or a little beyond.

    Two of three others differ in one choice, the rest in three or in everything. Half of the pictures are off W:
    every layer's w is moved a little on its own.
    """
    rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    others = [_another(face, pairs.known, rng) for face in pairs.known]
    ends = [torch.from_numpy(vectors_of(faces)) for faces in (pairs.known, others)]
    share = torch.rand(len(others), generator=noise) * (1 + 2 * _BEYOND) - _BEYOND
    first, second = (torch.cat([model.attributes(part) for part in torch.split(end, _CHUNK)]) for end in ends)
    w = torch.lerp(first, second, share[:, None])
    images = torch.cat([_drawn(model, part, first.std(0), noise) for part in torch.split(w, _CHUNK)])
    return Blends(images, pairs.labels, labels_of_faces(others), share.clamp(0, 1))


def _another(face: Face, faces: list[Face], rng: random.Random) -> Face:
    kind = rng.random()
    if kind > _CHANGED_ONCE + _CHANGED_THRICE:
        return rng.choice(faces)
    for _ in range(1 if kind < _CHANGED_ONCE else 3):
        name = rng.choice(list(CHOICES))
        value = rng.choice([value for value in CHOICES[name] if value != face.choices[name]])
        face = replace(face, choices={**face.choices, name: value})
    return face


def _drawn(model: PairedModel, w: Tensor, spread: Tensor, rng: torch.Generator) -> Tensor:
    """uint8 (B,3,H,W)."""
    codes = w[:, None].repeat(1, model.generator.num_ws, 1)
    amount, moved = torch.rand(2, len(w), 1, 1, generator=rng)
    codes += _OFF_W * amount * (moved < 0.5) * spread * torch.randn(codes.shape, generator=rng)
    with torch.autocast(w.device.type, torch.bfloat16):
        images = model.generator.synthesis(codes, noise="none").float()
    levels: Tensor = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return levels


def save_clip(trainer: ClipTrainer, faces: FaceSet, merges: Path, folder: Path) -> None:
    """Write the model as a folder that `load_perceptor` reads: clip.json, clip.safetensors (fp16), bpe.txt.gz.

    Raises:
        InputFileError: the folder cannot be written.
    """
    vocabulary = trainer.tokenizer.vocab_size
    config = mini_config(vocabulary, faces.images.shape[1])
    config["preprocess"] = {"mean": list(MEAN), "std": list(STD)}
    state = {
        key: value.detach().cpu().contiguous().to(torch.float16 if value.is_floating_point() else value.dtype)
        for key, value in trainer.model.state_dict().items()
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as inner:
            draft = Path(inner)
            save_file(state, draft / "clip.safetensors")
            (draft / "clip.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
            (draft / BPE_NAME).write_bytes(merges.read_bytes())
            for part in sorted(draft.iterdir()):
                part.replace(folder / part.name)
    except OSError as error:
        raise InputFileError(f"{folder}: cannot be written ({error}); choose another folder") from error


def _corpus(pairs: FacePairs, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(_CAPTIONS_FOR_BPE):
        yield pairs.caption(rng.randrange(len(pairs)), rng)
