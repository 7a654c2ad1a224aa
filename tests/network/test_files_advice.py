"""Files that are not loaded: following the advice of the error, literally, explains the network."""

import re

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer
from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.files import load_network
from tests.network.keras_2_files import SEQUENTIAL_WEIGHTS, keras_2_layer, keras_2_sequential, write_keras_2

ROWS = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)


def store(network, folder, form):
    if form == "pair":
        architecture = folder / "network.json"
        architecture.write_text(network.to_json())
        network.save_weights(folder / "network.weights.h5")
        return str(architecture), str(folder / "network.weights.h5")
    network.save(folder / f"network{form}")
    return str(folder / f"network{form}")


def check_explained(explainer, network):
    explanation = explainer.fit(ROWS).explain(ROWS)
    np.testing.assert_allclose(explanation.prediction, np.asarray(network(ROWS))[:, 0], rtol=1e-5)


def advice_for(files, start):
    with pytest.raises(ModelFileError) as error:
        load_network(files)
    return re.search(rf"{re.escape(start)}(.*)$", str(error.value), flags=re.DOTALL)[1]


def follow(advice, names):
    """Run the statements of an advice, and return the model that the last one, or the variable, gives."""
    *statements, last = advice.rstrip(".").split("; ")
    for statement in statements:
        exec(statement, names)
    model = eval(last, names)
    return names.get("model", model)


# Classes and functions of the user's own


class Doubled(keras.layers.Layer):
    def call(self, rows):
        return 2 * rows


def squashed(rows):
    return keras.ops.tanh(rows)


def follow_scope(files, network):
    advice = advice_for(files, "call fit in the scope of your own code: with ")
    with eval(advice.rpartition(": ...")[0], {"keras": keras, "Doubled": Doubled, "squashed": squashed}):
        explainer = DeepLiftExplainer(files, reference="zeros").fit(ROWS)
    explanation = explainer.explain(ROWS)
    np.testing.assert_allclose(explanation.prediction, np.asarray(network(ROWS))[:, 0], rtol=1e-5)


@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
@pytest.mark.parametrize("of", ["layer", "function"])
def test_own_code_in_files_of_keras_3(tmp_path, form, of):
    own = Doubled() if of == "layer" else keras.layers.Dense(3, activation=squashed)
    network = keras.Sequential([keras.Input((2,)), own, keras.layers.Dense(1)])
    follow_scope(store(network, tmp_path, form), network)


@pytest.mark.parametrize("name", ["Doubled", "Custom>Doubled", "package>Doubled"])
def test_a_layer_of_the_users_own_in_a_file_of_keras_2(tmp_path, name):
    config = keras_2_sequential()
    config["config"].insert(1, keras_2_layer(name, "doubled"))
    path = write_keras_2(tmp_path / "network.h5", config, {**SEQUENTIAL_WEIGHTS, "doubled": []})
    with keras.saving.custom_object_scope({name: Doubled}):
        network = load_network(path)
    follow_scope(str(path), network)


# Python code in files of Keras 3


@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_lambda_is_loaded_by_the_user(tmp_path, form, nested):
    function = keras.layers.Lambda(lambda rows: rows * 2, output_shape=(2,))
    inputs = keras.Input((2,))
    hidden = keras.Sequential([keras.Input((2,)), function])(inputs) if nested else function(inputs)
    network = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    advice = advice_for(store(network, tmp_path, form), "load it yourself with Keras, and pass the model: ")
    # Allowing unsafe files holds for the whole process, which other tests share.
    with keras.src.saving.serialization_lib.SafeModeScope(None):
        model = follow(advice, {"keras": keras})
    check_explained(DeepLiftExplainer(model, reference="zeros"), network)


# Networks of Keras 2 that only the package tf_keras loads


@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
def test_a_lambda_of_keras_2(tmp_path, form):
    tf_keras = pytest.importorskip("tf_keras")
    inputs, doubled = tf_keras.Input((2,)), tf_keras.layers.Lambda(lambda rows: rows * 2)
    inner = tf_keras.Sequential([tf_keras.Input((2,)), doubled])
    network = tf_keras.Model(inputs, tf_keras.layers.Dense(1)(inner(inputs)))
    files = store(network, tmp_path, form)
    advice = advice_for(files, "load it yourself with tf_keras, the package of Keras 2, and pass the model: ")
    with tf_keras.src.saving.serialization_lib.SafeModeScope(None):
        model = follow(advice, {"tf_keras": tf_keras})
    check_explained(DeepLiftExplainer(model, reference="zeros"), network)


@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
def test_functions_of_tensorflow_in_models_of_tf_keras(tmp_path, form):
    tf_keras, tf = pytest.importorskip("tf_keras"), pytest.importorskip("tensorflow")
    layers, inputs = tf_keras.layers, tf_keras.Input((2,))
    hidden = tf.concat([tf.nn.relu(layers.Dense(4)(inputs) * 2.0) - 1.0, 1 - inputs[:, :1]], 1)
    network = tf_keras.Model(inputs, layers.Dense(1, "hard_sigmoid")(hidden))
    check_explained(DeepLiftExplainer(store(network, tmp_path, form), reference="zeros"), network)
