"""Files that Keras 2 wrote differently."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.files import load_network
from tests.network.keras_2_files import (
    SEQUENTIAL_OUTPUT,
    SEQUENTIAL_WEIGHTS,
    X,
    keras_2_dense,
    keras_2_functional,
    keras_2_layer,
    keras_2_sequential,
    predict,
    write_keras_2,
)

PAPER = Path(__file__).parents[1] / "paper"


def test_the_authors_mnist_network_classifies_992_percent_of_the_test_images():
    network = load_network(PAPER / "mnist" / "keras2_mnist_cnn_allconv.h5")
    assert network.input_shape == (None, 28, 28, 1)
    with gzip.open(PAPER / "mnist" / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    with gzip.open(PAPER / "mnist" / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    predicted = np.concatenate([predict(network, batch).argmax(axis=1) for batch in np.split(images.astype("f"), 20)])
    assert len(labels) == 10_000
    assert np.mean(predicted == labels) == pytest.approx(0.992, abs=0.0005)


def test_the_authors_genomics_network_finds_its_motifs():
    stem = str(PAPER / "genomics" / "keras2_conv1d_record_5_model_PQzyq_model")
    network = load_network((f"{stem}Json.json", f"{stem}Weights.h5"))
    assert network.input_shape == (None, 200, 4)
    generator = np.random.default_rng(0)
    background = generator.integers(4, size=(20, 200))
    with_motifs = background.copy()
    for start, motif in [(40, "GCAGATAAGA"), (100, "AACAGATGGT"), (140, "GCAGATAAGA"), (180, "AACAGATGGT")]:
        with_motifs[:, start : start + len(motif)] = ["ACGT".index(letter) for letter in motif]
    before, after = (
        predict(network, np.eye(4, dtype="f")[letters]).mean(axis=0) for letters in (background, with_motifs)
    )
    assert before.shape == (3,)
    assert np.all(before < 0.5)
    assert np.all(after > 0.9)


@pytest.mark.filterwarnings("error")
def test_layers_of_keras_2_lose_what_keras_3_no_longer_takes(tmp_path):
    layers = [
        keras_2_layer("InputLayer", "input", batch_input_shape=[None, 2], dtype="float32", sparse=False, ragged=False),
        keras_2_layer("Reshape", "grid", target_shape=[2, 1, 1]),
        keras_2_layer(
            "DepthwiseConv2D", "depthwise", kernel_size=[1, 1], depthwise_initializer=None, groups=1, use_bias=False
        ),
        keras_2_layer("BatchNormalization", "norm", axis=[3], epsilon=0.0, center=False, scale=False, fused=None),
        keras_2_layer("LeakyReLU", "leaky", alpha={"type": "ndarray", "value": 0.5}),
        keras_2_layer(
            "TimeDistributed",
            "each",
            layer=keras_2_layer("Sequential", "inner", layers=[keras_2_layer("Flatten", "f")]),
        ),
        keras_2_layer("LSTM", "memory", units=1, recurrent_activation="sigmoid", use_bias=False, time_major=False),
    ]
    config = {"class_name": "Sequential", "config": {"name": "network", "layers": layers}}
    # (x - 1) / 2 is then halved where it is negative; the memory has only its output gate and its input open.
    weights = {"depthwise": [[[[[1]]]]], "norm": [[1], [4]], "memory": [[[0, 0, 1, 0]], [[0, 0, 0, 0]]]}
    network = load_network(write_keras_2(tmp_path / "network.h5", config, weights, version="2.11.0"))
    first, second = (0, 0.5)  # of row (1, 2)
    state = 0.5 * np.tanh(first)
    expected = 0.5 * np.tanh(0.5 * state + 0.5 * np.tanh(second))
    np.testing.assert_allclose(predict(network, X[:1]), [[expected]], rtol=1e-5)
    middle = keras.Model(network.inputs[0], network.get_layer("each").output)
    np.testing.assert_allclose(predict(middle, X), [[[0], [0.5]], [[1], [-0.5]]], rtol=1e-6)


def test_values_that_keras_2_wraps(tmp_path):
    relu = {"class_name": "function", "config": "relu", "module": "builtins", "registered_name": "function"}
    half = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    layer = keras_2_dense("dense", 1, activation=relu, dtype=half)
    layer["build_config"] = {"input_shape": None}
    shape = {"class_name": "__tuple__", "items": [None, 2]}
    config = {"name": "network", "layers": [layer], "build_input_shape": shape}
    path = write_keras_2(
        tmp_path / "network.h5", {"class_name": "Sequential", "config": config}, {"dense": [[[1], [1]], [-2]]}
    )
    outputs = predict(load_network(path), X)
    assert outputs.dtype == "float16"
    np.testing.assert_array_equal(outputs, [[1], [0]])


def test_a_gru_of_keras_2_resets_before_the_product(tmp_path):
    layer = keras.layers.GRU(2, reset_after=False, activation="tanh", recurrent_activation="sigmoid")
    x = np.linspace(-1, 1, 12, dtype="f").reshape(2, 3, 2)
    layer(x)
    layer.set_weights([np.linspace(-1, 1, array.size).reshape(array.shape) for array in layer.get_weights()])
    config = [keras_2_layer("GRU", "gru", units=2, recurrent_activation="sigmoid", batch_input_shape=[None, 3, 2])]
    config = {"class_name": "Sequential", "config": config}
    network = load_network(write_keras_2(tmp_path / "network.h5", config, {"gru": layer.get_weights()}))
    np.testing.assert_allclose(predict(network, x), layer(x), rtol=1e-6)


@pytest.mark.filterwarnings("error")
def test_a_first_embedding_takes_whole_numbers(tmp_path):
    layers = [
        keras_2_layer("Embedding", "tokens", input_dim=3, output_dim=1, input_length=2, batch_input_shape=[None, 2])
    ]
    path = write_keras_2(
        tmp_path / "network.h5", {"class_name": "Sequential", "config": layers}, {"tokens": [[[5], [6], [7]]]}
    )
    network = load_network(path)
    assert network.inputs[0].dtype == "int32"
    np.testing.assert_array_equal(predict(network, np.array([[2, 0]])), [[[7], [5]]])


def test_dense_layers_of_keras_1(tmp_path):
    dense = {
        "init": "glorot_uniform",
        "W_regularizer": None,
        "activity_regularizer": None,
        "input_dim": 2,
        "bias": True,
    }
    layers = [
        keras_2_layer("Dense", "hidden", output_dim=2, activation="relu", batch_input_shape=[None, 2], **dense),
        keras_2_layer("Dropout", "drop", p=0.5),
        keras_2_layer("Dense", "output", output_dim=1, activation="linear", **dense),
    ]
    config = {"class_name": "Sequential", "config": layers}
    path = write_keras_2(tmp_path / "network.h5", config, SEQUENTIAL_WEIGHTS, version="1.2.2")
    np.testing.assert_allclose(predict(load_network(path), X), SEQUENTIAL_OUTPUT)


@pytest.mark.parametrize("nested", ["Sequential", "Model"])
def test_calls_of_a_nested_model_are_numbered_from_one(tmp_path, nested):
    """The inner network doubles: 3 -> 6 -> 12, and the outputs come in the reverse order of the calls."""
    inner = {"class_name": "Sequential", "config": [keras_2_dense("double", 1, batch_input_shape=[None, 1])]}
    inner["config"] = {"name": "inner", "layers": inner["config"]}
    if nested == "Model":
        source = keras_2_layer("InputLayer", "inside", batch_input_shape=[None, 1], dtype="float32")
        inner = keras_2_functional(
            [(source, []), (keras_2_dense("double", 1), [[["inside", 0, 0, {}]]])],
            [["inside", 0, 0]],
            [["double", 0, 0]],
        )
        inner["config"]["name"] = "inner"
    source = keras_2_layer("InputLayer", "input", batch_input_shape=[None, 1], dtype="float32")
    joined = keras_2_layer("Concatenate", "joined", axis=-1)
    config = keras_2_functional(
        [
            (source, []),
            (inner, [[["input", 0, 0, {}]], [["inner", 1, 0, {}]]]),
            (joined, [[["inner", 2, 0, {}], ["inner", 1, 0, {}]]]),
        ],
        [["input", 0, 0]],
        [["joined", 0, 0], ["inner", 2, 0], ["inner", 1, 0]],
    )
    path = write_keras_2(tmp_path / "network.h5", config, {"inner": [[[2]], [0]]})
    joined, second, first = load_network(path)(np.array([[3.0]], dtype="f"))
    np.testing.assert_array_equal(joined, [[12, 6]])
    np.testing.assert_array_equal(second, [[12]])
    np.testing.assert_array_equal(first, [[6]])


def test_a_functional_network_within_a_sequential_one_gives_a_tensor_not_a_list(tmp_path):
    source = keras_2_layer("InputLayer", "input", batch_input_shape=[None, 1], dtype="float32")
    inner = keras_2_functional(
        [(source, []), (keras_2_dense("double", 1), [[["input", 0, 0, {}]]])], [["input", 0, 0]], [["double", 0, 0]]
    )
    config = {"class_name": "Sequential", "config": [inner, keras_2_layer("Flatten", "flat")]}
    path = write_keras_2(tmp_path / "network.h5", config, {"network": [[[2]], [0]]})
    np.testing.assert_array_equal(predict(load_network(path), np.array([[3.0]])), [[6]])


def test_an_archive_of_keras_2(tmp_path):
    config = keras_2_sequential()
    config["config"] = {"name": "network", "layers": config["config"]}
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_group("vars")
        for place, layer in {"dense": "hidden", "dense_1": "output"}.items():
            for number, array in enumerate(SEQUENTIAL_WEIGHTS[layer]):
                file[f"layers/{place}/vars/{number}"] = np.array(array, dtype="float32")
    path = tmp_path / "network.keras"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", json.dumps({"keras_version": "2.13.1"}))
        file.writestr("config.json", json.dumps(config))
        file.writestr("model.weights.h5", weights.getvalue())
    np.testing.assert_allclose(predict(load_network(path), X), SEQUENTIAL_OUTPUT)


def test_a_tensor_among_the_keyword_arguments_of_a_call(tmp_path):
    """Attention to a single step returns its value: 10 * (2 * 3) = 60, whatever the query (5) is."""
    sources = [keras_2_layer("InputLayer", name, batch_input_shape=[None, 1, 1], dtype="float32") for name in "qv"]
    attention = keras_2_layer("MultiHeadAttention", "attention", num_heads=1, key_dim=1, query_shape=[None, 1, 1])
    call = ["q", 0, 0, {"value": ["v", 0, 0], "attention_mask": None}]
    config = keras_2_functional(
        [(sources[0], []), (sources[1], []), (attention, [[call]])],
        [["q", 0, 0], ["v", 0, 0]],
        [["attention", 0, 0]],
    )
    weights = [[[[1]]], [[0]], [[[1]]], [[0]], [[[2]]], [[0]], [[[10]]], [0]]
    network = load_network(write_keras_2(tmp_path / "network.h5", config, {"attention": weights}))
    np.testing.assert_allclose(predict(network, np.full((1, 1, 1), 5.0), np.full((1, 1, 1), 3.0)), [[[60]]])


@pytest.mark.parametrize("form", ["name", "dict"])
def test_hard_sigmoid_of_keras_2_keeps_its_slope(tmp_path, form):
    config = keras_2_sequential()
    relu = {"class_name": "function", "config": "hard_sigmoid", "module": "builtins", "registered_name": "function"}
    config["config"][2]["config"]["activation"] = "hard_sigmoid" if form == "name" else relu
    path = write_keras_2(tmp_path / "network.h5", config, SEQUENTIAL_WEIGHTS)
    expected = np.clip(0.2 * np.array(SEQUENTIAL_OUTPUT) + 0.5, 0, 1)
    np.testing.assert_allclose(predict(load_network(path), X), expected, rtol=1e-6)


def test_kernels_of_theano_are_reversed_and_its_dense_layers_are_not(tmp_path):
    path = write_keras_2(tmp_path / "network.h5", keras_2_sequential(), SEQUENTIAL_WEIGHTS, backend="theano")
    np.testing.assert_allclose(predict(load_network(path), X), SEQUENTIAL_OUTPUT)
    layers = [keras_2_layer("Conv1D", "conv", filters=1, kernel_size=[2], batch_input_shape=[None, 4, 1])]
    config = {"class_name": "Sequential", "config": layers}
    path = write_keras_2(tmp_path / "conv.h5", config, {"conv": [[[[1]], [[2]]], [0]]}, backend="theano")
    rows = np.array([[[1], [2], [3], [5]]], np.float32)
    np.testing.assert_array_equal(predict(load_network(path), rows), [[[4], [7], [11]]])
    np.testing.assert_array_equal(predict(load_network(path, kernels="tensorflow"), rows), [[[5], [8], [13]]])


def test_layers_that_only_train_otherwise(tmp_path):
    config = keras_2_sequential()
    kinds = {"SpatialDropout1D": "rate", "AlphaDropout": "rate", "GaussianNoise": "stddev", "GaussianDropout": "rate"}
    noises = [keras_2_layer(kind, kind, **{name: 0.5}) for kind, name in kinds.items()]
    noises[0]["config"] |= {"noise_shape": None, "seed": None, "dtype": "float32"}
    reshaped = [keras_2_layer("Reshape", "row", target_shape=[1, 2]), *noises, keras_2_layer("Flatten", "flat")]
    config["config"][1:1] = reshaped
    path = write_keras_2(tmp_path / "network.h5", config, SEQUENTIAL_WEIGHTS)
    np.testing.assert_allclose(predict(load_network(path), X), SEQUENTIAL_OUTPUT)


def test_first_states_of_a_recurrent_layer(tmp_path):
    """A step of 1 and a first state of 2: 3 * 1 + 0.5 * 2 = 4."""
    sources = [
        keras_2_layer("InputLayer", name, batch_input_shape=[None, *shape])
        for name, shape in [("s", (1, 1)), ("h", (1,))]
    ]
    memory = keras_2_layer("SimpleRNN", "memory", units=1, activation="linear", use_bias=False)
    call = [["s", 0, 0, {}], ["h", 0, 0, {}]]
    config = keras_2_functional(
        [(sources[0], []), (sources[1], []), (memory, [call])], [["s", 0, 0], ["h", 0, 0]], [["memory", 0, 0]]
    )
    network = load_network(write_keras_2(tmp_path / "network.h5", config, {"memory": [[[3]], [[0.5]]]}))
    np.testing.assert_array_equal(predict(network, np.ones((1, 1, 1)), np.full((1, 1), 2.0)), [[4]])


def test_slashes_in_names(tmp_path):
    source = keras_2_layer("InputLayer", "block/input", batch_input_shape=[None, 1], dtype="float32")
    config = keras_2_functional(
        [(source, []), (keras_2_dense("block/dense", 1), [[["block/input", 0, 0, {}]]])],
        [["block/input", 0, 0]],
        [["block/dense", 0, 0]],
    )
    network = load_network(write_keras_2(tmp_path / "network.h5", config, {"block/dense": [[[2]], [0]]}))
    np.testing.assert_array_equal(predict(network, np.array([[3.0]])), [[6]])


def test_a_network_that_does_not_say_the_shape_of_its_input(tmp_path):
    config = keras_2_sequential()
    del config["config"][0]["config"]["batch_input_shape"]
    path = write_keras_2(tmp_path / "network.h5", config, SEQUENTIAL_WEIGHTS)
    with pytest.raises(ModelFileError, match="shape its input has"):
        load_network(path)
