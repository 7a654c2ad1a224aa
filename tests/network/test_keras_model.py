import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift.network.callees import KerasModel


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


def test_a_model_that_was_never_called_is_built_once_and_called_in_inference_mode():
    callee = KerasModel(Scaled())
    specs = {name: tf.TensorSpec((None, 2)) for name in ("one", "other")}
    assert not callee.model.built
    callee.build(specs)
    [kernel] = callee.model.weights
    callee.build(specs)
    assert callee.model.weights[0] is kernel
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
