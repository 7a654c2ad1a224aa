"""Functions of any number of rows: blocks, rounds of references, and pieces of targets."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer, ExpectedGradientsExplainer, GradientExplainer, ShapleySamplingExplainer
from skdeeplift.execution import function

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(37, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(7, "tanh"), keras.layers.Dense(70, "softmax")]
    return keras.Sequential([keras.Input((5,)), *layers])


@pytest.fixture(scope="module")
def fixed_network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input(batch_shape=(4, 5))
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Dense(6, "relu")(inputs)))


def assert_like_explain(explainer, rows=ROWS, n_rows=None, **asked):
    """Compare a function of rows, whose number it knows or not, with the explainer itself."""
    traced = explainer.as_function(**asked)
    if n_rows is None:
        traced = traced.get_concrete_function(tf.TensorSpec([None, *rows.shape[1:]], rows.dtype))
    found, expected = (
        traced(tf.constant(rows)),
        explainer.explain(rows, multipliers="multipliers" in found_names(asked)),
    )
    names = {"contributions", "prediction", *found_names(asked)}
    assert set(found) - {"reference_value"} == names
    for name, tensor in found.items():
        array = expected[name]
        assert tensor.shape == array.shape, name
        np.testing.assert_allclose(tensor, array, rtol=1e-4, atol=2e-6 * np.abs(array).max(), err_msg=name)
    return found


def found_names(asked):
    names = {"multipliers": "multipliers", "standard_errors": "standard_error"}
    return {names[name] for name, value in asked.items() if value and name in names}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("n_rows", [None, len(ROWS)])
def test_rounds_of_references_and_pieces_of_targets(network, n_rows):
    """Seventy targets are two pieces, and references come in rounds where few pairs go through at once."""
    explainer = DeepLiftExplainer(network, target="all", reference="sample", max_references=5, batch_size=8)
    found = assert_like_explain(explainer.fit(ROWS), n_rows=n_rows, multipliers=True, standard_errors=True)
    assert found["contributions"].dtype == tf.float32
    assert found["prediction"].dtype == tf.float32


@pytest.mark.parametrize("n_rows", [0, 1, 3, 25, 37])
def test_blocks_of_all_sizes_hold_each_row_once(network, monkeypatch, n_rows):
    sizes, pairing = [], function.Pairing
    monkeypatch.setattr(function, "Pairing", lambda mode, rows, *rest: sizes.append(rows) or pairing(mode, rows, *rest))
    explainer = DeepLiftExplainer(network, target=3, batch_size=32).fit(ROWS)
    explain = explainer.as_function().get_concrete_function(tf.TensorSpec([None, 5]))
    assert set(sizes) == {32, 2, 1}
    contributions = explain(tf.constant(ROWS[:n_rows]))["contributions"]
    assert contributions.shape == (n_rows, 5)
    if n_rows:
        np.testing.assert_allclose(contributions, explainer.transform(ROWS[:n_rows]), rtol=1e-4, atol=1e-6)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("target", [2, "all", "predicted"])
def test_networks_that_take_one_size_of_batch(fixed_network, target):
    explainer = DeepLiftExplainer(fixed_network, target=target, reference="sample", max_references=3)
    assert_like_explain(explainer.fit(ROWS), standard_errors=True)


def test_draws_noise_and_orders(network):
    explainers = [
        ExpectedGradientsExplainer(network, target=1, n_draws=40, batch_size=16),
        GradientExplainer(network, noise_scale=0.1, n_draws=7, batch_size=16),
        ShapleySamplingExplainer(network, target=1, reference="sample", max_references=4, batch_size=16),
    ]
    for explainer in explainers:
        assert_like_explain(explainer.fit(ROWS), standard_errors=True)


def test_standard_errors_over_the_orders_of_one_reference(network):
    wide = keras.Sequential([keras.Input((14,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)])
    rows = GENERATOR.normal(size=(3, 14)).astype(np.float32)
    explainer = ShapleySamplingExplainer(wide, reference="zeros", random_state=0).fit(rows)
    assert_like_explain(explainer, rows, standard_errors=True)
