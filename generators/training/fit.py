"""Fitting a StyleGAN2 to pictures whose every attribute is known, before any adversarial training.

1. `half`: an attribute network maps face vectors to w, and synthesis draws the faces without its last block, at half
   their size: Laplacian pyramid L1. Most is learnt here at a quarter of the price.
2. `fit`: the same at the whole size.
3. `refine`: the same, and a reader of attributes shows what is still drawn wrong, however small it is.
4. `distil`: the mapping network learns the w that the attribute network has for the faces that z stand for.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..._base import InputFileError
from ..._devices import coarse
from ..._files import earlier_state
from ..._identity import digest_of, identity_of
from ..._schedules import cosine, warm_up
from ..._seeds import seeded
from ..._training import Average, Stage, Trainer, Update
from ..pyramid import laplacian_loss
from ..stylegan2.config import StyleGAN2Config
from ..stylegan2.generator import StyleGAN2
from ..stylegan2.layers import FullyConnected
from .face_latents import MAPPING_WIDTH, Z_DIM, faces_of_z, set_first_layers
from .face_set import FaceSet, vectors_of
from .faces import PLAIN_ENTRIES
from .labels import labels_of_faces
from .reader import Reader, reading_loss
from .settings import FitSettings

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


class AttributeNetwork(nn.Module):
    """Face vectors (B,D) -> w (B,w_dim), three fully connected layers.

    One that was fitted to plain faces leaves out the entries that are 0 in these.
    """

    def __init__(self, inputs: int, w_dim: int) -> None:
        super().__init__()
        self.inputs = inputs
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
        known = vectors[:, : self.inputs] if self.inputs == PLAIN_ENTRIES else vectors
        w: Tensor = self.layers(known)
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


# Where small features of a drawn face lie, as fractions of the side: x, y, their spreads, and how much more they count.
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


def fit_schedule(t: float) -> float:
    """Factor of the learning rate at progress t in [0, 1]: warm-up over 1 %, cosine to 0.1 from 60 % on."""
    return warm_up(t, 0.01) * cosine(t, floor=0.1, flat=0.6)


class FitTrainer(Trainer):
    """Runs the four stages over a face set; a checkpoint in `folder` is resumed.

    Args:
        reader: trained on such faces; stays as it is.

    Attributes:
        fitted: the average of the weights, which is what comes of the training.
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
        size = faces.images.shape[1]
        self.faces, self.settings = faces, settings
        self.model = seeded(seed, lambda: PairedModel(mini_generator(size), faces.vectors.shape[1]))
        set_first_layers(self.model.generator.mapping)
        self.model.to(device).to(memory_format=torch.channels_last)
        self.reader = copy.deepcopy(reader).to(device).eval().requires_grad_(False)
        self.vectors, self.labels = torch.from_numpy(faces.vectors), labels_of_faces(faces.faces)
        self.known: tuple[Tensor, Tensor] | None = None
        self.focus = face_focus(size).to(device)
        average = Average.begin(self.model, settings.ema)
        self.fitted: PairedModel = average.module  # type: ignore[assignment]
        facts = {"faces": faces.name, "reader": digest_of(reader.state_dict())}
        identity = identity_of("stylegan2", seed, settings.model_dump(), **facts)
        super().__init__({"model": self.model}, self._stages(), identity, seed, folder / "paired.pt", average)

    def _stages(self) -> list[Stage]:
        settings = self.settings
        drawing = [*self.model.attributes.parameters(), *self.model.generator.synthesis.parameters()]
        # All but the two layers that `set_first_layers` sets.
        layers = [
            layer
            for name, layer in self.model.generator.mapping.named_children()
            if name not in ("fc0", "fc1")
        ]
        mapping = [each for layer in layers for each in layer.parameters()]

        def stage(
            name: str,
            steps: int,
            parameters: Sequence[nn.Parameter],
            lr: float,
            loss: Callable[[int], Tensor],
        ) -> Stage:
            betas = (0.9, 0.99) if name == "distil" else (0.5, 0.99)
            update = Update(torch.optim.Adam(parameters, lr, betas=betas), loss)
            return Stage(name, steps, [update], fit_schedule)

        return [
            stage("half", settings.half_steps, drawing, settings.half_lr, self._half_loss),
            stage("fit", settings.steps, drawing, settings.lr, self._fit_loss),
            stage("refine", settings.refine_steps, drawing, settings.refine_lr, self._refine_loss),
            stage("distil", settings.distil_steps, mapping, settings.distil_lr, self._distil_loss),
        ]

    def _half_loss(self, _index: int) -> Tensor:
        made, target, _ = self._faces(halved=True)
        return laplacian_loss(made, target, focus=F.avg_pool2d(self.focus, 2)).mean()

    def _fit_loss(self, _index: int) -> Tensor:
        made, target, _ = self._faces()
        return laplacian_loss(made, target, focus=self.focus).mean()

    def _refine_loss(self, _index: int) -> Tensor:
        made, target, rows = self._faces()
        pixels = laplacian_loss(made, target, focus=self.focus).mean()
        with coarse(self.device):
            labels = self.labels[rows].to(self.device)
            reading = reading_loss(self.reader, made, target, labels, self.settings.naming)
        return pixels + self.settings.reading * reading

    def _faces(self, halved: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """What the generator makes of a batch of faces, their pictures (B,3,H,W) in [-1,1], and their rows."""
        count = self.processes.part_of(self.settings.batch)
        rows = torch.randint(len(self.vectors), (count,), generator=self.rng)
        target = self.faces.pictures(rows).to(self.device)
        target = F.avg_pool2d(target, 2) if halved else target
        with coarse(self.device):
            made = self.model(self.vectors[rows].to(self.device), target.shape[2])
        return made.float(), target, rows

    def _distil_loss(self, _index: int) -> Tensor:
        if self.known is None:
            z = torch.randn(self.settings.distil_faces, Z_DIM, generator=torch.Generator().manual_seed(0))
            self.known = z, torch.from_numpy(vectors_of(faces_of_z(z)))
        count = self.processes.part_of(self.settings.distil_batch)
        rows = torch.randint(len(self.known[0]), (count,), generator=self.rng)
        z, vectors = (each[rows].to(self.device) for each in self.known)
        with torch.no_grad():
            target = self.fitted.attributes(vectors)
        return F.mse_loss(self.model.generator.mapping.single(z), target)

    @torch.no_grad()
    def end(self) -> None:
        """Set the mean w of both generators."""
        z = torch.randn(10_000, Z_DIM, generator=self.rng).to(self.device)
        for model in (self.model, self.fitted):
            model.generator.w_avg.copy_(model.generator.mapping.single(z).mean(0))
