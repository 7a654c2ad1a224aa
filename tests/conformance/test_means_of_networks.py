"""Contributions to the mean over an ensemble: the mean of contributions to its members, for each kind of explainer."""

import functools

import numpy as np
import pytest
from sklearn.ensemble import BaggingRegressor, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor

from tests.conformance.explainer_kinds import N_COLUMNS, N_REFERENCES, REFERENCES, ROWS, assert_same, make, of_kinds

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(60, N_COLUMNS))
WEIGHTS = np.array([1.0, 3.0, 2.0])


@functools.cache
def classifier():
    """Return members with rectifiers, since a deconvolutional network is nonlinear in what comes back to others."""
    members = [MLPClassifier((6,), random_state=seed, max_iter=40) for seed in range(3)]
    ensemble = VotingClassifier([(f"net {n}", each) for n, each in enumerate(members)], voting="soft", weights=WEIGHTS)
    return ensemble.fit(X, np.digitize(X[:, 0] - X[:, 1], [-0.7, 0.7]))


@functools.cache
def regressor():
    member = MLPRegressor(hidden_layer_sizes=(6,), max_iter=40)
    return BaggingRegressor(member, 3, max_features=0.6, random_state=0).fit(X, X[:, 0] * X[:, 1])


def contributions(kind, estimator, references, rows, **parameters):
    # Only a method that has references takes some.
    explainer = make(kind, FrozenEstimator(estimator), reference=references, **parameters)
    return explainer.fit(rows).explain(rows).contributions


@pytest.mark.sampled(3)
@pytest.mark.parametrize("pre_activation", [True, False])
@of_kinds("reveal_cancel", "integrated gradients", "occlusion", without=["saliency"])
def test_of_a_classifier(kind, pre_activation):
    """Logits are the mean of the members' logits, and probabilities that of their probabilities."""
    ensemble, asked = classifier(), dict(target=1, pre_activation=pre_activation)
    of_each = [contributions(kind, each, REFERENCES, ROWS, **asked) for each in ensemble.estimators_]
    assert np.abs(of_each[0] - of_each[1]).max() > 0.01 * np.abs(of_each[0]).max()
    found = contributions(kind, ensemble, REFERENCES, ROWS, **asked)
    assert_same(found, np.tensordot(WEIGHTS / WEIGHTS.sum(), of_each, 1))


@of_kinds("rescale", without=["saliency", "expected gradients", "noisy gradient", "Shapley values", "mutagenesis"])
def test_of_a_regressor_of_some_columns(kind):
    """A column contributes nothing to a member that does not take it. Methods whose draws see all columns are left out.

    Mutagenesis replaces all columns of a row together.
    """
    ensemble, expected = regressor(), np.zeros_like(ROWS)
    for member, columns in zip(ensemble.estimators_, ensemble.estimators_features_, strict=True):
        expected[:, columns] += contributions(kind, member, REFERENCES[:, columns], ROWS[:, columns]) / 3
    assert_same(contributions(kind, ensemble, REFERENCES, ROWS), expected)
    assert len(REFERENCES) == N_REFERENCES > 1


@of_kinds("gradient", without=["saliency"])
def test_multipliers_of_a_nested_ensemble(kind):
    nested = VotingClassifier([("both", classifier()), ("one", classifier().estimators_[0])], voting="soft")
    nested.fit(X, classifier().predict(X))
    of_each = [contributions(kind, each, REFERENCES, ROWS, target=2) for each in nested.estimators_]
    assert_same(contributions(kind, nested, REFERENCES, ROWS, target=2), np.mean(of_each, 0))
