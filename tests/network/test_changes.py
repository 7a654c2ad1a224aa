"""Networks that the user changes after they were traced."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPRegressor

from skdeeplift import DeepLiftExplainer
from skdeeplift.network import network as network_module
from skdeeplift.network.changes import Attributes

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def make_model():
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, "tanh", name="hidden"), layers.Dense(1, name="last")])


def fitted(model):
    model(ROWS)
    explainer = DeepLiftExplainer(model, reference="zeros", target=0).fit(ROWS)
    explainer.transform(ROWS)
    return explainer


class Scaled(keras.layers.Layer):
    """A layer whose numbers are attributes, and that counts its calls."""

    def __init__(self):
        super().__init__(name="scaled")
        self.scale, self.scales, self.calls = 2.0, [1.0, 1.0, 1.0], 0

    def call(self, rows):
        self.calls += 1
        return rows * self.scale * tf.stack(list(self.scales))


class Module(tf.Module):
    def __init__(self):
        super().__init__()
        self.weights, self.activation = tf.Variable(tf.ones((3, 1))), tf.tanh

    def __call__(self, rows):
        return self.activation(rows @ self.weights)


def set_activation(model):
    model.get_layer("hidden").activation = keras.activations.relu


def enable_lora(model):
    model.get_layer("hidden").enable_lora(2)


def replace_layer(model):
    model.inner = model.other


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner, self.other = layers.Dense(1), layers.Dense(1)

    def build(self, shape):
        self.inner.build(shape)
        self.other.build(shape)
        self.built = True

    def call(self, rows):
        return self.inner(rows)


def with_scaled():
    return keras.Sequential([keras.Input((3,)), Scaled(), layers.Dense(1)])


CHANGES = {
    "activation": (make_model, set_activation, "hidden: activation"),
    "lora": (make_model, enable_lora, "hidden: lora_"),
    "add": (make_model, lambda model: model.add(layers.Dense(1)), "sequential.*: _layers"),
    "replaced layer": (Subclassed, replace_layer, "subclassed.*: inner"),
    "number": (with_scaled, lambda model: setattr(model.layers[0], "scale", 3.0), "scaled: scale"),
    "number in a list": (
        with_scaled,
        lambda model: model.layers[0].scales.__setitem__(1, 5.0),
        "scaled: scales",
    ),
    "tf.Module": (Module, lambda model: setattr(model, "activation", tf.nn.relu), "module: activation"),
    "variable": (Module, lambda model: setattr(model, "weights", tf.Variable(tf.zeros((3, 1)))), "module: weights"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_changed_network_is_an_error_until_it_is_fitted_again(kind):
    make, change, message = CHANGES[kind]
    model = make()
    explainer = fitted(model)
    change(model)
    for call in (explainer.transform, explainer.explain):
        with pytest.raises(ValueError, match=rf"changed after fit.*{message}.*Call fit again"):
            call(ROWS)
    explanation = explainer.fit(ROWS).explain(ROWS)
    np.testing.assert_allclose(explanation.prediction, np.asarray(model(ROWS))[:, 0], rtol=1e-5)


def test_what_changes_no_result_is_no_error():
    model = with_scaled()
    explainer = fitted(model)
    expected = explainer.transform(ROWS)
    model(ROWS)
    keras.Model(model.inputs, layers.Dense(2)(model.layers[0].output))
    np.testing.assert_array_equal(explainer.transform(ROWS), expected)


def test_training_further_shows_and_traces_nothing_again(monkeypatch):
    model = make_model()
    model.compile("sgd", "mse")
    explainer = fitted(model)
    before = explainer.transform(ROWS)
    monkeypatch.setattr(network_module, "trace", None)
    model.fit(ROWS, ROWS[:, 0], verbose=0)
    model.predict(ROWS, verbose=0)
    model.trainable = False
    explanation = explainer.explain(ROWS)
    assert np.abs(explanation.contributions - before).max() > 1e-4
    np.testing.assert_allclose(explanation.prediction, model(ROWS)[:, 0], rtol=1e-5)


@pytest.mark.advice
def test_a_perceptron_that_is_trained_further_is_an_error():
    perceptron = MLPRegressor(hidden_layer_sizes=(4,), max_iter=200, n_iter_no_change=1, tol=1e3, random_state=0).fit(
        ROWS, ROWS[:, 0]
    )
    explainer = DeepLiftExplainer(FrozenEstimator(perceptron), reference="zeros").fit(ROWS)
    perceptron.predict(ROWS)
    explainer.transform(ROWS)
    perceptron.partial_fit(ROWS, ROWS[:, 0])
    with pytest.raises(ValueError, match=r"changed after fit.*MLPRegressor: .*_"):
        explainer.transform(ROWS)
    explanation = explainer.fit(ROWS).explain(ROWS)
    np.testing.assert_allclose(explanation.prediction, perceptron.predict(ROWS), rtol=1e-5)


def test_attributes_are_compared_by_identity_and_containers_by_their_elements():
    module = tf.Module()
    module.list, module.dict, module.text = [1, [2]], {"a": 3}, "text"
    attributes = Attributes([module])
    assert attributes.find_changed() == []
    module.list[1].append(3)
    module.dict["a"] = 4
    module.text = "other"
    assert set(attributes.find_changed()) == {"module: list", "module: dict", "module: text"}
