"""Networks whose weights are known, behind encoders inside explainers."""

import keras
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

from skdeeplift import DeepLiftExplainer


class Linear(BaseEstimator):
    """A network with given weights."""

    def __init__(self, weights):
        self.weights = weights

    def fit(self, X, y=None):
        self.model_ = keras.Sequential([keras.Input((len(self.weights),)), keras.layers.Dense(1)])
        self.model_.set_weights([np.reshape(self.weights, (-1, 1)), np.zeros(1)])
        return self

    def predict(self, X):
        return self.model_.predict(X, verbose=0)[:, 0]


def inside(encoder, *weights, **parameters):
    """Return an explainer of an encoder and a network with these weights of the encoded columns."""
    return DeepLiftExplainer(make_pipeline(encoder, Linear(weights)), **parameters)


def reorder(columns="cba"):
    """Return an encoder that returns these columns in this order."""
    return ColumnTransformer([("p", "passthrough", list(columns))], verbose_feature_names_out=False)
