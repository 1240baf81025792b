"""The adversarial finish of a fitted generator: a discriminator sharpens what the pixel loss leaves soft.

Half of each batch are faces whose picture is known: they keep the pixels' and the reader's loss beside the adversarial
one, whose gradient is scaled against theirs (as in Esser et al. 2021, eq. 7, but at the picture). The other half are
points between two faces in W, which only the discriminator judges, so that what lies between faces becomes a face.
"""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ..._devices import coarse
from ..._identity import digest_of, identity_of
from ..._seeds import seeded
from ..._training import Average, Stage, Trainer, Update
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
)
from .face_set import FaceSet
from .fit import PairedModel, face_focus, fit_schedule, mini_generator
from .reader import reading_distance
from .settings import FinishSettings


class FinishTrainer(Trainer):
    """Trains the synthesis network further; W, and with it mapping and attribute network, stays as it is.

    The terms of its steps are the discriminator's loss (2 ln 2 is chance), the generator's, and the known faces' loss.

    Args:
        fitted: what to begin with.
        reader: shows what small features differ; stays as it is.

    Attributes:
        finished: the average of the weights, which is what comes of the training.
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
        device, size = next(fitted.parameters()).device, faces.images.shape[1]
        self.model = copy.deepcopy(fitted).requires_grad_(False)
        self.model.generator.synthesis.requires_grad_(True)
        self.reader = copy.deepcopy(reader).to(device).eval().requires_grad_(False)
        self.focus = face_focus(size).to(device)
        like = mini_generator(size)
        shape = DiscriminatorConfig(resolution=like.resolution, channels=like.channels, mbstd_group_size=4)
        self.discriminator = seeded(seed, lambda: Discriminator(shape))
        self.discriminator.to(device).to(memory_format=torch.channels_last)
        average = Average.begin(self.model, settings.ema)
        self.finished: PairedModel = average.module  # type: ignore[assignment]
        models = {"fitted": digest_of(fitted.state_dict()), "reader": digest_of(reader.state_dict())}
        identity = identity_of("finish", seed, settings.model_dump(), faces=faces.name, **models)
        modules = {"model": self.model, "discriminator": self.discriminator}
        stage = Stage("finish", settings.steps, self._updates(), fit_schedule)
        super().__init__(modules, [stage], identity, seed, folder / "finish.pt", average)

    def _updates(self) -> list[Update]:
        settings, judge = self.settings, [*self.discriminator.parameters()]
        drawing = [each for each in self.model.parameters() if each.requires_grad]
        lazy = lazy_adam(settings.discriminator_lr, settings.r1_every)
        first = torch.optim.Adam(drawing, settings.lr, betas=(0.0, 0.99))
        return [
            Update(first, self._generator_loss, partial(clean_gradients, drawing), settings.warm_up),
            Update(
                torch.optim.Adam(judge, **lazy), self._discriminator_loss, partial(clean_gradients, judge)
            ),
        ]

    def _generator_loss(self, _index: int) -> dict[str, Tensor]:
        count = self.processes.part_of(self.settings.batch)
        half = count // 2
        rows = self._pick(half)
        made = self._draw(torch.cat([self._ws(rows), self._between(count - half)]))
        known = self._known_loss(made[:half], self.faces.pictures(rows).to(self.device))
        adversarial = generator_loss(self._judge(made)).mean()
        (towards_real,) = torch.autograd.grad(adversarial, made, retain_graph=True)
        (towards_known,) = torch.autograd.grad(known, made, retain_graph=True)
        shorter = towards_known[:half].norm() / towards_real[:half].norm().clamp(min=1e-12)
        # A loss with the value of the known faces' and the gradient of both at the pictures.
        both = (made * (towards_known + self.settings.adversarial * shorter * towards_real)).sum()
        return {"generator": adversarial.detach(), "known": known.detach() + (both - both.detach())}

    def _known_loss(self, made: Tensor, drawn: Tensor) -> Tensor:
        pixels = laplacian_loss(made, drawn, focus=self.focus).mean()
        with coarse(self.device):
            reading = reading_distance(self.reader, made, drawn)
        return pixels + self.settings.reading * reading

    def _discriminator_loss(self, index: int) -> dict[str, Tensor]:
        half = self.processes.part_of(self.settings.batch) // 2
        with torch.no_grad():
            made = self._draw(torch.cat([self._ws(self._pick(half)), self._between(half)]))
        real = self.faces.pictures(self._pick(2 * half)).to(self.device)
        # Apart, so that the minibatch deviation never compares made pictures with real ones.
        terms = {"discriminator": discriminator_loss(self._judge(made), self._judge(real)).mean()}
        if index % self.settings.r1_every == 0:
            weight = self.settings.gamma / 2 * self.settings.r1_every
            terms["r1"] = weight * r1_penalty(self.discriminator, real).mean()
        return terms

    def _pick(self, count: int) -> Tensor:
        return torch.randint(len(self.faces.vectors), (count,), generator=self.rng)

    def _ws(self, rows: Tensor) -> Tensor:
        vectors = torch.from_numpy(self.faces.vectors[rows.numpy()]).to(self.device)
        with torch.no_grad():
            w: Tensor = self.model.attributes(vectors)
        return w

    def _between(self, count: int) -> Tensor:
        place = torch.rand(count, 1, generator=self.rng).to(self.device)
        return torch.lerp(self._ws(self._pick(count)), self._ws(self._pick(count)), place)

    def _draw(self, w: Tensor) -> Tensor:
        generator = self.model.generator
        with coarse(self.device):
            made: Tensor = generator.synthesis(w[:, None].expand(-1, generator.num_ws, -1), noise="none")
        return made.float()

    def _judge(self, pictures: Tensor) -> Tensor:
        with coarse(self.device):
            logits: Tensor = self.discriminator(pictures.contiguous(memory_format=torch.channels_last))
        return logits.float()
