import gzip
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from skdeeplift.exceptions import ModelFileError, ModelFileNotFoundError
from skdeeplift.network.files import load_network_file

PAPER = Path(__file__).parents[1] / "paper"
X = np.array([[1, 2], [3, -1]], dtype="float32")


def small_network():
    network = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    network.compile("sgd", "mse")
    return network


def predict(network, *inputs):
    outputs = network(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    return keras.ops.convert_to_numpy(outputs)


def keras_2_layer(kind, name, **config):
    return {"class_name": kind, "config": {"name": name, "trainable": True, **config}}


def keras_2_dense(name, units, **config):
    """A Dense layer as Keras 2.1.6 writes it, trained with a regularizer of which only the name is left."""
    initializer = {"scale": 2.0, "mode": "fan_in", "distribution": "normal", "seed": None}
    return keras_2_layer(
        "Dense",
        name,
        units=units,
        use_bias=True,
        kernel_initializer={"class_name": "VarianceScaling", "config": initializer},
        bias_initializer={"class_name": "Zeros", "config": {}},
        kernel_regularizer={"class_name": "SomebodysRegularizer", "config": {}},
        kernel_constraint=None,
        **config,
    )


def keras_2_sequential():
    layers = [
        keras_2_dense("hidden", 2, activation="relu", batch_input_shape=[None, 2], dtype="float32"),
        keras_2_layer("Dropout", "drop", rate=0.5, noise_shape=None, seed=None),
        keras_2_dense("output", 1, activation="linear"),
    ]
    return {"class_name": "Sequential", "config": layers}


# Row (1, 2): relu(1 + 2 * 2, -1 + 2 - 1) = (5, 0), and 2 * 5 + 3 * 0 + 1 = 11.
# Row (3, -1): relu(3 - 2, -3 - 1 - 1) = (1, 0), and 2 * 1 + 1 = 3.
SEQUENTIAL_WEIGHTS = {
    "hidden": [[[1, -1], [2, 1]], [0, -1]],
    "drop": [],
    "output": [[[2], [3]], [1]],
}
SEQUENTIAL_OUTPUT = [[11], [3]]


def write_keras_2(path, config, weights, *, version="2.1.6", backend="tensorflow"):
    """Write an .h5 file as Keras 2 does: with an architecture, or of weights alone if there is none."""
    with h5py.File(path, "w") as file:
        group = file if config is None else file.create_group("model_weights")
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
        for place in {file, group}:
            place.attrs.update({"keras_version": version.encode(), "backend": backend.encode()})
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for layer, arrays in weights.items():
            names = [f"{layer}/array_{number}:0" for number in range(len(arrays))]
            of_layer = group.create_group(layer)
            of_layer.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, arrays, strict=True):
                of_layer[name] = np.array(array, dtype="float32")
    return path


def write_json(path, config):
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return path


def saved(folder, form):
    """A stored small network, and what it gives for X."""
    network = small_network()
    if form in (".keras", ".h5", ".hdf5"):
        path = folder / f"network{form}"
        network.save(path)
    elif form == "pair":
        path = (write_json(folder / "network.json", network.to_json()), folder / "network.weights.h5")
        network.save_weights(path[1])
    elif form == "keras 2":
        path = write_keras_2(folder / "network.h5", keras_2_sequential(), SEQUENTIAL_WEIGHTS)
        return path, np.array(SEQUENTIAL_OUTPUT)
    elif form == "keras 2 pair":
        weights = write_keras_2(folder / "weights.h5", None, SEQUENTIAL_WEIGHTS)
        return (write_json(folder / "network.json", keras_2_sequential()), weights), np.array(SEQUENTIAL_OUTPUT)
    return path, predict(network, X)


FORMS = [".keras", ".h5", ".hdf5", "pair", "keras 2", "keras 2 pair"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("as_type", [str, Path])
def test_every_form_gives_the_stored_network_uncompiled(tmp_path, form, as_type):
    path, expected = saved(tmp_path, form)
    network = load_network_file([as_type(part) for part in path] if isinstance(path, tuple) else as_type(path))
    assert isinstance(network, keras.Model)
    assert not network.compiled
    assert network.input_shape == (None, 2)
    np.testing.assert_allclose(predict(network, X), expected, rtol=1e-6)


def test_the_content_of_a_weights_file_counts_not_its_name(tmp_path):
    (architecture, weights), expected = saved(tmp_path, "pair")
    renamed = weights.rename(tmp_path / "renamed.H5")
    np.testing.assert_allclose(predict(load_network_file((architecture, renamed)), X), expected, rtol=1e-6)
    (architecture, weights), expected = saved(tmp_path, "keras 2 pair")
    renamed = weights.rename(tmp_path / "renamed.weights.h5")
    np.testing.assert_allclose(predict(load_network_file((architecture, renamed)), X), expected, rtol=1e-6)


def test_the_weights_of_a_pair_may_be_a_whole_network(tmp_path):
    path, expected = saved(tmp_path, "keras 2")
    architecture = write_json(tmp_path / "network.json", keras_2_sequential())
    np.testing.assert_allclose(predict(load_network_file((architecture, path)), X), expected, rtol=1e-6)


def test_an_extension_may_be_in_capitals(tmp_path):
    for form in (".keras", ".h5"):
        path, expected = saved(tmp_path, form)
        renamed = path.rename(tmp_path / f"renamed{form.upper()}")
        np.testing.assert_allclose(predict(load_network_file(renamed), X), expected, rtol=1e-6)


def test_the_module_imports_neither_tensorflow_nor_h5py():
    code = "import sys, skdeeplift.network.files; print({'tensorflow', 'keras', 'h5py'} & set(sys.modules))"
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


# What Keras 2 wrote differently


def test_the_authors_mnist_network_classifies_992_percent_of_the_test_images():
    network = load_network_file(PAPER / "mnist" / "keras2_mnist_cnn_allconv.h5")
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
    network = load_network_file((f"{stem}Json.json", f"{stem}Weights.h5"))
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
    network = load_network_file(write_keras_2(tmp_path / "network.h5", config, weights, version="2.11.0"))
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
    outputs = predict(load_network_file(path), X)
    assert outputs.dtype == "float16"
    np.testing.assert_array_equal(outputs, [[1], [0]])


def test_a_gru_of_keras_2_resets_before_the_product(tmp_path):
    layer = keras.layers.GRU(2, reset_after=False, activation="tanh", recurrent_activation="sigmoid")
    x = np.linspace(-1, 1, 12, dtype="f").reshape(2, 3, 2)
    layer(x)
    layer.set_weights([np.linspace(-1, 1, array.size).reshape(array.shape) for array in layer.get_weights()])
    config = [keras_2_layer("GRU", "gru", units=2, recurrent_activation="sigmoid", batch_input_shape=[None, 3, 2])]
    config = {"class_name": "Sequential", "config": config}
    network = load_network_file(write_keras_2(tmp_path / "network.h5", config, {"gru": layer.get_weights()}))
    np.testing.assert_allclose(predict(network, x), layer(x), rtol=1e-6)


@pytest.mark.filterwarnings("error")
def test_a_first_embedding_takes_whole_numbers(tmp_path):
    layers = [
        keras_2_layer("Embedding", "tokens", input_dim=3, output_dim=1, input_length=2, batch_input_shape=[None, 2])
    ]
    path = write_keras_2(
        tmp_path / "network.h5", {"class_name": "Sequential", "config": layers}, {"tokens": [[[5], [6], [7]]]}
    )
    network = load_network_file(path)
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
    np.testing.assert_allclose(predict(load_network_file(path), X), SEQUENTIAL_OUTPUT)


def keras_2_functional(layers, inputs, outputs):
    """``layers`` holds pairs of a layer and the calls made of it."""
    layers = [{**layer, "name": layer["config"]["name"], "inbound_nodes": calls} for layer, calls in layers]
    return {
        "class_name": "Model",
        "config": {"name": "network", "layers": layers, "input_layers": inputs, "output_layers": outputs},
    }


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
    joined, second, first = load_network_file(path)(np.array([[3.0]], dtype="f"))
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
    np.testing.assert_array_equal(predict(load_network_file(path), np.array([[3.0]])), [[6]])


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
    np.testing.assert_allclose(predict(load_network_file(path), X), SEQUENTIAL_OUTPUT)


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
    network = load_network_file(write_keras_2(tmp_path / "network.h5", config, {"attention": weights}))
    np.testing.assert_allclose(predict(network, np.full((1, 1, 1), 5.0), np.full((1, 1, 1), 3.0)), [[[60]]])


def test_hard_sigmoid_of_keras_2_is_refused_as_keras_3_computes_another(tmp_path):
    config = keras_2_sequential()
    config["config"][2]["config"]["activation"] = "hard_sigmoid"
    path = write_keras_2(tmp_path / "network.h5", config, SEQUENTIAL_WEIGHTS)
    with pytest.raises(ModelFileError, match=r"'output' uses Keras 2's hard_sigmoid.*pass the keras\.Model"):
        load_network_file(path)


def test_kernels_of_theano_are_refused_and_its_dense_layers_are_not(tmp_path):
    path = write_keras_2(tmp_path / "network.h5", keras_2_sequential(), SEQUENTIAL_WEIGHTS, backend="theano")
    np.testing.assert_allclose(predict(load_network_file(path), X), SEQUENTIAL_OUTPUT)
    layers = [keras_2_layer("Conv1D", "conv", filters=1, kernel_size=[2], batch_input_shape=[None, 4, 1])]
    config = {"class_name": "Sequential", "config": layers}
    path = write_keras_2(tmp_path / "conv.h5", config, {"conv": [[[[1]], [[2]]], [0]]}, backend="theano")
    with pytest.raises(ModelFileError, match=r"Theano.*reverses the kernels"):
        load_network_file(path)


def test_a_network_that_does_not_say_the_shape_of_its_input(tmp_path):
    config = keras_2_sequential()
    del config["config"][0]["config"]["batch_input_shape"]
    path = write_keras_2(tmp_path / "network.h5", config, SEQUENTIAL_WEIGHTS)
    with pytest.raises(ModelFileError, match="shape its input has"):
        load_network_file(path)


# Files that can not be loaded


@pytest.mark.parametrize("name", ["network.keras", "network.h5", "network.hdf5"])
def test_a_missing_file(tmp_path, name):
    with pytest.raises(ModelFileNotFoundError, match=rf"{name}' does not exist. Expected the path of a \.keras, \.h5"):
        load_network_file(tmp_path / name)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_half_of_a_pair(tmp_path, missing):
    path, _ = saved(tmp_path, "pair")
    path[missing].unlink()
    with pytest.raises(FileNotFoundError, match=f"{path[missing].name}' does not exist"):
        load_network_file(path)


@pytest.mark.parametrize("name", ["folder", "folder.keras", "folder.h5"])
def test_a_folder(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(ModelFileError, match=f"{name}' is a folder, not a file. Expected"):
        load_network_file(tmp_path / name)


@pytest.mark.parametrize("name", ["network.pb", "network", "network.json"])
def test_another_extension(tmp_path, name):
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(ModelFileError, match=rf"{name}' does not end in \.keras or \.h5 or \.hdf5.*\"model\.json\""):
        load_network_file(tmp_path / name)


def test_a_pair_in_the_wrong_order(tmp_path):
    path, _ = saved(tmp_path, "pair")
    with pytest.raises(
        ModelFileError, match=r"weights\.h5' does not end in \.json\. Expected .*\"model\.json\", \"weig"
    ):
        load_network_file(path[::-1])


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_tuple_of_another_length(length):
    with pytest.raises(ModelFileError, match=f"Received {length} paths"):
        load_network_file(("network.json",) * length)


@pytest.mark.parametrize("path", [None, 3, {"a": "b"}, (1, 2)])
def test_what_is_no_path(path):
    with pytest.raises(TypeError, match=r"Expected the path of a \.keras"):
        load_network_file(path)


@pytest.mark.parametrize("length", [0, 1, 100, 0.3, 0.6, 0.95, -1])
@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_file(tmp_path, form, length):
    path, _ = saved(tmp_path, form)
    for part in path if isinstance(path, tuple) else (path,):
        whole = part.read_bytes()
        part.write_bytes(whole[: int(length * len(whole)) if isinstance(length, float) else length])
        with pytest.raises(ModelFileError, match=r"can not be read|not readable JSON") as error:
            load_network_file(path)
        assert error.value.__cause__ is not None
        assert part.name in str(error.value)
        part.write_bytes(whole)
    load_network_file(path)


@pytest.mark.parametrize("start", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b'{"class_name": '])
@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
def test_random_bytes(tmp_path, form, start):
    path, _ = saved(tmp_path, form)
    for part in path if isinstance(path, tuple) else (path,):
        whole = part.read_bytes()
        part.write_bytes(start + np.random.default_rng(0).bytes(2000))
        with pytest.raises(ModelFileError, match=f"{part.name}.*It is damaged, or of another format"):
            load_network_file(path)
        part.write_bytes(whole)


def test_a_damaged_archive(tmp_path):
    """An error, or the network as it was where nobody reads the damaged bytes; never other weights."""
    path, expected = saved(tmp_path, ".keras")
    whole, refused = path.read_bytes(), 0
    for start in range(0, len(whole), len(whole) // 12):
        path.write_bytes(whole[:start] + b"\xa5" * 200 + whole[start + 200 :])
        try:
            loaded = load_network_file(path)
        except ModelFileError:
            refused += 1
        else:
            np.testing.assert_allclose(loaded.predict(X, verbose=0), expected, rtol=1e-6)
    assert refused >= 10


def test_a_zip_archive_without_a_network(tmp_path):
    with zipfile.ZipFile(tmp_path / "network.keras", "w") as file:
        file.writestr("notes.txt", "nothing here")
    with pytest.raises(ModelFileError, match=r"holds no network: it has no config\.json"):
        load_network_file(tmp_path / "network.keras")


def test_an_hdf5_file_without_a_network(tmp_path):
    with h5py.File(tmp_path / "table.h5", "w") as file:
        file["table"] = [1, 2, 3]
    with pytest.raises(ModelFileError, match=r"'.*table\.h5' holds no network"):
        load_network_file(tmp_path / "table.h5")
    architecture = write_json(tmp_path / "network.json", small_network().to_json())
    with pytest.raises(ModelFileError, match=r"'.*table\.h5' holds no weights"):
        load_network_file((architecture, tmp_path / "table.h5"))


@pytest.mark.parametrize("text", ["[1, 2]", "{}", '"network"', "null", '{"class_name": "Sequential"}'])
def test_json_without_a_network(tmp_path, text):
    (_, weights), _ = saved(tmp_path, "pair")
    with pytest.raises(ModelFileError, match="describes no network"):
        load_network_file((write_json(tmp_path / "other.json", text), weights))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["model_config"] = text
    with pytest.raises(ModelFileError, match="describes no network"):
        load_network_file(tmp_path / "other.h5")


def test_json_of_a_layer_that_is_no_network(tmp_path):
    (_, weights), _ = saved(tmp_path, "pair")
    config = keras.saving.serialize_keras_object(keras.layers.Dense(3))
    with pytest.raises(ModelFileError, match="it is a Dense, not a network"):
        load_network_file((write_json(tmp_path / "layer.json", config), weights))


@pytest.mark.parametrize("form", ["pair", "keras 2 pair"])
def test_weights_alone(tmp_path, form):
    (_, weights), _ = saved(tmp_path, form)
    with pytest.raises(ModelFileError, match=r'holds weights but no architecture. Pass both, as \("model.json", '):
        load_network_file(weights)


def network_of(*units):
    return keras.Sequential([keras.Input((2,)), *(keras.layers.Dense(n) for n in units)])


@pytest.mark.parametrize("units", [(4, 1), (3,), (3, 1, 1), (3, 2)])
@pytest.mark.parametrize("extension", [".weights.h5", ".h5"])
def test_weights_of_another_architecture(tmp_path, units, extension):
    architecture = write_json(tmp_path / "network.json", network_of(3, 1).to_json())
    weights = tmp_path / f"other{extension}"
    network = network_of(*units)
    network.save_weights(weights) if extension == ".weights.h5" else network.save(weights)
    with pytest.raises(
        ModelFileError, match=r"other.*do not fit the architecture in .*network\.json.*Pass the weights"
    ):
        load_network_file((architecture, weights))


def test_weights_of_another_architecture_in_keras_2(tmp_path):
    for array in ([[1, 2, 3]], [[1]]):
        weights = {**SEQUENTIAL_WEIGHTS, "output": [array, [1]]}
        path = write_keras_2(tmp_path / "network.h5", keras_2_sequential(), weights)
        with pytest.raises(ModelFileError, match=r"do not fit the architecture.*Shape mismatch"):
            load_network_file(path)


class Unregistered(keras.layers.Layer):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
def test_a_class_that_keras_does_not_know(tmp_path, form):
    network = keras.Sequential([keras.Input((2,)), Unregistered(), keras.layers.Dense(1)])
    path = tmp_path / f"network{form}"
    if form == "pair":
        path = (write_json(tmp_path / "network.json", network.to_json()), tmp_path / "network.weights.h5")
        network.save_weights(path[1])
    else:
        network.save(path)
    with pytest.raises(ModelFileError, match=r"Unregistered.*register_keras_serializable.*pass the keras\.Model"):
        load_network_file(path)


# Python code in a file is not run


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "the code ran"


def write_lambda(folder, mark, form):
    """Store a network whose Lambda layer makes a file when it is called."""
    function = eval(f"lambda x: (open({str(mark)!r}, 'w').close(), x)[1]")
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), keras.layers.Lambda(function)])
    path = folder / f"network{form}"
    if form == "pair":
        path = (write_json(folder / "network.json", network.to_json()), folder / "network.weights.h5")
        network.save_weights(path[1])
    else:
        network.save(path)
    mark.unlink()
    return path


@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
@pytest.mark.parametrize("allowed_by_keras", [False, True])
def test_a_lambda_is_refused_and_not_run(tmp_path, mark, form, allowed_by_keras):
    path = write_lambda(tmp_path, mark, form)
    # What keras.config.enable_unsafe_deserialization() sets for good.
    with (
        keras.src.saving.serialization_lib.SafeModeScope(not allowed_by_keras),
        pytest.raises(ModelFileError, match=r"stores Python code.*If you trust it, load it with Keras yourself"),
    ):
        load_network_file(path)
    assert not mark.exists()


def test_keras_itself_would_run_the_lambda_of_these_tests(tmp_path, mark):
    keras.saving.load_model(write_lambda(tmp_path, mark, ".keras"), safe_mode=False)
    assert mark.exists()


def test_a_lambda_of_keras_2_is_refused(tmp_path):
    code = ["4wEAAAAAAAAAAQAAAAEAAABTAAAAcwQAAAB8AFMAKQFO", None, None]
    layer = keras_2_layer("Lambda", "code", function=code, function_type="lambda", arguments={})
    inner = {"class_name": "Sequential", "config": [layer]}
    config = keras_2_sequential()
    config["config"].append(keras_2_layer("TimeDistributed", "each", layer=inner))
    path = write_keras_2(tmp_path / "network.h5", config, SEQUENTIAL_WEIGHTS)
    with pytest.raises(ModelFileError, match=r"stores Python code \(class 'Lambda'\)"):
        load_network_file(path)


def test_a_layer_that_loads_code_from_elsewhere_is_refused(tmp_path):
    path, _ = saved(tmp_path, ".keras")
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    config = json.loads(members["config.json"])
    layer = {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": str(tmp_path)}}
    config["config"]["layers"].append(layer)
    members["config.json"] = json.dumps(config)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    path.write_bytes(archive.getvalue())
    with pytest.raises(ModelFileError, match=r"stores Python code \(class 'TFSMLayer'\)"):
        load_network_file(path)
