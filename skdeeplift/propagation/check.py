"""Summation-to-delta: how far contributions are from adding up, and what happens then."""

import warnings

import numpy as np
import tensorflow as tf

from skdeeplift.exceptions import SummationToDeltaError, SummationToDeltaWarning
from skdeeplift.propagation.rules.activation import machine_epsilon

TOLERANCE = {"float16": 2e-2, "bfloat16": 2e-2, "float32": 1e-3, "float64": 1e-6}


def convergence_delta(results):
    """Return ``prediction - reference_value - sum(contributions)`` of each row."""
    total = sum(_row_sums(contributions) for contributions in results.contributions)
    return results.prediction - results.reference_value - total


def check_convergence(results, how, locate=None):
    """Compare each row's convergence delta with the size of what is explained.

    Parameters
    ----------
    results : Results
        Contributions of all sources, and the target's values.
    how : {"warn", "raise", "ignore"}
        What to do about rows whose convergence delta is beyond tolerance.
    locate : callable, default=None
        Takes a row's position and a tolerance, and says in a sentence where its contributions go wrong.

    Returns
    -------
    delta : ndarray of shape (n_rows,)
        The convergence delta.

    Warns
    -----
    SummationToDeltaWarning
        If a row is beyond tolerance and ``how="warn"``.

    Raises
    ------
    SummationToDeltaError
        If a row is beyond tolerance and ``how="raise"``.
    """
    delta = convergence_delta(results)
    if how == "ignore":
        return delta
    change = np.abs(results.prediction - results.reference_value)
    total = sum(_row_sums(np.abs(contributions)) for contributions in results.contributions)
    # Contributions that cancel may be larger than what they explain, but not without end: then nothing of it is left.
    value = np.maximum(np.abs(results.prediction), np.abs(results.reference_value))
    size = np.maximum(change, np.minimum(total, 100 * np.maximum(change, value)))
    dtype = results.contributions[0].dtype
    tolerance = TOLERANCE[dtype.name]
    # f(x) and f(reference) are rounded themselves: what is smaller than this is not known to be a change.
    rounding = 32 * machine_epsilon(dtype) * value
    # Not "delta > ...", so that a row that is not a number counts as beyond tolerance.
    beyond = ~(np.abs(delta) <= tolerance * size + rounding)
    if beyond.any():
        worst = np.argmax(np.where(beyond, np.nan_to_num(np.abs(delta) / np.where(size > 0, size, 1), nan=np.inf), -1))
        message = (
            f"In {beyond.sum()} of {len(delta)} rows the contributions do not sum to f(x) - f(reference) within "
            f"{tolerance:g} of its size. The worst is row {worst}: f(x) - f(reference) is "
            f"{results.prediction[worst] - results.reference_value[worst]:.6g}, the contributions sum to "
            f"{results.prediction[worst] - results.reference_value[worst] - delta[worst]:.6g}. "
            "Do not trust these rows' contributions."
        )
        if locate is not None:
            message += locate(worst, tolerance)
        if how == "raise":
            raise SummationToDeltaError(message + ' Pass check="ignore" to get them nevertheless.')
        warnings.warn(message, SummationToDeltaWarning, stacklevel=4)
    return delta


def rows_are_independent(streams, row):
    """Compare what a network says of a row alone and in company.

    Parameters
    ----------
    streams : Streams
        The compiled network.
    row : list of ndarray
        One array of one row for each input.

    Returns
    -------
    independent : bool
        False too where the network gives another number of rows than it takes.
    """
    zeros = [np.zeros_like(array) for array in row]
    company = [np.concatenate([zero, array, zero, zero]) for array, zero in zip(row, zeros, strict=True)]
    values, _ = streams.forward_both(row, row)
    alone = values[0].numpy()
    try:
        together = streams.forward_both(company, row)[0][0].numpy()
    except tf.errors.InvalidArgumentError:
        return False
    if len(alone) != 1 or len(together) != 4:
        return False
    if not np.isfinite(alone).all():
        return True
    # Batches of different sizes are rounded differently, by as much as the largest value on the way allows.
    coarse = machine_epsilon(alone.dtype) > 1e-4
    relative, rounding = (5e-2, 5e-2) if coarse else (1e-3, 1e-5)
    largest = max(float(np.abs(value.numpy()).max(initial=0)) for value in values if value.dtype.is_floating)
    difference = np.abs(alone[0].astype(np.float64) - together[1]).max()
    return difference <= relative * np.abs(alone).max() + rounding * largest


def _row_sums(array):
    return array.reshape(len(array), -1).sum(1, dtype=np.float64)
