"""Means and squared differences from them, of some rows and then of more."""

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Of some rows: the sum of weights, means, and sums of squared differences from these."""

    weight: float
    means: np.ndarray | float
    squares: np.ndarray | float


NO_MOMENTS = Moments(0.0, 0.0, 0.0)


def moments_of(absolute, weights=None):
    """Compute the moments of rows, with weights if they have some."""
    weight = len(absolute) if weights is None else weights.sum()
    if weight == 0:
        return NO_MOMENTS
    means = np.average(absolute, axis=0, weights=weights)
    squares = (absolute - means) ** 2
    return Moments(weight, means, squares.sum(0) if weights is None else np.tensordot(weights, squares, 1))


def merged(several):
    """Merge moments (Chan, Golub & LeVeque 1983), which loses no digits."""
    weight, means, squares = NO_MOMENTS
    for other in several:
        if other.weight > 0:
            together, change = weight + other.weight, other.means - means
            squares = squares + other.squares + change**2 * (weight * (other.weight / together))
            means = means + change * (other.weight / together)
            weight = together
    return Moments(weight, means, squares)
