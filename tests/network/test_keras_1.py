"""Files of Keras 1 and 0.3, with values from NumPy."""

import json

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, load_network
from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.keras_1 import is_keras_1, to_keras_2
from skdeeplift.network.keras_2_layers import hard_sigmoid_of_keras_2
from tests.network.keras_2_files import keras_2_functional, keras_2_layer, predict, write_keras_0, write_keras_1

RANDOM = np.random.default_rng(0)
SEQUENCES = np.eye(4, dtype=np.float32)[RANDOM.integers(4, size=(3, 9))]
IMAGES = RANDOM.normal(size=(3, 5, 6, 2)).astype(np.float32)
UNUSED = {"init": "glorot_uniform", "W_regularizer": None, "b_regularizer": None, "b_constraint": None, "bias": True}


def sequential(*layers):
    return {"class_name": "Sequential", "config": list(layers), "keras_version": "1.2.2"}


def convolution(name, filters, length, **config):
    config = {"border_mode": "valid", "subsample_length": 1, "activation": "linear", **UNUSED, **config}
    return keras_2_layer("Convolution1D", name, nb_filter=filters, filter_length=length, **config)


def motif_layers():
    """A network as in the first DeepLIFT paper: convolution, pooling, dense layers."""
    return [
        convolution("conv", 3, 4, activation="relu", batch_input_shape=[None, 9, 4], input_dim=4, input_length=None),
        keras_2_layer("MaxPooling1D", "pool", pool_length=2, stride=2, border_mode="valid", input_dim=None),
        keras_2_layer("Dropout", "drop", p=0.5),
        keras_2_layer("Flatten", "flat"),
        keras_2_layer("Dense", "dense", output_dim=1, activation="linear", input_dim=None, **UNUSED),
        keras_2_layer("Activation", "last", activation="sigmoid"),
    ]


KERNEL, BIAS = RANDOM.normal(size=(4, 4, 3)), RANDOM.normal(size=3)
DENSE, DENSE_BIAS = RANDOM.normal(size=(9, 1)), RANDOM.normal(size=1)


def motif_network(kernel):
    hidden = np.stack([np.tensordot(SEQUENCES[:, k : k + 4], kernel, 2) for k in range(6)], 1) + BIAS
    pooled = np.maximum(hidden, 0).reshape(3, 3, 2, 3).max(2)
    return 1 / (1 + np.exp(-(pooled.reshape(3, 9) @ DENSE + DENSE_BIAS)))


def motif_weights(layout, suffix=""):
    kernel = KERNEL[:, None] if layout == "new" else KERNEL.transpose(2, 1, 0)[..., None]
    conv = {f"conv_W{suffix}": kernel, f"conv_b{suffix}": BIAS}
    return {"conv": conv, "pool": {}, "dense": {f"dense_W{suffix}": DENSE, f"dense_b{suffix}": DENSE_BIAS}}


@pytest.mark.parametrize("layout", ["new", "before 1.1"])
@pytest.mark.parametrize("kernels", ["theano", "tensorflow"])
def test_convolutions_of_sequences(tmp_path, layout, kernels):
    path = write_keras_1(tmp_path / "network.h5", sequential(*motif_layers()), motif_weights(layout))
    expected = motif_network(KERNEL[::-1] if kernels == "theano" else KERNEL)
    model = load_network(path, kernels=kernels)
    np.testing.assert_allclose(predict(model, SEQUENCES), expected, rtol=1e-5)
    explanation = DeepLiftExplainer(model, reference="zeros").fit(SEQUENCES).explain(SEQUENCES)
    sums = explanation.contributions.reshape(3, -1).sum(1)
    np.testing.assert_allclose(sums, explanation.prediction - explanation.reference_value, rtol=1e-4, atol=1e-5)


def test_who_trained_the_kernels_is_asked_where_the_file_does_not_tell(tmp_path):
    path = str(write_keras_1(tmp_path / "network.h5", sequential(*motif_layers()), motif_weights("new")))
    with pytest.raises(ModelFileError, match=rf"load_network\('{path}', kernels='theano'\) if Theano trained them"):
        DeepLiftExplainer(path).fit(SEQUENCES)
    with pytest.raises(ValueError, match=r"kernels= takes 'theano' or 'tensorflow', or None\. Got 'torch'"):
        load_network(path, kernels="torch")


def test_names_of_variables_of_tensorflow_tell(tmp_path):
    path = write_keras_1(tmp_path / "network.h5", sequential(*motif_layers()), motif_weights("new", ":0"))
    np.testing.assert_allclose(predict(load_network(path), SEQUENCES), motif_network(KERNEL), rtol=1e-5)


def test_two_files_of_keras_1_are_loaded_together(tmp_path):
    (tmp_path / "network.json").write_text(json.dumps(sequential(*motif_layers())))
    files = tmp_path / "network.json", write_keras_1(tmp_path / "weights.h5", None, motif_weights("new"))
    expected = motif_network(KERNEL[::-1])
    np.testing.assert_allclose(predict(load_network(files, kernels="theano"), SEQUENCES), expected, rtol=1e-5)


@pytest.mark.parametrize("ordering", ["tf", "th"])
@pytest.mark.parametrize("kernels", ["theano", "tensorflow"])
def test_convolutions_of_images(tmp_path, ordering, kernels):
    kernel, bias = RANDOM.normal(size=(3, 2, 2, 4)), RANDOM.normal(size=4)
    shape = [None, 5, 6, 2] if ordering == "tf" else [None, 2, 5, 6]
    size = {"nb_filter": 4, "nb_row": 3, "nb_col": 2, "border_mode": "valid", "subsample": [1, 2]}
    conv = keras_2_layer("Convolution2D", "conv", **size, dim_ordering=ordering, batch_input_shape=shape, **UNUSED)
    pool = {"pool_size": [2, 2], "strides": [1, 1], "border_mode": "valid", "dim_ordering": ordering}
    config = sequential(conv, keras_2_layer("MaxPooling2D", "pool", **pool), keras_2_layer("Flatten", "flat"))
    stored = kernel if ordering == "tf" else kernel.transpose(3, 2, 0, 1)
    path = write_keras_1(tmp_path / "network.h5", config, {"conv": {"conv_W": stored, "conv_b": bias}})
    kernel = kernel[::-1, ::-1] if kernels == "theano" else kernel
    hidden = np.array(
        [[np.tensordot(IMAGES[:, i : i + 3, j : j + 2], kernel, 3) + bias for j in (0, 2, 4)] for i in range(3)]
    )
    pooled = np.array([[hidden[i : i + 2, j : j + 2].max((0, 1)) for j in range(2)] for i in range(2)])
    expected = pooled.transpose((2, 0, 1, 3) if ordering == "tf" else (2, 3, 0, 1)).reshape(3, -1)
    rows = IMAGES if ordering == "tf" else IMAGES.transpose(0, 3, 1, 2)
    model = load_network(path, kernels=kernels)
    np.testing.assert_allclose(predict(model, rows), expected, rtol=1e-4, atol=1e-5)
    explanation = DeepLiftExplainer(model, reference="zeros", target=0).fit(rows).explain(rows)
    sums = explanation.contributions.reshape(3, -1).sum(1)
    np.testing.assert_allclose(sums, explanation.prediction - explanation.reference_value, rtol=1e-4, atol=1e-5)


def gates(kind, size, units):
    """Arrays of gates as Keras 1 stored them, and joined as Keras 3 stores them."""
    names = {"LSTM": "icfo", "GRU": "zrh"}[kind]
    arrays = {gate: [RANDOM.normal(size=shape) for shape in ((size, units), (units, units), units)] for gate in names}
    stored = {f"{array}_{gate}": value for gate in names for array, value in zip("WUb", arrays[gate], strict=True)}
    order = {"LSTM": "ifco", "GRU": "zrh"}[kind]
    return stored, [np.concatenate([arrays[gate][number] for gate in order], -1) for number in range(3)]


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("both", [False, True])
def test_recurrent_layers_of_keras_1_compute_what_they_did(tmp_path, kind, both):
    config = {"output_dim": 3, "activation": "tanh", "inner_activation": "hard_sigmoid", "inner_init": "orthogonal"}
    config |= {"dropout_W": 0.1, "dropout_U": 0.0, "consume_less": "cpu", "unroll": False, "U_regularizer": None}
    layer = keras_2_layer(kind, "memory", **config, return_sequences=True)
    if both:
        layer = keras_2_layer("Bidirectional", "memory", layer=layer, merge_mode="concat")
    layer["config"]["batch_input_shape"] = [None, 9, 4]
    (stored, forward), (also, backward) = gates(kind, 4, 3), gates(kind, 4, 3)
    weights = {f"forward_{name}": array for name, array in stored.items()} if both else stored
    weights |= {f"backward_{name}": array for name, array in also.items()} if both else {}
    path = write_keras_1(tmp_path / "network.h5", sequential(layer), {"memory": weights})

    options = {"reset_after": False} if kind == "GRU" else {}
    expected = getattr(keras.layers, kind)(
        3, recurrent_activation=hard_sigmoid_of_keras_2, return_sequences=True, **options
    )
    expected = keras.layers.Bidirectional(expected) if both else expected
    expected.build((None, 9, 4))
    expected.set_weights([*forward, *backward] if both else forward)
    np.testing.assert_allclose(predict(load_network(path), SEQUENCES), expected(SEQUENCES), rtol=1e-5, atol=1e-6)


def test_normalisation_and_merges_in_a_functional_network(tmp_path):
    source = keras_2_layer("InputLayer", "input", batch_input_shape=[None, 2], input_dtype="float32", sparse=False)
    merge = {"mode_type": "raw", "dot_axes": -1, "output_shape": None, "output_mask": None, "arguments": {}}
    norm = {"mode": 0, "axis": -1, "epsilon": 0.0, "momentum": 0.99, "gamma_init": "one", "beta_init": "zero"}
    layers = [
        (source, []),
        (keras_2_layer("BatchNormalization", "norm", **norm), [[["input", 0, 0]]]),
        (keras_2_layer("Merge", "sum", mode="sum", concat_axis=-1, **merge), [[["input", 0, 0], ["norm", 0, 0]]]),
        (keras_2_layer("Merge", "both", mode="concat", concat_axis=1, **merge), [[["sum", 0, 0], ["norm", 0, 0]]]),
    ]
    config = keras_2_functional(layers, [["input", 0, 0]], [["both", 0, 0]])
    arrays = {"norm_gamma": [1, 2], "norm_beta": [0, 1], "norm_running_mean": [1, 1], "norm_running_std": [4, 1]}
    path = write_keras_1(tmp_path / "network.h5", config, {"norm": arrays})
    # (3 - 1) / 2 = 1 and 2 * (2 - 1) + 1 = 3
    np.testing.assert_allclose(predict(load_network(path), np.array([[3.0, 2.0]])), [[4, 5, 1, 3]], rtol=1e-6)


def test_locally_connected_layers(tmp_path):
    config = {"nb_filter": 2, "filter_length": 3, "subsample_length": 2, "border_mode": "valid", **UNUSED}
    layer = keras_2_layer("LocallyConnected1D", "local", **config, batch_input_shape=[None, 9, 4])
    kernel, bias = RANDOM.normal(size=(4, 12, 2)), RANDOM.normal(size=(4, 2))
    path = write_keras_1(tmp_path / "network.h5", sequential(layer), {"local": {"local_W": kernel, "local_b": bias}})
    windows = np.stack([SEQUENCES[:, start : start + 3].reshape(3, 12) for start in (0, 2, 4, 6)], 1)
    expected = np.einsum("bok,okf->bof", windows, kernel) + bias
    np.testing.assert_allclose(predict(load_network(path), SEQUENCES), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        keras_2_layer("BatchNormalization", "norm", mode=1),
        keras_2_layer("Merge", "merge", mode="cos"),
        keras_2_layer("Merge", "merge", mode="sum", layers=[{"class_name": "Sequential", "config": []}]),
        keras_2_layer("Deconvolution2D", "up", nb_filter=1, nb_row=2, nb_col=2),
    ],
)
def test_layers_that_keras_3_does_not_have(layer):
    with pytest.raises(ModelFileError, match=rf"a layer '{layer['class_name']}' of Keras 1.*Build the same layers"):
        to_keras_2(sequential(layer), "network.h5")


def test_an_embedding_of_keras_1_looks_up_its_rows(tmp_path):
    config = {"input_dim": 3, "output_dim": 2, "input_length": 2, "mask_zero": False, "dropout": 0.2, **UNUSED}
    del config["bias"]
    layer = keras_2_layer("Embedding", "tokens", **config, batch_input_shape=[None, 2], input_dtype="int32")
    path = write_keras_1(tmp_path / "n.h5", sequential(layer), {"tokens": {"tokens_W": [[1, 2], [3, 4], [5, 6]]}})
    np.testing.assert_array_equal(predict(load_network(path), np.array([[2, 0]])), [[[5, 6], [1, 2]]])


def test_a_layer_of_the_users_own_may_have_parameters_of_keras_1(tmp_path):
    class Own(keras.layers.Layer):
        def __init__(self, nb_filter, **kwargs):
            super().__init__(**kwargs)
            self.nb_filter = nb_filter

        def call(self, rows):
            return rows * self.nb_filter

    layer = keras_2_layer("Own", "own", nb_filter=3, batch_input_shape=[None, 1])
    path = write_keras_1(tmp_path / "network.h5", sequential(layer), {})
    np.testing.assert_array_equal(predict(load_network(path, custom_objects={"Own": Own}), np.array([[2.0]])), [[6]])


def test_parameters_of_keras_2_are_not_renamed():
    embedding = keras_2_layer("Embedding", "tokens", input_dim=3, output_dim=2)
    config = sequential(embedding, keras_2_layer("Conv1D", "conv", filters=2, kernel_size=[3], padding="same"))
    assert not is_keras_1(config)
    assert to_keras_2(config, "network.h5") == config


# Keras 0.3


def layers_of_keras_0():
    """The network of ``motif_layers``."""
    conv = {"nb_filter": 3, "filter_length": 4, "border_mode": "valid", "subsample_length": 1, "activation": "relu"}
    conv |= {"init": "uniform", "W_constraint": None, "input_dim": 4, "input_length": 9, "W_regularizer": None}
    common = {"cache_enabled": True, "trainable": True}
    return [
        {"name": "Convolution1D", "custom_name": "convolution1d", "input_shape": [9, 4], **common, **conv},
        {
            "name": "MaxPooling1D",
            "custom_name": "pool",
            "pool_length": 2,
            "stride": 2,
            "border_mode": "valid",
            **common,
        },
        {"name": "Dropout", "custom_name": "dropout", "p": 0.5, **common},
        {"name": "Flatten", "custom_name": "dropout", **common},
        {"name": "Dense", "custom_name": "dense", "output_dim": 1, "activation": "linear", **common},
        {"name": "Activation", "custom_name": "activation", "activation": "sigmoid", **common},
    ]


@pytest.mark.parametrize("says_shape", [True, False])
@pytest.mark.parametrize("kernels", ["theano", "tensorflow"])
def test_a_sequential_network_of_keras_0(tmp_path, says_shape, kernels):
    layers = layers_of_keras_0()
    if not says_shape:
        del layers[0]["input_shape"]
    weights = [[KERNEL.transpose(2, 1, 0)[..., None], BIAS], [], [], [], [DENSE, DENSE_BIAS], []]
    files = write_keras_0(tmp_path, layers, weights)
    expected = motif_network(KERNEL[::-1] if kernels == "theano" else KERNEL)
    np.testing.assert_allclose(predict(load_network(files, kernels=kernels), SEQUENCES), expected, rtol=1e-5)
    with pytest.raises(ModelFileError, match="do not tell which backend trained"):
        load_network(files)


@pytest.mark.filterwarnings("error")
def test_dropout_before_keras_0_3(tmp_path):
    layers = [{"name": "Dropout", "p": 0.5, "input_shape": [2]}, {"name": "Dense", "output_dim": 1}]
    files = write_keras_0(tmp_path, layers, [[], [[[1], [2]], [0]]])
    with pytest.warns(UserWarning, match="may be older than Keras 0.3"):
        model = load_network(files)
    np.testing.assert_array_equal(predict(model, np.array([[1.0, 2.0]])), [[5]])
    layers[0]["cache_enabled"] = True
    load_network(write_keras_0(tmp_path, layers, [[], [[[1], [2]], [0]]]))


@pytest.mark.parametrize("config", [{"name": "Graph", "layers": []}, {"name": "Sequential", "layers": [3]}])
def test_graphs_of_keras_0(tmp_path, config):
    files = write_keras_0(tmp_path, [], [])
    (tmp_path / "network.json").write_text(json.dumps(config))
    with pytest.raises(ModelFileError, match=r"one of Keras 0 with other layers.*Build the same layers with Keras 3"):
        load_network(files)
