"""Explainers of ensembles: training, predictions, copies, and changes of members."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras.wrappers import SKLearnClassifier
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, VotingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import DeepLiftExplainer, OcclusionExplainer, describe
from tests.binding.networks import IRIS, MLP, NAMES, SPECIES

LABELS = NAMES[SPECIES]
ROWS = IRIS.to_numpy()


def bagging(**parameters):
    return BaggingClassifier(MLP, 3, max_features=0.75, random_state=0, **parameters)


def of_keras():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy")
    return SKLearnClassifier(model, fit_kwargs={"verbose": 0})


def voting():
    return VotingClassifier([("keras", of_keras()), ("perceptron", MLP)], voting="soft")


@pytest.fixture(scope="module")
def fitted():
    return DeepLiftExplainer(bagging()).fit(IRIS, LABELS)


def test_predictions_are_those_of_scikit_learn(fitted):
    alone = bagging().fit(IRIS, LABELS)
    np.testing.assert_array_equal(fitted.predict(IRIS), alone.predict(IRIS))
    np.testing.assert_array_equal(fitted.predict_proba(IRIS), alone.predict_proba(IRIS))
    assert fitted.score(IRIS, LABELS) == alone.score(IRIS, LABELS)
    assert fitted.classes_.tolist() == NAMES.tolist()
    assert not hasattr(fitted.estimator, "estimators_")
    assert fitted.feature_names_in_.tolist() == IRIS.columns.tolist()
    assert not hasattr(DeepLiftExplainer(BaggingRegressor(MLPRegressor(max_iter=5))), "predict_proba")


def test_a_fitted_ensemble_is_not_trained_again(fitted):
    frozen = DeepLiftExplainer(FrozenEstimator(fitted.estimator_)).fit(IRIS)
    assert frozen.estimator_ is fitted.estimator_
    np.testing.assert_array_equal(frozen.transform(IRIS), fitted.transform(IRIS))


def test_an_encoder_in_front_of_all_members():
    pipeline = make_pipeline(StandardScaler(), bagging())
    explainer = DeepLiftExplainer(pipeline, target="setosa").fit(IRIS, LABELS)
    scaled = explainer.estimator_[0].transform(IRIS)
    alone = DeepLiftExplainer(FrozenEstimator(explainer.estimator_[-1]), target="setosa").fit(scaled)
    np.testing.assert_allclose(explainer.transform(IRIS), alone.transform(scaled), rtol=1e-12)


@pytest.mark.parametrize("make", [bagging, voting], ids=["perceptrons", "Keras"])
def test_copies_explain_alike_and_hold_their_members(make):
    explainer = DeepLiftExplainer(make(), target="virginica").fit(ROWS, LABELS)
    expected = explainer.transform(ROWS)
    loaded = pickle.loads(pickle.dumps(explainer))
    np.testing.assert_array_equal(loaded.transform(ROWS), expected)
    np.testing.assert_allclose(loaded.feature_importances_, explainer.feature_importances_, rtol=1e-6)
    members = loaded.estimator_.estimators_
    if make is voting:
        # A member goes by its name, too, and is the same object after a pickle.
        assert loaded.estimator_.named_estimators_["keras"] is members[0]
        assert loaded.estimator_.named_estimators_.keras.model_ is members[0].model_
    copied = clone(explainer)
    assert not hasattr(copied, "estimator_")
    assert copied.estimator is not explainer.estimator
    assert copied.fit(ROWS, LABELS).transform(ROWS).shape == expected.shape


def test_changes_of_members_are_found():
    explainer = DeepLiftExplainer(bagging()).fit(ROWS, LABELS)
    explainer.estimator_.estimators_[1].coefs_[0] = explainer.estimator_.estimators_[1].coefs_[0] * 2
    with pytest.raises(ValueError, match=r"changed after .*Call fit again"):
        explainer.transform(ROWS)


def test_members_of_keras_may_be_trained_further():
    explainer = DeepLiftExplainer(FrozenEstimator(voting().fit(ROWS, LABELS)), target=0).fit(ROWS)
    before = explainer.transform(ROWS)
    model = explainer.estimator_.estimators_[0].model_
    kernel, bias = model.get_weights()
    model.set_weights([kernel + np.eye(4, 3), bias])
    change = np.zeros((150, 4))
    change[:, 0] = (ROWS[:, 0] - ROWS[:, 0].mean()) / 2
    np.testing.assert_allclose(explainer.transform(ROWS) - before, change, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_parameters_of_members_can_be_searched():
    search = GridSearchCV(DeepLiftExplainer(bagging()), {"estimator__estimator__max_iter": [1, 300]}, cv=2)
    search.fit(IRIS, LABELS)
    assert search.best_params_ == {"estimator__estimator__max_iter": 300}
    inside = DeepLiftExplainer(GridSearchCV(bagging(), {"estimator__max_iter": [1, 300]}, cv=2)).fit(IRIS, LABELS)
    np.testing.assert_array_equal(inside.predict(IRIS), search.predict(IRIS))
    np.testing.assert_allclose(inside.transform(IRIS), search.best_estimator_.transform(IRIS), rtol=1e-9)


def test_weights_of_rows_reach_the_members():
    """Bagging draws rows by weight, so that a class without weight is unknown to the members."""
    weights = np.where(LABELS == "setosa", 0.0, 1.0)
    trained = MLPClassifier((6,), max_iter=200, random_state=0)
    ensemble = BaggingClassifier(trained, 2, random_state=0)
    explainer = DeepLiftExplainer(ensemble).fit(IRIS, LABELS, sample_weight=weights)
    alone = clone(ensemble).fit(IRIS, LABELS, sample_weight=weights)
    np.testing.assert_array_equal(explainer.predict_proba(IRIS), alone.predict_proba(IRIS))


def test_selection_by_importances_of_an_ensemble(fitted):
    selector = SelectFromModel(DeepLiftExplainer(bagging()), max_features=2, threshold=-np.inf).fit(IRIS, LABELS)
    chosen = np.sort(np.argsort(fitted.feature_importances_)[2:])
    np.testing.assert_array_equal(selector.get_support(indices=True), chosen)


def test_threads_share_an_explainer(fitted):
    explainer = OcclusionExplainer(FrozenEstimator(fitted.estimator_), target=0).fit(IRIS)
    expected = [explainer.transform(IRIS[start:]) for start in range(12)]
    fresh = OcclusionExplainer(FrozenEstimator(fitted.estimator_), target=0).fit(IRIS)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: fresh.transform(IRIS[start:]), range(12)))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_ops_of_members_are_described(fitted):
    layers = describe(FrozenEstimator(fitted.estimator_))["layer"]
    assert layers.str.fullmatch("hidden_1").any()


def test_a_fit_that_fails_changes_nothing():
    explainer = DeepLiftExplainer(BaggingClassifier(MLPClassifier(alpha=-1.0)))
    with pytest.raises(ValueError, match="The 'alpha' parameter of MLPClassifier must be") as caught:
        explainer.fit(IRIS, LABELS)
    assert type(caught.value).__name__ == "InvalidParameterError"
    assert set(vars(explainer)) == set(explainer.get_params(deep=False))
