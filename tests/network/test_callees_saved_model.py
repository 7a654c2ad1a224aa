"""SavedModel folders, as TensorFlow, Keras 3 and Keras 2 write them."""

import gc
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.exceptions import ModelFileError, ModelFileNotFoundError
from skdeeplift.network.bind import bind

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((3,), name="table"), layers.Dense(4, "gelu"), layers.BatchNormalization(), layers.Dense(2)]
    )
    model.compile("adam", "mse")
    model.fit(ROWS, ROWS[:, :2], epochs=2, verbose=0)
    return model


@pytest.fixture(scope="module", params=["export", "save"])
def folder(model, request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "network"
    if request.param == "export":
        model.export(folder, verbose=False)
    else:
        tf.saved_model.save(model, str(folder))
    return folder


def contributions_of(estimator, rows=ROWS):
    return DeepLiftExplainer(estimator, target=1, check="raise").fit(rows).transform(rows)


def test_explains_as_the_keras_model_does(model, folder):
    np.testing.assert_allclose(contributions_of(folder), contributions_of(model), atol=1e-6)


@pytest.mark.slow
def test_what_was_loaded_is_kept_alive(model, folder):
    network = bind(str(folder), ROWS)
    graph = network.graph
    gc.collect()
    assert network.takes_table
    assert graph.outputs[0].shape.as_list() == [None, 2]
    explainer = DeepLiftExplainer(folder, target=1).fit(ROWS)
    gc.collect()
    np.testing.assert_allclose(explainer.transform(ROWS), contributions_of(model), atol=1e-6)


def test_pickled_by_its_path(folder):
    explainer = DeepLiftExplainer(str(folder), target=1).fit(ROWS)
    data = pickle.dumps(explainer)
    assert str(folder).encode() in data
    np.testing.assert_array_equal(pickle.loads(data).transform(ROWS), explainer.transform(ROWS))


def test_layer_of_a_keras_model(model, tmp_path):
    model.export(tmp_path, verbose=False)
    inputs = keras.Input((3,))
    layer = keras.layers.TFSMLayer(str(tmp_path), call_endpoint="serve")
    whole = keras.Model(inputs, layer(inputs))
    np.testing.assert_allclose(contributions_of(whole), contributions_of(model), atol=1e-6)
    with pytest.raises(TypeError, match=r"keras\.Sequential\(\[keras\.Input\(shape\), layer\]\)"):
        bind(layer, ROWS)


def test_signature_as_a_layer_of_a_keras_model(model, tmp_path):
    model.export(tmp_path, verbose=False)
    inputs = keras.Input((3,))
    outputs = keras.layers.TFSMLayer(str(tmp_path), call_endpoint="serving_default")(inputs)
    np.testing.assert_allclose(contributions_of(keras.Model(inputs, outputs)), contributions_of(model), atol=1e-6)


def test_open_axes_are_completed_from_the_rows(tmp_path):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((None, 4)),
            layers.Conv1D(3, 2, activation="relu", padding="same"),
            layers.MaxPooling1D(2),
            layers.LayerNormalization(),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2),
        ]
    )
    model.export(tmp_path, verbose=False)
    rows = np.random.default_rng(0).normal(size=(4, 9, 4)).astype(np.float32)
    np.testing.assert_allclose(contributions_of(tmp_path, rows), contributions_of(model, rows), atol=1e-6)


def test_several_inputs_and_outputs(tmp_path):
    first, second = keras.Input((3,), name="first"), keras.Input((2,), name="second")
    both = keras.layers.concatenate([first, second])
    outputs = {"sum": keras.layers.Dense(1)(both), "scores": keras.layers.Dense(3)(both)}
    model = keras.Model([first, second], outputs)
    model.export(tmp_path, verbose=False)
    given = {"first": ROWS, "second": ROWS[:, :2]}
    results = [
        DeepLiftExplainer(each, output="scores", target=2).fit(given).transform(given) for each in (tmp_path, model)
    ]
    for name in given:
        np.testing.assert_allclose(results[0][name], results[1][name], atol=1e-6)
    with pytest.raises(ValueError, match="choose one: 'scores', 'sum'"):
        DeepLiftExplainer(tmp_path).fit(given)


class Trained(tf.Module):
    def __init__(self):
        self.weight = tf.Variable([[1.0], [2.0], [0.0]])

    @tf.function(input_signature=[tf.TensorSpec((None, 3), name="table")])
    def __call__(self, rows):
        return rows @ self.weight


def test_state_of_an_optimizer_does_not_matter(tmp_path):
    """Keras 2 saved variables that only an optimizer can make, in a folder without the optimizer's class."""
    module = Trained()
    module.optimizer = tf.compat.v1.train.MomentumOptimizer(0.5, 0.9)
    module.optimizer.minimize(lambda: tf.reduce_sum(module.weight * [[0.0], [2.0], [0.0]]))
    np.testing.assert_allclose(module.weight, [[1], [1], [0]])
    tf.saved_model.save(module, str(tmp_path))
    with pytest.raises(AttributeError, match="add_slot"):
        tf.saved_model.load(str(tmp_path))
    contributions = DeepLiftExplainer(tmp_path, reference="zeros").fit_transform(ROWS)
    np.testing.assert_allclose(contributions, ROWS * [1, 1, 0])


def test_module_without_signatures(tmp_path):
    """Its call alone is stored."""
    module = Trained()
    module.other = tf.function(lambda rows: rows, input_signature=[tf.TensorSpec((None, 3))])
    tf.saved_model.save(module, str(tmp_path), signatures={})
    np.testing.assert_allclose(DeepLiftExplainer(tmp_path, reference="zeros").fit_transform(ROWS), ROWS * [1, 2, 0])


def test_folder_without_anything_to_call(tmp_path):
    module = tf.Module()
    module.weight = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path))
    with pytest.raises(ModelFileError, match="has no signature"):
        bind(tmp_path, ROWS)


@pytest.mark.parametrize("name", ["folder", "folder.keras", "folder.h5"])
def test_folder_without_a_network(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(ModelFileError, match=rf"{name}' holds no SavedModel.*tf\.saved_model\.save"):
        bind(tmp_path / name, ROWS)


def test_no_folder(tmp_path):
    with pytest.raises(ModelFileNotFoundError, match=r"no file and no SavedModel folder '.*network'"):
        bind(tmp_path / "network", ROWS)


@pytest.mark.parametrize("use_resource", [True, False])
def test_of_tensorflow_1(tmp_path, use_resource):
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        rows = v1.placeholder(tf.float32, (None, 3), name="table")
        weight = v1.get_variable("weight", initializer=[[1.0], [2.0], [0.0]], use_resource=use_resource)
        scores = rows @ weight
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(tmp_path / "network"), {"table": rows}, {"scores": scores})
    explainer = DeepLiftExplainer(tmp_path / "network", reference="zeros")
    if use_resource:
        np.testing.assert_allclose(explainer.fit_transform(ROWS), ROWS * [1, 2, 0])
    else:
        with pytest.raises(ModelFileError, match="reference variables"):
            explainer.fit(ROWS)


def test_damaged_folder(folder, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes((folder / "saved_model.pb").read_bytes()[:-100])
    with pytest.raises(ModelFileError, match="cannot load the SavedModel"):
        bind(tmp_path, ROWS)
    (tmp_path / "saved_model.pb").write_bytes((folder / "saved_model.pb").read_bytes())
    with pytest.raises(ModelFileError, match="cannot load the SavedModel"):
        bind(tmp_path, ROWS)
