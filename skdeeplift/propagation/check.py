"""Summation-to-delta: how far contributions are from adding up, and what happens then."""

import warnings
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from skdeeplift.exceptions import SummationToDeltaError, SummationToDeltaWarning, UnsupportedOpError
from skdeeplift.propagation.rules.activation import machine_epsilon

TOLERANCE = {"float16": 2e-2, "bfloat16": 2e-2, "float32": 1e-3, "float64": 1e-6}
# Units in the last place by which predictions themselves may be rounded.
ROUNDING = {"float16": 4, "bfloat16": 4, "float32": 32, "float64": 32}


def convergence_delta(results):
    """Return ``prediction - reference_value - sum(contributions)``, for each row and each of several targets.

    None where there is no reference.
    """
    if results.reference_value is None:
        return None
    return results.prediction - results.reference_value - _totals(results, np.asarray)


class Beyond(NamedTuple):
    """Rows whose contributions do not add up, of which one is the worst."""

    number: int
    badness: float
    tolerance: float
    # Of the worst.
    place: str
    change: float
    total: float
    advice: str

    def message(self, n_rows):
        """Say of how many rows contributions do not add up, and of which worst."""
        if not np.isfinite(self.change):
            return (
                f"In {self.number} of {n_rows} rows the contributions do not sum to f(x) - f(reference). The worst is "
                f"{self.place}: f(x) - f(reference) is {self.change}, so it is what the network itself gives that is "
                "not finite. Look at its weights, and at the rows and the references."
            )
        return (
            f"In {self.number} of {n_rows} rows the contributions do not sum to f(x) - f(reference) within "
            f"{self.tolerance:g} of its size. The worst is {self.place}: f(x) - f(reference) is {self.change:.6g}, the "
            f"contributions sum to {self.total:.6g}. Do not trust these rows' contributions.{self.advice}"
        )


def check_convergence(results, how, locate=None, dtypes=(), tolerance=None, of_blocks=None, name_row="row {}".format):
    """Compare each row's convergence delta with the size of what is explained.

    Parameters
    ----------
    results : Results
        Contributions of all sources, and the target's values.
    how : {"warn", "raise"}
        What to do about rows whose convergence delta is beyond tolerance.
    locate : callable, default=None
        Takes a row's position and a tolerance, and says in a sentence where its contributions go wrong.
    dtypes : set of dtype, default=()
        The dtypes that the network computes in, of which the coarsest counts; that of the contributions if empty.
    tolerance : float, default=None
        How far contributions may be from their sum, relative to their size; by default what the dtype allows.
    of_blocks : tuple of int and list, default=None
        Where the rows are a block of more: the number of the first, and where to put what is `Beyond` tolerance, which
        `report_beyond` warns of in the end.
    name_row : callable, default="row {}".format
        Takes a row's position, and returns what to call it.

    Returns
    -------
    delta : ndarray of shape (n_rows,) or (n_rows, n_targets)
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
    size, beyond, tolerance = _sizes(results, delta, dtypes, tolerance)
    if beyond.any():
        # An output that happens to be nearly zero is as rounded as the others, which are sums of as large numbers.
        beyond &= ~(np.abs(delta) <= 2 * machine_epsilon(_coarsest(results, dtypes)) * _usual_size(results))
    if not beyond.any():
        return delta
    beyond_in_row = beyond.reshape(len(beyond), -1).any(1)
    badness = np.where(beyond, np.nan_to_num(np.abs(delta) / np.where(size > 0, size, 1), nan=np.inf), -1)
    worst = np.unravel_index(np.argmax(badness), delta.shape)
    true_change = results.prediction[worst] - results.reference_value[worst]
    first_row, of_all = of_blocks or (0, [])
    place = name_row(first_row + worst[0]) + (f", target {worst[1]}" if len(worst) > 1 else "")
    is_worst = badness[worst] > max((each.badness for each in of_all), default=-1)
    advice = locate(worst[0], tolerance) if locate is not None and is_worst else ""
    found = Beyond(
        int(beyond_in_row.sum()), badness[worst], tolerance, place, true_change, true_change - delta[worst], advice
    )
    if how == "raise":
        raise SummationToDeltaError(found.message(len(delta)) + ' Pass check="ignore" to get them nevertheless.')
    of_all.append(found)
    if of_blocks is None:
        report_beyond(of_all, len(delta), stacklevel=5)
    return delta


def report_beyond(found, n_rows, stacklevel=4):
    """Warn of rows whose contributions do not add up.

    Parameters
    ----------
    found : list of Beyond
        Those of each block; may be empty.
    n_rows : int
        How many rows there are in all blocks.
    stacklevel : int, default=4
        Whom the warning is for.

    Warns
    -----
    SummationToDeltaWarning
        If there are any.
    """
    if found:
        worst = max(found, key=lambda each: each.badness)
        message = worst._replace(number=sum(each.number for each in found)).message(n_rows)
        warnings.warn(message, SummationToDeltaWarning, stacklevel=stacklevel)


def rows_beyond(results, dtypes=(), tolerance=None):
    """Return of each row how far it is from converging, as a multiple of its tolerance; the largest of its targets.

    What is asked for is as in `check_convergence`.
    """
    delta = convergence_delta(results)
    size, beyond, tolerance = _sizes(results, delta, dtypes, tolerance)
    excess = np.where(beyond, np.nan_to_num(np.abs(delta) / np.where(size > 0, tolerance * size, 1), nan=np.inf), 0)
    return excess.reshape(len(excess), -1).max(1)


def _sizes(results, delta, dtypes, tolerance):
    """The size that each convergence delta is compared with, which of them are too large for it, and the tolerance."""
    change = np.abs(results.prediction - results.reference_value)
    value = np.maximum(np.abs(results.prediction), np.abs(results.reference_value))
    dtype = _coarsest(results, dtypes)
    of_dtype = TOLERANCE[dtype.name]
    if tolerance is None:
        tolerance = of_dtype
    elif dtype.name in ("float16", "bfloat16"):
        tolerance = max(tolerance, of_dtype)
    # f(x) and f(reference) are rounded themselves: what is smaller than this is not known to be a change.
    rounding = ROUNDING[dtype.name] * machine_epsilon(dtype) * value

    def are_beyond(size):
        """Not "delta > ...", so that a row that is not a number counts as beyond tolerance."""
        return ~(np.abs(delta) <= tolerance * size + rounding)

    if not are_beyond(change).any():
        return change, are_beyond(change), tolerance
    # Contributions that cancel may be larger than what they explain, but not without end: then nothing of it is left.
    size = np.maximum(change, np.minimum(_totals(results, np.abs), 100 * np.maximum(change, value)))
    return size, are_beyond(size), tolerance


def _coarsest(results, dtypes):
    return max(dtypes or {results.contributions[0].dtype}, key=machine_epsilon)


def _usual_size(results):
    """The median over rows of the values that are explained, which no single row can make large."""
    values = np.maximum(np.abs(results.prediction), np.abs(results.reference_value))
    return np.median(values[np.isfinite(values)]) if np.isfinite(values).any() else 0.0


def rows_are_independent(method, row, value=None):
    """Compare what a network says of a row alone and in company.

    Parameters
    ----------
    method : Method
        The compiled network.
    row : list of ndarray
        One array of one row for each input.
    value : Value, default=None
        What to compare, of the values that are shown: the target, or a layer, which may have several entries for each
        row.

    Returns
    -------
    independent : bool
        False too where the network gives another number of rows than it takes, or does not have them in order.
    """
    company = [np.concatenate([np.ones_like(each), each, np.zeros_like(each), np.ones_like(each)]) for each in row]
    position = 0 if value is None else method.shown.index(value)
    try:
        values, _ = method.forward_both(row, row)
        together = method.forward_both(company, row)[0][position].numpy()
    except UnsupportedOpError:
        raise
    except (tf.errors.InvalidArgumentError, ValueError):
        # What the processor can not run at all, as some convolutions with the channels first, is no matter of rows.
        method.forward(row)
        # A value that the rules read has no rows at all.
        return False
    alone = values[position].numpy()
    number = len(alone)
    if (number != 1 and value is None) or len(together) != 4 * number:
        return False
    if alone.dtype.kind in "biu":
        return np.array_equal(alone, together[number : 2 * number])
    if not np.isfinite(alone).all():
        return True
    # Batches of different sizes are rounded differently, by as much as the largest value on the way allows.
    coarse = machine_epsilon(alone.dtype) > 1e-4
    relative, rounding = (5e-2, 5e-2) if coarse else (1e-3, 1e-5)
    largest = max(float(np.abs(value.numpy()).max(initial=0)) for value in values if value.dtype.is_floating)
    difference = np.abs(alone.astype(np.float64) - together[number : 2 * number]).max()
    return difference <= relative * np.abs(alone).max() + rounding * largest


def _totals(results, function):
    """Sum a function of all sources' contributions for each row, and each target where there are several."""
    shape = results.prediction.shape
    return sum(
        function(array).reshape(len(array), -1, *shape[1:]).sum(1, dtype=np.float64) for array in results.contributions
    )
