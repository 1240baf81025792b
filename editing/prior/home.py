"""The models that a prior works between, loaded and found to be its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..._base import InputFileError, UsageError
from ..._files import input_file, short_hash
from ...generators.packs.pack import load_pack
from ...generators.prior.checkpoints import load_checkpoint
from ...generators.prior.prior import Home, Prior, load_prior
from ...guidance.perceptor import Perceptor
from ..models import LoadedModels, ModelChoice, load_models
from .codes import Codes

# How the published checkpoints' pictures reached CLIP.
PUBLISHED_INPUT = "twice"
_CHECKPOINTS = (".ckpt", ".pt", ".pth")


@dataclass(frozen=True)
class SamplingModels:
    """A prior with its generator and its CLIP.

    Attributes:
        path: of the prior. digest: the first digits of its SHA-256. of_pack: it is the pack's own.
    """

    models: LoadedModels
    prior: Prior
    path: Path
    digest: str
    of_pack: bool = False

    @property
    def perceptor(self) -> Perceptor:
        """The CLIP that the prior is told by."""
        return the_clip(self.models)

    @property
    def codes(self) -> Codes:
        """What turns the prior's numbers into the generator's latents."""
        return Codes(self.prior, self.models.generator)


def the_clip(models: LoadedModels) -> Perceptor:
    """The only CLIP of models.

    Raises:
        UsageError: there are several.
    """
    members = models.perceptor.members
    if len(members) != 1:
        raise UsageError(f"a prior is told by one CLIP, not {len(members)}; give one with --clip")
    return members[0][0]


def home_of(models: LoadedModels) -> Home:
    """What says that a prior belongs to these models: hashes of files, or the name of a published CLIP."""
    hashes, clip = models.names.hashes, the_clip(models)
    return Home(
        hashes.get("generator", ""), hashes.get("clip") or models.names.clip or "", clip.preprocessing
    )


def feature_length(perceptor: Perceptor) -> int:
    """How many numbers CLIP sees in a picture."""
    return int(perceptor.encode_text([""]).shape[1])


def prior_path(choice: ModelChoice, prior: str | Path | None) -> Path:
    """The file of a prior: the user's own, else the pack's.

    Raises:
        InputFileError: no such file. MissingError: the pack has none.
    """
    return input_file(prior) if prior else load_pack(choice.pack).path("prior")


def load_sampling(
    choice: ModelChoice, prior: str | Path | None = None, groups: Sequence[int] = ()
) -> SamplingModels:
    """Load a prior and its models.

    Args:
        prior: our .safetensors, or a published .ckpt; the pack's if None.
        groups: how many layers each latent of a checkpoint feeds, where it cannot be told from the generator.

    Raises:
        InputFileError: a file that cannot be read, or a prior of other models.
        UsageError, MissingError: as `load_models`.
    """
    path = prior_path(choice, prior)
    published = path.suffix.lower() in _CHECKPOINTS
    own = None if published else load_prior(path)
    clip_input = own.home.clip_input if own else PUBLISHED_INPUT
    models = load_models(replace(choice, clip_input=clip_input))
    loaded = own or load_checkpoint(path, models.generator.num_ws, tuple(groups))
    if groups and tuple(groups) != loaded.groups:
        told = ",".join(map(str, loaded.groups))
        raise InputFileError(f"{path}: its latents feed {told} layers; leave --groups out")
    home, generator = home_of(models), models.generator
    loaded.check(
        path,
        (home.generator, generator.num_ws, {"z": generator.z_dim, "w": generator.w_dim}),
        (home.clip, feature_length(the_clip(models))),
    )
    return SamplingModels(models, loaded.to(models.device), path, short_hash(path), prior is None)
