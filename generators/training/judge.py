"""The judge: a classifier of every visible attribute of a drawn face. It measures and never guides.

Its architecture (plain convolutions with group norm, no CLIP, no generator) and its seeds differ from those of
every model that guides, and it is trained on softened and shifted pictures, so that it reads generated faces too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..._base import InputFileError, loaded_state, save_state
from .face_set import FaceSet
from .faces import CHOICES
from .labels import attribute_loss, labels_of_seeds


class Judge(nn.Module):
    """Pictures (B,3,64,64) in [0,1] -> logits of every attribute, name -> (B, values)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 6 * width]
        layers: list[nn.Module] = [nn.Conv2d(3, width, 5, stride=2, padding=2), nn.GELU()]
        for before, after in zip([width, *widths[:-1]], widths, strict=True):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(8, after), nn.GELU()]
            layers += [nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers[:-1], nn.Flatten())
        self.hidden = nn.Linear(16 * widths[-1], 512)
        self.heads = nn.ModuleDict({name: nn.Linear(512, len(odds)) for name, odds in CHOICES.items()})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """See the class."""
        hidden = F.gelu(self.hidden(self.features(images * 2 - 1)))
        return {name: head(hidden).float() for name, head in self.heads.items()}


def save_judge(judge: Judge, path: Path, metadata: dict[str, str]) -> None:
    """Write a judge as fp16 safetensors, in one step.

    Raises:
        InputFileError: the folder cannot be written, or its disk is full.
    """
    temporary = path.with_suffix(".part")
    try:
        state = {key: value.detach().half().contiguous() for key, value in judge.state_dict().items()}
        save_file(state, temporary, metadata=metadata)
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise InputFileError(f"{path}: cannot be written ({error}); choose another folder") from error


def load_judge(path: Path) -> Judge:
    """A judge that `save_judge` wrote, frozen, in float32.

    Raises:
        InputFileError: not such a file.
    """
    judge = Judge()
    try:
        judge.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise InputFileError(
            f"{path}: not a judge ({reason}); train one with 'promptbrush train judge'"
        ) from error
    return judge.eval().requires_grad_(False)


@dataclass(frozen=True)
class JudgeSettings:
    """Adam with a linear fall of the rate to 0."""

    steps: int = 4_000
    batch: int = 96
    lr: float = 1e-3
    save_seconds: float = 120.0


class JudgeTrainer:
    """Trains a judge on a face set; a checkpoint in `folder` is continued."""

    def __init__(self, faces: FaceSet, folder: Path, settings: JudgeSettings, seed: int = 1000) -> None:
        self.faces, self.settings = faces, settings
        self.labels = labels_of_seeds(faces.seeds)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.judge = Judge().to(memory_format=torch.channels_last)
        self.rng = torch.Generator().manual_seed(seed)
        self.optimiser = torch.optim.Adam(self.judge.parameters(), settings.lr)
        self.path, self.done = folder / "judge.pt", 0
        if self.path.exists():
            self._load()

    def run(self) -> Iterator[tuple[int, float]]:
        """(steps done, loss) after each step; finished steps are not repeated."""
        saved = time.monotonic()
        for index in range(self.done, self.settings.steps):
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.lr * (1 - index / self.settings.steps)
            rows = torch.randint(len(self.labels), (self.settings.batch,), generator=self.rng)
            images = self._softened(self.faces.pictures(rows) / 2 + 0.5).contiguous(
                memory_format=torch.channels_last
            )
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = self.judge(images)
            loss = attribute_loss(logits, self.labels[rows])
            self.optimiser.zero_grad()
            torch.autograd.backward(loss)
            self.optimiser.step()
            self.done = index + 1
            if time.monotonic() - saved > self.settings.save_seconds:
                self.save()
                saved = time.monotonic()
            yield self.done, float(loss.detach())
        self.save()

    def _softened(self, images: Tensor) -> Tensor:
        """Half of the pictures blurred, all shifted by up to two pixels and made a little noisy."""
        soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        share = torch.rand(len(images), 1, 1, 1, generator=self.rng).mul(2).sub(1).clamp(min=0)
        dy, dx = torch.randint(0, 5, (2,), generator=self.rng).tolist()
        padded = F.pad(torch.lerp(images, soft, share), (2, 2, 2, 2), mode="replicate")
        moved = padded[:, :, dy : dy + images.shape[2], dx : dx + images.shape[3]]
        return moved + 0.02 * torch.randn(images.shape, generator=self.rng)

    def save(self) -> None:
        """Write the whole state in one step."""
        state = {"judge": self.judge.state_dict(), "optimiser": self.optimiser.state_dict()}
        save_state(self.path, {**state, "rng": self.rng.get_state(), "done": self.done})

    def _load(self) -> None:
        with loaded_state(self.path, torch.device("cpu")) as state:
            self.judge.load_state_dict(state["judge"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.rng.set_state(state["rng"])
            self.done = state["done"]
