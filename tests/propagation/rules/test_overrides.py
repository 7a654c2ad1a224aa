import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.clusters import Activations
from skdeeplift.network.trace import trace
from skdeeplift.propagation.activations import activation_at
from skdeeplift.propagation.rules.overrides import EpsilonLRP, deconvnet, guided_backprop, run_activation

X = np.array([[-2.0, -0.5, 0.5, 2.0]])
INCOMING = np.array([[3.0, -1.0, -4.0, 0.5]])


def silu(x):
    return x * tf.sigmoid(x)


def overridden(rule, function):
    """The value of an activation under a rule, and its gradient where certain multipliers come in."""
    graph, _ = trace(function, tf.TensorSpec((None, 4), tf.float64))
    activation = activation_at(graph, graph.producer[graph.outputs[0]], Activations(graph), ())

    @tf.function(autograph=False)
    def run(x):
        output = rule(activation, run_activation(activation, x, []), x, [])
        return output, tf.gradients(output, x, tf.constant(INCOMING))[0]

    return [tensor.numpy() for tensor in run(tf.constant(X))]


@pytest.mark.parametrize("function", [tf.nn.relu, tf.tanh, silu])
@pytest.mark.parametrize("rule", [guided_backprop, deconvnet, EpsilonLRP(1e-3)])
def test_the_value_stays(rule, function):
    np.testing.assert_allclose(overridden(rule, function)[0], function(X), rtol=1e-14)


def test_guided_backprop_by_hand():
    """Multipliers 3 and 1/2 are left; relu lets pass what comes in at positive values, a square 2 x of it."""
    np.testing.assert_array_equal(overridden(guided_backprop, tf.nn.relu)[1], [[0, 0, 0, 0.5]])
    np.testing.assert_allclose(overridden(guided_backprop, tf.square)[1], [[-12, 0, 0, 2]], rtol=1e-15)


def test_deconvnet_by_hand():
    """The multiplier itself goes through the function, wherever that was evaluated."""
    np.testing.assert_array_equal(overridden(deconvnet, tf.nn.relu)[1], [[3, 0, 0, 0.5]])
    np.testing.assert_allclose(overridden(deconvnet, silu)[1], INCOMING / (1 + np.exp(-INCOMING)), rtol=1e-14)
    # One that explodes keeps its derivative.
    np.testing.assert_allclose(overridden(deconvnet, tf.exp)[1], INCOMING * np.exp(X), rtol=1e-14)


def test_epsilon_lrp_by_hand():
    """relu(x) / (x + 1/2 sign(x)) is 0, 0, 0.5 / 1 and 2 / 2.5; a square's 4 / -2.5, 0.25 / -1, 0.25 / 1, 4 / 2.5."""
    rule = EpsilonLRP(0.5)
    np.testing.assert_allclose(overridden(rule, tf.nn.relu)[1], INCOMING * [0, 0, 0.5, 0.8], rtol=1e-15)
    np.testing.assert_allclose(overridden(rule, tf.square)[1], INCOMING * [-1.6, -0.25, 0.25, 1.6], rtol=1e-15)


def test_zero_counts_as_positive_in_epsilon_lrp():
    """exp(0) / (0 + 1/4)."""

    @tf.function(autograph=False)
    def run(x):
        return tf.gradients(EpsilonLRP(0.25)(None, tf.exp(x), x, []), x)[0]

    assert run(tf.constant(0.0)).numpy() == 4
