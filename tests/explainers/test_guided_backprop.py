import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import GradientExplainer, GuidedBackpropExplainer

ROWS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
SEQUENCES = np.random.default_rng(1).normal(size=(5, 4, 3)).astype(np.float32)


def one_unit(activation):
    """Two rows of weights through one activation, and -2 and 3 behind it."""
    hidden = layers.Dense(2, activation=activation)
    model = keras.Sequential([keras.Input((2,)), hidden, layers.Dense(1)])
    model.set_weights([np.array([[1.0, 2.0], [-1.0, 1.0]]), np.zeros(2), np.array([[-2.0], [3.0]]), np.zeros(1)])
    return model


def test_guided_backprop_hand_worked():
    """At (2, 1) both units are on: -2 is dropped, 3 goes back to 3 * (2, 1); at (-1, -1) none is."""
    rows = np.array([[2.0, 1.0], [-1.0, -1.0]])
    explainer = GuidedBackpropExplainer(one_unit("relu")).fit(rows)
    np.testing.assert_array_equal(explainer.transform(rows), [[6, 3], [0, 0]])
    times_input = GuidedBackpropExplainer(one_unit("relu"), multiply_by_input=True).fit(rows)
    np.testing.assert_array_equal(times_input.transform(rows), [[12, 3], [0, 0]])


def test_deconvnet_hand_worked():
    """relu(-2) = 0 and relu(3) = 3, whatever the units are: 3 * (2, 1) at all rows."""
    rows = np.array([[2.0, 1.0], [-1.0, -1.0]])
    explainer = GuidedBackpropExplainer(one_unit("relu"), rule="deconvnet").fit(rows)
    np.testing.assert_array_equal(explainer.transform(rows), [[6, 3]] * 2)


def prelu(x):
    return tf.nn.relu(x) - 0.25 * tf.nn.relu(-x)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("activation", ["tanh", "relu6", "gelu", "silu", "elu", "leaky_relu", prelu])
@pytest.mark.parametrize("rule", ["guided_backprop", "deconvnet"])
def test_clusters_are_one_activation(activation, rule):
    """The multipliers -2 and 3 come back: the derivative times the positive one, or the function of both."""
    function = keras.activations.get(activation)
    hidden = tf.constant(ROWS[:, :2] @ np.array([[1.0, 2.0], [-1.0, 1.0]], np.float32))
    incoming = tf.constant([[-2.0, 3.0]])
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        output = function(hidden)
    derivative = tape.gradient(output, hidden)
    at_root = function(incoming) * tf.ones_like(hidden) if rule == "deconvnet" else tf.nn.relu(incoming) * derivative
    expected = at_root.numpy() @ np.array([[1.0, -1.0], [2.0, 1.0]])
    got = GuidedBackpropExplainer(one_unit(activation), rule=rule).fit_transform(ROWS[:, :2])
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_the_parts_of_a_cluster_that_are_read_elsewhere_too():
    """x * sigmoid(x) is one activation; the sigmoid that another unit reads is one by itself, and drops its -1."""

    def function(x):
        gate = tf.sigmoid(x)
        return tf.concat([x * gate, gate], 1)

    model = keras.Sequential([keras.Input((1,)), layers.Lambda(function), layers.Dense(1)])
    model.set_weights([np.array([[2.0], [-1.0]]), np.zeros(1)])
    x = 0.7
    gate = 1 / (1 + np.exp(-x))
    got = GuidedBackpropExplainer(model).fit_transform([[x]])
    np.testing.assert_allclose(got, [[2 * (gate + x * gate * (1 - gate))]], rtol=1e-6)


class GuidedReLU(layers.Layer):
    """A layer whose own gradient is the one that the explainer should use."""

    def call(self, x):
        @tf.custom_gradient
        def function(x):
            return tf.nn.relu(x), lambda incoming: tf.nn.relu(incoming) * tf.cast(x > 0, x.dtype)

        return function(x)


def functional(relu):
    """A nested model, a functional call, and a loop over time steps, of shared weights."""
    keras.utils.set_random_seed(1)

    class Cell(layers.Layer):
        state_size = output_size = 3

        def build(self, shape):
            self.dense = layers.Dense(3)
            self.dense.build((None, 6))

        def call(self, inputs, states):
            state = relu(self.dense(tf.concat([inputs, states[0]], 1)) + 0.3)
            return state, [state]

    inner_inputs = keras.Input((4, 3))
    inner = keras.Model(inner_inputs, layers.Lambda(relu)(layers.Dense(3)(inner_inputs)))
    inputs = keras.Input((4, 3))
    hidden = layers.RNN(Cell(), unroll=False)(layers.Add()([inputs, inner(inputs)]))
    return keras.Model(inputs, layers.Dense(2)(layers.Lambda(relu)(layers.Dense(4)(hidden))))


def test_nested_models_functions_and_loops():
    plain, guided = functional(tf.nn.relu), functional(GuidedReLU())
    random = np.random.default_rng(4)
    weights = [random.normal(0.3, size=array.shape) for array in plain.get_weights()]
    plain.set_weights(weights)
    guided.set_weights(weights)
    rows = tf.constant(SEQUENCES)
    with tf.GradientTape() as tape:
        tape.watch(rows)
        output = guided(rows)[:, 0]
    expected = tape.gradient(output, rows).numpy()
    assert (expected != 0).any((1, 2)).sum() >= 3
    got = GuidedBackpropExplainer(plain, target=0).fit_transform(SEQUENCES)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    gradient = GradientExplainer(plain, kind="gradient", target=0).fit_transform(SEQUENCES)
    assert np.abs(got - gradient).max() > 0.1 * np.abs(gradient).max()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", ["guided_backprop", "deconvnet"])
def test_batch_size_and_targets(rule):
    model = functional(tf.nn.relu)
    explainer = GuidedBackpropExplainer(model, rule=rule, target="all").fit(SEQUENCES)
    together = explainer.explain(SEQUENCES).contributions
    cut = GuidedBackpropExplainer(model, rule=rule, target="all", batch_size=2).fit(SEQUENCES).explain(SEQUENCES)
    np.testing.assert_allclose(cut.contributions, together, rtol=1e-5, atol=1e-6)
    for target in (0, 1):
        alone = explainer.explain(SEQUENCES, target=target).contributions
        np.testing.assert_allclose(together[..., target], alone, rtol=1e-5, atol=1e-6)


def test_squares_keep_their_derivative_in_a_deconvnet():
    """-2 a ** 2 + 3 b ** 2 with a = x1 - x2 and b = 2 x1 + x2, at (2, 1): -4 a (1, -1) + 6 b (2, 1) = (56, 34)."""
    explainer = GuidedBackpropExplainer(one_unit(lambda x: x**2), rule="deconvnet")
    np.testing.assert_allclose(explainer.fit_transform([[2.0, 1.0]]), [[56, 34]], rtol=1e-6)


def test_functions_with_poles_keep_their_derivative_in_a_deconvnet():
    """log(x1) * 2: the derivative 2 / x1, where log(-3) would be no number."""
    model = keras.Sequential([keras.Input((1,)), layers.Lambda(tf.math.log), layers.Dense(1)])
    model.set_weights([np.array([[-3.0]]), np.zeros(1)])
    np.testing.assert_allclose(
        GuidedBackpropExplainer(model, rule="deconvnet").fit_transform([[1.5]]), [[-2]], rtol=1e-6
    )


def test_unknown_rule():
    with pytest.raises(ValueError, match="'rule' parameter of GuidedBackpropExplainer"):
        GuidedBackpropExplainer(one_unit("relu"), rule="rescale").fit(ROWS[:, :2])
