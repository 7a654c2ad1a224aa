"""References and points on the path from them, drawn at random."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skdeeplift.execution.draws import FIRST_DRAWS, MOST_DRAWS, draw, drawn_until
from skdeeplift.execution.references import References
from skdeeplift.execution.results import Results

ROWS = np.random.RandomState(0).normal(size=(6, 2))


def references(rows, weights=None):
    weights = np.ones(len(rows)) if weights is None else np.asarray(weights, float)
    return References([rows], False, weights / weights.sum())


def test_draws_are_by_weight():
    drawn = draw(references(ROWS[:3], [1, 0, 3]), 4000, 0)
    share = (drawn.arrays[0] == ROWS[2]).all(1).mean()
    assert abs(share - 0.75) < 0.03
    assert not (drawn.arrays[0] == ROWS[1]).all(1).any()
    assert drawn.path.positions.shape == (4000, 1)
    assert abs(drawn.path.positions.mean() - 0.5) < 0.02
    np.testing.assert_allclose(drawn.weights, 1 / 4000)


def test_order_does_not_matter_nor_whether_rows_are_repeated():
    weights = np.array([2, 1, 3, 1, 2, 1])
    expected = draw(references(ROWS, weights), 50, 7).arrays[0]
    order = np.random.RandomState(1).permutation(6)
    np.testing.assert_array_equal(draw(references(ROWS[order], weights[order]), 50, 7).arrays[0], expected)
    np.testing.assert_array_equal(draw(references(np.repeat(ROWS, weights, 0)), 50, 7).arrays[0], expected)


def results_of(drawn):
    """Contributions that are the drawn values themselves, with the standard errors of their means."""
    values = drawn.arrays[0][:, 0]
    mean, error = values.mean(), values.std() / np.sqrt(len(values) - 1)
    of_sources = {"contributions": [np.full((1, 1), mean)], "standard_error": [np.full((1, 1), error)]}
    return Results(of_sources, np.zeros(1), np.zeros(1), None)


def test_as_many_draws_as_a_tolerance_needs():
    given, seen = references(ROWS + 3), []

    def compute(drawn):
        seen.append(drawn.arrays[0][:, 0])
        return results_of(drawn)

    results = drawn_until(compute, given, 0, 0.01)
    values = np.concatenate(seen)
    assert len(values) > FIRST_DRAWS
    np.testing.assert_allclose(results.contributions[0], values.mean())
    error = results.of_sources["standard_error"][0]
    np.testing.assert_allclose(error, values.std() / np.sqrt(len(values) - 1))
    assert error <= 0.01 * values.mean()


def test_draws_have_an_end():
    with pytest.warns(ConvergenceWarning, match=f"After {MOST_DRAWS} draws .* 1 of 1 rows"):
        drawn_until(results_of, references(ROWS - ROWS.mean(0)), 0, 1e-6)
