"""The adversarial finish of a fitted generator: a discriminator sharpens what the pixel loss leaves soft.

Half of each batch are faces whose picture is known: they keep the pixels' and the reader's loss beside the adversarial
one, whose gradient is scaled against theirs (as in Esser et al. 2021, eq. 7, but at the picture). The other half are
points between two faces in W, which only the discriminator judges, so that what lies between faces becomes a face.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..._devices import coarse
from ..._files import Autosave, loaded_state, save_state
from ..content import FaceContent
from ..pyramid import laplacian_loss
from ..stylegan2.config import DiscriminatorConfig
from ..stylegan2.discriminator import Discriminator
from ..stylegan2.losses import (
    clean_gradients,
    discriminator_loss,
    generator_loss,
    lazy_adam,
    r1_penalty,
    update_ema,
)
from .face_set import FaceSet
from .paired import PairedModel, face_focus, mini_generator, schedule
from .reader import reading_distance


@dataclass(frozen=True)
class FinishSettings:
    """Adam without momentum, R1 every `r1_every` steps; `share` is the adversarial gradient's part of the known faces'.

    For the first `warmup` steps only the discriminator learns: it starts from nothing against a fitted generator. Over
    the last 40 % of the steps both rates fall to a tenth. `reading` weighs what the reader sees against the pixels.
    """

    steps: int = 2_000
    batch: int = 32
    lr: float = 1e-3
    discriminator_lr: float = 2e-3
    gamma: float = 0.1
    r1_every: int = 16
    share: float = 0.5
    reading: float = 2.0
    warmup: int = 100
    ema: float = 0.995
    save_seconds: float = 180.0


@dataclass(frozen=True)
class FinishStep:
    """One step: the discriminator's loss (2 ln 2 is chance), the generator's, and the known faces' loss."""

    index: int
    total: int
    discriminator: float
    generator: float
    known: float


class FinishTrainer:
    """Trains the synthesis network further; W, and with it mapping and attribute network, stays as it is.

    Args:
        reader: tells what small features differ; stays as it is.
    """

    def __init__(
        self,
        faces: FaceSet,
        folder: Path,
        fitted: PairedModel,
        reader: FaceContent,
        settings: FinishSettings,
        seed: int = 0,
    ) -> None:
        self.faces, self.settings = faces, settings
        self.device = next(fitted.parameters()).device
        self.rng = torch.Generator().manual_seed(seed)
        self.model = copy.deepcopy(fitted).requires_grad_(False)
        self.model.generator.synthesis.requires_grad_(True)
        self.average = copy.deepcopy(fitted).requires_grad_(False)
        self.reader = copy.deepcopy(reader).to(self.device).eval().requires_grad_(False)
        self.focus = face_focus(faces.images.shape[1]).to(self.device)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            like = mini_generator(faces.images.shape[1])
            self.discriminator = Discriminator(
                DiscriminatorConfig(resolution=like.resolution, channels=like.channels, mbstd_group_size=4)
            )
        self.discriminator.to(self.device).to(memory_format=torch.channels_last)
        moved = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(moved, settings.lr, betas=(0.0, 0.99))
        lazy = lazy_adam(settings.discriminator_lr, settings.r1_every)
        self.discriminator_optimiser = torch.optim.Adam(self.discriminator.parameters(), **lazy)
        self.path, self.done = folder / "finish.pt", 0
        if self.path.exists():
            self._load()

    def run(self) -> Iterator[FinishStep]:
        """Step by step to the end; finished steps are not repeated."""
        autosave = Autosave(self.save, self.settings.save_seconds)
        for index in range(self.done, self.settings.steps):
            for optimiser in (self.optimiser, self.discriminator_optimiser):
                for group in optimiser.param_groups:
                    group["lr"] = optimiser.defaults["lr"] * schedule(index / self.settings.steps)
            generator, known = self._generator_step(learns=index >= self.settings.warmup)
            discriminator = self._discriminator_step(penalised=index % self.settings.r1_every == 0)
            self.done = index + 1
            autosave()
            yield FinishStep(index, self.settings.steps, discriminator, generator, known)
        self.save()

    def _generator_step(self, learns: bool) -> tuple[float, float]:
        half = self.settings.batch // 2
        rows = self._pick(half)
        ws = torch.cat([self._ws(rows), self._between(self.settings.batch - half)])
        made = self._draw(ws)
        known = self._known_loss(made[:half], self.faces.pictures(rows).to(self.device))
        adversarial = generator_loss(self._judge(made)).mean()
        (towards_real,) = torch.autograd.grad(adversarial, made, retain_graph=True)
        (towards_known,) = torch.autograd.grad(known, made, retain_graph=True)
        scale = (
            self.settings.share * towards_known[:half].norm() / towards_real[:half].norm().clamp(min=1e-12)
        )
        if learns:
            self.optimiser.zero_grad()
            torch.autograd.backward(made, towards_known + scale * towards_real)
            clean_gradients(self.model.generator.synthesis.parameters())
            self.optimiser.step()
            update_ema(self.average, self.model, min(self.settings.ema, (1 + self.done) / (10 + self.done)))
        return float(adversarial.detach()), float(known.detach())

    def _known_loss(self, made: Tensor, drawn: Tensor) -> Tensor:
        pixels = laplacian_loss(made, drawn, focus=self.focus).mean()
        with coarse(self.device):
            reading = reading_distance(self.reader, made, drawn)
        return pixels + self.settings.reading * reading

    def _discriminator_step(self, penalised: bool) -> float:
        half = self.settings.batch // 2
        with torch.no_grad():
            made = self._draw(torch.cat([self._ws(self._pick(half)), self._between(half)]))
        real = self.faces.pictures(self._pick(2 * half)).to(self.device)
        # Apart, so that the minibatch deviation never compares made pictures with real ones.
        loss = discriminator_loss(self._judge(made), self._judge(real)).mean()
        whole = loss
        if penalised:
            weight = self.settings.gamma / 2 * self.settings.r1_every
            whole = loss + weight * r1_penalty(self.discriminator, real).mean()
        self.discriminator_optimiser.zero_grad()
        torch.autograd.backward(whole)
        clean_gradients(self.discriminator.parameters())
        self.discriminator_optimiser.step()
        return float(loss.detach())

    def _pick(self, count: int) -> Tensor:
        return torch.randint(len(self.faces.vectors), (count,), generator=self.rng)

    def _ws(self, rows: Tensor) -> Tensor:
        vectors = torch.from_numpy(self.faces.vectors[rows.numpy()]).to(self.device)
        with torch.no_grad():
            w: Tensor = self.model.attributes(vectors)
        return w

    def _between(self, count: int) -> Tensor:
        share = torch.rand(count, 1, generator=self.rng).to(self.device)
        return torch.lerp(self._ws(self._pick(count)), self._ws(self._pick(count)), share)

    def _draw(self, w: Tensor) -> Tensor:
        generator = self.model.generator
        with coarse(self.device):
            made: Tensor = generator.synthesis(w[:, None].expand(-1, generator.num_ws, -1), noise="none")
        return made.float()

    def _judge(self, pictures: Tensor) -> Tensor:
        with coarse(self.device):
            logits: Tensor = self.discriminator(pictures.contiguous(memory_format=torch.channels_last))
        return logits.float()

    def save(self) -> None:
        """Write the whole state in one step."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimisers": [self.optimiser.state_dict(), self.discriminator_optimiser.state_dict()],
            "rng": self.rng.get_state(),
            "done": self.done,
        }
        save_state(self.path, state)

    def _load(self) -> None:
        with loaded_state(self.path, self.device) as state:
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.discriminator.load_state_dict(state["discriminator"])
            self.optimiser.load_state_dict(state["optimisers"][0])
            self.discriminator_optimiser.load_state_dict(state["optimisers"][1])
            self.rng.set_state(state["rng"].cpu())
            self.done = state["done"]
