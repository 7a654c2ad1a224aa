"""Weights of rows."""

import numpy as np

from skdeeplift.compat import check_sample_weight
from skdeeplift.network.bind import check_unmasked


def check_weights(sample_weight, rows):
    """Return the checked weights of rows, scaled where their sums would overflow or lose digits.

    Weights count relative to each other, so that a common factor changes nothing. The factor is a power of two, which
    rounds nothing.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,)
        The user's weights.
    rows : ndarray of shape (n_rows, ...)
        The rows.

    Returns
    -------
    sample_weight : ndarray of shape (n_rows,)
        Weights that are not negative.

    Raises
    ------
    ValueError
        If there is not one finite weight for each row that is not negative, or a weight is masked.
    """
    check_unmasked(sample_weight, "sample_weight=")
    weights = check_sample_weight(sample_weight, rows, ensure_non_negative=True)
    largest, limits = weights.max(initial=0), np.finfo(weights.dtype)
    # Sums and products of weights between the cube roots stay normal numbers.
    if largest == 0 or np.cbrt(limits.tiny) <= largest <= np.cbrt(limits.max):
        return weights
    return np.ldexp(weights, -np.frexp(largest)[1])
