"""Quadratures on the interval from 0 to 1."""

import numpy as np


def quadrature(method, n_steps):
    """Return the points and weights of a quadrature.

    Parameters
    ----------
    method : str
        A key of ``METHODS``.
    n_steps : int
        How many points there are.

    Returns
    -------
    positions, weights : ndarray of shape (n_steps,)
        The weights sum to one.
    """
    return METHODS[method](n_steps)


def _gausslegendre(n_steps):
    positions, weights = np.polynomial.legendre.leggauss(n_steps)
    return (positions + 1) / 2, weights / 2


def _trapezoid(n_steps):
    if n_steps == 1:
        return _equal(np.array([0.5]))
    weights = np.full(n_steps, 1 / (n_steps - 1))
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, n_steps), weights


def _equal(positions):
    return positions, np.full(len(positions), 1 / len(positions))


METHODS = {
    "gausslegendre": _gausslegendre,
    "midpoint": lambda n_steps: _equal((np.arange(n_steps) + 0.5) / n_steps),
    "trapezoid": _trapezoid,
    "riemann_left": lambda n_steps: _equal(np.arange(n_steps) / n_steps),
    "riemann_right": lambda n_steps: _equal(np.arange(1, n_steps + 1) / n_steps),
}
