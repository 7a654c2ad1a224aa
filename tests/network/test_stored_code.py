import base64
import marshal

import keras
import numpy as np
import pytest

from skdeeplift import load_network
from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.stored_code import copy_with_functions, identifiers_in
from tests.network.keras_2_files import keras_2_layer, write_keras_2

X = np.array([[1.0, 2.0]], np.float32)


def test_identifiers_are_found_by_the_bytes_alone():
    code = compile("lambda rows: scale(rows.mean(axis=1), 'no identifier')", "<file of mine>", "eval").co_consts[0]
    names = identifiers_in(marshal.dumps(code))
    assert {"rows", "scale", "mean", "axis"} <= set(names)
    assert not {"no identifier", "<file of mine>", "<lambda>"} & set(names)


def test_bytes_that_are_no_code_have_no_identifiers():
    assert identifiers_in(b"") == []
    assert identifiers_in(b"\xda\x05ab") == []


@pytest.mark.parametrize("form", [".keras", ".h5"])
@pytest.mark.parametrize("nested", [False, True])
def test_code_of_keras_3_is_replaced(tmp_path, form, nested):
    layer = keras.layers.Lambda(lambda rows: rows * 2, output_shape=(2,), name="doubled")
    inner = keras.Sequential([keras.Input((2,)), layer]) if nested else layer
    network = keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(1)])
    network.save(tmp_path / f"network{form}")
    model = load_network(tmp_path / f"network{form}", custom_objects={"doubled": lambda rows: rows * 2})
    np.testing.assert_allclose(model(X), network(X), rtol=1e-6)
    with pytest.raises(ModelFileError, match=r"custom_objects=\{'doubled': function\}"):
        load_network(tmp_path / f"network{form}")


def test_code_of_keras_3_in_two_files_is_replaced(tmp_path):
    layer = keras.layers.Lambda(lambda rows: rows * 2, output_shape=(2,), name="doubled")
    network = keras.Sequential([keras.Input((2,)), layer, keras.layers.Dense(1)])
    (tmp_path / "network.json").write_text(network.to_json())
    network.save_weights(tmp_path / "network.weights.h5")
    files = tmp_path / "network.json", tmp_path / "network.weights.h5"
    model = load_network(files, custom_objects={"doubled": lambda rows: rows * 2})
    np.testing.assert_allclose(model(X), network(X), rtol=1e-6)


def test_an_activation_that_is_code_is_replaced(tmp_path):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation=lambda x: x * x, name="squared")])
    network.save(tmp_path / "network.keras")
    model = load_network(tmp_path / "network.keras", custom_objects={"squared": keras.ops.square})
    np.testing.assert_allclose(model(X), network(X), rtol=1e-6)


def test_arguments_and_names_of_functions_of_keras_2(tmp_path):
    """The function was stored by its name, so that either its name or that of the layer stands for it."""
    config = {"function": "scaled", "function_type": "function", "module": "__main__", "output_shape": None}
    config |= {"output_shape_type": "raw", "output_shape_module": None, "arguments": {"factor": 3}}
    layer = keras_2_layer("Lambda", "scale", **config, batch_input_shape=[None, 2])
    path = write_keras_2(tmp_path / "network.h5", {"class_name": "Sequential", "config": [layer]}, {})

    def scaled(rows, factor):
        return factor * rows

    np.testing.assert_array_equal(load_network(path, custom_objects={"scaled": scaled})(X), [[3, 6]])
    with pytest.raises(ModelFileError, match=r"custom_objects=\{'scaled': scaled\}"):
        load_network(path)


def test_a_layer_that_is_replaced_does_not_change_what_was_read():
    layer = keras_2_layer("Lambda", "code", function=[base64.b64encode(b"code").decode(), None, None])
    config = {"class_name": "Sequential", "config": [layer]}
    changed, left = copy_with_functions(config, lambda *names: names[-1])
    assert left == []
    assert changed is not config
    assert isinstance(layer["config"]["function"], list)
    assert copy_with_functions({"class_name": "Sequential", "config": []}, None)[1] == []
