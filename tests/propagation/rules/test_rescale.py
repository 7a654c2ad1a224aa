import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from tests.functions import explain_function


def explained(function, row, reference, **options):
    return explain_function(function, [[row]], [[reference]], **options)[0][0][0]


def two_layers(x):
    """relu(x1) - 2 relu(x2), without weights."""
    hidden = tf.nn.relu(x)
    return hidden[:, 0] - 2.0 * hidden[:, 1]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # Slopes 3/4 and 1, with the multipliers 1 and -2 behind them.
        ("rescale", [3 / 4, -2.0]),
        # The multiplier -2 is dropped.
        ("guided_backprop_rescale", [3 / 4, 0.0]),
        # No slope at all.
        ("pass_through", [1.0, -2.0]),
    ],
)
@pytest.mark.parametrize("function", [two_layers, lambda x: two_layers(x + 0.0 * tf.sigmoid(x))])
def test_multipliers_by_hand(rule, expected, function):
    """A row (3, 2) against (-1, 1)."""
    np.testing.assert_allclose(
        explained(two_layers, [3.0, 2.0], [-1.0, 1.0], rule=rule, wanted="multipliers"), expected
    )


def test_guided_drops_multipliers_of_other_activations_too():
    def function(x):
        return -tf.sigmoid(x[:, 0]) + tf.tanh(x[:, 1])

    multipliers = explained(function, [1.0, 1.0], [0.0, 0.0], rule="guided_backprop_rescale", wanted="multipliers")
    np.testing.assert_allclose(multipliers, [0, np.tanh(1.0)])


def test_pass_through_of_a_function_that_broadcasts():
    """max(x, (0, 0, 0)) of one column has three: the multiplier is the sum over them."""

    def function(x):
        return tf.maximum(x, tf.zeros((1, 3), x.dtype))

    np.testing.assert_allclose(explained(function, [2.0], [1.0], rule="pass_through", wanted="multipliers"), [3.0])


@pytest.mark.parametrize("rule", ["rescale", "pass_through", "guided_backprop_rescale"])
@pytest.mark.parametrize("mode", list(Mode))
def test_parts_are_scaled_alike(mode, rule):
    """relu(x1 - x2) at (3, 2) against (0, 0): slope 1 for the parts 3 and -2.

    A function that falls, here with the slope -2, keeps the names of the parts in what is reported.
    """
    for function, expected in (
        (lambda x: tf.tanh(tf.nn.relu(x[:, :1] - x[:, 1:])), (3.0, -2.0)),
        (lambda x: tf.tanh((lambda y: y * 0.5 - tf.abs(y) * 2.5)(x[:, :1] - x[:, 1:])), (-6.0, 4.0)),
    ):
        for wanted, value in zip(("positive_difference", "negative_difference"), expected, strict=True):
            part = explained(function, [3.0, 2.0], [0.0, 0.0], mode=mode, wanted=wanted, layer_before="Tanh", rule=rule)
            np.testing.assert_allclose(part, [value], err_msg=wanted)


def test_pass_through_behind_what_parts_are_asked_of():
    """Nothing is read of the sigmoid, since no spread goes further than to the input of the hyperbolic tangent."""

    def function(x):
        return tf.sigmoid(tf.nn.relu(tf.tanh(x[:, :1] - x[:, 1:])))

    part = explained(
        function, [3.0, 2.0], [0.0, 0.0], wanted="positive_difference", layer_before="Tanh", rule="pass_through"
    )
    np.testing.assert_allclose(part, [3.0])
