"""Advice about files and folders of networks."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import skdeeplift
from tests.advice.following import contributions, follow
from tests.network.keras_2_files import (
    keras_2_functional,
    keras_2_layer,
    predict,
    write_keras_1,
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
        "If you trust it, and it is of this version of Python, load it yourself with Keras, and pass the model: keras.",
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

    advice = "call fit in the scope of your own code: with keras.saving.custom_object_scope({'Doubled': Doubled}): ..."
    try:
        follow(advice, lambda: explain(path), in_scope, loaded, registered)
    finally:
        keras.saving.get_custom_objects().pop(f"{name}>Doubled", None)


def twice(rows):
    return 2 * rows


@pytest.mark.parametrize("extension", [".keras", ".h5"])
def test_python_code_is_written_again(tmp_path, extension):
    layer = layers.Lambda(lambda x: 2 * x, output_shape=(1,), name="twice")
    keras.Sequential([keras.Input((2,)), layers.Dense(1), layer]).save(tmp_path / f"model{extension}")
    path = str(tmp_path / f"model{extension}")
    follow(
        f"the model that this call returns: skdeeplift.load_network({path!r}, custom_objects={{'twice': function}})",
        lambda: explain(path),
        lambda: explain(skdeeplift.load_network(path, custom_objects={"twice": twice})),
    )


def write_convolution_of_keras_1(path, **config):
    config = {"nb_filter": 1, "filter_length": 2, "border_mode": "valid", "batch_input_shape": [None, 4, 1]} | config
    layer = keras_2_layer("Convolution1D", "conv", **config)
    weights = {"conv": {"conv_W": [[[[1]]], [[[2]]]], "conv_b": [0]}}
    return str(write_keras_1(path, {"class_name": "Sequential", "config": [layer]}, weights))


def test_kernels_of_keras_1(tmp_path):
    path = write_convolution_of_keras_1(tmp_path / "conv.h5")
    rows = np.array([[[1], [2], [3], [5]]], np.float32)

    def of(kernels):
        model = skdeeplift.load_network(path, kernels=kernels)
        return predict(model, rows).ravel().tolist()

    call = f"skdeeplift.load_network({path!r}, kernels="
    advice = f"{call}'theano') if Theano trained them, {call}'tensorflow') if TensorFlow did."
    follow(advice, lambda: explain(path), lambda: of("theano"), lambda: of("tensorflow"))
    assert of("theano") == [4, 7, 11]
    assert of("tensorflow") == [5, 8, 13]


def test_padding_of_theano(tmp_path):
    path = write_convolution_of_keras_1(tmp_path / "conv.h5", border_mode="same")

    def built_anew():
        model = keras.Sequential(
            [keras.Input((4, 1)), layers.ZeroPadding1D((1, 0)), layers.Conv1D(1, 2), layers.Flatten()]
        )
        model.set_weights([np.array([[[2]], [[1]]]), np.zeros(1)])
        return contributions(model, np.ones((2, 4, 1)), target="all")

    follow("Build the same layers with Keras 3", lambda: skdeeplift.load_network(path, kernels="theano"), built_anew)


def test_layers_of_keras_1_that_are_gone(tmp_path):
    gone = [keras_2_layer("MaxoutDense", "gone", output_dim=1, nb_feature=2, batch_input_shape=[None, 2])]
    separable = {"nb_filter": 1, "nb_row": 1, "nb_col": 1, "batch_input_shape": [None, 2, 2, 1]}
    other = [keras_2_layer("SeparableConvolution2D", "gone", **separable)]
    path = write_keras_1(tmp_path / "model.h5", {"class_name": "Sequential", "config": other}, {})
    follow("Build the same layers with Keras 3", lambda: explain(path), lambda: explain(network()))
    path = write_keras_1(
        tmp_path / "maxout.h5", {"class_name": "Sequential", "config": gone}, {"gone": {"gone_W": [1]}}
    )
    follow("custom_objects={'MaxoutDense': MaxoutDense}", lambda: explain(path), lambda: explain(network()))


def test_functions_that_are_not_called(tmp_path):
    source = keras_2_layer("InputLayer", "input", batch_input_shape=[None, 2], dtype="float32")
    layer = keras_2_layer("TFOpLambda", "tf.random.normal", function="random.normal")
    config = keras_2_functional(
        [(source, []), (layer, [["input", 0, 0, {}]])], [["input", 0, 0]], [[layer["config"]["name"], 0, 0]]
    )
    path = str(write_keras_2(tmp_path / "model.h5", config, {}))
    follow(
        f"skdeeplift.load_network({path!r}, custom_objects={{'tf.random.normal': function}})",
        lambda: explain(path),
        lambda: contributions(
            skdeeplift.load_network(path, custom_objects={"tf.random.normal": twice}), ROWS, target="all"
        ),
    )
    layer["config"] = {"name": "tf.__operators__.eq", "function": "__operators__.eq"}
    config["config"]["layers"][1]["name"] = "tf.__operators__.eq"
    config["config"]["output_layers"] = [["tf.__operators__.eq", 0, 0]]
    config["config"]["layers"][1]["config"] = layer["config"]
    path = str(write_keras_2(tmp_path / "equal.h5", config, {}))
    equal = {"tf.__operators__.eq": lambda x: keras.ops.cast(x == 1, "float32")}
    follow(
        f"skdeeplift.load_network({path!r}, custom_objects={{'tf.__operators__.eq': function}})",
        lambda: explain(path),
        lambda: predict(skdeeplift.load_network(path, custom_objects=equal), ROWS),
    )


def test_tensors_that_keras_2_did_not_store(tmp_path):
    source = keras_2_layer("InputLayer", "input", batch_input_shape=[None, 2], dtype="float32")
    layer = keras_2_layer("TFOpLambda", "tf.einsum", function="einsum")
    call = [["_CONSTANT_VALUE", -1, "ij,ij->i", {}]]
    config = keras_2_functional([(source, []), (layer, call)], [["input", 0, 0]], [["tf.einsum", 0, 0]])
    path = str(write_keras_2(tmp_path / "model.h5", config, {}))

    def built():
        inputs = keras.Input((2,))
        model = keras.Model(inputs, keras.ops.einsum("ij,ij->i", inputs, inputs)[:, None])
        model.load_weights(path)
        return explain(model)

    follow("Build it with Keras 3, load its weights by model.load_weights", lambda: explain(path), built)


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


def test_frozen_graphs(tmp_path):
    """The output is relu(x1 + 2 x2)."""
    with tf.Graph().as_default() as graph:
        rows = tf.compat.v1.placeholder(tf.float32, (None, 2), name="x")
        tf.nn.relu(rows @ tf.constant([[1.0], [2.0]]), name="y")
    path = tmp_path / "frozen.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())

    def right():
        graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
        function = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), []).prune("x:0", "y:0")
        return explain(function)

    advice = "tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=''), []).prune('x:0', 'y:0')"
    follow(advice, lambda: explain(path), right)


# Folders


def test_the_file_in_a_folder(model, tmp_path):
    model.export(tmp_path, verbose=False)
    follow(
        f"Pass the folder of a SavedModel, {str(tmp_path)!r}",
        lambda: explain(tmp_path / "saved_model.pb"),
        lambda: explain(tmp_path),
    )
    follow("Pass the folder itself as estimator=", lambda: skdeeplift.load_network(tmp_path), lambda: explain(tmp_path))


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
