"""Problems: rows, targets and references that are cut together."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.execution.problem import Problem
from skdeeplift.execution.references import References
from skdeeplift.targets.target import Target
from tests.functions import streams_of

ROWS = np.arange(8.0).reshape(4, 2)
SHARED = References([-np.arange(6.0).reshape(3, 2)], False, np.full(3, 1 / 3))
OF_ROWS = References([-np.arange(24.0).reshape(4, 3, 2)], True, np.full(3, 1 / 3))


def run(problem):
    return problem.schedule.run(problem)


@pytest.fixture(scope="module")
def method():
    """f = (relu(a), relu(b), a + b)."""
    return streams_of(lambda x: tf.concat([tf.nn.relu(x), tf.reduce_sum(x, 1, keepdims=True)], 1), (2,))


def test_numbers_of_rows_and_targets(method):
    assert Problem(method, [ROWS], Target("all")).n_rows == 4
    assert Problem(method, [ROWS], Target("all")).n_targets == 3
    assert Problem(method, [ROWS], Target({(1,): 1.0})).n_targets == 1


@pytest.mark.parametrize("references", [SHARED, OF_ROWS, None])
def test_rows_targets_and_references_are_cut_together(method, references):
    problem = Problem(method, [ROWS], Target(np.array([0, 1, 2, 0])), references, batch_size=7)
    part = problem.take(slice(1, 3))
    np.testing.assert_array_equal(part.rows[0], ROWS[1:3])
    np.testing.assert_array_equal(part.target.choice, [1, 2])
    assert part.batch_size == 7
    if references is None:
        assert part.references is None
    else:
        expected = references.arrays[0][1:3] if references.per_row else references.arrays[0]
        np.testing.assert_array_equal(part.references.arrays[0], expected)


def test_results_of_some_rows_are_those_of_all(method):
    problem = Problem(method, [ROWS], Target(np.array([0, 1, 2, 0])), OF_ROWS)
    whole, part = run(problem), run(problem.take(np.array([3, 1])))
    np.testing.assert_allclose(part.contributions[0], whole.contributions[0][[3, 1]], rtol=1e-12)
    np.testing.assert_allclose(part.reference_value, whole.reference_value[[3, 1]], rtol=1e-12)
    np.testing.assert_array_equal(part.target, [0, 1])


def test_other_attributes_leave_the_problem_as_it_was(method):
    problem = Problem(method, [ROWS], Target("all"))
    assert problem.replace(verbose=1).verbose == 1
    assert problem.verbose == 0


def test_outputs_at_rows_and_at_others(method):
    problem = Problem(method, [ROWS], Target("all"), batch_size=3)
    expected = np.concatenate([ROWS, ROWS.sum(1, keepdims=True)], 1)
    np.testing.assert_array_equal(problem.outputs(), expected)
    np.testing.assert_array_equal(problem.outputs([-ROWS])[:, 2], -expected[:, 2])


@pytest.mark.parametrize("references", [SHARED, OF_ROWS])
def test_pairs_of_a_row(method, references):
    problem = Problem(method, [ROWS], Target("all"), references)
    expected = references.arrays[0][2] if references.per_row else references.arrays[0]
    for most in (2, 100):
        [rows], [found] = problem.pairs_of_row(2, most)
        np.testing.assert_array_equal(found, expected[:most])
        np.testing.assert_array_equal(rows, np.repeat(ROWS[[2]], len(found), 0))
