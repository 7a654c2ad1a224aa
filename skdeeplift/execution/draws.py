"""References and points on the path from them, drawn at random."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdeeplift.execution.references import Path

FIRST_DRAWS, MOST_DRAWS = 100, 100 * 2**8


def draw(references, number, seed):
    """Draw references with replacement, each with one point on the path from it.

    Parameters
    ----------
    references : References
        What to draw from, by its weights.
    number : int
        How many draws there are.
    seed : int or list of int
        Where they come from; all rows have the same.

    Returns
    -------
    references : References
        One for each draw, with its path.
    """
    random = np.random.default_rng(seed)
    order = _by_content(references)
    chosen = order[random.choice(len(order), number, p=references.weights[order])]
    return references.choose(chosen)._replace(path=Path(random.uniform(size=(number, 1)), np.ones(1)))


def _by_content(references):
    """An order for which it does not matter how references come, nor whether equal ones are one that weighs more."""
    if references.per_row:
        return np.arange(len(references.weights))
    flat = np.concatenate([array.reshape(len(array), -1) for array in references.arrays], 1)
    return np.lexsort(flat.T)


def drawn_until(compute, references, seed, tolerance):
    """Draw until each row's largest standard error is within tolerance of its largest contribution.

    Parameters
    ----------
    compute : callable
        Takes `References` and returns `Results` with standard errors.
    references : References
        What to draw from.
    seed : int
        Where draws come from.
    tolerance : float
        The largest standard error, relative to the largest contribution.

    Returns
    -------
    results : Results
        Means over all draws.

    Warns
    -----
    ConvergenceWarning
        If some rows are not within tolerance after as many draws as there are at the most.
    """
    number, results = FIRST_DRAWS, compute(draw(references, FIRST_DRAWS, seed))
    while not (within := _is_within(results, tolerance)).all():
        if number >= MOST_DRAWS:
            warnings.warn(
                f"After {number} draws the standard errors of {(~within).sum()} of {len(within)} rows are still beyond "
                f"reference_tol={tolerance:g} of their contributions. Raise reference_tol if they are small enough.",
                ConvergenceWarning,
                stacklevel=4,
            )
            break
        # As many again, so that each is computed once.
        results = _joined(results, compute(draw(references, number, [seed, number])), number)
        number *= 2
    return results


def _is_within(results, tolerance):
    n_rows = len(results.prediction)
    errors, sizes = (
        np.max([np.abs(array).reshape(n_rows, -1).max(1) for array in results.of_sources[name]], 0)
        for name in ("standard_error", "contributions")
    )
    return errors <= tolerance * sizes


def _joined(first, second, number):
    """Means, and their standard errors, over two times ``number`` draws."""
    of_sources = {name: [] for name in first.of_sources}
    for position in range(len(first.contributions)):
        means = [each.contributions[position].astype(np.float64) for each in (first, second)]
        errors = [each.of_sources["standard_error"][position].astype(np.float64) for each in (first, second)]
        for name, arrays in of_sources.items():
            pair = [each.of_sources[name][position].astype(np.float64) for each in (first, second)]
            joined = (pair[0] + pair[1]) / 2
            if name == "standard_error":
                # Of mean squares, as `run` has it: the variance within both halves, and that between them.
                squares = [error**2 * (number - 1) + mean**2 for error, mean in zip(errors, means, strict=True)]
                variance = (squares[0] + squares[1]) / 2 - ((means[0] + means[1]) / 2) ** 2
                joined = np.sqrt(np.maximum(variance, 0) / (2 * number - 1))
            arrays.append(joined.astype(first.of_sources[name][position].dtype))
    return first._replace(of_sources=of_sources, reference_value=(first.reference_value + second.reference_value) / 2)
