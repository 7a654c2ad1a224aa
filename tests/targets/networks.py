"""Networks that end in probabilities, and comparisons with their logits."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer

ROWS = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
ops = keras.ops


def network(build, units=6):
    """Return a network that ends in ``build``, and its logits."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    logits = layers.Dense(units, bias_initializer="normal", name="logits")(inputs)
    return keras.Model(inputs, build(logits)), keras.Model(inputs, logits).predict(ROWS, verbose=0)


def explain_all(model, explainer=DeepLiftExplainer, **parameters):
    return explainer(model, target="all", reference="zeros", check="raise", **parameters).fit(ROWS).explain(ROWS)


def check_equals_the_logits(build, move, units=6):
    """Compare with a network that returns the moved logits themselves."""
    model, logits = network(build, units)
    plain, _ = network(layers.Lambda(move), units)
    found = explain_all(model)
    expected = np.asarray(move(tf.constant(logits))).reshape(5, -1)
    np.testing.assert_allclose(found.prediction, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.contributions, explain_all(plain).contributions, rtol=1e-5, atol=1e-6)
    own = explain_all(model, pre_activation=False)
    np.testing.assert_allclose(own.prediction, np.asarray(model(ROWS)).reshape(5, -1), rtol=1e-5, atol=1e-6)


def as_it_is(z):
    return z


def stable_softmax(z, axis=-1, **options):
    exponentials = ops.exp(z - ops.max(z, axis=axis, keepdims=True))
    return exponentials / ops.sum(exponentials, axis=axis, keepdims=True)
