"""One stream: the plain gradient, in one call."""

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.clusters import Activations, activation_at
from skdeeplift.network.network import trace
from skdeeplift.propagation import replay
from skdeeplift.propagation.gradients import (
    EpsilonLRP,
    Gradients,
    Overrides,
    deconvnet,
    guided_backprop,
)
from skdeeplift.propagation.lookups import Source
from skdeeplift.propagation.pairing import Mode, Pairing, Request
from skdeeplift.propagation.rules.products import propagate


def gradients_of(function, x, form="gradient", targets=1, weights=None):
    graph, _ = trace(lambda structure: function(*structure), [tf.TensorSpec((None, *x.shape[1:]), tf.float64)])
    method = Gradients(graph, graph.outputs[0], [Source(value) for value in graph.inputs], form)
    shape = graph.outputs[0].shape[1:]
    weights = np.ones((1, targets, *shape)) if weights is None else weights
    request = Request(Pairing(Mode.SHARED, len(x), 1, targets), weights, np.ones(1))
    outputs, [(sums,)] = method.at_rows(request, [x])
    return outputs.numpy(), sums.numpy()


def test_gradient_and_value():
    """The gradient of the sum of cubes is 3 x^2."""
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    outputs, sums = gradients_of(lambda x: tf.reduce_sum(x**3, 1, keepdims=True), x)
    np.testing.assert_allclose(outputs[:, 0], (x**3).sum(1))
    np.testing.assert_allclose(sums[:, 0], 3 * x**2)
    _, absolute = gradients_of(lambda x: -x, x, "saliency")
    np.testing.assert_allclose(absolute, 1)
    _, products = gradients_of(lambda x: 2 * x, x, "gradient_x_input")
    np.testing.assert_allclose(products[:, 0], 2 * x)


def test_gradients_of_each_target_are_those_of_it_alone():
    """Each output alone: the rows of the Jacobian of (x1 x2, x1^2)."""
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    _, sums = gradients_of(
        lambda x: tf.stack([x[:, 0] * x[:, 1], x[:, 0] ** 2], 1), x, targets=2, weights=np.eye(2)[None]
    )
    np.testing.assert_allclose(sums[:, 0], x[:, ::-1])
    np.testing.assert_allclose(sums[:, 1], np.stack([2 * x[:, 0], np.zeros(2)], 1))


def steps_of(function, barriers=lambda graph: (), known=lambda graph: graph.inputs):
    """List the types of the ops that compute a function's outputs; those of an activation are a list."""
    graph, _ = trace(function, tf.TensorSpec((None, 3)))
    overrides = Overrides(None, set(barriers(graph)))
    steps = graph.ancestors(graph.outputs, known(graph), overrides)
    assert graph.ancestors(graph.outputs, known(graph), overrides) == steps
    steps = [step for step in steps if getattr(step, "type", None) != "Const"]
    return [[op.type for op in step.activation.ops] if hasattr(step, "activation") else step.type for step in steps]


def test_an_activation_of_several_ops_is_one():
    assert steps_of(lambda x: tf.nn.relu(x + 1.0)) == ["AddV2", ["Relu"]]
    assert steps_of(lambda x: 2 * (x * tf.sigmoid(x))) == [["Sigmoid", "Mul"], "Mul"]


def test_what_another_op_reads_too_is_an_activation_by_itself():
    def function(x):
        gate = tf.sigmoid(x)
        return x * gate, gate + 1.0

    assert steps_of(function) == [["Sigmoid"], ["Sigmoid", "Mul"], "AddV2"]


def test_nothing_is_run_that_is_known_or_that_nobody_wants():
    def function(x):
        hidden = tf.tanh(x)
        tf.exp(hidden)
        return tf.nn.relu(hidden)

    def at_tanh(graph):
        return [op.outputs[0] for op in graph.ops if op.type == "Tanh"]

    assert steps_of(function) == [["Tanh"], ["Relu"]]
    assert steps_of(function, known=at_tanh) == [["Relu"]]


def test_no_activation_reaches_across_a_barrier():
    def at_sigmoid(graph):
        return [op.outputs[0] for op in graph.ops if op.type == "Sigmoid"]

    assert steps_of(lambda x: x * tf.sigmoid(x), at_sigmoid) == [["Sigmoid"], "Mul"]


def test_what_carries_no_difference_is_run_as_it_is():
    def function(x):
        return tf.nn.relu(x) * tf.tanh(tf.cast(tf.shape(x)[0], tf.float32))

    assert ["Tanh"] not in steps_of(function)
    assert "Tanh" in steps_of(function)


X = np.array([[-2.0, -0.5, 0.5, 2.0]])
INCOMING = np.array([[3.0, -1.0, -4.0, 0.5]])


def silu(x):
    return x * tf.sigmoid(x)


def overridden(rule, function, incoming=INCOMING):
    """The value of an activation under a rule, and its gradient where certain multipliers come in."""
    graph, _ = trace(function, tf.TensorSpec((None, 4), tf.float64))
    activation = activation_at(graph, graph.producer[graph.outputs[0]], Activations(graph), ())

    @tf.function(autograph=False)
    def run(x):
        constants = (graph.producer[value].definition.outputs[0] for value in activation.operands)
        operands = [tf.constant(tf.get_static_value(constant)) for constant in constants]
        output = rule(activation, replay.run_activation(activation, x, operands), x, operands)
        return output, propagate(output, tf.constant(incoming), x)[0]

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


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (tf.exp, np.exp(X)),
        (tf.square, 2 * X),
        (lambda x: x * x, 2 * X),
        (lambda x: x**3, 3 * X**2),
        (lambda x: tf.minimum(x, 1.0), X < 1),
        (lambda x: tf.maximum(x, 1.0), X > 1),
        (tf.abs, np.sign(X)),
        (tf.sin, np.cos(X)),
        (tf.nn.softplus, 1 / (1 + np.exp(-X))),
    ],
)
def test_functions_that_are_no_rectifiers_keep_their_derivative_in_a_deconvnet(function, derivative):
    np.testing.assert_allclose(overridden(deconvnet, function)[1], INCOMING * derivative, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: tf.maximum(x, 0.0), [3, 0, 0, 0.5]),
        (lambda x: tf.maximum(x, 0.25 * x), [3, -0.25, -1, 0.5]),
        (lambda x: tf.nn.leaky_relu(x, 0.25), [3, -0.25, -1, 0.5]),
        (lambda x: tf.nn.relu(x) - 0.25 * tf.nn.relu(-x), [3, -0.25, -1, 0.5]),
        (tf.nn.elu, [3, np.expm1(-1), np.expm1(-4), 0.5]),
        (tf.tanh, np.tanh([3, -1, -4, 0.5])),
    ],
)
def test_rectifiers_are_applied_to_multipliers_however_they_are_spelled(function, expected):
    np.testing.assert_allclose(overridden(deconvnet, function)[1], [expected], rtol=1e-12)


def test_a_cap_of_values_is_none_of_multipliers():
    """A multiplier of 7 passes relu6, whose values end at 6."""
    got = overridden(deconvnet, tf.nn.relu6, np.array([[7.0, -1.0, 2.0, 9.0]]))[1]
    np.testing.assert_array_equal(got, [[7, 0, 2, 9]])


def test_epsilon_lrp_by_hand():
    """relu(x) / (x + 1/2 sign(x)) is 0, 0, 0.5 / 1 and 2 / 2.5; a square's 4 / -2.5, 0.25 / -1, 0.25 / 1, 4 / 2.5."""
    rule = EpsilonLRP(0.5)
    np.testing.assert_allclose(overridden(rule, tf.nn.relu)[1], INCOMING * [0, 0, 0.5, 0.8], rtol=1e-15)
    np.testing.assert_allclose(overridden(rule, tf.square)[1], INCOMING * [-1.6, -0.25, 0.25, 1.6], rtol=1e-15)


def test_zero_counts_as_positive_in_epsilon_lrp():
    """exp(0) / (0 + 1/4)."""

    @tf.function(autograph=False)
    def run(x):
        return propagate(EpsilonLRP(0.25)(None, tf.exp(x), x, []), None, x)[0]

    assert run(tf.constant(0.0)).numpy() == 4


def test_ops_that_tensorflow_has_no_derivative_of():
    def function(x):
        return tf.reduce_sum(tf.image.adjust_hue(x, 0.1), [1, 2, 3])[:, None]

    with pytest.raises(UnsupportedOpError, match=r"no derivative of an op before the target.*AdjustHue"):
        gradients_of(lambda x: function(tf.cast(x, tf.float32)), np.ones((2, 2, 2, 3)))
