"""Which models a prior belongs to, and priors that are loaded and found to belong to those that are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..._base import InputFileError, UsageError
from ...generators.prior.checkpoints import load_checkpoint
from ...generators.prior.prior import Home, Prior, load_prior
from ...guidance.perceptor import Perceptor

if TYPE_CHECKING:
    from ..models import Models

_CHECKPOINTS = (".ckpt", ".pt", ".pth")


def only_clip(models: Models, clip_input: str = "standard") -> Perceptor:
    """The only CLIP of models.

    Args:
        clip_input: how pictures reach it, see `Models.perceptor`.

    Raises:
        UsageError: there are several.
    """
    members = models.perceptor(clip_input).members
    if len(members) != 1:
        raise UsageError(f"a prior is conditioned on one CLIP, not {len(members)}; give one with --clip")
    return members[0][0]


def identity_of(models: Models, clip_input: str = "standard") -> Home:
    """What says that a prior belongs to these models: hashes of files, or the name of a published CLIP."""
    clip, _ = only_clip(models, clip_input), models.generator
    hashes, name = models.hashes, models.names.clip
    return Home(hashes.get("generator", ""), hashes.get("clip") or name or "", clip.preprocessing)


def feature_length(perceptor: Perceptor) -> int:
    """The length of CLIP's features."""
    return int(perceptor.encode_text([""]).shape[1])


def load_own_prior(models: Models, path: Path, groups: tuple[int, ...] = ()) -> Prior:
    """A prior on the models' device.

    Args:
        path: our .safetensors, or a published .ckpt.
        groups: how many layers each latent of a checkpoint feeds, where it cannot be told from the generator.

    Raises:
        InputFileError: a file that cannot be read, or a prior of other models.
        UsageError, MissingError: as the models' roles do.
    """
    own = None if path.suffix.lower() in _CHECKPOINTS else load_prior(path)
    space = models.generator.latent_space
    prior = own or load_checkpoint(path, space.layers, groups)
    if groups and groups != prior.groups:
        found = ",".join(map(str, prior.groups))
        raise InputFileError(f"{path}: its latents feed {found} layers; leave --groups out")
    clip_input = prior.home.clip_input
    identity, clip = identity_of(models, clip_input), only_clip(models, clip_input)
    prior.check(
        path,
        (identity.generator, space.layers, {"z": space.z_dim, "w": space.code_dim}),
        (identity.clip, feature_length(clip)),
    )
    return prior.to(models.device)
