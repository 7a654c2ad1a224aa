import keras
import numpy as np
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer, GradientExplainer, LRPExplainer
from tests.conformance.networks import randomise_weights

ROWS = np.random.default_rng(0).normal(size=(8, 6, 4)).astype(np.float64)


def network(activation, use_bias=True):
    hidden = [layers.Conv1D(5, 3, activation=activation, use_bias=use_bias), layers.Flatten()]
    dense = layers.Dense(4, activation=activation, use_bias=use_bias)
    model = keras.Sequential([keras.Input((6, 4), dtype="float64"), *hidden, dense, layers.Dense(2, use_bias=use_bias)])
    randomise_weights(model)
    return model


@pytest.fixture(autouse=True)
def float64():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(before)


def test_hand_worked():
    """x = 4 - 2 * 0.5 - 1 = 2 at the relu, whose slope is 2 / (2 + 1); and at -2 it is 0 / (-2 - 1) = 0."""
    model = keras.Sequential([keras.Input((2,), dtype="float64"), layers.Dense(1, activation="relu")])
    model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    got = LRPExplainer(model, epsilon=1.0).fit_transform(np.array([[4.0, 0.5], [1.0, 1.0]]))
    np.testing.assert_allclose(got, [[4 * 2 / 3, -2 / 3], [0, 0]], rtol=1e-14)


def test_zero_counts_as_positive():
    """sigmoid(0) / (0 + 0.25) = 2, and sigmoid(-1) / (-1 - 0.25)."""
    model = keras.Sequential([keras.Input((1,), dtype="float64"), layers.Activation("sigmoid"), layers.Dense(1)])
    model.set_weights([np.array([[3.0]]), np.zeros(1)])
    explainer = LRPExplainer(model, epsilon=0.25).fit([[0.0]])
    got = explainer.explain([[0.0], [-1.0]], multipliers=True).multipliers
    np.testing.assert_allclose(got, [[6], [-3 / 1.25 / (1 + np.e)]], rtol=1e-14)


def test_is_gradient_times_input_for_relu_as_epsilon_vanishes():
    model = network("relu")
    expected = GradientExplainer(model, target="all").fit_transform(ROWS)
    scale = np.abs(expected).max()
    # The gap falls as epsilon does.
    for epsilon in (1e-6, 1e-9):
        got = LRPExplainer(model, epsilon=epsilon, target="all").fit_transform(ROWS)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e3 * epsilon * scale)
    assert np.abs(LRPExplainer(model, epsilon=1.0, target="all").fit_transform(ROWS) - expected).max() > 0.1 * scale


@pytest.mark.sampled(6)
@pytest.mark.parametrize("activation", ["tanh", "relu", "softsign", "gelu"])
def test_is_rescale_from_zeros_without_biases_as_epsilon_vanishes(activation):
    model = network(activation, use_bias=False)
    expected = DeepLiftExplainer(model, reference="zeros", target="all").fit_transform(ROWS)
    got = LRPExplainer(model, epsilon=1e-11, target="all").fit_transform(ROWS)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-7 * np.abs(expected).max())


def test_is_the_gradient_inside_of_a_loop_of_relu():
    model = keras.Sequential(
        [keras.Input((6, 4), dtype="float64"), layers.SimpleRNN(4, activation="relu"), layers.Dense(1)]
    )
    randomise_weights(model)
    expected = GradientExplainer(model).fit_transform(ROWS)
    got = LRPExplainer(model, epsilon=1e-10).fit_transform(ROWS)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("epsilon", [0.0, -1e-4, "small"])
def test_epsilon_is_positive(epsilon):
    with pytest.raises(ValueError, match="'epsilon' parameter of LRPExplainer"):
        LRPExplainer(network("relu"), epsilon=epsilon).fit(ROWS)
