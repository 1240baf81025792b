"""What a generator is, what the space of its latents can do, and the table of those that are known by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from .._base import Entry, NameTable

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Latent: TypeAlias = Tensor | Sequence[Tensor] | Mapping[str, Tensor]
    Images: TypeAlias = Tensor
else:
    # Only names for readers of annotations: torch is not imported here.
    Latent = Images = object


@runtime_checkable
class Generator(Protocol):
    """Turns latents into pictures.

    A latent is a tensor (B,...), a sequence of such tensors, or a flat mapping name -> tensor. A generator
    may also have `latent_space`, a `LatentSpace` in which its pictures can be edited, and then `resolution`: the
    side of its square pictures; and `tunable`, the names of the weights that may change when it is tuned to a picture.
    """

    differentiable: bool

    def init(self, batch: int, rng: torch.Generator) -> Latent:
        """Starting latents; the first k are the same for every `batch` >= k."""
        ...

    def decode(self, latent: Latent) -> Images:
        """Pictures (B,3,H,W), RGB, in [0,1]."""
        ...


class LatentSpace(Protocol):
    """How the latents of a generator are started, measured and moved; `codes.CodeSpace` does it for plain vectors.

    A code is a latent in the space that random latents come from: (B,D), or (B,L,D) with one for each of L layers.

    Attributes:
        spaces: names that `start` and `axes` take: "w" of codes (B,D) and "w+" of codes (B,L,D), then the
            generator's own.
        z_dim: of the normal numbers that codes are made of. code_dim: D. layers: L.
    """

    spaces: tuple[str, ...]
    z_dim: int
    code_dim: int
    layers: int

    def sample(self, z: Tensor) -> Tensor:
        """Codes (N,D) of normal numbers (N,z_dim), on the generator's device."""
        ...

    def average(self, batch: int) -> Tensor:
        """The mean code, in the form that an inversion moves: (B,L,D)."""
        ...

    def start(self, latent: Latent, space: str) -> Latent:
        """A latent of one space in another; ValueError says which one cannot be had."""
        ...

    def axes(self, space: str) -> Latent:
        """What random latents vary along, each axis as long as their standard deviation there.

        Principal components of codes (K,D), largest first, or by name the deviation of each number.
        """
        ...

    def move(self, latent: Latent, step: Tensor, fixed: Collection[str] = ()) -> Latent:
        """A latent after a step (D,) of its code; named parts in `fixed` stay."""
        ...

    def fixed(self, space: str) -> Collection[str]:
        """Named parts of a latent that an edit leaves alone."""
        ...

    def check(self, latent: Latent) -> None:
        """Raises ValueError for a latent that the generator does not take, naming those that it does."""
        ...


@runtime_checkable
class Proposal(Protocol):
    """Makes a latent in one shot, without steps: an encoder, a prior, a network that knows styles by words."""

    def propose(
        self, condition: Tensor, rngs: Sequence[torch.Generator] = (), latent: Latent | None = None
    ) -> Latent:
        """Latents (B,...) for conditions (B,...).

        Args:
            condition: what is asked for: pictures, features of texts, ...
            rngs: one a sample, for what is random.
            latent: where to start, if the proposal starts from something.
        """
        ...


# Loaders: (path, device) -> generator; `path` has the default None for one that needs no file. A file says by its
# content which loader it needs.
GENERATORS = NameTable(
    kind="generator",
    entries={"stylegan2": Entry(".generators.stylegan2:load_generator")},
    group="promptbrush.generators",
    accepts=lambda name, found: callable(found),
)


def name_in(spec: str | Path) -> str:
    """The name in NAME=FILE, or the NAME alone of a generator that needs no file; empty for a path.

    Raises:
        UsageError: it looks like a name, but is not in the table.
    """
    name = str(spec).partition("=")[0]
    with suppress(OSError, ValueError):  # too long for a path, or with a NUL character
        if Path(spec).exists():
            return ""
    if name.isidentifier():
        GENERATORS.check(name)
        return name
    return name if name in GENERATORS.names() else ""


def file_in(spec: str | Path) -> str:
    """The file in NAME=FILE, or the path itself; empty for a NAME alone.

    Raises:
        UsageError: as `name_in`.
    """
    _, equals, file = str(spec).partition("=")
    return (file if equals else "") if name_in(spec) else str(spec)
