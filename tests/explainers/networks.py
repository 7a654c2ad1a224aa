"""Rows and networks that tests of references share."""

import keras
import numpy as np

GENERATOR = np.random.default_rng(0)
SEQUENCES = np.eye(4, dtype=np.float32)[GENERATOR.integers(0, 4, (12, 30))]
ROWS = GENERATOR.normal(size=(30, 4)).astype(np.float32)
TOKENS = GENERATOR.integers(1, 9, (12, 6)).astype(np.int32)


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
