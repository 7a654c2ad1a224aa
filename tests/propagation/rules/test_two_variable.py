import numpy as np
import pytest
import tensorflow as tf

from tests.functions import assert_sums_to_change, explain_function


def test_quotient_is_shared_so_that_the_product_with_the_denominator_is():
    """6/2 - 1/1 = 2. The mean denominator is 3/2, the mean quotient 2: (5 - 2 * 1) / (3/2) = 10/3 - 4/3."""
    (first, second), change = explain_function(tf.divide, [[[6.0]], [[2.0]]], [[[1.0]], [[1.0]]])
    np.testing.assert_allclose([first.item(), second.item(), change.item()], [10 / 3, -4 / 3, 2.0])


def test_quotient_whose_denominator_crosses_zero():
    """6/2 - 1/-1 = 4. The sizes' mean is 3/2 and nothing falls on the numerator: 3 * 2 (1 + 3) / (2 * 3) = 4."""
    (first, second), change = explain_function(tf.divide, [[[6.0]], [[2.0]]], [[[1.0]], [[-1.0]]])
    np.testing.assert_allclose([first.item(), second.item(), change.item()], [0.0, 4.0, 4.0], atol=1e-12)


@pytest.mark.parametrize("at_reference", [1e-30, 1e-8, 0.5, -0.5, -1e-8])
def test_quotient_with_a_denominator_near_zero_is_exact_in_single_precision(at_reference):
    """Where the reference's numerator is zero, the mean denominator is that of the rows, halved."""
    generator = np.random.default_rng(0)
    rows = [generator.normal(size=(4, 5)), generator.uniform(0.5, 2, (4, 5))]
    references = [np.zeros((1, 5)), np.full((1, 5), at_reference)]
    options = dict(dtype=tf.float32)
    assert_sums_to_change(tf.divide, rows, references, tolerance=1e-6, **options)
    contributions, _ = explain_function(tf.divide, rows, references, **options)
    assert np.abs(contributions).max() <= 2.01 * np.abs(rows[0] / rows[1]).max()


def test_minimum_of_equals_is_shared_evenly():
    """min(1, 1) - min(0, 0) = 1."""
    (first, second), _ = explain_function(tf.minimum, [[[1.0]], [[1.0]]], [[[0.0]], [[0.0]]])
    assert (first.item(), second.item()) == (0.5, 0.5)


def test_power_is_shared_over_both_orders():
    """2^3 - 1^1 = 7. The base changes 2 - 1 before the exponent and 8 - 1 after: 4; the exponent has the rest."""
    (first, second), change = explain_function(tf.pow, [[[2.0]], [[3.0]]], [[[1.0]], [[1.0]]])
    np.testing.assert_allclose([first.item(), second.item(), change.item()], [4.0, 3.0, 7.0])


def test_operand_without_a_difference_has_the_mean_partial_derivative():
    """d(a^b)/da = b a^(b-1): 12 at the input's b = 3 and 4 at the reference's b = 2."""
    (first, second), _ = explain_function(tf.pow, [[[2.0]], [[3.0]]], [[[2.0]], [[2.0]]], wanted="multipliers")
    np.testing.assert_allclose(first, [[8.0]])
    np.testing.assert_allclose(second, [[4.0]])


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
