"""Networks whose values are tiny are explained as well as their copies in other units."""

import hashlib
import os
import pickle
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer

ROWS = np.random.default_rng(0).normal(size=(12, 8, 3)).astype(np.float32)
SCALE = np.float32(2.0**-30)
RULES = ["rescale", "reveal_cancel", "genomics_default"]


@pytest.fixture(autouse=True)
def _without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def network(dtype="float32"):
    """Layers without biases, which keep the size of what they take."""
    x = keras.Input((8, 3), dtype=dtype)
    h = layers.Conv1D(6, 3, activation="relu", use_bias=False, name="first", dtype=dtype)(x)
    h = layers.MaxPooling1D(2, dtype=dtype)(h)
    h = layers.LeakyReLU(dtype=dtype)(layers.Conv1D(6, 2, use_bias=False, dtype=dtype)(h))
    h = layers.GlobalMaxPooling1D(dtype=dtype)(h)
    ratio = h[:, :3] * h[:, 3:] / (keras.ops.abs(h[:, :3]) + keras.ops.abs(h[:, 3:]))
    h = layers.Concatenate(dtype=dtype)([h, ratio, keras.ops.maximum(h[:, :3], h[:, 3:])])
    return keras.Model(x, layers.Dense(2, use_bias=False, name="last", dtype=dtype)(h))


def scaled(model, first, last):
    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    for name, factor in (("first", first), ("last", last)):
        layer = copied.get_layer(name)
        layer.set_weights([factor * weights for weights in layer.get_weights()])
    return copied


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_layers_in_other_units(rule):
    keras.utils.set_random_seed(0)
    model = network()
    expected = DeepLiftExplainer(model, target=1, rule=rule).fit(ROWS).transform(ROWS)
    explainer = DeepLiftExplainer(scaled(model, SCALE, 1 / SCALE), target=1, rule=rule).fit(ROWS)
    np.testing.assert_allclose(explainer.transform(ROWS), expected, rtol=2e-4, atol=1e-5 * np.abs(expected).max())
    travelled = pickle.loads(pickle.dumps(explainer))
    np.testing.assert_array_equal(travelled.transform(ROWS), explainer.transform(ROWS))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("rule", RULES)
def test_inputs_in_other_units(rule):
    keras.utils.set_random_seed(0)
    model = network()
    expected = DeepLiftExplainer(model, target=0, rule=rule).fit(ROWS).transform(ROWS)
    rows = SCALE * ROWS
    got = DeepLiftExplainer(model, target=0, rule=rule).fit(rows).transform(rows) / SCALE
    np.testing.assert_allclose(got, expected, rtol=2e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.slow
def test_scaled_networks_in_double_precision_are_explained_alike():
    keras.utils.set_random_seed(0)
    model, rows = network("float64"), ROWS.astype(np.float64)
    small = scaled(model, 2.0**-60, 2.0**60)
    expected, got = (
        DeepLiftExplainer(each, target=1, rule="reveal_cancel").fit(rows).transform(rows) for each in (model, small)
    )
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("rule", RULES)
def test_network_that_was_never_trained(rule):
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), classes=5)
    images = np.random.default_rng(1).normal(size=(4, 32, 32, 3)).astype(np.float32)
    explanation = DeepLiftExplainer(model, target=3, rule=rule).fit(images).explain(images)
    change = explanation.prediction - explanation.reference_value
    assert np.abs(explanation.convergence_delta).max() < 1e-3 * np.abs(change).max() < 1e-6


@pytest.mark.slow
def test_pickles_have_the_same_bytes_in_every_process():
    """Strings have another hash, and sets of them another order, in each."""
    command = [sys.executable, "-c", "from tests.binding import test_fitting_small_values as t; print(t.digest())"]
    digests = {
        subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        ).stdout.split()[-1]
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1


def digest():
    """Hash the pickle of an explainer whose network has several small values."""
    keras.utils.set_random_seed(0)
    explainer = DeepLiftExplainer(scaled(network(), SCALE, 1 / SCALE), target=1).fit(ROWS)
    assert len(explainer.bound_.small_values) > 3
    return hashlib.sha256(pickle.dumps(explainer)).hexdigest()
