"""Training the inversion encoder against a finished generator.

Each step sees drawn faces, half of them reframed, and pictures of the generator itself. What the encoder finds
is drawn again and compared with the picture, by pixels and by what a reader of attributes sees; where the right w is
known (from the attribute network, or because the picture was made from it), it is compared with that as well; and the
layers' own offsets are kept small.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..._base import UsageError
from ..._devices import coarse
from ..._files import Autosave, loaded_state, save_state
from ..content import FaceContent
from ..encoder import Encoder, EncoderConfig
from ..pyramid import reconstruction_loss
from ..stylegan2.generator import StyleGAN2
from .damage import degraded, reframed
from .face_set import FaceSet
from .paired import AttributeNetwork, fitted_state
from .reader import reading_distance

_SMALLEST_SCALE = 1e-3


@dataclass(frozen=True)
class EncoderSettings:
    """Adam with a short warm-up and a cosine to 0.

    Args:
        batch: faces a step.
        drawn: how many of them are drawn again for the picture loss, the costly part.
        sampled: pictures of the generator itself a step, at least 1.
        picture, reading, latent, offset: weights of the losses.
    """

    steps: int = 8_000
    batch: int = 16
    drawn: int = 8
    sampled: int = 4
    lr: float = 1.5e-3
    picture: float = 1.0
    reading: float = 1.0
    latent: float = 1.0
    offset: float = 0.1
    save_seconds: float = 120.0


@dataclass(frozen=True)
class EncoderStep:
    """One step: losses on pictures in [-1,1] and on latents in standard deviations of w."""

    index: int
    total: int
    loss: float
    picture: float
    reading: float
    latent: float
    offset: float


def load_attributes(work: Path) -> AttributeNetwork:
    """The attribute network that `train stylegan2` left in its work folder, frozen.

    Raises:
        MissingError: the folder has none.
        InputFileError: its checkpoint is not one.
    """
    with fitted_state(work) as average:
        prefix = "attributes."
        found = {key[len(prefix) :]: value for key, value in average.items() if key.startswith(prefix)}
        return AttributeNetwork.of_state(found)


class EncoderTrainer:
    """Trains an encoder for a generator; a checkpoint in `folder` is continued.

    Args:
        faces: of the generator's resolution.
        generator: stays as it is.
        attributes: face vectors (B,D) -> w (B,w_dim) of this generator.
        reader: tells what small features differ; stays as it is.

    Raises:
        UsageError: the three do not fit together.
        InputFileError: the checkpoint in `folder` is of another training or another generator.
    """

    def __init__(
        self,
        faces: FaceSet,
        generator: StyleGAN2,
        attributes: nn.Module,
        reader: FaceContent,
        folder: Path,
        settings: EncoderSettings,
        seed: int = 0,
    ) -> None:
        _check_size(faces, generator)
        self.faces, self.settings, self.device = faces, settings, generator.w_avg.device
        self.generator = copy.deepcopy(generator).eval().requires_grad_(False)
        self.reader = copy.deepcopy(reader).to(self.device).eval().requires_grad_(False)
        self.known = _known_latents(faces, attributes, generator.w_dim)
        scale = self.known.std(0).clamp(min=_SMALLEST_SCALE)
        config = EncoderConfig(generator.resolution, generator.num_ws, generator.w_dim)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.encoder = Encoder(config, self.known.mean(0), scale)
        self.encoder.to(self.device).to(memory_format=torch.channels_last)
        self.rng = torch.Generator().manual_seed(seed)
        self.optimiser = torch.optim.Adam(self.encoder.parameters(), settings.lr, betas=(0.9, 0.99))
        self.path, self.done = folder / "encoder.pt", 0
        if self.path.exists():
            self._load()

    def run(self) -> Iterator[EncoderStep]:
        """Step by step to the end; finished steps are not repeated."""
        autosave = Autosave(self.save, self.settings.save_seconds)
        for index in range(self.done, self.settings.steps):
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.lr * schedule(index / self.settings.steps)
            losses, settings = self._losses(), self.settings
            weights = settings.picture, settings.reading, settings.latent, settings.offset
            loss = torch.stack([weight * each for weight, each in zip(weights, losses, strict=True)]).sum()
            self.optimiser.zero_grad()
            torch.autograd.backward(loss)
            self.optimiser.step()
            self.done = index + 1
            autosave()
            shown = [float(value.detach()) for value in (loss, *losses)]
            yield EncoderStep(index, settings.steps, *shown)
        self.save()

    def _losses(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Picture, reading, latent and offset loss of one batch."""
        drawn = self.settings.drawn
        rows = torch.randint(len(self.known), (self.settings.batch,), generator=self.rng)
        clean = self.faces.pictures(rows).to(self.device) / 2 + 0.5
        # Every second face is reframed; what its w should be is not known then.
        target = clean.clone()
        target[::2] = reframed(clean[::2], self.rng)
        own, own_w = self._own()
        pictures = degraded(torch.cat([target, own]), self.rng)
        with coarse(self.device):
            shared, offsets = self.encoder.offsets(pictures.contiguous(memory_format=torch.channels_last))
        made = self._draw(self.encoder.codes(shared[:drawn], offsets[:drawn]))
        wanted = target[:drawn] * 2 - 1
        picture = reconstruction_loss(made, wanted).mean()
        with coarse(self.device):
            reading = reading_distance(self.reader, made, wanted)
        known = torch.cat([self.known[rows[1::2]].to(self.device), own_w])
        found = (shared[:, None] + offsets)[[*range(1, len(rows), 2), *range(len(rows), len(shared))]]
        true = (known - self.encoder.w_avg) / self.encoder.w_scale
        latent = (found - true[:, None]).square().mean()
        return picture, reading, latent, offsets.square().mean()

    @torch.no_grad()
    def _own(self) -> tuple[Tensor, Tensor]:
        """Pictures (sampled,3,R,R) in [0,1] that the generator makes of random z, and their w."""
        z = torch.randn(self.settings.sampled, self.generator.z_dim, generator=self.rng).to(self.device)
        w = self.generator.mapping.single(z)
        images = self._draw(w[:, None].expand(-1, self.generator.num_ws, -1))
        return (images * 0.5 + 0.5).clamp(0, 1), w

    def _draw(self, ws: Tensor) -> Tensor:
        with coarse(self.device):
            made: Tensor = self.generator.synthesis(ws)
        return made.float()

    def save(self) -> None:
        """Write the whole state in one step."""
        state = {
            "encoder": self.encoder.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.get_state(),
            "done": self.done,
            "generator": fingerprint(self.generator),
        }
        save_state(self.path, state)

    def _load(self) -> None:
        with loaded_state(self.path, self.device) as state:
            # Going on would end with an encoder for a generator that is no longer there.
            if state["generator"] != fingerprint(self.generator):
                raise ValueError("it belongs to another generator")
            self.encoder.load_state_dict(state["encoder"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.rng.set_state(state["rng"].cpu())
            self.done = state["done"]


def schedule(t: float) -> float:
    """Share of the learning rate at progress t in [0, 1): warm-up over 2 %, cosine to 0."""
    return min(1.0, t / 0.02 + 0.02) * (0.5 + 0.5 * math.cos(math.pi * t))


def fingerprint(generator: StyleGAN2) -> str:
    """Tells generators apart: SHA-256 of all weights."""
    digest = hashlib.sha256()
    for key, value in sorted(generator.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _check_size(faces: FaceSet, generator: StyleGAN2) -> None:
    size = faces.images.shape[1]
    if size != generator.resolution:
        raise UsageError(
            f"the faces have {size} px, the generator {generator.resolution}; draw faces of its size"
        )


@torch.no_grad()
def _known_latents(faces: FaceSet, attributes: nn.Module, w_dim: int) -> Tensor:
    """The w of every face, (N,w_dim) float32 on the CPU."""
    try:
        known: Tensor = attributes(torch.from_numpy(faces.vectors)).float().cpu()
    except RuntimeError as error:
        raise UsageError(
            f"the attribute network does not take face vectors of {faces.vectors.shape[1]} numbers; "
            "it belongs to another version of the faces: fit the generator again"
        ) from error
    if known.shape[1] != w_dim:
        raise UsageError(
            f"the attribute network makes w of {known.shape[1]} numbers, the generator takes {w_dim}; "
            "give the generator of the same work folder"
        )
    return known
