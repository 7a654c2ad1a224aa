"""Small explainers that learn, for tests of selection."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data


class LinearExplainer(TransformerMixin, BaseEstimator):
    """Explain least squares: contributions are ``coefficients * (x - mean)``, and for several columns of y also those.

    With several columns of y there is a column of contributions for each column of X and of y, as explainers with
    ``target="all"`` return.
    """

    def __init__(self, penalty=1e-3):
        self.penalty = penalty

    def fit(self, X, y, sample_weight=None):
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True)
        weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, float)
        y = y.reshape(len(y), -1)
        self.mean_ = np.average(X, axis=0, weights=weights)
        centered, change = X - self.mean_, y - np.average(y, axis=0, weights=weights)
        normal = (centered.T * weights) @ centered + self.penalty * np.eye(X.shape[1])
        self.coefficients_ = np.linalg.solve(normal, (centered.T * weights) @ change)
        absolute = np.abs(self._contributions(X)).mean(2)
        self.feature_importances_ = np.average(absolute, axis=0, weights=weights)
        return self

    def _contributions(self, X):
        return (X - self.mean_)[:, :, None] * self.coefficients_

    def transform(self, X):
        check_is_fitted(self)
        X = check_array(X) if X is None else validate_data(self, X, reset=False)
        return self._contributions(X).reshape(len(X), -1)

    def get_feature_names_out(self, input_features=None):
        return np.array([f"c{column}" for column in range(self.coefficients_.size)], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
