from pathlib import Path

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, mean_normalise_weights_for_sequence_convolution

ORACLE = Path(__file__).parent.parent / "oracles" / "conv1d_genomics_gap"


def sequences(number, length):
    return np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (number, length))]


@pytest.mark.parametrize("rank", [3, 4])
def test_equals_the_original(rank):
    """The original gets the kernel of a Conv1D right only with an axis in front."""
    expected = np.load(ORACLE / "expected.npz")
    kernel, bias = keras.models.load_model(ORACLE / "model.keras").get_layer("c1").get_weights()
    kernel = kernel[None] if rank == 4 else kernel
    weights, new_bias = mean_normalise_weights_for_sequence_convolution(kernel, bias)
    shape = kernel.shape
    np.testing.assert_allclose(weights, expected["meannorm_conv__kernel"].reshape(shape), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(new_bias, expected["meannorm_conv__bias"], rtol=1e-5, atol=1e-7)


def test_the_layer_computes_the_same_and_contributions_are_centred():
    generator = np.random.default_rng(0)
    layer = keras.layers.Conv1D(3, 5, activation="relu")
    model = keras.Sequential([keras.Input((20, 4)), layer, keras.layers.Flatten(), keras.layers.Dense(1)])
    layer.set_weights([generator.normal(size=(5, 4, 3)), generator.normal(size=3)])
    X = sequences(6, 20)
    before = model.predict(X, verbose=0)
    layer.set_weights(mean_normalise_weights_for_sequence_convolution(*layer.get_weights()))
    np.testing.assert_allclose(model.predict(X, verbose=0), before, rtol=1e-4, atol=1e-5)
    explanation = DeepLiftExplainer(model, reference="zeros").fit(X).explain(X, multipliers=True)
    np.testing.assert_allclose(explanation.multipliers.sum(2), 0, atol=1e-5)


def test_letters_may_be_on_another_axis():
    """A kernel that has its letters first."""
    weights, bias = mean_normalise_weights_for_sequence_convolution([[[1.0]], [[3.0]]], [0.5], 0)
    np.testing.assert_array_equal(weights, [[[-1.0]], [[1.0]]])
    np.testing.assert_array_equal(bias, [2.5])


@pytest.mark.parametrize(
    ("weights", "bias", "axis", "message"),
    [
        (np.zeros((5, 4, 3)), np.zeros(4), -2, r"Got shapes \(5, 4, 3\) and \(4,\)"),
        (np.zeros(3), np.zeros(3), -2, "Got shapes"),
        (np.zeros((5, 4, 3)), np.zeros(3), -1, "one of 3 axes but not the last"),
        (np.zeros((5, 4, 3)), np.zeros(3), 3, "one of 3 axes but not the last"),
        (np.ones((9, 4, 1, 8)), np.zeros(8), -2, r"axis_of_normalisation=0 \(of size 9\) or 1 \(of size 4\)"),
        (np.ones((1, 4, 8)), np.zeros(8), 0, r"Pass the axis of the letters: axis_of_normalisation=1 \(of size 4\)\.$"),
        (np.ones((1, 1, 8)), np.zeros(8), 0, "axis of size 2 or more"),
    ],
)
def test_shapes_that_do_not_belong_together(weights, bias, axis, message):
    with pytest.raises(ValueError, match=message):
        mean_normalise_weights_for_sequence_convolution(weights, bias, axis)


def test_letters_before_an_axis_of_size_one():
    """The axis that the error names is the right one."""
    kernel = np.random.default_rng(0).normal(size=(9, 4, 1, 8))
    weights, bias = mean_normalise_weights_for_sequence_convolution(kernel, np.zeros(8), 1)
    np.testing.assert_allclose(weights.mean(1), 0, atol=1e-12)
    np.testing.assert_allclose(bias, kernel.mean(1).sum((0, 1)))
