from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.propagation.pairing import Mode
from skdeeplift.propagation.rules.scaled_weights import by_scaled_weights
from tests.functions import assert_sums_to_change, explain_function

GENERATOR = np.random.default_rng(0)


def constant(*shape):
    return tf.constant(GENERATOR.normal(size=shape))


WEIGHTS, DEPTHWISE, BIAS, FACTOR = constant(3, 3, 2, 4), constant(3, 3, 2, 2), constant(4), constant(4)
CONVOLUTIONS = {
    "strided": lambda x: tf.nn.conv2d(x, WEIGHTS, 2, "SAME"),
    "padded": lambda x: tf.nn.conv2d(x, WEIGHTS, 1, [[0, 0], [1, 2], [0, 1], [0, 0]]),
    "depthwise": lambda x: tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 2, 2, 1], "SAME"),
}


def images(seed, number=3):
    return np.random.default_rng(seed).normal(size=(number, 12, 11, 2))


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_contributions_of_a_linear_function_are_its_gradient_times_differences(name, bias, mode):
    def function(x):
        convolved = CONVOLUTIONS[name](x)
        return (tf.nn.bias_add(convolved, BIAS) if bias else convolved) * FACTOR

    rows, references = images(1), images(2, 1 if mode is Mode.SHARED else 3)
    [contributions], change = explain_function(function, [rows], [references], mode=mode)
    point = tf.constant(rows)
    with tf.GradientTape() as tape:
        tape.watch(point)
        total = tf.reduce_sum(function(point))
    gradient = tape.gradient(total, point).numpy()
    np.testing.assert_allclose(contributions, gradient * (rows - references), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(contributions.sum((1, 2, 3)), change, rtol=1e-10)


def test_fused_batch_normalisation_by_hand():
    """A weight of 2 and a scale of 3 over the root of 3.75 + 0.25: 3 for each difference."""
    weights, options = tf.constant([[[[2.0, -2.0]]]]), dict(epsilon=0.25, is_training=False)
    of_channels = dict(scale=[3.0, 1.0], offset=[7.0, 7.0], mean=[5.0, 5.0], variance=[3.75, 3.75])

    def function(x):
        normalised = tf.compat.v1.nn.fused_batch_norm(tf.nn.conv2d(x, weights, 1, "SAME"), **of_channels, **options)
        return normalised[0][..., :1]

    rows, references = images(1)[..., :1], images(2, 1)[..., :1]
    [contributions], _ = explain_function(function, [rows], [references], dtype=tf.float32)
    np.testing.assert_allclose(contributions, 3 * (rows - references), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize(
    "activation",
    [
        lambda convolved: tf.nn.relu(convolved * FACTOR + BIAS),
        lambda convolved: tf.nn.relu(convolved * FACTOR) + convolved,
        lambda convolved: tf.nn.relu(tf.reshape(FACTOR, (1, 1, 1, 4)) * convolved) * FACTOR,
        lambda convolved: tf.nn.relu(convolved * FACTOR[0]) - tf.nn.relu(FACTOR * tf.nn.bias_add(convolved, BIAS)),
    ],
    ids=["normalised", "skipped", "broadcast", "twice"],
)
def test_sums_to_change(activation, name, rule):
    assert_sums_to_change(lambda x: activation(CONVOLUTIONS[name](x)), [images(1)], [images(2, 2)], rule=rule)


def scaled(factor, *, convolve=CONVOLUTIONS["strided"], bias=False, read_elsewhere=False, number=3):
    """What comes of a convolution's product with a factor, if anything, and the product as it is, without a bias."""

    @tf.function
    def function(rows):
        convolved = convolve(rows)
        product = (tf.nn.bias_add(convolved, BIAS) if bias else convolved) * factor
        if read_elsewhere:
            tf.nn.relu(convolved)
        op = SimpleNamespace(step=SimpleNamespace(op=SimpleNamespace(definition=product.op)))
        return by_scaled_weights(op, 0, convolved, product.op.inputs[1]), convolved * factor

    return function(tf.constant(images(1, number)))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("factor", [FACTOR, tf.reshape(FACTOR, (1, 1, 1, 4))])
def test_is_one_convolution(factor, bias):
    result, product = scaled(factor, bias=bias)
    np.testing.assert_allclose(result, product, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "options",
    [
        {"factor": FACTOR, "read_elsewhere": True},
        {"factor": FACTOR, "read_elsewhere": True, "bias": True},
        {"factor": FACTOR[0]},
        {"factor": FACTOR[:1]},
        {"factor": constant(6, 1, 1)},
        {"factor": constant(3, 6, 6, 4)},
        {"factor": FACTOR, "convolve": lambda x: tf.nn.conv2d(x, WEIGHTS, 6, "SAME"), "number": 2},
        {"factor": FACTOR, "convolve": lambda x: tf.tile(x, [1, 1, 1, 2])},
    ],
    ids=[
        "read elsewhere",
        "read before its bias",
        "number",
        "one",
        "of places",
        "of elements",
        "few results",
        "no convolution",
    ],
)
def test_leaves_what_is_not_faster(options):
    result, _ = scaled(**options)
    assert result is None
