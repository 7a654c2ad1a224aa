"""Independence of rows: the numbers of a row are the same alone and beside other rows."""

import numpy as np
import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.propagation.rules.activation import machine_epsilon


def rows_are_independent(method, row, value=None):
    """Compare the values that a network computes for a row alone and beside other rows.

    Parameters
    ----------
    method : Method
        The compiled network.
    row : list of ndarray
        One array of one row for each input.
    value : Value, default=None
        The value to compare, one of those that are shown. By default the target. A layer may have several entries for
        each row.

    Returns
    -------
    independent : bool
        False also if the network returns another number of rows than it takes, or returns them in another order.
    """
    company = [np.concatenate([np.ones_like(each), each, np.zeros_like(each), np.ones_like(each)]) for each in row]
    position = 0 if value is None else method.shown.index(value)
    try:
        values, _ = method.forward_both(row, row)
        together = method.forward_both(company, row)[0][position].numpy()
    except UnsupportedOpError:
        raise
    except (tf.errors.InvalidArgumentError, ValueError):
        # An op that the processor cannot run at all, such as some convolutions with the channels first, raises its own
        # error here, which has nothing to do with rows.
        method.forward(row)
        # Otherwise a value that the rules read has no rows.
        return False
    alone = values[position].numpy()
    number = len(alone)
    if (number != 1 and value is None) or len(together) != 4 * number:
        return False
    if alone.dtype.kind in "biu":
        return np.array_equal(alone, together[number : 2 * number])
    if not np.isfinite(alone).all():
        return True
    # Batches of different sizes are rounded differently. The largest value on the way bounds by how much.
    coarse = machine_epsilon(alone.dtype) > 1e-4
    relative, rounding = (5e-2, 5e-2) if coarse else (1e-3, 1e-5)
    largest = max(float(np.abs(value.numpy()).max(initial=0)) for value in values if value.dtype.is_floating)
    difference = np.abs(alone.astype(np.float64) - together[number : 2 * number]).max()
    return difference <= relative * np.abs(alone).max() + rounding * largest
