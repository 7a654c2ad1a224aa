"""References and points on the path from them, drawn at random."""

import numpy as np

from skdeeplift.execution.draws import FIRST_DRAWS, MOST_DRAWS, draw, drawn_until
from skdeeplift.execution.references import References
from skdeeplift.execution.results import Results, joined

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

    def compute(rows, drawn):
        seen.append(drawn.arrays[0][:, 0])
        return results_of(drawn)

    results = drawn_until(compute, 1, given, 0, 0.01)
    values = np.concatenate(seen)
    assert len(values) > FIRST_DRAWS
    np.testing.assert_allclose(results.contributions[0], values.mean())
    error = results.of_sources["standard_error"][0]
    np.testing.assert_allclose(error, values.std() / np.sqrt(len(values) - 1))
    assert error <= 0.01 * values.mean()
    assert results.n_references == len(values)
    assert not results.unconverged.any()


def test_draws_have_an_end():
    results = drawn_until(lambda rows, drawn: results_of(drawn), 1, references(ROWS - ROWS.mean(0)), 0, 1e-6)
    assert results.unconverged.all()
    assert results.n_references == MOST_DRAWS


def test_rows_that_are_precise_enough_are_left_alone():
    """The first row's contributions are all the same, whatever is drawn; the second one's are not."""
    asked = []

    def compute(rows, drawn):
        asked.append(list(rows))
        of_row = results_of(drawn)
        exact = of_row._replace(of_sources={"contributions": [np.ones((1, 1))], "standard_error": [np.zeros((1, 1))]})
        return joined([[exact, of_row][row] for row in rows])

    results = drawn_until(compute, 2, references(ROWS + 3), 0, 0.01)
    alone = drawn_until(lambda rows, drawn: results_of(drawn), 1, references(ROWS + 3), 0, 0.01)
    assert asked[0] == [0, 1]
    assert len(asked) > 1
    assert all(rows == [1] for rows in asked[1:])
    assert results.n_references[0] == FIRST_DRAWS
    assert results.n_references[1] == alone.n_references[0]
    np.testing.assert_array_equal(results.contributions[0][:, 0], [1.0, alone.contributions[0][0, 0]])
