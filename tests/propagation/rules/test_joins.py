import numpy as np
import pytest
import tensorflow as tf

from tests.functions import assert_sums_to_change, explain_function


def test_constants_have_no_part_in_a_join():
    """Of [x, 7] * [2, 3] only x has a difference: 2 * 4."""

    def function(x):
        return tf.concat([x, 7 * tf.ones_like(x)], 1) * tf.constant([2.0, 3.0], tf.float64)

    [contributions], change = explain_function(function, [[[5.0]]], [[[1.0]]])
    assert contributions.item() == change.item() == 8.0


@pytest.mark.parametrize(
    "function",
    [
        tf.add,
        tf.subtract,
        lambda a, b: tf.add_n([a, b, tf.ones_like(a), a]),
        lambda a, b: a[:, :1] - b,
        lambda a, b: tf.constant(3.0, tf.float64) - a + b,
        lambda a, b: tf.concat([a, b], -1),
        lambda a, b: tf.stack([a, b, a], 1),
        lambda a, b: tf.where(tf.constant([True, False, True, False, True]), a, b),
        lambda a, b: tf.where(tf.constant([True, False, True, False, True]), a, 3.0) + b,
        lambda a, b: tf.pad(a, [[0, 0], [1, 1]], constant_values=5.0)[:, 1:6] + b,
    ],
)
def test_sums_to_the_change_exactly(function):
    generator = np.random.default_rng(0)
    rows = [generator.normal(size=(4, 5)) for _ in range(2)]
    references = [generator.normal(size=(3, 5)) for _ in range(2)]
    assert_sums_to_change(function, rows, references, tolerance=1e-12)
