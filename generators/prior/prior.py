"""A prior with all that it needs to be used: its network, the statistics of its latents, and whose they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..._base import InputFileError
from ..._weights import load_network, save_half
from .kinds import Space
from .mini import MiniPrior
from .published import PublishedPrior

KIND = "prior"
_DIGITS = 16
_MEND = "train one with 'promptbrush train prior'"


@dataclass(frozen=True)
class Spread:
    """How latents vary, so that a prior's numbers are in standard deviations.

    With axes, they are principal components of w, each in its own deviations. A w spends most of its variance on few
    things, such as the hair, and a squared error of plain w hardly asks for the small ones, such as a beard.

    Attributes:
        mean, std: (G,D), of z or w.
        axes: (G,K,D), orthonormal directions of w in deviations, or None for those of each number.
        lengths: (G,K), the standard deviations along the axes.
    """

    mean: Tensor
    std: Tensor
    axes: Tensor | None = None
    lengths: Tensor | None = None


@dataclass(frozen=True)
class Home:
    """The models that a prior belongs to; empty where they are not known, as of published checkpoints.

    Attributes:
        generator: SHA-256 of its file. clip: that of its file, or the name of published weights.
        clip_input: how pictures reached CLIP.
    """

    generator: str = ""
    clip: str = ""
    clip_input: str = "standard"


class Prior(nn.Module):
    """Predicts latents without noise, in standard deviations.

    Args:
        network: see `MiniPrior` and `PublishedPrior`.
        groups: how many layers each of a sample's latents feeds, coarse ones first; one group is one w for all.
        spread: see `Spread`. home: see `Home`.
        unit: the network is told unit vectors; else CLIP's features at their natural length.
        space: "z" or "w", which of them it predicts.
    """

    mean: Tensor
    std: Tensor
    axes: Tensor | None
    lengths: Tensor | None

    def __init__(
        self,
        network: MiniPrior | PublishedPrior,
        groups: tuple[int, ...],
        spread: Spread,
        home: Home,
        unit: bool = True,
        space: Space = "w",
    ) -> None:
        super().__init__()
        self.network, self.groups, self.home, self.unit = network, groups, home, unit
        self.space: Space = space
        for name, value in vars(spread).items():
            self.register_buffer(name, value)

    @property
    def steps(self) -> int:
        """Of the diffusion that it learnt."""
        return self.network.steps

    @property
    def shape(self) -> tuple[int, int]:
        """Of what is drawn for one sample, (G,K)."""
        return self.network.latents, self.network.dim

    def forward(self, x: Tensor, step: Tensor, condition: Tensor, known: Tensor | None = None) -> Tensor:
        """As the networks: x (B,G,K), step (B,), condition (B,D) -> (B,G,K)."""
        out: Tensor = self.network(x, step, condition, known)
        return out

    def normalised(self, numbers: Tensor) -> Tensor:
        """z or w (B,G,D) in standard deviations, (B,G,K)."""
        plain = (numbers - self.mean) / self.std
        if self.axes is None or self.lengths is None:
            return plain
        return torch.einsum("bgd,gkd->bgk", plain, self.axes) / self.lengths

    def numbers(self, x: Tensor, truncation: float = 1.0) -> Tensor:
        """z or w (B,G,D) of samples (B,G,K).

        Args:
            truncation: how far from the mean they stay, 1 leaves them.
        """
        if self.axes is not None and self.lengths is not None:
            x = torch.einsum("bgk,gkd->bgd", x * self.lengths, self.axes)
        return self.mean + truncation * (x * self.std)

    def check(
        self, path: str | Path, generator: tuple[str, int, Mapping[str, int]], clip: tuple[str, int]
    ) -> None:
        """Whether it is for these models.

        Args:
            path: of its file, for messages.
            generator: SHA-256, num_ws, and how many numbers z and w have.
            clip: SHA-256 or name, and the length of its features.

        Raises:
            InputFileError: it is for others.
        """
        digest, layers, lengths = generator
        own, takes = self.mean.shape[1], lengths[self.space]
        if own != takes or sum(self.groups) != layers:
            raise InputFileError(
                f"{path}: draws {own}-dimensional {self.space} for {sum(self.groups)} layers, the generator takes "
                f"{takes}-dimensional ones for {layers}; give the prior's own --generator, or {_MEND}"
            )
        if self.network.condition_dim != clip[1]:
            raise InputFileError(
                f"{path}: takes {self.network.condition_dim}-dimensional CLIP features, this CLIP's have {clip[1]} "
                f"dimensions; give the prior's own --clip, or {_MEND}"
            )
        for what, wanted, found in (
            ("generator", self.home.generator, digest),
            ("clip", self.home.clip, clip[0]),
        ):
            if wanted and wanted != found:
                raise InputFileError(
                    f"{path}: belongs to another {what} ({wanted[:_DIGITS]}, not {found[:_DIGITS]}); "
                    f"give the prior's own --{what}, or {_MEND}"
                )


def save_prior(prior: Prior, path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a prior as fp16 safetensors.

    Raises:
        InputFileError: it cannot be written.
    """
    network = prior.network
    names = (
        ("dim", "condition_dim", "width", "depth", "steps", "latents")
        if isinstance(network, MiniPrior)
        else ("dim", "depth", "heads", "dim_head", "steps", "latents")
    )
    header = {
        **(metadata or {}),
        "kind": KIND,
        "network": "mini" if isinstance(network, MiniPrior) else "published",
        "shape": json.dumps({name: getattr(network, name) for name in names}),
        "groups": json.dumps(prior.groups),
        "home": json.dumps(vars(prior.home)),
        "unit": json.dumps(prior.unit),
        "space": prior.space,
        "length": str(prior.mean.shape[1]),
        "axes": json.dumps(prior.axes is not None),
    }
    save_half(prior, path, header)


def load_prior(path: str | Path) -> Prior:
    """A prior that `save_prior` wrote, frozen, in float32.

    Raises:
        InputFileError: not such a file, or a damaged one.
    """
    return load_network(path, KIND, _build, "a prior", _MEND)


def _build(header: Mapping[str, str]) -> Prior:
    try:
        shape = {name: int(value) for name, value in json.loads(header["shape"]).items()}
        groups = tuple(int(each) for each in json.loads(header["groups"]))
        home, unit = Home(**json.loads(header["home"])), bool(json.loads(header["unit"]))
        length, axes = int(header["length"]), bool(json.loads(header["axes"]))
        space: Space = {"z": "z", "w": "w"}[header["space"]]  # type: ignore[assignment]
        network = (MiniPrior if header["network"] == "mini" else PublishedPrior)(**shape)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its header does not describe a prior: {error}") from error
    if len(groups) != network.latents or min(groups, default=0) < 1:
        raise ValueError(f"its header has groups {groups} for {network.latents} latents")
    count, size = network.latents, network.dim
    plain = [torch.zeros(count, length) for _ in range(2)]
    along = [torch.zeros(count, size, length), torch.zeros(count, size)] if axes else []
    return Prior(network, groups, Spread(*plain, *along), home, unit, space)
