"""Training the inversion encoder against a finished generator.

Each step sees drawn faces, half of them reframed, and pictures of the generator itself. What the encoder finds
is drawn again and compared with the picture, by pixels and by what a reader of attributes sees; where the right w is
known (from the attribute network, or because the picture was made from it), it is compared with that as well; and the
layers' own offsets are kept small.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from ..._base import UsageError
from ..._devices import coarse
from ..._identity import digest_of, identity_of
from ..._schedules import cosine, warm_up
from ..._seeds import seeded
from ..._training import Stage, Trainer, Update
from ..content import FaceContent
from ..encoder import Encoder, EncoderConfig
from ..pyramid import reconstruction_loss
from ..stylegan2.generator import StyleGAN2
from .degradation import degraded, reframed
from .face_set import FaceSet
from .fit import AttributeNetwork, fitted_state
from .reader import reading_distance
from .settings import EncoderSettings

_SMALLEST_SCALE = 1e-3


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


class EncoderTrainer(Trainer):
    """Trains an encoder for a generator; a checkpoint in `folder` is resumed.

    Args:
        faces: of the generator's resolution.
        generator: stays as it is.
        attributes: face vectors (B,D) -> w (B,w_dim) of this generator.
        reader: shows which small features differ; stays as it is.

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
        device = generator.w_avg.device
        self.faces, self.settings = faces, settings
        self.generator = copy.deepcopy(generator).eval().requires_grad_(False)
        self.reader = copy.deepcopy(reader).to(device).eval().requires_grad_(False)
        self.known = _known_latents(faces, attributes, generator.w_dim)
        scale = self.known.std(0).clamp(min=_SMALLEST_SCALE)
        config = EncoderConfig(generator.resolution, generator.num_ws, generator.w_dim)
        self.encoder = seeded(seed, lambda: Encoder(config, self.known.mean(0), scale))
        self.encoder.to(device).to(memory_format=torch.channels_last)
        models = {"generator": generator, "attributes": attributes, "reader": reader}
        facts = {name: digest_of(each.state_dict()) for name, each in models.items()}
        identity = identity_of("encoder", seed, settings.model_dump(), faces=faces.name, **facts)
        optimizer = torch.optim.Adam(self.encoder.parameters(), settings.lr, betas=(0.9, 0.99))
        stage = Stage("encoder", settings.steps, [Update(optimizer, self._losses)], encoder_schedule)
        super().__init__({"encoder": self.encoder}, [stage], identity, seed, folder / "encoder.pt")

    def _losses(self, _index: int) -> dict[str, Tensor]:
        """The weighted losses of a batch, on pictures in [-1,1] and on latents in standard deviations of w."""
        settings, drawn = self.settings, self.settings.drawn
        count = self.processes.part_of(settings.batch)
        rows = torch.randint(len(self.known), (count,), generator=self.rng)
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
        return {
            "picture": settings.picture * picture,
            "reading": settings.reading * reading,
            "latent": settings.latent * latent,
            "offset": settings.offset * offsets.square().mean(),
        }

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


def encoder_schedule(t: float) -> float:
    """Factor of the learning rate at progress t in [0, 1): warm-up over 2 %, cosine to 0."""
    return warm_up(t, 0.02) * cosine(t)


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
