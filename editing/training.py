"""Training the embedded CLIP on drawn faces: pictures come from generators, the loss from guidance."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from .._base import InputFileError
from ..generators.training.face_captions import attribute_prompt, caption
from ..generators.training.face_set import FaceSet, face_of
from ..generators.training.faces import CHOICES
from ..generators.training.judge import labels_of
from ..guidance.training.bpe import train_bpe, vocab_size, write_merges
from ..guidance.training.clip import MEAN, STD, ClipSettings, ClipTrainer, mini_config

BPE_NAME = "bpe.txt.gz"
_CAPTIONS_FOR_BPE = 30_000
_MERGES = 4096


class FacePairs:
    """Drawn faces with captions from the grammar; held-out wordings and pairs never occur."""

    def __init__(self, faces: FaceSet) -> None:
        self.faces = faces
        self._known = [face_of(seed) for seed in faces.seeds]
        self._labels = torch.from_numpy(np.stack([labels_of(face) for face in self._known]))

    def __len__(self) -> int:
        return len(self._known)

    def images(self, rows: Tensor) -> Tensor:
        """Pictures (B,3,H,W) in [0,1]."""
        return self.faces.pictures(rows) / 2 + 0.5

    def caption(self, row: int, rng: random.Random) -> str:
        """A true caption of one face."""
        return caption(self._known[row], rng)

    def questions(self, rng: random.Random) -> list[list[str]]:
        """Each attribute's values in words, worded anew at every call."""
        return [[attribute_prompt(name, value, rng) for value in odds] for name, odds in CHOICES.items()]

    def answers(self, rows: Tensor) -> Tensor:
        """(B, attributes): the index of the visible value, -1 where it is hidden."""
        return self._labels[rows]


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
