"""Terms that compare what a network sees in the result with what it saw in the start.

Keys and input of the face network follow the published `model_ir_se50.pth` (ArcFace, Deng et al. 2019, with
squeeze-and-excitation), as StyleCLIP and others use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from .._base import DAMAGE_ERRORS, InputFileError, MissingError
from .._weights import load_plain
from .clip import cosine_distance
from .face_features import FaceFeatures, holds_face_features, load_face_features
from .objective import Context, Objective, Start, choice, for_batch, members_of, read_settings, required
from .perceptor import Ensemble, Perceptor

DISTANCES = ("cosine", "squared")
# Blocks and width of the four groups of the 50-layer network.
GROUPS = ((3, 64), (4, 128), (14, 256), (3, 512))
# Where the face is in an aligned picture of 256 px: rows, then columns.
FACE_ROWS, FACE_COLUMNS = slice(35, 223), slice(32, 220)


@dataclass(frozen=True)
class IdentitySettings:
    """Settings of `identity`: the file of the face network, unless the start brings one."""

    weights: str = ""


@dataclass(frozen=True)
class FeatureSettings:
    """Settings of `features`: the distance is "cosine" or "squared" (mean of squares)."""

    distance: str = "cosine"


class FeatureDistance(Objective):
    """Distance between a network's features of the result and of the start.

    Args:
        encoder: any module, pictures (B,3,H,W) in [0,1] to features (B,...).
        image: the start, (1 or B,3,H,W) in [0,1]; encoded once, here.
        distance: "cosine" is 1 - cos of the flattened features, "squared" the mean of squared differences.

    Raises:
        UsageError: an unknown distance.
    """

    reference: Tensor

    def __init__(
        self, encoder: nn.Module, image: Tensor, distance: str = "cosine", name: str = "features"
    ) -> None:
        super().__init__(name)
        self.distance = choice(distance, DISTANCES, "distance")
        self.encoder = encoder
        with torch.no_grad():
            self.register_buffer("reference", self._features(image), persistent=False)

    def loss(self, images: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        reference = for_batch(self.reference, len(images), "images")
        features = self._features(images)
        if self.distance == "squared":
            return (features - reference).square().mean(dim=1)
        return cosine_distance(F.normalize(features, dim=1), F.normalize(reference, dim=1))

    def _features(self, images: Tensor) -> Tensor:
        features: Tensor = self.encoder(images)
        return features.flatten(1).float()


class FaceEncoder(nn.Module):
    """Pictures of aligned faces to unit vectors that tell people apart; frozen, in evaluation mode.

    The crop is fixed, so other pictures than aligned faces give vectors without meaning.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """(B,512) of images (B,3,H,W) in [0,1]."""
        features: Tensor = self.network(face_crop(images))
        return F.normalize(features, dim=1)


def face_crop(images: Tensor) -> Tensor:
    """The face network's input (B,3,112,112) in [-1,1] of aligned pictures (B,3,H,W) in [0,1]."""
    images = images * 2 - 1
    if images.shape[-2:] != (256, 256):
        images = F.adaptive_avg_pool2d(images, 256)
    return F.adaptive_avg_pool2d(images[..., FACE_ROWS, FACE_COLUMNS], 112)


class IRSE50(nn.Module):
    """The 50-layer improved residual network with squeeze-and-excitation: (B,3,112,112) to (B,512)."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(_conv(3, 64, 3), nn.BatchNorm2d(64), nn.PReLU(64))
        blocks, width = [], 64
        for count, depth in GROUPS:
            for index in range(count):
                blocks.append(_Block(width, depth, stride=1 if index else 2))
                width = depth
        self.body = nn.Sequential(*blocks)
        head = (
            nn.BatchNorm2d(512),
            nn.Dropout(0.6),
            nn.Flatten(),
            nn.Linear(512 * 7 * 7, 512),
            nn.BatchNorm1d(512),
        )
        self.output_layer = nn.Sequential(*head)

    def forward(self, faces: Tensor) -> Tensor:
        features: Tensor = self.output_layer(self.body(self.input_layer(faces)))
        return features


class _Block(nn.Module):
    def __init__(self, width: int, depth: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        if width != depth:
            self.shortcut_layer = nn.Sequential(_conv(width, depth, 1, stride), nn.BatchNorm2d(depth))
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(width),
            _conv(width, depth, 3),
            nn.PReLU(depth),
            _conv(depth, depth, 3, stride),
            nn.BatchNorm2d(depth),
            _Excitation(depth, depth // 16),
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return result


class _Excitation(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018)."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = _conv(width, squeezed, 1)
        self.fc2 = _conv(squeezed, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.fc2(self.fc1(x.mean(dim=(2, 3), keepdim=True)).relu()).sigmoid()
        return x * gate


def _conv(source: int, target: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(source, target, kernel, stride, padding=kernel // 2, bias=False)


def load_face_encoder(path: str | Path, device: str | torch.device = "cpu") -> FaceEncoder | FaceFeatures:
    """The face network from `model_ir_se50.pth` or the same entries as safetensors, or that of drawn faces.

    Raises:
        MissingError: no such file. InputFileError: it does not hold this network.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingError(f"face network {path} not found; identity needs the file model_ir_se50.pth")
    if holds_face_features(path):
        return load_face_features(path, device)
    return _published(path, device)


def _published(path: Path, device: str | torch.device) -> FaceEncoder:
    # Without memory until the file's own tensors take their places: half the time and half the memory.
    with torch.device("meta"):
        network = IRSE50()
    try:
        safe = path.suffix == ".safetensors"
        state = load_file(path) if safe else load_plain(path)
        network.load_state_dict(state, assign=True)
    except (*DAMAGE_ERRORS, SafetensorError) as error:
        # The first line of torch's own text only announces the list of keys.
        raise InputFileError(
            f"{path} does not hold the face network IR-SE50; take model_ir_se50.pth"
        ) from error
    return FaceEncoder(network.float()).to(device)


def identity(settings: Mapping[str, Any], start: Start) -> Objective:
    """1 - cos of the face network's features of result and start."""
    weights = read_settings(IdentitySettings, settings, "identity").weights
    image = required(start.image, "the start image", "identity")
    encoder = start.face_encoder
    if encoder is None:
        if not weights:
            raise MissingError("identity needs a face network; give its file model_ir_se50.pth as 'weights'")
        encoder = load_face_encoder(weights, image.device)
    network = encoder if isinstance(encoder, nn.Module) else encoder()
    return FeatureDistance(network, image, name="identity")


def features(settings: Mapping[str, Any], start: Start) -> Objective:
    """Nearness to the start's picture in CLIP's own space, whatever the words say."""
    distance = read_settings(FeatureSettings, settings, "features").distance
    image = required(start.image, "the start image", "features")
    return FeatureDistance(_ImageTowers(members_of(start, "features")), image, distance)


class _ImageTowers(nn.Module):
    """The features of all models of an ensemble, side by side.

    Each is scaled by the root of its share, so that the cosine of the whole is the average of the cosines.
    """

    def __init__(self, members: tuple[tuple[Perceptor, float], ...]) -> None:
        super().__init__()
        self.ensemble = Ensemble(*zip(*members, strict=True))

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat(
            [share**0.5 * each.encode_image(images) for each, share in self.ensemble.members], dim=1
        )
