"""Models of ``tf_keras``, Keras 2 as a package of its own: each is explained as the same model of Keras 3 is."""

import pickle

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, describe

tf_keras = pytest.importorskip("tf_keras")

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def make_model(package):
    layers = package.layers
    model = package.Sequential(
        [package.Input((3,)), layers.Dense(4, "relu", name="hidden"), layers.Dense(1, name="last")]
    )
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=weights.shape) for weights in model.get_weights()])
    return model


def explain(model, **parameters):
    return DeepLiftExplainer(model, reference="zeros", **parameters).fit(ROWS).explain(ROWS)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"layer": "hidden"}, {"layer": "hidden:pre_activation"}, {"rule": {"hidden": "reveal_cancel"}}],
    ids=str,
)
def test_layers_are_found_by_name(parameters):
    expected = explain(make_model(keras), **parameters)
    np.testing.assert_allclose(
        explain(make_model(tf_keras), **parameters).contributions, expected.contributions, atol=1e-6
    )


def test_operations_have_layers():
    assert set(describe(make_model(tf_keras), ROWS)["layer"]) == {"hidden", "last"}


def test_a_trained_model_is_pickled():
    model = make_model(tf_keras)
    model.compile("sgd", "mse")
    model.fit(ROWS, ROWS[:, 0], verbose=0)
    model.predict(ROWS, verbose=0)
    explainer = DeepLiftExplainer(model, reference="zeros", layer="hidden").fit(ROWS)
    copied = pickle.loads(pickle.dumps(explainer))
    np.testing.assert_allclose(copied.transform(ROWS), explainer.transform(ROWS), atol=1e-6)


def test_a_changed_model_is_an_error():
    model = make_model(tf_keras)
    explainer = DeepLiftExplainer(model, reference="zeros").fit(ROWS)
    model(ROWS)
    explainer.transform(ROWS)
    model.get_layer("hidden").activation = tf_keras.activations.tanh
    with pytest.raises(ValueError, match=r"changed after fit.*hidden: activation"):
        explainer.transform(ROWS)


class TrainsByDefault(tf_keras.Model):
    def __init__(self):
        super().__init__()
        self.last = tf_keras.layers.Dense(1)

    def call(self, rows, training=True):
        return self.last(rows) + (1000.0 if training else 0.0)


def test_a_subclassed_model_is_called_in_inference_mode():
    model = TrainsByDefault()
    model(ROWS)
    np.testing.assert_allclose(explain(model).prediction, model(ROWS, training=False)[:, 0], rtol=1e-5)
