"""The recorded numbers of priors, for the tests of their training."""

from prior_golden import golden, weights

__all__ = ["golden", "weights"]
