"""More steps for those rows that need them."""

import numpy as np

from skdeeplift.propagation.summation_check import excess_of_rows

FEWEST_STEPS = 5
# A row that misses its tolerance by more than this goes on with four times the steps, others with twice as many: the
# error falls at least about as fast as their number grows.
FAR = 4


def refined(compute, n_rows, tolerance, max_steps):
    """Integrate with few steps, and with more where contributions do not add up.

    Parameters
    ----------
    compute : callable
        Takes positions of rows and a number of steps, and returns their `Results`.
    n_rows : int
        How many rows there are.
    tolerance : Tolerance
        Tolerance of convergence deltas.
    max_steps : int
        How many steps there are at the most.

    Returns
    -------
    results : Results
        With ``n_steps``, the number of gradients of each row in all tries.
    """
    fewest = min(FEWEST_STEPS, max_steps)
    results, n_steps = compute(np.arange(n_rows), fewest), np.full(n_rows, fewest)
    excess = excess_of_rows(results, tolerance)
    # Of each row the steps that it takes next; none where it has converged.
    pending = _next_steps(np.full(n_rows, fewest), excess, max_steps)
    while pending.any():
        number = pending[pending > 0].min()
        rows = np.flatnonzero(pending == number)
        of_rows = compute(rows, int(number))
        results.replace_rows(rows, of_rows)
        n_steps[rows] += number
        pending[rows] = _next_steps(pending[rows], excess_of_rows(of_rows, tolerance), max_steps)
    return results._replace(n_steps=n_steps)


def _next_steps(before, excess, max_steps):
    more = np.minimum(np.where(excess > FAR, 4, 2) * before, max_steps)
    return np.where((excess > 0) & (more > before), more, 0)
