"""The Frechet distance against closed forms for Gaussians, and scipy's square root of a matrix."""

import pytest
import torch
from promptbrush.generators.training.frechet import Moments, frechet_distance, moments
from torch import Tensor


def _normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _turned(spread: Tensor, basis: Tensor) -> Tensor:
    """The covariance with these variances along the basis."""
    return (basis * spread) @ basis.T


def test_gaussians_with_the_same_axes_have_the_distance_of_means_and_spreads() -> None:
    basis = torch.linalg.qr(_normal(12, 12, seed=0)).Q
    means, spreads = _normal(2, 12, seed=1), _normal(2, 12, seed=2).abs()
    first, second = (Moments(m, _turned(s.square(), basis)) for m, s in zip(means, spreads, strict=True))
    expected = float((means[0] - means[1]).square().sum() + (spreads[0] - spreads[1]).square().sum())
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-10)


def test_gaussians_with_other_axes_agree_with_scipy_in_both_orders() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    first, second = (moments(_normal(200, 16, seed=i) @ _normal(16, 16, seed=i + 5) + i) for i in (1, 2))
    root = torch.from_numpy(linalg.sqrtm((first.covariance @ second.covariance).numpy()).real)
    gap = (first.mean - second.mean).square().sum()
    expected = float(gap + (first.covariance + second.covariance - 2 * root).trace())
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(second, first) == pytest.approx(expected, rel=1e-8)


def test_fewer_pictures_than_features_give_a_number_and_the_same_set_is_no_distance_away() -> None:
    first = _normal(20, 64, seed=3)
    assert frechet_distance(moments(first), moments(first)) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(moments(first), moments(first + 2)) == pytest.approx(4 * 64, rel=1e-6)
    assert frechet_distance(moments(first), moments(3 * first - 2 * first.mean(0))) == pytest.approx(
        4 * float(first.var(0).sum()), rel=1e-6
    )


def test_moments_of_many_draws_are_those_of_their_gaussian() -> None:
    mixing, mean = _normal(6, 6, seed=4), _normal(6, seed=5)
    found = moments((_normal(200_000, 6, seed=6) @ mixing.T + mean).float())
    assert found.mean.dtype == torch.float64
    assert frechet_distance(found, Moments(mean, mixing @ mixing.T)) < 1e-3
