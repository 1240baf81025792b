"""Fitting a StyleGAN2 to pictures whose every attribute is known, before any adversarial training.

1. `half`: an attribute network maps face vectors to w, and synthesis draws the faces without its last block, at half
   their size: Laplacian pyramid L1. Most is learnt here at a quarter of the price.
2. `fit`: the same at the whole size.
3. `refine`: the same, and a reader of attributes tells what is still drawn wrong, however small it is.
4. `distil`: the mapping network learns the w that the attribute network has for the faces that z stand for.
All write a checkpoint every few minutes and go on from it.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..._base import InputFileError
from ..._devices import coarse
from ..._files import Autosave, earlier_state, loaded_state, save_state
from ..pyramid import laplacian_loss
from ..stylegan2.config import StyleGAN2Config
from ..stylegan2.generator import StyleGAN2
from ..stylegan2.layers import FullyConnected
from ..stylegan2.losses import update_ema
from .coupling import MAPPING_WIDTH, Z_DIM, begin_mapping, faces_of_z
from .face_set import FaceSet, vectors_of
from .labels import labels_of_seeds
from .reader import Reader, reading_loss

CHANNELS = {4: 192, 8: 192, 16: 128, 32: 64, 64: 32, 128: 32}


def mini_generator(resolution: int) -> StyleGAN2Config:
    """The embedded generator's shape, at a resolution of 8 to 128."""
    channels = {size: count for size, count in CHANNELS.items() if size <= resolution}
    return StyleGAN2Config(
        resolution=resolution,
        channels=channels,
        mapping_layers=8,
        mapping_width=MAPPING_WIDTH,
        lr_multiplier=1.0,
        z_dim=Z_DIM,
        w_dim=192,
    )


@dataclass(frozen=True)
class FitSettings:
    """How long and how fast: Adam with a short warm-up and a cosine to a tenth over the last 40 %.

    Args:
        reading, naming: weights of the reader's loss beside the pixels', and of the names in it.
    """

    half_steps: int = 15_000
    half_lr: float = 4e-3
    steps: int = 6_000
    batch: int = 32
    lr: float = 2e-3
    ema: float = 0.998
    refine_steps: int = 5_000
    refine_lr: float = 2e-3
    reading: float = 2.0
    naming: float = 0.25
    distil_steps: int = 24_000
    distil_faces: int = 300_000
    distil_batch: int = 512
    distil_lr: float = 3e-2
    save_seconds: float = 180.0


@dataclass(frozen=True)
class FitStep:
    """One step of training; `generator` is the running average."""

    stage: str
    index: int
    total: int
    loss: float
    generator: StyleGAN2


class AttributeNetwork(nn.Module):
    """Face vectors (B,D) -> w (B,w_dim), three fully connected layers."""

    def __init__(self, inputs: int, w_dim: int) -> None:
        super().__init__()
        widths = [inputs, w_dim, w_dim, w_dim]
        steps = pairwise(widths)
        self.layers = nn.Sequential(*(FullyConnected(i, o, activate=True) for i, o in steps))

    @classmethod
    def of_state(cls, state: Mapping[str, Tensor]) -> AttributeNetwork:
        """The network of a state, frozen.

        Raises:
            KeyError, ValueError, RuntimeError: the state is not one's.
        """
        w_dim, inputs = torch.as_tensor(state["layers.0.weight"]).shape
        network = cls(inputs, w_dim)
        network.load_state_dict(state)
        return network.eval().requires_grad_(False)

    def forward(self, vectors: Tensor) -> Tensor:
        """See the class."""
        w: Tensor = self.layers(vectors)
        return w


def read_attributes(path: Path) -> AttributeNetwork:
    """The attribute network that `save_half` wrote, frozen, in float32.

    Raises:
        InputFileError: not such a file.
    """
    try:
        network = AttributeNetwork.of_state(load_file(path))
    except (OSError, RuntimeError, SafetensorError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputFileError(
            f"{path}: not an attribute network ({reason}); train one with 'promptbrush train stylegan2'"
        ) from error
    return network


class PairedModel(nn.Module):
    """The generator and the attribute network, which are trained and saved together."""

    def __init__(self, config: StyleGAN2Config, vector_size: int) -> None:
        super().__init__()
        self.generator = StyleGAN2(config)
        self.attributes = AttributeNetwork(vector_size, config.w_dim)

    def forward(self, vectors: Tensor, size: int | None = None) -> Tensor:
        """Face vectors (B,D) -> pictures (B,3,H,W) in about [-1,1], without the blocks beyond `size`."""
        ws = self.attributes(vectors)[:, None].expand(-1, self.generator.num_ws, -1)
        pictures: Tensor = self.generator.synthesis(ws, noise="none", size=size)
        return pictures


@contextmanager
def fitted_state(work: Path) -> Iterator[dict[str, Tensor]]:
    """The averaged weights that `train stylegan2` fitted in its work folder; errors of its reader are the file's.

    Raises:
        MissingError: the folder has none.
        InputFileError: its checkpoint is not one.
    """
    command = f"promptbrush train stylegan2 --work {work}"
    with earlier_state(work / "paired.pt", "holds the right w of every face", command) as state:
        yield dict(state["average"])


def load_paired(work: Path) -> PairedModel:
    """Generator and attribute network of `fitted_state`, frozen; it raises what that does."""
    with fitted_state(work) as average:
        inputs = torch.as_tensor(average["attributes.layers.0.weight"]).shape[1]
        found = [int(match[1]) for key in average if (match := re.search(r"synthesis\.b(\d+)\.", key))]
        model = PairedModel(mini_generator(max(found, default=0)), inputs)
        model.load_state_dict(average)
    return model.eval().requires_grad_(False)


# Where small features of a drawn face lie, in shares of the side: x, y, their spreads, and how much more they count.
_FEATURES = (
    (0.50, 0.53, 0.13, 0.06, 8.0),  # eyes and eyebrows
    (0.49, 0.63, 0.04, 0.035, 10.0),  # nose
    (0.49, 0.72, 0.07, 0.045, 14.0),  # mouth
    (0.23, 0.705, 0.035, 0.045, 10.0),  # earrings
    (0.75, 0.705, 0.035, 0.045, 10.0),
)


def face_focus(size: int) -> Tensor:
    """How much each pixel of a drawn face counts, (1,1,size,size), 1 at the edges.

    A mouth is 30 pixels of 4,096: with all pixels alike, the fit drew every hat before it knew one mouth from another.
    """
    place = (torch.arange(size) + 0.5) / size
    counts = torch.ones(size, size)
    for x, y, across, down, weight in _FEATURES:
        squares = ((place - x) / across).square()[None] + ((place - y) / down).square()[:, None]
        counts += weight * torch.exp(-squares / 2)
    return counts[None, None]


def schedule(t: float) -> float:
    """Share of the learning rate at progress t in [0, 1]: warm-up over 1 %, cosine to 0.1 from 60 % on."""
    late = max(0.0, (t - 0.6) / 0.4)
    return min(1.0, t / 0.01 + 0.01) * (0.55 + 0.45 * math.cos(math.pi * late))


class Trainer:
    """Runs the stages over a face set; a checkpoint in `folder` is continued.

    Args:
        reader: trained on such faces; stays as it is.
    """

    def __init__(
        self,
        faces: FaceSet,
        reader: Reader,
        folder: Path,
        settings: FitSettings,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self.faces, self.settings, self.device = faces, settings, torch.device(device)
        self.rng = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.model = PairedModel(mini_generator(faces.images.shape[1]), faces.vectors.shape[1])
        begin_mapping(self.model.generator.mapping)
        self.model.to(self.device).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.reader = copy.deepcopy(reader).to(self.device).eval().requires_grad_(False)
        self.vectors = torch.from_numpy(faces.vectors)
        self.prior: tuple[Tensor, Tensor] | None = None
        self.labels = labels_of_seeds(faces.seeds)
        self.focus = face_focus(faces.images.shape[1]).to(self.device)
        self.path = folder / "paired.pt"
        self.done = {"half": 0, "fit": 0, "refine": 0, "distil": 0}
        self.optimisers = {
            "half": torch.optim.Adam([*self._drawing()], settings.half_lr, betas=(0.5, 0.99)),
            "fit": torch.optim.Adam([*self._drawing()], settings.lr, betas=(0.5, 0.99)),
            "refine": torch.optim.Adam([*self._drawing()], settings.refine_lr, betas=(0.5, 0.99)),
            "distil": torch.optim.Adam([*self._mapping()], settings.distil_lr, betas=(0.9, 0.99)),
        }
        if self.path.exists():
            self._load()

    def _drawing(self) -> Iterator[nn.Parameter]:
        yield from self.model.attributes.parameters()
        yield from self.model.generator.synthesis.parameters()

    def _mapping(self) -> Iterator[nn.Parameter]:
        """All but the two layers that `begin_mapping` sets."""
        for name, layer in self.model.generator.mapping.named_children():
            if name not in ("fc0", "fc1"):
                yield from layer.parameters()

    def run(self) -> Iterator[FitStep]:
        """All stages, step by step; finished steps are not repeated."""
        yield from self._stage("half", self.settings.half_steps, self._half_loss)
        yield from self._stage("fit", self.settings.steps, self._fit_loss)
        yield from self._stage("refine", self.settings.refine_steps, self._refine_loss)
        yield from self._stage("distil", self.settings.distil_steps, self._distil_loss)
        self._set_average_w()
        self.save()

    def _stage(self, name: str, total: int, loss_of: Callable[[], Tensor]) -> Iterator[FitStep]:
        optimiser, autosave = self.optimisers[name], Autosave(self.save, self.settings.save_seconds)
        base = optimiser.defaults["lr"]
        for index in range(self.done[name], total):
            for group in optimiser.param_groups:
                group["lr"] = base * schedule(index / total)
            optimiser.zero_grad()
            loss = loss_of()
            torch.autograd.backward(loss)
            optimiser.step()
            update_ema(self.average, self.model, min(self.settings.ema, (1 + index) / (10 + index)))
            self.done[name] = index + 1
            autosave()
            yield FitStep(name, index, total, float(loss.detach()), self.average.generator)
        self.save()

    def _pick(self, count: int) -> Tensor:
        return torch.randint(len(self.vectors), (count,), generator=self.rng)

    def _half_loss(self) -> Tensor:
        made, target, _ = self._faces(halved=True)
        return laplacian_loss(made, target, focus=F.avg_pool2d(self.focus, 2)).mean()

    def _fit_loss(self) -> Tensor:
        made, target, _ = self._faces()
        return laplacian_loss(made, target, focus=self.focus).mean()

    def _refine_loss(self) -> Tensor:
        made, target, rows = self._faces()
        pixels = laplacian_loss(made, target, focus=self.focus).mean()
        with coarse(self.device):
            labels = self.labels[rows].to(self.device)
            reading = reading_loss(self.reader, made, target, labels, self.settings.naming)
        return pixels + self.settings.reading * reading

    def _faces(self, halved: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """What the generator makes of a batch of faces, their pictures (B,3,H,W) in [-1,1], and their rows."""
        rows = self._pick(self.settings.batch)
        target = self.faces.pictures(rows).to(self.device)
        target = F.avg_pool2d(target, 2) if halved else target
        with coarse(self.device):
            made = self.model(self.vectors[rows].to(self.device), target.shape[2])
        return made.float(), target, rows

    def _distil_loss(self) -> Tensor:
        if self.prior is None:
            z = torch.randn(self.settings.distil_faces, Z_DIM, generator=torch.Generator().manual_seed(0))
            self.prior = z, torch.from_numpy(vectors_of(faces_of_z(z)))
        rows = torch.randint(len(self.prior[0]), (self.settings.distil_batch,), generator=self.rng)
        z, vectors = (each[rows].to(self.device) for each in self.prior)
        with torch.no_grad():
            target = self.average.attributes(vectors)
        return F.mse_loss(self.model.generator.mapping.single(z), target)

    @torch.no_grad()
    def _set_average_w(self) -> None:
        z = torch.randn(10_000, Z_DIM, generator=self.rng).to(self.device)
        for model in (self.model, self.average):
            model.generator.w_avg.copy_(model.generator.mapping.single(z).mean(0))

    def save(self) -> None:
        """Write the whole state in one step."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": {name: each.state_dict() for name, each in self.optimisers.items()},
            "rng": self.rng.get_state(),
            "done": self.done,
        }
        save_state(self.path, state)

    def _load(self) -> None:
        with loaded_state(self.path, self.device) as state:
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
            self.rng.set_state(state["rng"].cpu())
            self.done.update(state["done"])
