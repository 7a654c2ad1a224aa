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
from skdeeplift.network.files import load_network
from tests.network.keras_2_files import (
    SEQUENTIAL_OUTPUT,
    SEQUENTIAL_WEIGHTS,
    X,
    keras_2_layer,
    keras_2_sequential,
    predict,
    write_keras_2,
)


def small_network():
    network = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    network.compile("sgd", "mse")
    return network


def write_json(path, config):
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return path


def store(network, folder, form):
    """Store a network as Keras 3 does, in one file or in two."""
    if form == "pair":
        path = (write_json(folder / "network.json", network.to_json()), folder / "network.weights.h5")
        network.save_weights(path[1])
    else:
        path = folder / f"network{form}"
        network.save(path)
    return path


def saved(folder, form):
    """A stored small network, and what it gives for X."""
    if form == "keras 2":
        path = write_keras_2(folder / "network.h5", keras_2_sequential(), SEQUENTIAL_WEIGHTS)
        return path, np.array(SEQUENTIAL_OUTPUT)
    if form == "keras 2 pair":
        weights = write_keras_2(folder / "weights.h5", None, SEQUENTIAL_WEIGHTS)
        return (write_json(folder / "network.json", keras_2_sequential()), weights), np.array(SEQUENTIAL_OUTPUT)
    network = small_network()
    return store(network, folder, form), predict(network, X)


FORMS = [".keras", ".h5", ".hdf5", "pair", "keras 2", "keras 2 pair"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("as_type", [str, Path])
def test_every_form_gives_the_stored_network_uncompiled(tmp_path, form, as_type):
    path, expected = saved(tmp_path, form)
    network = load_network([as_type(part) for part in path] if isinstance(path, tuple) else as_type(path))
    assert isinstance(network, keras.Model)
    assert not network.compiled
    assert network.input_shape == (None, 2)
    np.testing.assert_allclose(predict(network, X), expected, rtol=1e-6)


def test_the_content_of_a_weights_file_counts_not_its_name(tmp_path):
    (architecture, weights), expected = saved(tmp_path, "pair")
    renamed = weights.rename(tmp_path / "renamed.H5")
    np.testing.assert_allclose(predict(load_network((architecture, renamed)), X), expected, rtol=1e-6)
    (architecture, weights), expected = saved(tmp_path, "keras 2 pair")
    renamed = weights.rename(tmp_path / "renamed.weights.h5")
    np.testing.assert_allclose(predict(load_network((architecture, renamed)), X), expected, rtol=1e-6)


def test_the_weights_of_a_pair_may_be_a_whole_network(tmp_path):
    path, expected = saved(tmp_path, "keras 2")
    architecture = write_json(tmp_path / "network.json", keras_2_sequential())
    np.testing.assert_allclose(predict(load_network((architecture, path)), X), expected, rtol=1e-6)


def test_an_extension_may_be_in_capitals(tmp_path):
    for form in (".keras", ".h5"):
        path, expected = saved(tmp_path, form)
        renamed = path.rename(tmp_path / f"renamed{form.upper()}")
        np.testing.assert_allclose(predict(load_network(renamed), X), expected, rtol=1e-6)


def test_the_module_imports_neither_tensorflow_nor_h5py():
    code = "import sys, skdeeplift.network.files; print({'tensorflow', 'keras', 'h5py'} & set(sys.modules))"
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


# Files that cannot be loaded


@pytest.mark.parametrize("name", ["network.keras", "network.h5", "network.hdf5"])
def test_a_missing_file(tmp_path, name):
    with pytest.raises(ModelFileNotFoundError, match=rf"{name}' does not exist. Expected the path of a \.keras, \.h5"):
        load_network(tmp_path / name)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_half_of_a_pair(tmp_path, missing):
    path, _ = saved(tmp_path, "pair")
    path[missing].unlink()
    with pytest.raises(FileNotFoundError, match=f"{path[missing].name}' does not exist"):
        load_network(path)


@pytest.mark.parametrize("name", ["folder", "folder.keras", "folder.h5"])
def test_a_folder(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(ModelFileError, match=f"{name}' is a folder, not a file. Expected"):
        load_network(tmp_path / name)


@pytest.mark.parametrize("name", ["network.bin", "network", "network.json"])
def test_another_extension(tmp_path, name):
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(ModelFileError, match=rf"{name}' does not end in \.keras or \.h5 or \.hdf5.*\"model\.json\""):
        load_network(tmp_path / name)


def test_a_pair_in_the_wrong_order(tmp_path):
    path, _ = saved(tmp_path, "pair")
    with pytest.raises(
        ModelFileError, match=r"weights\.h5' does not end in \.json\. Expected .*\"model\.json\", \"weig"
    ):
        load_network(path[::-1])


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_tuple_of_another_length(length):
    with pytest.raises(ModelFileError, match=f"Received {length} paths"):
        load_network(("network.json",) * length)


@pytest.mark.parametrize("path", [None, 3, {"a": "b"}, (1, 2)])
def test_what_is_no_path(path):
    with pytest.raises(TypeError, match=r"Expected the path of a \.keras"):
        load_network(path)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("length", [0, 1, 100, 0.3, 0.6, 0.95, -1])
@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_file(tmp_path, form, length):
    path, _ = saved(tmp_path, form)
    for part in path if isinstance(path, tuple) else (path,):
        whole = part.read_bytes()
        part.write_bytes(whole[: int(length * len(whole)) if isinstance(length, float) else length])
        with pytest.raises(ModelFileError, match=r"cannot be read|not readable JSON") as error:
            load_network(path)
        assert error.value.__cause__ is not None
        assert part.name in str(error.value)
        part.write_bytes(whole)
    load_network(path)


@pytest.mark.parametrize("start", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b'{"class_name": '])
@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
def test_files_of_random_bytes_are_errors(tmp_path, form, start):
    path, _ = saved(tmp_path, form)
    for part in path if isinstance(path, tuple) else (path,):
        whole = part.read_bytes()
        part.write_bytes(start + np.random.default_rng(0).bytes(2000))
        with pytest.raises(ModelFileError, match=f"{part.name}.*It is damaged, or of another format"):
            load_network(path)
        part.write_bytes(whole)


def test_a_damaged_archive(tmp_path):
    """An error, or the network as it was where nobody reads the damaged bytes; never other weights."""
    path, expected = saved(tmp_path, ".keras")
    whole, refused = path.read_bytes(), 0
    for start in range(0, len(whole), len(whole) // 12):
        path.write_bytes(whole[:start] + b"\xa5" * 200 + whole[start + 200 :])
        try:
            loaded = load_network(path)
        except ModelFileError:
            refused += 1
        else:
            np.testing.assert_allclose(loaded.predict(X, verbose=0), expected, rtol=1e-6)
    assert refused >= 10


def test_a_zip_archive_without_a_network(tmp_path):
    with zipfile.ZipFile(tmp_path / "network.keras", "w") as file:
        file.writestr("notes.txt", "nothing here")
    with pytest.raises(ModelFileError, match=r"holds no network: it has no config\.json"):
        load_network(tmp_path / "network.keras")


def test_an_hdf5_file_without_a_network(tmp_path):
    with h5py.File(tmp_path / "table.h5", "w") as file:
        file["table"] = [1, 2, 3]
    with pytest.raises(ModelFileError, match=r"'.*table\.h5' holds no network"):
        load_network(tmp_path / "table.h5")
    architecture = write_json(tmp_path / "network.json", small_network().to_json())
    with pytest.raises(ModelFileError, match=r"'.*table\.h5' holds no weights"):
        load_network((architecture, tmp_path / "table.h5"))


@pytest.mark.parametrize("text", ["[1, 2]", "{}", '"network"', "null", '{"class_name": "Sequential"}'])
def test_json_without_a_network(tmp_path, text):
    (_, weights), _ = saved(tmp_path, "pair")
    with pytest.raises(ModelFileError, match="describes no network"):
        load_network((write_json(tmp_path / "other.json", text), weights))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["model_config"] = text
    with pytest.raises(ModelFileError, match="describes no network"):
        load_network(tmp_path / "other.h5")


def test_json_of_a_layer_that_is_no_network(tmp_path):
    (_, weights), _ = saved(tmp_path, "pair")
    config = keras.saving.serialize_keras_object(keras.layers.Dense(3))
    with pytest.raises(ModelFileError, match="it is a Dense, not a network"):
        load_network((write_json(tmp_path / "layer.json", config), weights))


@pytest.mark.parametrize("form", ["pair", "keras 2 pair"])
def test_weights_alone(tmp_path, form):
    (_, weights), _ = saved(tmp_path, form)
    with pytest.raises(ModelFileError, match=r'holds weights but no architecture. Pass both, as \("model.json", '):
        load_network(weights)


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
        load_network((architecture, weights))


def test_weights_of_another_architecture_in_keras_2(tmp_path):
    for array in ([[1, 2, 3]], [[1]]):
        weights = {**SEQUENTIAL_WEIGHTS, "output": [array, [1]]}
        path = write_keras_2(tmp_path / "network.h5", keras_2_sequential(), weights)
        with pytest.raises(ModelFileError, match=r"do not fit the architecture.*Shape mismatch"):
            load_network(path)


class Unregistered(keras.layers.Layer):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
def test_a_class_that_keras_does_not_know(tmp_path, form):
    network = keras.Sequential([keras.Input((2,)), Unregistered(), keras.layers.Dense(1)])
    path = store(network, tmp_path, form)
    with pytest.raises(ModelFileError, match=r"Unregistered.*call fit in the scope of .*Unregistered"):
        load_network(path)


# Python code in a file is not run


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "the code ran"


def write_lambda(folder, mark, form):
    """Store a network whose Lambda layer makes a file when it is called."""
    function = eval(f"lambda x: (open({str(mark)!r}, 'w').close(), x)[1]")
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), keras.layers.Lambda(function)])
    path = store(network, folder, form)
    mark.unlink()
    return path


@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
@pytest.mark.parametrize("allowed_by_keras", [False, True])
def test_a_lambda_is_refused_and_not_run(tmp_path, mark, form, allowed_by_keras):
    path = write_lambda(tmp_path, mark, form)
    # What keras.config.enable_unsafe_deserialization() sets for good.
    with (
        keras.src.saving.serialization_lib.SafeModeScope(not allowed_by_keras),
        pytest.raises(ModelFileError, match=r"stores Python code.*If you trust it, .*load it yourself with Keras"),
    ):
        load_network(path)
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
    with pytest.raises(ModelFileError, match=r"stores Python code .*\(class 'Lambda'"):
        load_network(path)


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
    with pytest.raises(ModelFileError, match=r"stores Python code .*\(class 'TFSMLayer'"):
        load_network(path)
