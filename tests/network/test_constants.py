"""Values that are known before a network runs."""

import numpy as np
import tensorflow as tf

from skdeeplift.network.constants import constant_value


def values_of(function):
    """Return the known value of each tensor that a function of a row returns, or None."""
    traced = tf.function(function).get_concrete_function(tf.TensorSpec((None, 3)))
    return [constant_value(tensor) for tensor in traced.outputs]


def test_constants_are_folded():
    """TensorFlow itself does not add constants; what depends on the row, or draws, is not known."""

    def function(x):
        axes = tf.concat([tf.constant([0]), tf.constant([1, 2]) + 1], 0)
        return tf.split(axes, [1, 2])[1], tf.reshape(axes, (3, 1)), tf.shape(x)[0] + 1, tf.random.uniform([2]) + 1

    known = values_of(function)
    np.testing.assert_array_equal(known[0], [2, 3])
    np.testing.assert_array_equal(known[1], [[0], [2], [3]])
    assert known[2] is None
    assert known[3] is None


def test_constants_are_folded_while_another_function_is_traced():
    found = []

    @tf.function
    def around(x):
        found.extend(values_of(lambda row: (tf.constant([1, 2]) * 3, row)))
        return x

    around(tf.zeros(()))
    np.testing.assert_array_equal(found[0], [3, 6])
    assert found[1] is None
