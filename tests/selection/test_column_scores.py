import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest, SelectPercentile
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

from skdeeplift import ContributionSelector, DeepLiftExplainer, contribution_score
from tests.selection.explainers import LinearExplainer

X = np.random.default_rng(0).normal(size=(60, 5))
Y = X @ [0.1, 3.0, 0.0, -1.0, 0.2]


def test_scores_are_importances():
    selector = SelectKBest(contribution_score(LinearExplainer()), k=2).fit(X, Y)
    np.testing.assert_array_equal(selector.scores_, LinearExplainer().fit(X, Y).feature_importances_)
    np.testing.assert_array_equal(selector.get_support(indices=True), [1, 3])
    assert SelectPercentile(contribution_score(LinearExplainer()), percentile=20).fit_transform(X, Y).shape == (60, 1)


def test_scores_of_encoded_columns():
    pipeline = make_pipeline(KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"), LinearExplainer())
    scores = contribution_score(pipeline)(X, Y)
    np.testing.assert_array_equal(scores, ContributionSelector(pipeline).fit(X, Y).feature_importances_)
    assert scores.argmax() == 1
    assert scores.shape == (5,)
    mean = contribution_score(pipeline, within="mean_absolute")(X, Y)
    assert (mean < scores).all()


def test_scores_of_a_network_are_mean_absolute_contributions():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    weights = np.array([[1.0], [0.0], [-3.0], [0.5], [2.0]])
    model.set_weights([weights, np.zeros(1)])
    score = contribution_score(DeepLiftExplainer(model))
    expected = np.abs(X - X.mean(0)).mean(0) * np.abs(weights[:, 0])
    np.testing.assert_allclose(score(X), expected, rtol=1e-5, atol=1e-6)
    copied = clone(SelectKBest(score, k=2))
    assert copied.score_func.explainer.estimator is model
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(copied)).fit(X, Y).get_support(indices=True), [2, 4])


def test_copies_score_alike():
    selector = SelectKBest(contribution_score(make_pipeline(StandardScaler(), LinearExplainer())), k=2)
    copied = clone(selector)
    assert copied.score_func is not selector.score_func
    assert copied.score_func.explainer is not selector.score_func.explainer
    for each in (copied, pickle.loads(pickle.dumps(selector))):
        np.testing.assert_array_equal(each.fit(X, Y).scores_, selector.fit(X, Y).scores_)
    assert not hasattr(selector.score_func.explainer[-1], "mean_")


def test_parameters_can_be_searched_over():
    pipeline = make_pipeline(SelectKBest(contribution_score(LinearExplainer()), k=1), LinearRegression())
    name = "selectkbest__score_func__explainer__penalty"
    search = GridSearchCV(pipeline, {name: [1e-3, 10.0]}, cv=3).fit(X, Y)
    assert set(search.cv_results_[f"param_{name}"]) == {1e-3, 10.0}


def test_rows_for_groups_are_drawn_the_same():
    pipeline = make_pipeline(KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"), LinearExplainer())
    score = contribution_score(pipeline, max_samples=20, random_state=0)
    np.testing.assert_array_equal(score(X, Y), score(X, Y))
    assert (score(X, Y) != contribution_score(pipeline)(X, Y)).all()


def test_an_estimator_without_importances():
    with pytest.raises(ValueError, match="selected by feature_importances_, and StandardScaler has none"):
        SelectKBest(contribution_score(StandardScaler())).fit(X, Y)
