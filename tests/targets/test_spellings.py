"""Logits under a softmax or sigmoid that is spelled by exponentials and logarithms."""

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.targets.networks import ROWS, as_it_is, check_equals_the_logits, explain_all, network, ops, stable_softmax


def stable_softmax_of_tensorflow(z):
    shifted = tf.exp(z - tf.stop_gradient(tf.reduce_max(z, -1, keepdims=True)))
    return shifted / tf.reduce_sum(shifted, -1, keepdims=True)


SPELLINGS = {
    "exp / sum": lambda z: ops.exp(z) / ops.sum(ops.exp(z), axis=-1, keepdims=True),
    "exp / sum, less the maximum": stable_softmax,
    "exp / sum, the maximum held": stable_softmax_of_tensorflow,
    "exp / sum, each spelled out": lambda z: (
        ops.exp(z - ops.max(z, -1, keepdims=True)) / ops.sum(ops.exp(z - ops.max(z, -1, keepdims=True)), -1)[:, None]
    ),
    "exp * reciprocal": lambda z: ops.exp(z) * ops.reciprocal(ops.sum(ops.exp(z), axis=1, keepdims=True)),
    "exp / expanded sum": lambda z: ops.exp(z) / ops.expand_dims(ops.sum(ops.exp(z), axis=1), 1),
    "divide_no_nan": lambda z: tf.math.divide_no_nan(tf.exp(z), tf.reduce_sum(tf.exp(z), -1, keepdims=True)),
    "exp(log_softmax)": lambda z: ops.exp(ops.log_softmax(z)),
    "log(softmax)": lambda z: ops.log(ops.softmax(z)),
    "less logsumexp": lambda z: z - ops.logsumexp(z, axis=-1, keepdims=True),
    "less logsumexp of tensorflow": lambda z: z - tf.reduce_logsumexp(z, -1, keepdims=True),
    "exp(z - logsumexp)": lambda z: tf.exp(z - tf.reduce_logsumexp(z, axis=1)[:, None]),
    "1 / (1 + exp(-z))": lambda z: 1 / (1 + ops.exp(-z)),
    "1 / (exp(-z) + 1)": lambda z: 1.0 / (ops.exp(-z) + 1.0),
    "reciprocal": lambda z: ops.reciprocal(1 + ops.exp(-z)),
    "exp / (1 + exp)": lambda z: ops.exp(z) / (1 + ops.exp(z)),
    "log_sigmoid": ops.log_sigmoid,
    "log(sigmoid)": lambda z: ops.log(ops.sigmoid(z)),
    "1 - sigmoid of the negative": lambda z: 1 - ops.sigmoid(-z),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_equal_the_logits(spelling):
    check_equals_the_logits(layers.Lambda(SPELLINGS[spelling]), as_it_is)


def test_spelled_in_the_model_itself():
    check_equals_the_logits(stable_softmax, as_it_is)


@pytest.mark.parametrize("build", [lambda z: 1 - ops.sigmoid(z), lambda z: 1 / (1 + ops.exp(z))])
def test_sigmoid_of_the_negative(build):
    check_equals_the_logits(build, lambda z: -z)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "build",
    [
        lambda z: 100 * ops.softmax(z),
        lambda z: ops.sigmoid(z) + 0.5,
        lambda z: ops.exp(z) / (ops.sum(ops.exp(z), axis=-1, keepdims=True) + 0.1),
        lambda z: ops.exp(z) / ops.sum(ops.exp(2 * z), axis=-1, keepdims=True),
        lambda z: ops.exp(z) / ops.sum(ops.exp(z), axis=-1, keepdims=True)[:, ::-1] ** 2,
        lambda z: 2 / (1 + ops.exp(-z)),
        lambda z: 1 / (2 + ops.exp(-z)),
        lambda z: ops.exp(z) / (1 + ops.exp(-z)),
        lambda z: z - ops.logsumexp(2 * z, axis=-1, keepdims=True),
        lambda z: ops.softmax(z) * ops.sigmoid(z),
        lambda z: ops.concatenate([ops.softmax(z), ops.ones_like(z)], axis=1),
    ],
)
def test_functions_that_are_no_probabilities_stay_as_they_are(build):
    model, _ = network(build)
    np.testing.assert_allclose(explain_all(model).prediction, np.asarray(model(ROWS)), rtol=1e-4, atol=1e-5)
