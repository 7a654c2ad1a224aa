"""Checks of summation-to-delta: contributions of a row sum to ``f(x) - f(reference)``."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.propagation.rules.rescale import machine_epsilon


class Precision(NamedTuple):
    """Rounding of networks that compute in one dtype."""

    # Distance between neighbouring numbers, relative to their size.
    epsilon: float
    # Largest convergence delta that counts as rounding, relative to the size of the explained values.
    tolerance: float
    # Largest rounding of predictions, relative to their size.
    rounding: float


def _precision(name, tolerance, units):
    epsilon = machine_epsilon(tf.as_dtype(name))
    return Precision(epsilon, tolerance, units * epsilon)


PRECISIONS = {
    "float16": _precision("float16", 2e-2, 4),
    "bfloat16": _precision("bfloat16", 2e-2, 4),
    "float32": _precision("float32", 1e-3, 32),
    "float64": _precision("float64", 1e-6, 32),
}


# Size up to which contributions that cancel each other count, as a multiple of the explained values' size.
CANCELLING = 100


class Tolerance(NamedTuple):
    """Tolerance of convergence deltas."""

    # The coarsest dtype that the network computes in; the dtype of the contributions if None.
    dtype: Any = None
    # Tolerance relative to the size of the explained values; that of the dtype if None. A network that computes in half
    # precision has at least the tolerance of its dtype.
    relative: float | None = None
    # Whether the tolerance is relative to the change of the target alone, however large the contributions are that
    # cancel each other. A smaller change than usual is compared with the usual one when rows are checked.
    of_change: bool = False


# Largest change of contributions from one number of steps to the next, as a multiple of the tolerance.
ALLOWED_CHANGE = 8

# Tolerance of the dtype of the contributions.
BY_DTYPE = Tolerance()


class Departure(NamedTuple):
    """Rows whose contributions do not sum to the change of the target, and the worst of them."""

    number: int
    # Convergence delta of the worst row, relative to the size it is compared with.
    badness: float
    tolerance: float
    # Position of the worst row, None if another block has a worse one; and its target, where there are several.
    row: int | None
    target: int | None
    # Change of the target and sum of the contributions of the worst row.
    change: float
    total: float
    # Name of the worst row, and advice, which are added later.
    place: str = ""
    advice: str = ""
    is_function: bool = False

    def message(self, n_rows):
        """Return the message of a warning about ``n_rows`` rows."""
        if not np.isfinite(self.change):
            blamed = "the target function" if self.is_function else "the network"
            look_at = "that function, at the network's weights" if self.is_function else "its weights"
            return (
                f"In {self.number} of {n_rows} rows the contributions do not sum to f(x) - f(reference). The worst is "
                f"{self.place}: f(x) - f(reference) is {self.change}, because {blamed} returns a number that is not "
                f"finite. Look at {look_at}, and at the rows and the references."
            )
        return (
            f"In {self.number} of {n_rows} rows the contributions do not sum to f(x) - f(reference) within "
            f"{self.tolerance:g} of its size. The worst is {self.place}: f(x) - f(reference) is {self.change:.6g}, the "
            f"contributions sum to {self.total:.6g}.{self.advice}"
        )


def check_sums(results, tolerance=BY_DTYPE, worst_so_far=-1.0):
    """Compare each row's convergence delta with the size of its contributions.

    Parameters
    ----------
    results : Results
        Contributions of all sources, and the target's values.
    tolerance : Tolerance, default=BY_DTYPE
        Tolerance of convergence deltas; by default that of the contributions' dtype.
    worst_so_far : float, default=-1
        Badness of the worst row of other blocks.

    Returns
    -------
    delta : ndarray of shape (n_rows,) or (n_rows, n_targets)
        The convergence deltas.
    departure : Departure or None
        Rows beyond tolerance; None if there are none.
    """
    delta, beyond, size, relative, precision = _compare(results, tolerance)
    if not beyond.any():
        return delta, None
    # An output that happens to be nearly zero is as rounded as the others, which are sums of as large numbers, and
    # contributions that cancel are as rounded as their sizes.
    usual, sizes = _usual_size(results), _absolute_sums(results)
    allowed = 2 * precision.epsilon * np.clip(sizes, usual, CANCELLING * usual)
    if usual == 0:
        # If most outputs are zero, only the contributions tell the size of the numbers behind them.
        allowed = precision.rounding * np.minimum(sizes, CANCELLING * _median(sizes[sizes > 0]))
    if tolerance.of_change:
        allowed = np.maximum(allowed, relative * np.nanmedian(np.abs(results.prediction - results.reference_value)))
    beyond = beyond & ~(np.abs(delta) <= allowed)
    if not beyond.any():
        return delta, None
    number = int(beyond.reshape(len(beyond), -1).any(1).sum())
    badness = np.where(beyond, np.nan_to_num(np.abs(delta) / np.where(size > 0, size, 1), nan=np.inf), -1)
    worst = np.unravel_index(np.argmax(badness), delta.shape)
    change, is_worst = results.prediction[worst] - results.reference_value[worst], badness[worst] > worst_so_far
    row = int(worst[0]) if is_worst else None
    target = int(worst[1]) if is_worst and len(worst) > 1 else None
    return delta, Departure(number, float(badness[worst]), relative, row, target, change, change - delta[worst])


def excess_of_rows(results, tolerance=BY_DTYPE):
    """Compute the convergence delta of each row as a multiple of its tolerance.

    Parameters
    ----------
    results : Results
        Contributions of all sources, and the target's values.
    tolerance : Tolerance, default=BY_DTYPE
        Tolerance of convergence deltas.

    Returns
    -------
    excess : ndarray of shape (n_rows,)
        Convergence delta as a multiple of its tolerance; zero within tolerance. Of several targets the largest.
    """
    delta, beyond, size, relative, _ = _compare(results, tolerance)
    excess = np.where(beyond, np.nan_to_num(np.abs(delta) / np.where(size > 0, relative * size, 1), nan=np.inf), 0)
    return excess.reshape(len(excess), -1).max(1)


def change_of_rows(results, others, rows, tolerance, together):
    """Compute the change of rows' contributions from those of a coarser computation.

    Parameters
    ----------
    results : Results
        Contributions of some rows.
    others : Results
        Contributions of all rows, by another number of steps.
    rows : ndarray of int
        Positions of the rows.
    tolerance : Tolerance
        Tolerance of convergence deltas.
    together : bool
        Whether the contributions of all sources belong together, as those of inputs do.

    Returns
    -------
    excess : ndarray of shape (n_rows,)
        Sum of the absolute changes as a multiple of its tolerance. Of several targets, or layers, the largest.
    """
    precision, relative = _precision_and_tolerance(results, tolerance)
    pairs, excess = list(zip(results.contributions, others.contributions, strict=True)), np.zeros(len(rows))
    value = np.maximum(np.abs(results.prediction), np.abs(results.reference_value))
    for group in [pairs] if together else [[pair] for pair in pairs]:
        change = _sum_over_features([np.abs(new - old[rows]) for new, old in group], value.shape)
        size = _sum_over_features([np.abs(new) for new, _ in group], value.shape)
        allowed = ALLOWED_CHANGE * relative * size + precision.rounding * (size + value)
        of_group = np.divide(change, allowed, out=np.zeros_like(change), where=change > 0)
        excess = np.maximum(excess, of_group.reshape(len(rows), -1).max(1))
    return excess


def standard_error_of_sums(results):
    """Bound the standard error of rows' convergence deltas, where references were drawn at random.

    It is largest if the errors of all contributions and of the target at the references point the same way.
    """
    errors = _sum_over_features(results.of_sources["standard_error"], results.prediction.shape)
    counts = results.n_references.reshape(-1, *[1] * (errors.ndim - 1))
    return errors + results.reference_spread / np.sqrt(counts)


def convergence_delta(results):
    """Compute ``prediction - reference_value - sum(contributions)``, for each row and each of several targets.

    Parameters
    ----------
    results : Results
        Contributions of all sources, and the target's values.

    Returns
    -------
    delta : ndarray of shape (n_rows,) or (n_rows, n_targets), or None
        None without a reference.
    """
    if results.reference_value is None:
        return None
    totals = _sum_over_features(results.contributions, results.prediction.shape)
    return results.prediction - results.reference_value - totals


def _sum_over_features(arrays, shape):
    """Sum over the features of all sources, for each row and each of several targets."""
    total = 0.0
    for array in arrays:
        total = total + array.reshape(len(array), -1, *shape[1:]).sum(1, dtype=np.float64)
    return total


def _precision_and_tolerance(results, tolerance):
    """Return the `Precision` of results, and the relative tolerance."""
    dtype = results.contributions[0].dtype if tolerance.dtype is None else tolerance.dtype
    precision = PRECISIONS[dtype.name]
    relative = precision.tolerance if tolerance.relative is None else tolerance.relative
    if precision.tolerance > 1e-2:
        relative = max(relative, precision.tolerance)
    return precision, relative


def _compare(results, tolerance):
    """Compare convergence deltas with the size of the explained values.

    Returns the deltas, whether each is beyond tolerance, the sizes that deltas were compared with,
    the relative tolerance and the `Precision`.
    """
    delta = convergence_delta(results)
    precision, relative = _precision_and_tolerance(results, tolerance)
    # The predictions are rounded themselves. A change that is smaller than their rounding is not known to be one.
    change = np.abs(results.prediction - results.reference_value)
    value = np.maximum(np.abs(results.prediction), np.abs(results.reference_value))
    rounding = precision.rounding * value
    # Not "delta > ...", so that NaN counts as beyond tolerance.
    beyond = ~(np.abs(delta) <= relative * change + rounding)
    if not beyond.any():
        return delta, beyond, change, relative, precision
    if tolerance.of_change:
        return delta, beyond, change, relative, precision
    # Contributions that cancel each other may be larger than the change, but not without limit: beyond it, rounding
    # leaves nothing of the sum.
    size = np.maximum(change, np.minimum(_absolute_sums(results), CANCELLING * np.maximum(change, value)))
    beyond = ~(np.abs(delta) <= relative * size + rounding)
    return delta, beyond, size, relative, precision


def _absolute_sums(results):
    return _sum_over_features(map(np.abs, results.contributions), results.prediction.shape)


def _usual_size(results):
    """Compute the median over rows of the values that are explained, which no single row can make large."""
    return _median(np.maximum(np.abs(results.prediction), np.abs(results.reference_value)))


def _median(values):
    """Return the median of finite values, and zero of none."""
    return np.median(values[np.isfinite(values)]) if np.isfinite(values).any() else 0.0
