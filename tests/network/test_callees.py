"""Networks that are no Keras models, each the same as one that is."""

import gc
import pickle
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from sklearn.base import clone

from skdeeplift import DeepLiftExplainer
from skdeeplift.network.bind import bind
from skdeeplift.network.callees import KerasModel

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
SIGNATURE = [tf.TensorSpec((None, 3), name="table")]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, "tanh", bias_initializer="normal"), layers.Dense(2)])


@pytest.fixture(scope="module")
def expected(model):
    return explanation_of(model)


def explanation_of(estimator, **parameters):
    parameters = {"target": 1, "check": "raise", **parameters}
    return DeepLiftExplainer(estimator, **parameters).fit(ROWS).explain(ROWS)


class Subclassed(keras.Model):
    def __init__(self, model):
        super().__init__()
        self.hidden, self.last = (keras.layers.Dense(units) for units in (4, 2))
        self.weights_to_take = model.get_weights()

    def build(self, shape):
        self.hidden.build(shape)
        self.last.build((None, 4))
        self.set_weights(self.weights_to_take)
        self.built = True

    def call(self, inputs, training=False):
        return self.last(keras.ops.tanh(self.hidden(inputs))) + (1000.0 if training else 0.0)


class Module(tf.Module):
    def __init__(self, model):
        self.kernels = [tf.Variable(weights) for weights in model.get_weights()]

    def __call__(self, rows):
        kernel, bias, last_kernel, last_bias = self.kernels
        return tf.tanh(rows @ kernel + bias) @ last_kernel + last_bias


class Compiled(Module):
    __call__ = tf.function(Module.__call__, input_signature=SIGNATURE)


class WithoutSignature(Module):
    __call__ = tf.function(Module.__call__)


class NoModule:
    def __init__(self, model):
        self.module = Module(model)

    __call__ = tf.function(lambda self, table: self.module(table), input_signature=SIGNATURE)


def called(model):
    subclassed = Subclassed(model)
    subclassed(ROWS)
    return subclassed


def loaded(model, folder):
    tf.saved_model.save(Compiled(model), folder)
    return tf.saved_model.load(folder)


KINDS = {
    "subclassed": lambda model, _: called(model),
    "tf.Module": lambda model, _: Module(model),
    "tf.Module with signature": lambda model, _: Compiled(model),
    "tf.Module without signature": lambda model, _: WithoutSignature(model),
    "object": lambda model, _: NoModule(model),
    "tf.function": lambda model, _: tf.function(model),
    "tf.function with signature": lambda model, _: tf.function(model, input_signature=SIGNATURE),
    "ConcreteFunction": lambda model, _: tf.function(model).get_concrete_function(*SIGNATURE),
    "dict of one": lambda model, _: tf.function(lambda table: {"scores": model(table)}),
    "loaded": loaded,
}


@pytest.mark.parametrize("kind", KINDS)
def test_explains_as_the_keras_model_does(model, expected, kind, tmp_path):
    explanation = explanation_of(KINDS[kind](model, str(tmp_path / "network")))
    np.testing.assert_allclose(explanation.contributions, expected.contributions, atol=1e-6)
    np.testing.assert_allclose(explanation.prediction, model(ROWS)[:, 1], rtol=1e-6)


def test_weights_are_those_of_the_module():
    """f(x) = w x, with w = 1 and then 3."""
    module = tf.Module()
    module.weight = tf.Variable(1.0)
    function = tf.function(lambda x: module.weight * x[:, :1], input_signature=SIGNATURE)
    explainer = DeepLiftExplainer(function, reference="zeros").fit(ROWS)
    np.testing.assert_allclose(explainer.transform(ROWS)[:, 0], ROWS[:, 0])
    module.weight.assign(3.0)
    np.testing.assert_allclose(explainer.transform(ROWS)[:, 0], 3 * ROWS[:, 0], rtol=1e-6)


def test_dtype_of_a_module_is_that_of_its_variables():
    module = Module(keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)]))
    module.kernels = [tf.Variable(tf.cast(weights, tf.float64)) for weights in module.kernels]
    assert DeepLiftExplainer(module).fit_transform(ROWS).dtype == np.float64


@tf.function(input_signature=[tf.TensorSpec((None, 3)), tf.TensorSpec((None, 2))])
def two_with_signature(first, second):
    return first[:, :1] * 2 - second[:, 1:]


def two_by_keyword(*, second, first):
    return two_with_signature(first, second)


class TwoArguments(keras.Model):
    def call(self, first, second, training=False):
        return two_with_signature(first, second)


def two_arguments():
    model = TwoArguments()
    model(ROWS, ROWS[:, :2])
    return model


@pytest.mark.parametrize(
    "estimator",
    [
        two_with_signature,
        tf.function(two_by_keyword).get_concrete_function(
            first=tf.TensorSpec((None, 3)), second=tf.TensorSpec((None, 2))
        ),
        tf.function(two_with_signature),
        two_arguments(),
    ],
)
def test_functions_of_several_arguments_have_several_inputs(estimator):
    given = {"first": ROWS, "second": ROWS[:, :2]}
    contributions = DeepLiftExplainer(estimator, reference="zeros").fit(given).transform(given)
    np.testing.assert_allclose(contributions["first"], ROWS * [2, 0, 0])
    np.testing.assert_allclose(contributions["second"], ROWS[:, :2] * [0, -1])


@pytest.mark.parametrize("estimator", [two_with_signature, two_arguments()])
def test_several_arguments_in_order(estimator):
    given = [ROWS, ROWS[:, :2]]
    first, second = DeepLiftExplainer(estimator, reference="zeros").fit(given).transform(given)
    np.testing.assert_allclose(first, ROWS * [2, 0, 0])
    np.testing.assert_allclose(second, ROWS[:, :2] * [0, -1])


def test_constants_of_a_signature_are_kept():
    function = tf.function(lambda x, scale, y=None: x[:, :1] * scale)
    concrete = function.get_concrete_function(*SIGNATURE, 5.0)
    np.testing.assert_allclose(
        DeepLiftExplainer(concrete, reference="zeros").fit_transform(ROWS)[:, 0], 5 * ROWS[:, 0], rtol=1e-6
    )


def test_layers_that_were_built_in_another_model():
    """A model of trained layers has their weights, though it was never built itself."""
    rows = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    trained = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)])
    joined = keras.Sequential(trained.layers[:1])
    contributions = DeepLiftExplainer(joined, reference="zeros", target=0).fit(rows).transform(rows)
    zeros = np.zeros_like(rows)
    np.testing.assert_allclose(contributions.sum(1), (joined(rows) - joined(zeros))[:, 0], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"Train it, or build it by model.build"):
        DeepLiftExplainer(keras.Sequential([*trained.layers[:1], keras.layers.Dense(2)])).fit(rows)


def test_subclassed_model_that_makes_layers_when_it_is_built():
    class MakesLayers(keras.Model):
        def build(self, shape):
            self.made_in_build = keras.layers.Dense(2, "relu", name="made_in_build")
            self.made_in_build.build(shape)

        def call(self, inputs):
            return self.made_in_build(inputs)

    model = MakesLayers()
    predictions = model(ROWS)
    np.testing.assert_allclose(explanation_of(model).prediction, predictions[:, 1], rtol=1e-6)
    assert explanation_of(model, layer="made_in_build").contributions.shape == (6, 2)


def test_weights_that_the_first_call_would_make():
    """They would be random, and the user's own object would have them from then on."""

    class Lazy(tf.Module):
        weight = None

        def __call__(self, rows):
            if self.weight is None:
                self.weight = tf.Variable(tf.random.normal((3, 1)))
            return rows @ self.weight

    class BuiltInPart(keras.Model):
        def build(self, shape):
            self.dense = keras.layers.Dense(1)
            self.built = True

        def call(self, inputs):
            return self.dense(inputs)

    in_part = BuiltInPart()
    in_part.build((None, 3))
    for network in (Lazy(), tf.function(Lazy()), in_part):
        for _ in range(2):
            with pytest.raises(ValueError, match="was never built"):
                DeepLiftExplainer(network).fit(ROWS)
    module = Lazy()
    module(ROWS)
    expected = ROWS * module.weight.numpy()[:, 0]
    np.testing.assert_allclose(
        DeepLiftExplainer(module, reference="zeros").fit_transform(ROWS), expected, rtol=1e-5, atol=1e-6
    )


def test_one_of_the_signatures(model, expected, tmp_path):
    owner = loaded(model, str(tmp_path))
    explanation = explanation_of(owner.signatures["serving_default"])
    np.testing.assert_allclose(explanation.contributions, expected.contributions, atol=1e-6)


def test_signature_without_its_variables(model, tmp_path):
    signature = loaded(model, str(tmp_path)).signatures["serving_default"]
    gc.collect()
    with pytest.raises(ValueError, match="Keep a reference to the object that owns the function's variables"):
        bind(signature, ROWS).graph  # noqa: B018


def test_function_that_cannot_take_the_rows():
    with pytest.raises(ValueError, match=r"failed on float32 \(None, 3\)(.|\n)*input_signature"):
        DeepLiftExplainer(tf.function(lambda x: x @ tf.ones((5, 1)))).fit(ROWS)


def test_of_several_signatures_one_is_chosen(tmp_path):
    module = tf.Module()
    functions = {name: tf.function(lambda x: x[:, :1], input_signature=SIGNATURE) for name in ("one", "other")}
    tf.saved_model.save(module, str(tmp_path), functions)
    with pytest.raises(ValueError, match=r"signatures \['one', 'other'\]"):
        bind(tf.saved_model.load(str(tmp_path)), ROWS)
    with pytest.raises(ValueError, match=r"signatures \['one', 'other'\]"):
        bind(tmp_path, ROWS)


def test_clones_share_the_network(model):
    function = tf.function(model)
    assert clone(DeepLiftExplainer(function)).estimator is function


def test_a_module_is_pickled(model, expected):
    explainer = DeepLiftExplainer(Compiled(model), target=1).fit(ROWS)
    again = pickle.loads(pickle.dumps(explainer))
    np.testing.assert_allclose(again.transform(ROWS), expected.contributions, atol=1e-6)


@pytest.mark.parametrize("kind", ["tf.function", "ConcreteFunction", "loaded"])
def test_what_cannot_be_pickled(model, kind, tmp_path):
    explainer = DeepLiftExplainer(KINDS[kind](model, str(tmp_path)))
    with pytest.raises(TypeError, match=r"cannot be pickled or copied.*tf\.saved_model\.save"):
        pickle.dumps(explainer)


class Scaled(keras.Model):
    """Two inputs by name, of which the second is for training alone."""

    def __init__(self):
        super().__init__()
        self.scale = layers.Dense(1, use_bias=False, kernel_initializer="ones", name="scale")
        self.dropout = layers.Dropout(0.9)

    def call(self, inputs, training=False):
        return self.dropout(self.scale(inputs["one"]) + 2 * inputs["other"], training=training)


def test_the_declared_input_is_in_the_models_own_structure():
    one, other = keras.Input((2,), name="one"), keras.Input((3,), name="other")
    joined = layers.Concatenate()([one, other])
    assert KerasModel(keras.Model([one], layers.Dense(1)(one))).declared is one
    several = KerasModel(keras.Model({"one": one, "other": other}, joined)).declared
    assert set(several) == {"one", "other"}
    assert KerasModel(keras.Sequential([keras.Input((4,)), layers.Dense(1)])).declared.shape == (None, 4)
    assert KerasModel(Scaled()).declared is None
    assert KerasModel(keras.Sequential([layers.Dense(1)])).declared is None


def test_a_model_is_called_in_inference_mode():
    callee = KerasModel(Scaled())
    rows = {"one": tf.constant([[1.0, 2.0]]), "other": tf.constant([[0.0, 5.0]])}
    # 1 + 2 + 2 * (0, 5), of which dropout in training would leave one tenth.
    np.testing.assert_allclose(callee.call(rows), [[3, 13]], rtol=1e-6)


def test_layers_inside_of_others_and_names():
    inner = keras.Sequential([keras.Input((2,)), layers.Dense(2, name="inside")], name="inner")
    callee = KerasModel(keras.Sequential([keras.Input((2,)), inner, layers.Dense(1, name="last")], name="outer"))
    assert {"inner", "inside", "last"} <= {layer.name for layer in callee.layers}
    assert "outer" not in {layer.name for layer in callee.layers}
    assert callee.output_names is None
    source = keras.Input((2,))
    assert KerasModel(keras.Model(source, layers.Dense(1, name="named")(source))).output_names == ["named"]
    assert callee.dtype == "float32"


def test_another_backend_of_keras(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"backend 'jax'.*KERAS_BACKEND=\"tensorflow\" before Keras is imported"):
        KerasModel(keras.Sequential())


def pruned_function(feeds, fetches):
    """A frozen graph of TensorFlow 1, y = relu(x w) + z, pruned to some inputs and outputs."""
    graph = tf.Graph()
    with graph.as_default():
        x, z = (tf.compat.v1.placeholder(tf.float32, (None, size), name=name) for name, size in (("x", 3), ("z", 1)))
        hidden = tf.nn.relu(x @ tf.constant([[1.0], [-2.0], [0.5]]), name="hidden")
        tf.add(hidden, z, name="y")
    frozen = graph.as_graph_def()
    return tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(frozen, name=""), []).prune(feeds, fetches)


@pytest.mark.parametrize("fetches", [["hidden:0"], "hidden:0"])
def test_a_function_pruned_from_a_frozen_graph_has_its_inputs_as_signature(fetches):
    function = pruned_function(["x:0"], fetches)
    explanation = DeepLiftExplainer(function, reference="zeros").fit(ROWS).explain(ROWS)
    expected = np.maximum(ROWS @ [1.0, -2.0, 0.5], 0)
    np.testing.assert_allclose(explanation.prediction, expected, rtol=1e-5)
    active = (expected > 0)[:, None]
    np.testing.assert_allclose(explanation.contributions, active * ROWS * [1.0, -2.0, 0.5], rtol=1e-5, atol=1e-6)


def test_inputs_of_a_pruned_function_have_the_names_of_the_graph():
    function, X = pruned_function(["x:0", "z:0"], ["y:0"]), {"z": ROWS[:, :1], "x": ROWS}
    contributions = DeepLiftExplainer(function, reference="zeros").fit(X).transform(X)
    np.testing.assert_allclose(contributions["z"], ROWS[:, :1], rtol=1e-5)


def test_a_layer_whose_weights_were_refused_can_be_built_afterwards():
    """Keras does not build the layers inside of a recurrent cell before the model is called."""

    class Cell(keras.layers.Layer):
        state_size = output_size = 2

        def __init__(self):
            super().__init__()
            self.inner = keras.layers.GRUCell(2)

        def call(self, inputs, states):
            return self.inner(inputs, states)

    with warnings.catch_warnings():
        # Keras recommends a method that builds them.
        warnings.simplefilter("ignore")
        inputs = keras.Input((3, 2))
        model = keras.Model(inputs, keras.layers.RNN(Cell())(inputs))
    rows = np.ones((2, 3, 2))
    with pytest.raises(ValueError, match="was never built"):
        DeepLiftExplainer(model).fit(rows)
    model(rows[:1])
    assert DeepLiftExplainer(model, target=0, check="raise").fit(rows).transform(rows).shape == rows.shape
