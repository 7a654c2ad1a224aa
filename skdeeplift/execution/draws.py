"""References and points on the path from them, drawn at random."""

import numpy as np

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


def drawn_until(compute, n_rows, references, seed, tolerance):
    """Draw for each row until its largest standard error is within tolerance of its largest contribution.

    Parameters
    ----------
    compute : callable
        Takes positions of rows and `References` for all rows, and returns the rows' `Results` with standard errors.
    n_rows : int
        How many rows there are.
    references : References
        What to draw from.
    seed : int
        Where draws come from; of all rows the same, whatever the rows beside them.
    tolerance : float
        The largest standard error, relative to the largest contribution.

    Returns
    -------
    results : Results
        Means over each row's draws, of which ``n_references`` says how many they are. ``unconverged`` rows are not
        within tolerance after as many draws as there are at the most.
    """
    going, number = np.arange(n_rows), FIRST_DRAWS
    results, n_draws = compute(going, draw(references, number, seed)), np.full(n_rows, number)
    going = going[~_is_within(results, tolerance)]
    while len(going) and number < MOST_DRAWS:
        # As many again, so that each is computed once.
        more = compute(going, draw(references, number, [seed, number]))
        more = _joined(results.of_rows(going), more, number)
        results.replace_rows(going, more)
        number *= 2
        n_draws[going] = number
        going = going[~_is_within(more, tolerance)]
    return results._replace(n_references=n_draws, unconverged=np.isin(np.arange(n_rows), going))


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
