"""What a network of photographs sees in pictures, and the jitter that people hardly see.

EfficientNet-Lite0 with its ImageNet weights learnt from no drawn face, and neither guides nor judges anything here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from promptbrush._resize import resize
from torch import Tensor, nn

SIDE = 128
SHIFT, ZOOM, LIGHT = 1.5 / 128, 0.02, 0.03
FINER = 2


def prepared(pictures: Tensor) -> Tensor:
    """Pictures (B,3,H,W) in [0,1] as the network takes them: SIDE px, in [-1,1]."""
    return (resize(pictures, SIDE, SIDE) * 2 - 1).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def pooled(network: nn.Module, pictures: Tensor) -> Tensor:
    """The features before the last layer, averaged over the picture: (B,1280)."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = network.forward_features(prepared(pictures))
    return features.float().mean((2, 3))


@torch.no_grad()
def squared_distance(network: nn.Module, first: Tensor, second: Tensor) -> Tensor:
    """Squared distance of pairs of pictures (B,3,H,W) -> (B,): LPIPS (Zhang et al. 2018) without learnt weights.

    Features are those at the end of each of the five resolutions, of unit length at every place; squared differences
    are averaged over places and added up over resolutions. In float32: bfloat16 does not resolve neighbours.
    """
    pair = prepared(torch.cat([first, second]))
    total = pair.new_zeros(len(first))
    for features in network.forward_intermediates(pair, intermediates_only=True):
        one, other = F.normalize(features, dim=1).chunk(2)
        total += (one - other).square().sum(1).mean((1, 2))
    return total


def jittered(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """The same pictures at 1/FINER of their side, each a little displaced, as another renderer might draw them.

    Shifts of up to SHIFT of the side (1.5 px of 128) both ways, up to ZOOM larger or smaller, up to LIGHT brighter or
    darker, and a blur with a spread of up to half a pixel of the result. Edges repeat. Working on finer pictures keeps
    the displacement itself from blurring.

    Args:
        pictures: (B,3,FINER*S,FINER*S) in [0,1].
        rng: CPU generator.

    Returns:
        (B,3,S,S).
    """
    amount = torch.rand(len(pictures), 4, generator=rng) * 2 - 1
    moves = torch.zeros(len(pictures), 2, 3)
    moves[:, 0, 0] = moves[:, 1, 1] = 1 + ZOOM * amount[:, 0]
    # The grid runs from -1 to 1, so a side is 2.
    moves[:, :, 2] = 2 * SHIFT * amount[:, 1:3]
    grid = F.affine_grid(moves, list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    share = torch.rand(len(pictures), 1, 1, 1, generator=rng)
    soft = torch.lerp(moved, _softened(moved), share)
    return F.avg_pool2d(soft * (1 + LIGHT * amount[:, 3, None, None, None]), FINER).clamp(0, 1)


def _softened(pictures: Tensor) -> Tensor:
    """Blurred with a spread of one pixel."""
    row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    kernel = (row[:, None] * row).expand(3, 1, 5, 5)
    return F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="replicate"), kernel, groups=3)
