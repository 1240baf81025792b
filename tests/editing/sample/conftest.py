"""The recorded numbers, for the tests of this folder."""

from prior_golden import golden, network, triple, weights

__all__ = ["golden", "network", "triple", "weights"]
