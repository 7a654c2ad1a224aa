"""Rows, networks and estimators that tests of bound networks share."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

from skdeeplift import DeepLiftExplainer

GENERATOR = np.random.default_rng(0)
SEQUENCES = np.eye(4, dtype=np.float32)[GENERATOR.integers(0, 4, (12, 30))]
ROWS = GENERATOR.normal(size=(30, 4)).astype(np.float32)
IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
MLP = MLPClassifier((6,), max_iter=20, random_state=0)
TOKENS = GENERATOR.integers(1, 9, (12, 6)).astype(np.int32)
IMAGES = GENERATOR.normal(size=(6, 5, 5, 2)).astype(np.float32)


def sequence_network(pooling=keras.layers.GlobalMaxPooling1D):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv1D(6, 5, activation="relu"), pooling(), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((30, 4)), *layers])


def table_network(outputs=1, activation=None):
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, "tanh"),
            keras.layers.Dense(outputs, activation=activation),
        ]
    )


def linear_network(n_features):
    model = keras.Sequential([keras.Input((n_features,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.ones((n_features, 1))])
    return model


def image_network():
    layers = [keras.layers.Conv2D(3, 2, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((5, 5, 2)), *layers])


def logits(mlp, X):
    hidden = np.maximum(np.asarray(X) @ mlp.coefs_[0] + mlp.intercepts_[0], 0)
    return hidden @ mlp.coefs_[1] + mlp.intercepts_[1]


def folded_layer():
    """Return a fitted explainer of a layer with five entries of each row on its first axis, and its rows."""
    layers = keras.layers
    inputs = keras.Input((5, 3))
    flat = layers.Lambda(lambda x: tf.reshape(x, (-1, 3)), output_shape=(3,))(inputs)
    hidden = layers.Dense(4, activation="relu", name="hidden")(flat)
    outputs = layers.Dense(1)(layers.Lambda(lambda x: tf.reshape(x, (-1, 20)), output_shape=(20,))(hidden))
    rows = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    return DeepLiftExplainer(keras.Model(inputs, outputs), layer="hidden", reference="zeros").fit(rows), rows
