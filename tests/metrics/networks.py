"""Networks whose metrics can be worked out by hand."""

import keras
import numpy as np
from keras import layers


def linear(*weights):
    """The weighted sum of the features."""
    model = keras.Sequential([keras.Input((len(weights),)), layers.Dense(1, use_bias=False)])
    model.set_weights([np.array(weights, float)[:, None]])
    return model


def both_or_none():
    """``relu(a + b - 1)``: with features of 1, either is lost without the other."""
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, activation="relu")])
    model.set_weights([np.ones((2, 1)), -np.ones(1)])
    return model


def classifier(n_features=6, n_classes=3):
    """A softmax of random weights."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((n_features,)),
            layers.Dense(16, activation="relu", name="hidden"),
            layers.Dense(8, activation="relu", name="second"),
            layers.Dense(n_classes, activation="softmax", name="last"),
        ]
    )
