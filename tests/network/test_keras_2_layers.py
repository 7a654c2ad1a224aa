"""Locally connected layers, with values from loops in NumPy."""

import itertools
import pickle

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, load_network
from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.keras_2_layers import hard_sigmoid_of_keras_2
from tests.network.keras_2_files import keras_2_layer, predict, write_keras_2

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 5, 2)).astype(np.float32)
IMAGES = RANDOM.normal(size=(2, 4, 3, 2)).astype(np.float32)


def write(path, rank, kernel, bias, **config):
    shape = list((X if rank == 1 else IMAGES).shape[1:])
    if config.get("data_format") == "channels_first":
        shape = [shape[-1], *shape[:-1]]
    config = {"filters": 3, "activation": "linear", "use_bias": bias is not None, "padding": "valid"} | config
    layer = keras_2_layer(f"LocallyConnected{rank}D", "local", **config, batch_input_shape=[None, *shape])
    arrays = [kernel] if bias is None else [kernel, bias]
    return write_keras_2(path, {"class_name": "Sequential", "config": [layer]}, {"local": arrays})


@pytest.mark.parametrize("implementation", [1, 2, 3])
@pytest.mark.parametrize("step", [1, 2])
def test_local_layers_along_one_axis_have_a_kernel_for_each_output(tmp_path, implementation, step):
    """Each output has a kernel of its own, (output, place in the window, channel, filter)."""
    n_outputs = (5 - 3) // step + 1
    kernel, bias = RANDOM.normal(size=(n_outputs, 3, 2, 3)), RANDOM.normal(size=(n_outputs, 3))
    windows = [X[:, step * output : step * output + 3] for output in range(n_outputs)]
    expected = np.stack([np.tensordot(window, each, 2) for window, each in zip(windows, kernel, strict=True)], 1) + bias
    if implementation == 1:
        stored = kernel.reshape(n_outputs, 6, 3)
    else:
        whole = RANDOM.normal(size=(5, 2, n_outputs, 3))  # what lies outside of the windows does not count
        for output in range(n_outputs):
            whole[step * output : step * output + 3, :, output] = kernel[output]
        # The entries that count, by output and filter, then by input and channel.
        entries = [kernel[output, :, :, filter].ravel() for output in range(n_outputs) for filter in range(3)]
        stored = whole if implementation == 2 else np.concatenate(entries)
    options = {"kernel_size": [3], "strides": [step], "implementation": implementation}
    model = load_network(write(tmp_path / "network.h5", 1, stored, bias, **options))
    np.testing.assert_allclose(predict(model, X), expected, rtol=1e-4, atol=1e-5)
    explainer = DeepLiftExplainer(model, reference="zeros", target=(0, 1)).fit(X)
    explanation = explainer.explain(X)
    np.testing.assert_allclose(explanation.contributions.sum((1, 2)), (expected - bias)[:, 0, 1], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(explainer)).transform(X), explanation.contributions)


def test_local_layers_along_two_axes_have_a_kernel_for_each_output(tmp_path):
    kernel, bias = RANDOM.normal(size=(2, 2, 3, 2, 2, 3)), RANDOM.normal(size=(2, 2, 3))
    expected = np.zeros((2, 2, 2, 3))
    for row, column in itertools.product(range(2), range(2)):
        window = IMAGES[:, row : row + 3, column : column + 2]
        expected[:, row, column] = np.tensordot(window, kernel[row, column], 3) + bias[row, column]
    options = {"kernel_size": [3, 2], "strides": [1, 1], "implementation": 1}
    model = load_network(write(tmp_path / "network.h5", 2, kernel.reshape(4, 12, 3), bias, **options))
    np.testing.assert_allclose(predict(model, IMAGES), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("implementation", [2, 3])
def test_padding_to_the_same_size(tmp_path, implementation):
    """A window of three is cut at both ends: 2 + 3 + 3 + 3 + 2 entries for each pair of channel and filter."""
    whole = RANDOM.normal(size=(5, 2, 5, 1))
    counts = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) <= 1
    expected = np.einsum("bic,icof->bof", X, whole * counts[:, None, :, None])
    stored = whole
    if implementation == 3:
        stored = np.concatenate([whole[counts[:, output], :, output, 0].ravel() for output in range(5)])
        assert stored.shape == (26,)
    options = {"kernel_size": [3], "strides": [1], "padding": "same", "filters": 1, "implementation": implementation}
    model = load_network(write(tmp_path / "network.h5", 1, stored, None, **options))
    np.testing.assert_allclose(predict(model, X), expected, rtol=1e-4, atol=1e-5)


def test_channels_that_come_first(tmp_path):
    """Windows are stored by channel, then by place."""
    kernel, bias = RANDOM.normal(size=(3, 2, 3, 3)), RANDOM.normal(size=(3, 3))
    windows = [X[:, output : output + 3].swapaxes(1, 2) for output in range(3)]
    expected = np.stack([np.tensordot(window, each, 2) for window, each in zip(windows, kernel, strict=True)], 2)
    options = {"kernel_size": [3], "strides": [1], "implementation": 1, "data_format": "channels_first"}
    model = load_network(write(tmp_path / "network.h5", 1, kernel.reshape(3, 6, 3), bias, **options))
    np.testing.assert_allclose(predict(model, X.swapaxes(1, 2)), expected + bias, rtol=1e-4, atol=1e-5)


def test_options_that_keras_2_does_not_have(tmp_path):
    path = write(tmp_path / "network.h5", 1, np.zeros((3, 6, 3)), None, kernel_size=[3], implementation=4)
    with pytest.raises(ModelFileError, match="implementation=4"):
        load_network(path)


def test_an_input_of_any_length(tmp_path):
    options = {"kernel_size": [3], "strides": [1], "implementation": 1, "batch_input_shape": [None, None, 2]}
    layer = keras_2_layer("LocallyConnected1D", "local", filters=3, **options)
    path = write_keras_2(tmp_path / "network.h5", {"class_name": "Sequential", "config": [layer]}, {})
    with pytest.raises(ModelFileError, match="'local' needs an input of known size"):
        load_network(path)


def test_a_thresholded_rectifier_is_zero_up_to_its_threshold(tmp_path):
    layer = keras_2_layer("ThresholdedReLU", "threshold", theta={"type": "ndarray", "value": 0.5})
    layer["config"]["batch_input_shape"] = [None, 5, 2]
    model = load_network(write_keras_2(tmp_path / "n.h5", {"class_name": "Sequential", "config": [layer]}, {}))
    np.testing.assert_array_equal(predict(model, X), np.where(X > 0.5, X, 0))
    explainer = DeepLiftExplainer(model, reference="zeros", target=(0, 1)).fit(X)
    np.testing.assert_allclose(explainer.transform(X)[:, 0, 1], np.where(X > 0.5, X, 0)[:, 0, 1], atol=1e-6)
    model.save(tmp_path / "network.keras")
    np.testing.assert_array_equal(predict(load_network(tmp_path / "network.keras"), X), np.where(X > 0.5, X, 0))


def test_hard_sigmoid_is_saved_and_loaded(tmp_path):
    network = keras.Sequential([keras.Input((1,)), keras.layers.Activation(hard_sigmoid_of_keras_2)])
    rows = np.array([[-3.0], [-1.0], [0.0], [2.0], [3.0]])
    network.save(tmp_path / "network.keras")
    np.testing.assert_allclose(predict(load_network(tmp_path / "network.keras"), rows), [[0], [0.3], [0.5], [0.9], [1]])
