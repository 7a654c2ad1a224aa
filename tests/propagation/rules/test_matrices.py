import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from tests.functions import assert_sums_to_change, explain_function

GENERATOR = np.random.default_rng(0)
EYE = np.eye(3)
CONSTANT = GENERATOR.normal(size=(3, 3)) + 4 * EYE


def regular(x):
    return tf.sin(x) + 4 * EYE


def positive(x):
    return tf.matmul(x, x, transpose_b=True) + EYE


def test_inverse_by_hand():
    """Of a number: 1/4 - 1/2 = -1/4. Of diag(4, 2), from diag(2, 1) with 1 above: the entries' changes are known."""
    [contributions], change = explain_function(tf.linalg.inv, [[[[4.0]]]], [[[[2.0]]]])
    assert (contributions.item(), change.item()) == (-0.25, -0.25)
    x, r = np.array([[4.0, 0.0], [0.0, 2.0]]), np.array([[2.0, 1.0], [0.0, 1.0]])
    [contributions], _ = explain_function(tf.linalg.inv, [[x]], [[r]])
    y_x, y_r = np.linalg.inv(x), np.linalg.inv(r)
    expected = np.zeros((2, 2))
    for place in np.ndindex(2, 2):
        d = np.zeros((2, 2))
        d[place] = (x - r)[place]
        expected[place] = -(y_x @ d @ y_r + y_r @ d @ y_x).sum() / 2
    np.testing.assert_allclose(contributions[0], expected)


def test_solution_by_hand():
    """12/4 - 2/1 = 1. The matrix first: 2/4 - 2/1 and then 10/4; it last: 10/1 and then 12/4 - 12."""
    (of_matrix, of_side), change = explain_function(tf.linalg.solve, [[[[4.0]]], [[[12.0]]]], [[[[1.0]]], [[[2.0]]]])
    np.testing.assert_allclose([of_matrix.item(), of_side.item(), change.item()], [(-1.5 - 9) / 2, (2.5 + 10) / 2, 1.0])


@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("lower", [None, False, True])
def test_solutions_are_the_changes_by_matrix_and_right_side_in_both_orders(adjoint, lower):
    x, r = GENERATOR.normal(size=(2, 3, 3)) + 4 * EYE
    side_x, side_r, weights = GENERATOR.normal(size=(3, 3, 2))

    def solve(matrix, side):
        if lower is None:
            return tf.linalg.solve(matrix, side, adjoint=adjoint)
        return tf.linalg.triangular_solve(matrix, side, lower=lower, adjoint=adjoint)

    (of_matrix, of_side), _ = explain_function(
        lambda matrix, side: solve(matrix, side) * weights, [[x], [side_x]], [[r], [side_r]]
    )

    def value(matrix, side):
        return float(tf.reduce_sum(solve(tf.constant(matrix), tf.constant(side)) * weights))

    by_matrix = (value(x, side_r) - value(r, side_r) + value(x, side_x) - value(r, side_x)) / 2
    np.testing.assert_allclose(of_matrix.sum(), by_matrix)
    np.testing.assert_allclose(of_side.sum(), value(x, side_x) - value(r, side_r) - by_matrix)
    if lower is not None:
        unread = np.triu(np.ones((3, 3)), 1) if lower else np.tril(np.ones((3, 3)), -1)
        np.testing.assert_array_equal(of_matrix[0] * unread, np.zeros((3, 3)))


def test_factor_by_hand():
    """The root of a number: 4 - 2 = 2 of a change of 12. The factor of [[1, .], [a, a^2 + 1]] is [[1, 0], [a, 1]]."""
    [contributions], change = explain_function(tf.linalg.cholesky, [[[[16.0]]]], [[[[4.0]]]])
    assert (contributions.item(), change.item()) == (2.0, 2.0)
    x, r = ([[1.0, 9.0], [a, a**2 + 1]] for a in (3.0, 1.0))
    [contributions], change = explain_function(lambda x: tf.linalg.cholesky(x)[:, 1, :1], [[x]], [[r]])
    np.testing.assert_allclose(contributions, [[[0.0, 0.0], [2.0, 0.0]]])
    np.testing.assert_allclose(change, [2.0])


def test_determinant_by_hand():
    """3 * 5 - 2 * 4 = 7 from 1 * 1 - 1 * 0 = 1, where rows change one after the other.

    The first row first: 2 * 1 - 1 * 0 for x11, and -1 * 0 for x12; then 4 * 3 and -4 * 2. The second row first:
    4 * 1 and -4 * 1; then 2 * 5 and -1 * 4.
    """
    x, r = [[3.0, 2.0], [4.0, 5.0]], [[1.0, 1.0], [0.0, 1.0]]
    [contributions], change = explain_function(tf.linalg.det, [[x]], [[r]])
    np.testing.assert_allclose(contributions[0], [[6.0, -2.0], [-6.0, 8.0]])
    np.testing.assert_allclose(change, [6.0])


def test_determinant_of_singular_matrices():
    """1 * 1 - 1 * 1 and zeros: no inverse is read."""
    [contributions], change = explain_function(tf.linalg.det, [[np.ones((2, 2))]], [[np.zeros((2, 2))]])
    np.testing.assert_allclose(contributions.sum(), change.item(), atol=1e-12)


FUNCTIONS = {
    "inverse": lambda x: tf.linalg.inv(regular(x)),
    "inverse of the adjoint": lambda x: tf.linalg.inv(regular(x), adjoint=True),
    "solution of a constant matrix": lambda x: tf.linalg.solve(CONSTANT + 0 * x[:, :1, :1], tf.sin(x)),
    "solution for a constant side": lambda x: tf.linalg.solve(regular(x), CONSTANT + tf.zeros_like(x), adjoint=True),
    "solution": lambda x: tf.linalg.solve(regular(x), tf.cos(x)),
    "triangular solution": lambda x: tf.linalg.triangular_solve(regular(x), tf.cos(x)),
    "upper triangular solution": lambda x: tf.linalg.triangular_solve(regular(x), tf.cos(x), lower=False, adjoint=True),
    "factor": lambda x: tf.linalg.cholesky(positive(x)),
    "logarithm of a determinant": lambda x: tf.linalg.logdet(positive(x)),
    "determinant": lambda x: tf.linalg.det(tf.sin(x)),
    "distance of Mahalanobis": lambda x: tf.linalg.cholesky_solve(tf.linalg.cholesky(positive(x)), x),
}


@pytest.mark.sampled(18)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_sums_to_the_change(name, mode, rule):
    number = 2 if mode is Mode.SHARED else 6
    rows, references = GENERATOR.normal(size=(3, 3, 3)), GENERATOR.normal(size=(number, 3, 3))
    assert_sums_to_change(lambda x: tf.tanh(FUNCTIONS[name](x)), [rows], [references], mode=mode, rule=rule)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["inverse", "solution", "triangular solution", "factor", "determinant"])
def test_inside_of_a_loop(name):
    def function(x):
        def step(number, state):
            return number + 1, x * 0.5 + tf.tanh(tf.reshape(FUNCTIONS[name](state), (tf.shape(x)[0], -1, 1))[:, :1])

        return tf.while_loop(lambda number, _: number < 3, step, (tf.constant(0), x))[1]

    rows, references = GENERATOR.normal(size=(3, 3, 3)), GENERATOR.normal(size=(2, 3, 3))
    for rule in ("rescale", "reveal_cancel"):
        assert_sums_to_change(function, [rows], [references], rule=rule)


def test_negative_coefficients_swap_parts():
    """1/4 - 1/2 of a growing number is a negative part, so that relu(1/x - 1/2 + 0.1) is split as by rescale."""
    [contributions], _ = explain_function(
        lambda x: tf.nn.relu(tf.linalg.inv(x) - 0.4), [[[[4.0]]]], [[[[2.0]]]], rule="reveal_cancel"
    )
    np.testing.assert_allclose(contributions.item(), -0.1)
