"""Which rows are refined, by made-up results whose error is one over the number of steps, times a factor of the row."""

import numpy as np

from skdeeplift.execution.refine import refined
from skdeeplift.execution.results import Results
from skdeeplift.propagation.summation_check import Tolerance


def made_up(factors, calls):
    def compute(rows, n_steps):
        calls.append((list(rows), n_steps))
        error = np.asarray(factors)[rows] / n_steps
        contributions = (1.0 - error)[:, None]
        return Results({"contributions": [contributions]}, np.ones(len(rows)), np.zeros(len(rows)), None)

    return compute


def test_only_rows_that_need_it_and_as_few_steps_as_it_seems():
    """Within 0.1: the first at once, the second after 10 steps, the third jumps by four, the last ends at the most."""
    calls = []
    results = refined(made_up([0.2, 0.8, 2.4, 50], calls), 4, Tolerance(relative=0.1), 60)
    assert calls == [([0, 1, 2, 3], 5), ([1], 10), ([2, 3], 20), ([2], 40), ([3], 60)]
    np.testing.assert_array_equal(results.n_steps, [5, 15, 65, 85])
    np.testing.assert_allclose(results.contributions[0][:, 0], [0.96, 0.92, 0.94, 1 - 50 / 60])


def test_fewer_steps_than_the_first_try():
    calls = []
    results = refined(made_up([9, 0.1], calls), 2, Tolerance(relative=0.1), 3)
    assert calls == [([0, 1], 3)]
    np.testing.assert_array_equal(results.n_steps, [3, 3])
