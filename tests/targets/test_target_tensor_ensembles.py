"""Targets of ensembles: the mean of the members' logits, or of their probabilities."""

import keras
import numpy as np
import pytest
from keras.wrappers import SKLearnClassifier
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import DeepLiftExplainer, GradientExplainer

X = np.random.RandomState(0).normal(size=(60, 4))
LABELS = np.array(["low", "middle", "high"])[np.digitize(X[:, 0], [-0.5, 0.5])]


def vote(*members, y=LABELS):
    return VotingClassifier([(f"net {n}", each) for n, each in enumerate(members)], voting="soft").fit(X, y)


@pytest.fixture(scope="module")
def ensemble():
    return vote(*(MLPClassifier((5,), max_iter=30, random_state=seed) for seed in range(3)))


def explain(estimator, **parameters):
    return DeepLiftExplainer(FrozenEstimator(estimator), **parameters).fit(X).explain(X)


def centered(logits):
    return logits - logits.mean(-1, keepdims=True)


def test_logits_are_the_mean_of_the_members_logits(ensemble):
    found = explain(ensemble, target="all").prediction
    # Logarithms of probabilities are logits, less a number that all classes share.
    logarithms = np.mean([np.log(each.predict_proba(X)) for each in ensemble.estimators_], 0)
    np.testing.assert_allclose(centered(found), centered(logarithms), rtol=0, atol=1e-12)


def test_probabilities_are_those_that_the_ensemble_predicts(ensemble):
    found = explain(ensemble, target="all", pre_activation=False).prediction
    np.testing.assert_allclose(found, ensemble.predict_proba(X), rtol=0, atol=1e-12)


def test_ensembles_of_two_classes_have_the_mean_of_logits():
    binary = vote(*(MLPClassifier((5,), max_iter=30, random_state=seed) for seed in range(2)), y=LABELS == "low")
    ones = np.array([each.predict_proba(X)[:, 1] for each in binary.estimators_])
    logits = np.log(ones / (1 - ones)).mean(0)
    np.testing.assert_allclose(np.ravel(explain(binary).prediction), logits, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.ravel(explain(binary, target=False).prediction), -logits, rtol=0, atol=1e-12)
    probabilities = explain(binary, pre_activation=False).prediction
    np.testing.assert_allclose(np.ravel(probabilities), ones.mean(0), rtol=0, atol=1e-12)


def test_classes_of_an_ensemble_compete_by_their_mean_logits(ensemble):
    """The predicted class is that of the largest mean logit, and logits can be centered and named by labels."""
    logits = explain(ensemble, target="all").prediction
    np.testing.assert_array_equal(explain(ensemble).prediction, logits.max(1))
    names = ensemble.classes_.tolist()
    np.testing.assert_array_equal(explain(ensemble, target="middle").prediction, logits[:, names.index("middle")])
    of_center = explain(ensemble, target="all", center_logits=True).prediction
    np.testing.assert_allclose(of_center, centered(logits), rtol=0, atol=1e-12)
    probabilities = explain(ensemble, pre_activation=False).prediction
    np.testing.assert_allclose(probabilities, ensemble.predict_proba(X).max(1), rtol=0, atol=1e-12)


def test_the_predicted_class_of_the_ensemble_can_be_passed(ensemble):
    """Largest mean of logits and largest mean of probabilities are two things, where members disagree."""
    explainer = DeepLiftExplainer(FrozenEstimator(ensemble)).fit(X)
    given = explainer.explain(X, target=explainer.predict(X))
    logits = explain(ensemble, target="all").prediction
    np.testing.assert_array_equal(given.prediction, logits[np.arange(60), ensemble.predict_proba(X).argmax(1)])


def test_importances_are_over_all_classes(ensemble):
    explainer = DeepLiftExplainer(FrozenEstimator(ensemble)).fit(X)
    centred = DeepLiftExplainer(FrozenEstimator(ensemble), target="all", center_logits=True).fit(X)
    np.testing.assert_allclose(explainer.feature_importances_, centred.feature_importances_, rtol=1e-12)


def test_members_that_lack_a_class_have_no_logits():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=5, random_state=0))
    ensemble = BaggingClassifier(pipeline, 6, max_samples=4, random_state=0).fit(X, LABELS)
    assert min(len(each.classes_) for each in ensemble.estimators_) < 3
    with pytest.raises(ValueError, match=r"mean of the members' logits does not exist: member \d of the ensemble"):
        explain(ensemble)
    found = explain(ensemble, pre_activation=False, target="all").prediction
    np.testing.assert_allclose(found, ensemble.predict_proba(X), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(explain(ensemble, pre_activation=False).prediction, found.max(1))
    whole = BaggingClassifier(pipeline, 2, bootstrap=False, random_state=0).fit(X, LABELS)
    assert explain(whole).contributions.shape == X.shape


def of_keras(activation):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation)])
    model.compile("sgd", "mse")
    return SKLearnClassifier(model, fit_kwargs={"verbose": 0})


def test_members_of_keras():
    """Members without a softmax have an output, which is what the ensemble's decision function is the mean of."""
    for activation in ("softmax", "linear"):
        bagging = BaggingClassifier(of_keras(activation), 2, random_state=0).fit(X, LABELS)
        found = explain(bagging, target="all", pre_activation=False).prediction
        np.testing.assert_allclose(found, bagging.decision_function(X), rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match="member 2 of the ensemble has no logits"):
        explain(vote(of_keras("softmax"), of_keras("linear")), target=0)


def test_a_mean_in_a_network_of_the_user_is_an_output_like_others():
    """Only members of ensembles have a mean of logits. The user's network says itself what it computes."""
    x = keras.Input((4,))
    mean = keras.layers.average([keras.layers.Dense(3, "softmax")(x), keras.layers.Dense(3, "softmax")(x)])
    model = keras.Model(x, mean)
    found = DeepLiftExplainer(model, target="all").fit(X).explain(X).prediction
    np.testing.assert_allclose(found, model(X), rtol=1e-5)


def test_outputs_of_other_shapes_have_no_mean():
    single = MLPClassifier((5,), max_iter=5, random_state=0)
    double = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    double.compile("sgd", "mse")
    ensemble = vote(single, SKLearnClassifier(double, fit_kwargs={"verbose": 0}), y=LABELS == "low")
    with pytest.raises(ValueError, match=r"These return the shapes \[\(1,\), \(2,\)\]"):
        explain(ensemble)


def test_layers_of_members(ensemble):
    """Units of one member, whose gradients are its own weights by its share."""
    explainer = GradientExplainer(
        FrozenEstimator(ensemble), kind="gradient", layer="member_2/MLPClassifier/hidden_1", target=0
    )
    weights = ensemble.estimators_[1].coefs_[1][:, 0]
    np.testing.assert_allclose(explainer.fit(X).transform(X), np.tile(weights / 3, (60, 1)), rtol=1e-12)
    with pytest.raises(ValueError, match="Several layers are named 'hidden_1'"):
        GradientExplainer(FrozenEstimator(ensemble), layer="hidden_1", target=0).fit(X)
