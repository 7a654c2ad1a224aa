"""Advice about files and folders of networks."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.advice.following import contributions, follow
from tests.network.keras_2_files import (
    SEQUENTIAL_OUTPUT,
    SEQUENTIAL_WEIGHTS,
    X,
    keras_2_layer,
    keras_2_sequential,
    predict,
    write_keras_2,
)

ROWS = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
DAMAGED = "It is damaged, or of another format than its name says: copy or save it again."
pytestmark = pytest.mark.advice


def network(units=3):
    return keras.Sequential([keras.Input((2,)), layers.Dense(units, "relu"), layers.Dense(1)])


@pytest.fixture
def model():
    return network()


@pytest.fixture
def pair(model, tmp_path):
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "model.weights.h5")
    return str(tmp_path / "model.json"), str(tmp_path / "model.weights.h5")


def explain(estimator):
    return contributions(estimator, ROWS)


@pytest.mark.parametrize("kept", [100, -100])
@pytest.mark.parametrize("extension", [".keras", ".h5"])
def test_damaged_files(model, tmp_path, extension, kept):
    path, broken = tmp_path / f"model{extension}", tmp_path / f"broken{extension}"
    model.save(path)
    broken.write_bytes(path.read_bytes()[:kept])

    def copied():
        shutil.copy(path, broken)
        return explain(broken)

    def saved():
        model.save(broken)
        return explain(broken)

    follow(DAMAGED, lambda: explain(broken), copied, saved)


def test_changed_bytes(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    whole = bytearray(path.read_bytes())
    start = whole.find(b"layers/dense")
    whole[start - 400 : start - 390] = bytes(10)

    def wrong():
        path.write_bytes(bytes(whole))
        explain(path)

    def right():
        model.save(path)
        return explain(path)

    follow("copy or save it again", wrong, right)


def test_damaged_json(pair, model, tmp_path):
    whole = model.to_json()

    def wrong():
        (tmp_path / "model.json").write_text(whole[:100])
        explain(pair)

    def right():
        (tmp_path / "model.json").write_text(whole)
        return explain(pair)

    follow(DAMAGED, wrong, right)


def test_weights_alone(pair):
    follow('Pass both, as ("model.json", ', lambda: explain(pair[1]), lambda: explain(pair))


def test_weights_of_another_network(pair, model, tmp_path):
    other = tmp_path / "other.weights.h5"
    network(5).save_weights(other)

    def right():
        model.save_weights(other)
        return explain((pair[0], other))

    advice = "Pass the weights that were saved from this very architecture."
    follow(advice, lambda: explain((pair[0], other)), right)


@pytest.mark.parametrize("extension", [".keras", ".h5"])
def test_python_code(tmp_path, extension):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1), layers.Lambda(lambda x: 2 * x, output_shape=(1,))])
    path = tmp_path / f"model{extension}"
    model.save(path)
    follow(
        "If you trust it, load it yourself with Keras, and pass the model: keras.",
        lambda: explain(path),
        lambda: explain(keras.saving.load_model(path, safe_mode=False)),
    )


@pytest.mark.parametrize("extension", [".keras", ".h5", ".json"])
def test_classes_of_the_users_own(tmp_path, extension):
    # A class of its own each time: Keras keeps the names under which classes were registered.
    class Doubled(layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    model = keras.Sequential([keras.Input((2,)), Doubled(), layers.Dense(1)])
    path = tmp_path / f"model{extension}"
    if extension == ".json":
        path.write_text(model.to_json())
        model.save_weights(tmp_path / "model.weights.h5")
        path = (path, tmp_path / "model.weights.h5")
    else:
        model.save(path)
    name = f"{extension[1:]}_"

    def loaded():
        if extension == ".json":
            model = keras.models.model_from_json(path[0].read_text(), {"Doubled": Doubled})
            model.load_weights(path[1])
            return explain(model)
        return explain(keras.saving.load_model(path, {"Doubled": Doubled}))

    def in_scope():
        with keras.saving.custom_object_scope({"Doubled": Doubled}):
            return explain(path)

    def registered():
        keras.saving.register_keras_serializable(name)(Doubled)
        model = keras.Sequential([keras.Input((2,)), Doubled(), layers.Dense(1)])
        again = tmp_path / "again.keras"
        model.save(again)
        return explain(again)

    advice = "Call fit in the scope of your own code: with keras.saving.custom_object_scope({'Doubled': Doubled}): ..."
    try:
        follow(advice, lambda: explain(path), in_scope, loaded, registered)
    finally:
        keras.saving.get_custom_objects().pop(f"{name}>Doubled", None)


def test_hard_sigmoid_of_keras_2(tmp_path):
    config = keras_2_sequential()
    config["config"][2]["config"]["activation"] = "hard_sigmoid"
    path = write_keras_2(tmp_path / "network.h5", config, SEQUENTIAL_WEIGHTS)

    def right():
        model = keras.Sequential(
            [
                keras.Input((2,)),
                layers.Dense(2, "relu", name="hidden"),
                layers.Dense(1, lambda x: keras.ops.clip(0.2 * x + 0.5, 0, 1), name="output"),
            ]
        )
        model.load_weights(path)
        np.testing.assert_allclose(predict(model, X), np.clip(0.2 * np.array(SEQUENTIAL_OUTPUT) + 0.5, 0, 1), rtol=1e-6)
        return explain(model)

    advice = "Build it with the first as an activation of your own, load its weights, and pass the keras.Model."
    follow(advice, lambda: explain(path), right)


def test_kernels_of_theano(tmp_path):
    config = {
        "class_name": "Sequential",
        "config": [keras_2_layer("Conv1D", "conv", filters=1, kernel_size=[2], batch_input_shape=[None, 4, 1])],
    }
    weights = {"conv": [[[[1]], [[2]]], [0]]}
    path = write_keras_2(tmp_path / "conv.h5", config, weights, backend="theano")
    again = write_keras_2(tmp_path / "again.h5", config, {"conv": [[[[2]], [[1]]], [0]]}, backend="tensorflow")
    rows = np.ones((2, 4, 1), np.float32)
    follow(
        "reverses the kernels of convolutions",
        lambda: contributions(path, rows, target="all"),
        lambda: contributions(again, rows, target="all"),
    )


def test_network_that_does_not_say_its_shape(tmp_path):
    model = keras.Sequential([layers.Dense(1)])
    path = tmp_path / "model.json", tmp_path / "model.weights.h5"
    path[0].write_text(model.to_json())
    model.build((None, 2))
    model.save_weights(path[1])

    def right():
        loaded = keras.models.model_from_json(path[0].read_text())
        loaded.build((None, 2))
        loaded.load_weights(path[1])
        return explain(loaded)

    follow("load it yourself with Keras, and pass the model", lambda: explain(path), right)


def test_json_of_a_layer(pair, model, tmp_path):
    layer = tmp_path / "layer.json"
    layer.write_text(json.dumps(keras.saving.serialize_keras_object(layers.Dense(3))))
    follow(
        "load it yourself with Keras, and pass the model",
        lambda: explain((layer, pair[1])),
        lambda: explain(model),
    )


# Folders


class Module(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None, 2), name="table")])
    def score(self, rows):
        return tf.reduce_sum(rows, 1, keepdims=True)


def test_several_signatures(tmp_path):
    module = Module()
    signatures = {"one": module.score, "other": module.score}
    tf.saved_model.save(module, str(tmp_path), signatures)

    def right():
        loaded = tf.saved_model.load(str(tmp_path))
        return explain(loaded.signatures["one"])

    advice = "Pass the one to explain, loaded.signatures[name] of loaded = tf.saved_model.load(folder)"
    follow(advice, lambda: explain(tmp_path), right)
    follow(advice, lambda: explain(tf.saved_model.load(str(tmp_path))), right)


def test_no_signature(tmp_path):
    module = tf.Module()
    module.weight = tf.Variable([1.0, 2.0])
    tf.saved_model.save(module, str(tmp_path))

    def right():
        module = Module()
        tf.saved_model.save(module, str(tmp_path), signatures=module.score)
        return explain(tmp_path)

    advice = "Save it again with tf.saved_model.save(model, folder, signatures=...)."
    follow(advice, lambda: explain(tmp_path), right)


def test_damaged_folder(model, tmp_path):
    folder, broken = tmp_path / "folder", tmp_path / "broken"
    model.export(folder, verbose=False)
    shutil.copytree(folder, broken)
    (broken / "saved_model.pb").write_bytes((folder / "saved_model.pb").read_bytes()[:-100])

    def copied():
        shutil.copytree(folder, broken, dirs_exist_ok=True)
        return explain(broken)

    def saved():
        model.export(broken, verbose=False)
        return explain(broken)

    follow("If it is damaged, copy or save it again", lambda: explain(broken), copied, saved)


def test_folder_without_a_network(model, tmp_path):
    def exported():
        model.export(tmp_path, verbose=False)
        return explain(tmp_path)

    follow(
        "Expected a folder that keras.Model.export or tf.saved_model.save wrote", lambda: explain(tmp_path), exported
    )


def test_reference_variables(tmp_path):
    v1 = tf.compat.v1

    def save(folder):
        with tf.Graph().as_default(), v1.Session() as session:
            rows = v1.placeholder(tf.float32, (None, 2), name="table")
            scores = rows @ v1.get_variable("weight", initializer=[[1.0], [2.0]])
            session.run(v1.global_variables_initializer())
            v1.saved_model.simple_save(session, str(folder), {"table": rows}, {"scores": scores})
        return explain(folder)

    def wrong():
        v1.disable_resource_variables()
        save(tmp_path / "before")

    def right():
        v1.enable_resource_variables()
        return save(tmp_path / "after")

    try:
        follow("Save it again after tf.compat.v1.enable_resource_variables()", wrong, right)
    finally:
        v1.enable_resource_variables()
