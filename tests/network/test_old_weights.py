import h5py
import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, load_network
from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.old_weights import backend_of, needs_backend
from tests.network.keras_2_files import (
    keras_2_dense,
    keras_2_functional,
    keras_2_layer,
    predict,
    write_keras_1,
    write_keras_2,
)

X = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
KERNEL = np.random.default_rng(1).normal(size=(3, 2, 1))


def convolution(name="conv", **config):
    config = {"nb_filter": 1, "filter_length": 3, "border_mode": "valid"} | config
    return keras_2_layer("Convolution1D", name, **config)


def write_convolution(path, weights=None, **config):
    config = {"class_name": "Sequential", "config": [convolution(batch_input_shape=[None, 4, 2], **config)]}
    arrays = {"conv_W": KERNEL[:, None], "conv_b": [0]}
    return str(write_keras_1(path, config, {"conv": arrays} if weights is None else weights))


@pytest.mark.parametrize("kind", ["ExternalLink", "SoftLink", "external", "virtual"])
@pytest.mark.advice
def test_arrays_in_other_files_are_not_read(tmp_path, kind):
    path = write_convolution(tmp_path / "network.h5")
    KERNEL[:, None].astype("f").tofile(tmp_path / "other.bin")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = KERNEL[:, None].astype("f")
    with h5py.File(path, "a") as file:
        group = file["model_weights/conv"]
        del group["conv_W"]
        if kind == "ExternalLink":
            group["conv_W"] = h5py.ExternalLink(tmp_path / "other.h5", "secret")
        elif kind == "SoftLink":
            group["conv_W"] = h5py.SoftLink("/model_weights/conv/conv_b")
        elif kind == "external":
            group.create_dataset("conv_W", (3, 1, 2, 1), "f", external=[(tmp_path / "other.bin", 0, 24)])
        else:
            layout = h5py.VirtualLayout((3, 1, 2, 1), "f")
            layout[...] = h5py.VirtualSource(tmp_path / "other.h5", "secret", (3, 1, 2, 1))
            group.create_virtual_dataset("conv_W", layout)
    with pytest.raises(ModelFileError, match=rf"Not allowed: H5 file with {kind}.*Save the weights again, in one file"):
        load_network(path, kernels="theano")
    path = write_convolution(tmp_path / "network.h5")
    model = load_network(path, kernels="theano")
    assert DeepLiftExplainer(model, target="all").fit(X).transform(X).size


def test_weights_of_other_layers(tmp_path):
    path = write_convolution(tmp_path / "network.h5", {})
    with pytest.raises(ModelFileError, match="has weights of 0 layers, and the architecture has 1 layers with weights"):
        load_network(path, kernels="theano")


@pytest.mark.parametrize("kernels", ["theano", "tensorflow"])
def test_kernels_within_nested_models(tmp_path, kernels):
    """Arrays of a nested model come together; those that are not trained come last."""
    source = keras_2_layer("InputLayer", "input", batch_input_shape=[None, 4, 2], input_dtype="float32")
    norm = keras_2_layer("BatchNormalization", "norm", mode=0, axis=-1, epsilon=0.0)
    inner = keras_2_functional(
        [(source, []), (norm, [[["input", 0, 0]]]), (convolution(), [[["norm", 0, 0]]])],
        [["input", 0, 0]],
        [["conv", 0, 0]],
    )
    inner["config"]["name"] = "inner"
    flat = keras_2_layer("Flatten", "flat")
    config = {"class_name": "Sequential", "config": [inner, flat, keras_2_dense("dense", 1)]}
    arrays = {"gamma": [1, 1], "beta": [0, 1], "W": KERNEL[:, None], "b": [2], "mean": [0, 0], "variance": [1, 4]}
    weights = {"inner": arrays, "dense": {"W": [[1], [3]], "b": [0]}}
    path = write_keras_1(tmp_path / "network.h5", config, weights)
    kernel = KERNEL[::-1, :, 0] if kernels == "theano" else KERNEL[..., 0]
    rows = X * [1, 0.5] + [0, 1]
    hidden = np.stack([np.sum(rows[:, start : start + 3] * kernel, (1, 2)) + 2 for start in range(2)], 1)
    np.testing.assert_allclose(predict(load_network(path, kernels=kernels), X), hidden @ [[1], [3]], rtol=1e-5)


def test_kernels_of_size_one_are_the_same_either_way(tmp_path):
    weights = {"conv": {"conv_W": KERNEL[:1, None], "conv_b": [0]}}
    path = write_convolution(tmp_path / "network.h5", weights, filter_length=1)
    np.testing.assert_allclose(predict(load_network(path), X), X @ KERNEL[0], rtol=1e-5)
    assert not needs_backend(load_network(path))


def test_theano_pads_odd_kernels_as_tensorflow_does(tmp_path):
    path = write_convolution(tmp_path / "network.h5", border_mode="same")
    padded = np.pad(X, [(0, 0), (1, 1), (0, 0)])
    expected = [np.sum(padded[:, start : start + 3] * KERNEL[::-1, :, 0], (1, 2)) for start in range(4)]
    predicted = predict(load_network(path, kernels="theano"), X)
    np.testing.assert_allclose(predicted[..., 0], np.stack(expected, 1), rtol=1e-5)
    with pytest.raises(ModelFileError, match=r"'conv' has padding=.same., which Theano computes in another way"):
        load_network(
            write_convolution(tmp_path / "strided.h5", border_mode="same", subsample_length=2), kernels="theano"
        )


def test_transposed_convolutions_of_theano_in_keras_2(tmp_path):
    config = {"filters": 1, "kernel_size": [2, 1], "strides": [1, 1], "padding": "valid", "use_bias": False}
    layer = keras_2_layer("Conv2DTranspose", "up", **config, batch_input_shape=[None, 1, 1, 1])
    config = {"class_name": "Sequential", "config": [layer]}
    path = write_keras_2(tmp_path / "network.h5", config, {"up": [[[[[1]]], [[[2]]]]]}, backend="theano")
    np.testing.assert_array_equal(predict(load_network(path), np.ones((1, 1, 1, 1))).ravel(), [2, 1])


def test_long_lists_of_names_are_in_several_attributes(tmp_path):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.attrs["layer_names0"], file.attrs["layer_names1"] = [b"a"], [b"b"]
        for name, weight in {"a": b"W", "b": b"W:0"}.items():
            file.create_group(name).attrs["weight_names"] = [weight]
        assert backend_of(file) == "tensorflow"
        file["b"].attrs["weight_names"] = [b"W"]
        assert backend_of(file) is None
        file.attrs["backend"] = "theano"
        assert backend_of(file) == "theano"


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("nested", [False, True])
def test_layers_of_cudnn(tmp_path, kind, nested):
    """Kernels are transposed within each gate, and there are two biases."""
    n_gates = 4 if kind == "LSTM" else 3
    rng = np.random.default_rng(0)
    kernels, recurrents = rng.normal(size=(n_gates, 2, 3)), rng.normal(size=(n_gates, 3, 3))
    biases = rng.normal(size=(2, 3 * n_gates))
    stored = [kernel.T.reshape(2, 3) for kernel in kernels], [kernel.T for kernel in recurrents]
    arrays = [*map(np.hstack, stored), biases.ravel()]
    layer = keras_2_layer(f"CuDNN{kind}", "memory", units=3, return_sequences=True, stateful=False)
    layer["config"]["batch_input_shape"] = [None, 4, 2]
    config = {"class_name": "Sequential", "config": [layer]}
    name = "memory"
    if nested:
        inner = {"class_name": "Sequential", "config": {"name": "inner", "layers": [layer]}}
        config, name = {"class_name": "Sequential", "config": [inner]}, "inner"
    path = write_keras_2(tmp_path / "network.h5", config, {name: arrays})
    expected = getattr(keras.layers, kind)(
        3, return_sequences=True, **({} if kind == "LSTM" else {"reset_after": True})
    )
    expected.build((None, 4, 2))
    expected.set_weights([np.hstack(kernels), np.hstack(recurrents), biases.sum(0) if kind == "LSTM" else biases])
    np.testing.assert_allclose(predict(load_network(path), X), expected(X), rtol=1e-5, atol=1e-6)


def test_gates_are_joined_only_where_they_are_apart(tmp_path):
    """A layer that computed all gates at once has three arrays, as in Keras 3."""
    layer = keras.layers.LSTM(2)
    layer.build((None, 4, 2))
    arrays = dict(zip("WUb", layer.get_weights(), strict=True))
    config = {"output_dim": 2, "activation": "tanh", "inner_activation": "sigmoid", "consume_less": "gpu"}
    memory = keras_2_layer("LSTM", "memory", **config, batch_input_shape=[None, 4, 2])
    path = write_keras_1(tmp_path / "n.h5", {"class_name": "Sequential", "config": [memory]}, {"memory": arrays})
    np.testing.assert_allclose(predict(load_network(path), X), layer(X), rtol=1e-5, atol=1e-6)
