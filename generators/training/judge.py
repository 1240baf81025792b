"""The judge: a classifier of every visible attribute of a drawn face. It measures and never guides.

Its architecture (plain convolutions with group norm, no CLIP, no generator) and its seeds differ from those of
every model that guides, and it is trained on softened and shifted pictures, so that it reads generated faces too.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..._base import InputFileError
from ..._devices import coarse
from .classifier_trainer import ClassifierTrainer
from .faces import CHOICES
from .labels import attribute_loss


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


def load_judge(path: Path) -> Judge:
    """A judge that `save_half` wrote, frozen, in float32.

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


class JudgeTrainer(ClassifierTrainer[Judge]):
    """Trains a judge on a face set; a checkpoint in `folder` is resumed."""

    kind, network_type = "judge", Judge

    def loss(self, pictures: Tensor, labels: Tensor) -> Tensor:
        """See `ClassifierTrainer`."""
        images = self._softened(pictures / 2 + 0.5).contiguous(memory_format=torch.channels_last)
        with coarse(self.device):
            logits = self.network(images)
        return attribute_loss(logits, labels)

    def _softened(self, images: Tensor) -> Tensor:
        """Half of the pictures blurred, all shifted and made a little noisy."""
        soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        amount = torch.rand(len(images), 1, 1, 1, generator=self.rng).mul(2).sub(1).clamp(min=0)
        moved = self.shifted(torch.lerp(images, soft, amount.to(images)))
        return moved + 0.02 * torch.randn(images.shape, generator=self.rng).to(images)
