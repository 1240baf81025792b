"""How far the features of two sets of pictures lie apart: the Frechet distance (Heusel et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Mean (D,) and covariance (D,D) of features, in float64."""

    mean: Tensor
    covariance: Tensor


def moments(features: Tensor) -> Moments:
    """Of features (N,D), N > 1."""
    features = features.double()
    return Moments(features.mean(0), torch.cov(features.T).reshape(features.shape[1], -1))


def frechet_distance(first: Moments, second: Moments) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), the squared distance of two Gaussians (Dowson, Landau 1982).

    C1 C2 is not symmetric, and with fewer pictures than features its square root breaks down. The trace of that root is
    also the sum of the singular values of R1 R2, with the symmetric roots R of C. No value is squared on the way there
    but those of C, so rounding stays small where both have none.
    """
    shared = torch.linalg.svdvals(_root(first.covariance) @ _root(second.covariance)).sum()
    spread = first.covariance.trace() + second.covariance.trace() - 2 * shared
    return float((first.mean - second.mean).square().sum() + spread)


def _root(covariance: Tensor) -> Tensor:
    """The symmetric square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root
