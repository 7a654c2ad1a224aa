"""Derivatives of contributions by the weights of the network, compared with finite differences in double precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    GuidedBackpropExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
)

GENERATOR = np.random.default_rng(1)
ROWS = GENERATOR.normal(size=(4, 5))
TRAINING = GENERATOR.normal(size=(40, 5))
layers = keras.layers


@pytest.fixture(autouse=True, scope="module")
def double_precision():
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def table_network(activation):
    keras.utils.set_random_seed(0)
    hidden = [layers.Dense(6, activation, bias_initializer="normal"), layers.Dense(4, "softplus")]
    return keras.Sequential([keras.Input((5,)), *hidden, layers.Dense(3, "softmax")])


def assert_derivatives(explainer, rows, training=None, step=1e-6, n_rows_known=True):
    """Compare the derivative of a smooth function of contributions along a random direction of the weights."""
    network = explainer.estimator
    function = explainer.fit(rows if training is None else training).as_function()
    if not n_rows_known:
        function = tf.function(function, input_signature=[tf.TensorSpec([None, *rows.shape[1:]], rows.dtype)])
    weights = [weight.value for weight in network.trainable_weights]
    directions = [GENERATOR.normal(size=weight.shape) for weight in weights]

    def total():
        found = tf.nest.flatten(function(tf.constant(rows))["contributions"])
        return tf.add_n([tf.reduce_sum(tf.sin(2 * tf.cast(each, tf.float64))) for each in found])

    with tf.GradientTape() as tape:
        value = total()
    gradients = tape.gradient(value, weights, unconnected_gradients="zero")
    pairs = zip(gradients, directions, strict=True)
    found = sum(float(tf.reduce_sum(tf.convert_to_tensor(each) * direction)) for each, direction in pairs)
    ends = []
    for sign in (1, -2):
        for weight, direction in zip(weights, directions, strict=True):
            weight.assign_add(sign * step * direction)
        ends.append(float(total()))
    for weight, direction in zip(weights, directions, strict=True):
        weight.assign_add(step * direction)
    assert abs(found) > 1e-3
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-7)


EXPLAINERS = {
    "rescale": (DeepLiftExplainer, {"reference": "sample", "max_references": 3}),
    "all targets": (DeepLiftExplainer, {"target": "all", "reference": "zeros"}),
    "reveal-cancel": (DeepLiftExplainer, {"rule": "reveal_cancel"}),
    "guided": (DeepLiftExplainer, {"rule": "guided_backprop_rescale"}),
    "integrated gradients": (IntegratedGradientsExplainer, {"n_steps": 6}),
    "expected gradients": (ExpectedGradientsExplainer, {"n_draws": 150}),
    "gradient": (GradientExplainer, {}),
    "guided backpropagation": (GuidedBackpropExplainer, {}),
    "deconvolution": (GuidedBackpropExplainer, {"rule": "deconvnet"}),
    "lrp": (LRPExplainer, {"epsilon": 0.5}),
    "occlusion": (OcclusionExplainer, {}),
    "Shapley values": (ShapleySamplingExplainer, {}),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", EXPLAINERS)
@pytest.mark.parametrize("activation", ["tanh", pytest.param("gelu", marks=pytest.mark.slow)])
def test_derivatives_at_tables_are_those_of_differences(name, activation):
    make, parameters = EXPLAINERS[name]
    assert_derivatives(make(table_network(activation), random_state=0, **parameters), ROWS, TRAINING)


def test_blocks_of_rows_and_rounds_of_references():
    explainer = DeepLiftExplainer(table_network("tanh"), reference="sample", max_references=5, batch_size=2)
    assert_derivatives(explainer, ROWS[:3], TRAINING, n_rows_known=False)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_differences_of_zero(rule):
    """A row that equals its reference, in whole or in part, divides by no zero."""
    rows = ROWS.copy()
    rows[0], rows[1, :2] = 0, 0
    assert_derivatives(DeepLiftExplainer(table_network("tanh"), rule=rule, reference="zeros"), rows)


@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize("strides", [2, 1])
def test_derivatives_at_images_are_those_of_differences(rule, strides):
    keras.utils.set_random_seed(0)
    convolution = layers.Conv2D(3, 3, activation="elu", bias_initializer="normal")
    pooling = layers.MaxPooling2D(2, strides)
    network = keras.Sequential([keras.Input((6, 6, 1)), convolution, pooling, layers.Flatten(), layers.Dense(1)])
    explainer = DeepLiftExplainer(network, rule=rule, reference="zeros")
    # Winners of maxima are chosen anew for other weights; small steps choose the same ones.
    assert_derivatives(explainer, GENERATOR.normal(size=(2, 6, 6, 1)), step=1e-7)


@pytest.mark.parametrize("rule", ["rescale", pytest.param("reveal_cancel", marks=pytest.mark.slow)])
def test_derivatives_at_recurrent_layers_are_those_of_differences(rule):
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((3, 2)), layers.GRU(2), layers.Dense(1)])
    assert_derivatives(DeepLiftExplainer(network, rule=rule, reference="zeros"), GENERATOR.normal(size=(2, 3, 2)))


@pytest.mark.parametrize("rule", ["rescale", pytest.param("reveal_cancel", marks=pytest.mark.slow)])
def test_derivatives_at_attention_are_those_of_differences(rule):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 3))
    hidden = layers.LayerNormalization()(inputs + layers.MultiHeadAttention(1, 3)(inputs, inputs))
    network = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(hidden)))
    assert_derivatives(DeepLiftExplainer(network, rule=rule, reference="zeros"), GENERATOR.normal(size=(2, 4, 3)))


@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_derivatives_at_tokens_are_those_of_differences(rule):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,), dtype="int32")
    hidden = layers.Dense(3, "tanh")(layers.Flatten()(layers.Embedding(6, 2)(inputs)))
    network = keras.Model(inputs, layers.Dense(1)(hidden))
    rows = np.array([[1, 2, 3, 1], [4, 5, 1, 2]], np.int32)
    assert_derivatives(DeepLiftExplainer(network, rule=rule, reference=np.zeros(4, int)), rows)
