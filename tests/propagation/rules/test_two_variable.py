import numpy as np
import pytest
import tensorflow as tf

from tests.functions import assert_sums_to_change, explain_function


def test_quotient_is_shared_over_both_orders():
    """6/2 - 1/1 = 2. The first operand changes 5/1 before the second and 5/2 after: 15/4; the second has the rest."""
    (first, second), change = explain_function(tf.divide, [[[6.0]], [[2.0]]], [[[1.0]], [[1.0]]])
    np.testing.assert_allclose([first.item(), second.item(), change.item()], [3.75, -1.75, 2.0])


def test_minimum_of_equals_is_shared_evenly():
    """min(1, 1) - min(0, 0) = 1."""
    (first, second), _ = explain_function(tf.minimum, [[[1.0]], [[1.0]]], [[[0.0]], [[0.0]]])
    assert (first.item(), second.item()) == (0.5, 0.5)


def test_operand_without_a_difference_has_the_mean_partial_derivative():
    """d(a/b)/da = 1/b: 1/2 at the input's b and 1 at the reference's."""
    (first, second), _ = explain_function(tf.divide, [[[3.0]], [[2.0]]], [[[3.0]], [[1.0]]], wanted="multipliers")
    np.testing.assert_allclose(first, [[0.75]])
    np.testing.assert_allclose(second, [[-1.5]])


@pytest.mark.parametrize(
    "function",
    [
        tf.divide,
        tf.math.divide_no_nan,
        tf.pow,
        tf.maximum,
        tf.minimum,
        tf.math.squared_difference,
        tf.math.atan2,
        tf.math.xlogy,
        tf.math.xdivy,
        tf.math.xlog1py,
        lambda a, b: a / b[:, :1],
    ],
)
def test_sums_to_the_change(function):
    generator = np.random.default_rng(0)
    rows = [generator.uniform(0.5, 2, (4, 5)) for _ in range(2)]
    references = [generator.uniform(0.5, 2, (3, 5)) for _ in range(2)]
    assert_sums_to_change(function, rows, references)
