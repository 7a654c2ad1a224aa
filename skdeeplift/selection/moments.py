"""Moments of rows: means and sums of squared differences from them, which merge without loss of digits."""

import math
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches

# Largest number of contributions that are converted to double precision at once.
BATCH_ELEMENTS = 2**22


class Moments(NamedTuple):
    """Sum of the weights of some rows, their means, and the sums of squared differences from the means."""

    weight: float
    means: np.ndarray | float
    squares: np.ndarray | float


NO_MOMENTS = Moments(0.0, 0.0, 0.0)


def compute_moments(rows, weights=None):
    """Compute the moments of rows; without weights, all rows have the weight one."""
    weight = len(rows) if weights is None else weights.sum()
    if weight == 0:
        return NO_MOMENTS
    means = np.average(rows, axis=0, weights=weights)
    squares = (rows - means) ** 2
    return Moments(weight, means, squares.sum(0) if weights is None else np.tensordot(weights, squares, 1))


def compute_moments_in_batches(function, X, weights=None):
    """Compute the moments of a function of rows, in double precision and batch by batch."""
    batches = gen_batches(len(X), max(1, BATCH_ELEMENTS // max(1, math.prod(X.shape[1:]))))
    return merge_moments(
        compute_moments(function(X[batch].astype(np.float64)), None if weights is None else weights[batch])
        for batch in batches
    )


def merge_moments(moments):
    """Merge the moments of several sets of rows (Chan, Golub & LeVeque 1983)."""
    weight, means, squares = NO_MOMENTS
    for other in moments:
        if other.weight > 0:
            total, change = weight + other.weight, other.means - means
            squares = squares + other.squares + change**2 * (weight * (other.weight / total))
            means = means + change * (other.weight / total)
            weight = total
    return Moments(weight, means, squares)
