"""Ensembles of scikit-learn: their members, and training of these."""

import pickle

import keras
import numpy as np
import pytest
from keras.wrappers import SKLearnClassifier
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, VotingClassifier, VotingRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PowerTransformer, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdeeplift.network.ensembles import is_ensemble, members_of
from skdeeplift.network.trained import clone_estimator, nested_in, network_of, train

RANDOM = np.random.RandomState(0)
X = RANDOM.normal(loc=3, size=(60, 6))
Y = np.digitize(X[:, 0], [2.5, 3.5])
LABELS = np.array(["low", "middle", "high"])[Y]


def mlp(seed=0, **parameters):
    return MLPClassifier((4,), **{"max_iter": 5, "random_state": seed, **parameters})


def build(X, y):
    model = keras.Sequential([keras.Input((X.shape[1],)), keras.layers.Dense(y.shape[1], "softmax")])
    model.compile("sgd", "categorical_crossentropy", jit_compile=False)
    return model


def wrapper():
    return SKLearnClassifier(build, fit_kwargs={"epochs": 3, "verbose": 0})


def vote(*members, **parameters):
    return VotingClassifier([(f"net {n}", each) for n, each in enumerate(members)], voting="soft", **parameters)


def outputs_of(ensemble, rows=X):
    return np.asarray(network_of(ensemble)(rows))


ENSEMBLES = {
    "bagging": BaggingClassifier(mlp(), 3, random_state=0),
    "bagging without rows": BaggingClassifier(mlp(), 3, max_samples=0.3, bootstrap=False, random_state=0),
    "bagging of columns": BaggingClassifier(mlp(), 3, max_features=0.5, random_state=0),
    "bagging of repeated columns": BaggingClassifier(mlp(), 3, bootstrap_features=True, random_state=0),
    "voting": vote(mlp(0), mlp(1)),
    "voting by weights": vote(mlp(0), mlp(1), mlp(2), weights=[1, 5, 2]),
    "voting without one": vote(mlp(0), "drop", mlp(2), weights=[1, 5, 2]),
    "nested": vote(mlp(0), BaggingClassifier(mlp(), 2, max_features=0.5, random_state=1), weights=[3, 1]),
    "standard scaler": BaggingClassifier(make_pipeline(StandardScaler(), mlp()), 2, random_state=0),
    "other scalers": vote(
        make_pipeline(RobustScaler(), MinMaxScaler(), "passthrough", mlp()),
        make_pipeline(StandardScaler(with_mean=False), MaxAbsScaler(), mlp()),
        make_pipeline(StandardScaler(with_std=False), RobustScaler(with_centering=False, with_scaling=False), mlp()),
    ),
    "selector": BaggingClassifier(
        make_pipeline(StandardScaler(), SelectKBest(k=2), MinMaxScaler(), mlp()), 3, max_features=0.8, random_state=0
    ),
}


@pytest.mark.parametrize("name", ENSEMBLES)
def test_network_gives_the_probabilities_of_scikit_learn(name):
    ensemble = clone_estimator(ENSEMBLES[name]).fit(X, LABELS)
    assert is_ensemble(ensemble)
    np.testing.assert_allclose(outputs_of(ensemble), ensemble.predict_proba(X), rtol=0, atol=1e-12)


def test_network_of_two_classes_has_one_output():
    ensemble = vote(mlp(0), mlp(1), weights=[2, 1]).fit(X, Y > 0)
    np.testing.assert_allclose(outputs_of(ensemble)[:, 0], ensemble.predict_proba(X)[:, 1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("several", [False, True])
def test_network_gives_the_predictions_of_regressors(several):
    regressor = MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    y = X[:, :2] if several else X[:, 0]
    ensembles = [BaggingRegressor(regressor, 3, max_features=0.5, random_state=0)]
    if not several:
        other = clone_estimator(regressor).set_params(random_state=1)
        ensembles.append(VotingRegressor([("a", regressor), ("b", other)], weights=[1, 3]))
    for ensemble in ensembles:
        ensemble.fit(X, y)
        predicted = ensemble.predict(X).reshape(len(X), -1)
        np.testing.assert_allclose(outputs_of(ensemble), predicted, rtol=0, atol=1e-12)


def test_classes_that_a_member_never_saw_have_probability_zero():
    """Of 60 rows, each member of a bagging of pipelines is trained on three."""
    ensemble = BaggingClassifier(make_pipeline(StandardScaler(), mlp()), 12, max_samples=3, random_state=1)
    ensemble.fit(X, LABELS)
    assert {len(member.estimator.classes_) for member in members_of(ensemble)} == {1, 2, 3}
    np.testing.assert_allclose(outputs_of(ensemble), ensemble.predict_proba(X), rtol=0, atol=1e-12)


def test_networks_of_other_precision():
    """Rows in single precision give a network in single precision, of members from Keras too."""
    single = X.astype(np.float32)
    ensemble = vote(mlp(0), mlp(1)).fit(single, Y)
    assert network_of(ensemble, np.float32)(single).dtype == "float32"
    assert network_of(ensemble, np.float32).input.dtype == "float32"
    assert network_of(clone_estimator(ensemble).fit(X, Y)).input.dtype == "float64"
    mixed = vote(wrapper(), mlp(0)).fit(X, Y)
    assert network_of(mixed).input.dtype == "float64"
    mean = (mixed.estimators_[0].decision_function(X) + mixed.estimators_[1].predict_proba(X)) / 2
    np.testing.assert_allclose(outputs_of(mixed), mean, rtol=0, atol=1e-6)


def test_weights_sum_to_one():
    ensemble = ENSEMBLES["voting without one"]
    members = members_of(clone_estimator(ensemble).fit(X, Y))
    assert [member.weight for member in members] == [1 / 3, 2 / 3]
    assert members[0].classes is None


def test_members_of_keras_are_trained_as_long_as_asked_for():
    """Keras's own clone, which scikit-learn makes of each member, forgets how to fit."""
    weights = np.where(Y == 1, 1.0, 2.0)
    for ensemble, given in (
        (BaggingClassifier(wrapper(), 2), weights),
        (vote(wrapper(), wrapper()), weights),
        (BaggingClassifier(vote(wrapper(), wrapper()), 1, random_state=0), weights),
        (GridSearchCV(BaggingClassifier(wrapper(), 2), {"n_estimators": [2]}, cv=2), None),
    ):
        trained = train(ensemble, X, Y, {} if given is None else {"sample_weight": given}, "Explainer")
        wrappers = [each for each in nested_in(trained) if isinstance(each, SKLearnClassifier)]
        fitted = [each for each in wrappers if hasattr(each, "model_")]
        assert len(fitted) >= 2
        assert all(len(each.history_.history["loss"]) == 3 for each in fitted)
        # What is for scikit-learn's clone, and the weights that a wrapper writes down, are gone.
        assert all("__sklearn_clone__" not in vars(each) for each in wrappers)
        assert all(each.fit_kwargs == {"epochs": 3, "verbose": 0} for each in fitted)


def test_weights_of_rows_reach_the_members():
    one_class = np.where(Y == 1, 1.0, 0.0)
    for ensemble in (BaggingClassifier(mlp(max_iter=200), 2, random_state=0), vote(mlp(max_iter=200), mlp(1))):
        assert (train(ensemble, X, Y, {"sample_weight": one_class}, "Explainer").predict(X) == 1).all()
    with pytest.raises(ValueError, match="VotingClassifier cannot be trained with weights"):
        train(vote(make_pipeline(StandardScaler(), mlp()), mlp()), X, Y, {"sample_weight": one_class}, "Explainer")


def test_what_is_only_of_the_training_is_dropped():
    trained = train(BaggingClassifier(MLPClassifier((300, 100), max_iter=2), 2), X, Y, {}, "Explainer")
    arrays = [array for each in trained.estimators_ for array in each.coefs_ + each.intercepts_]
    assert len(pickle.dumps(trained)) < 1.1 * sum(array.nbytes for array in arrays)


def test_trained_members_stay_as_they_are():
    """They are the user's own objects, which may be trained further."""
    trained = mlp().fit(X, Y)
    before, fitted = dict(vars(trained)), train(vote(FrozenEstimator(trained), mlp(1)), X, Y, {}, "Explainer")
    assert vars(trained) == before
    np.testing.assert_allclose(outputs_of(fitted), fitted.predict_proba(X), rtol=0, atol=1e-12)
    of_pipeline = vote(FrozenEstimator(make_pipeline(StandardScaler(), mlp()).fit(X, Y)), mlp(1)).fit(X, Y)
    np.testing.assert_allclose(outputs_of(of_pipeline), of_pipeline.predict_proba(X), rtol=0, atol=1e-12)


def test_estimators_inside_an_ensemble():
    inner = BaggingClassifier(make_pipeline(StandardScaler(), mlp()), 2)
    found = nested_in(FrozenEstimator(vote(inner, mlp()).fit(X, Y)))
    assert len({id(each) for each in found}) == len(found)
    kinds = [type(each).__name__ for each in found]
    # The templates, and the fitted members: one of the voting and two of the bagging.
    assert kinds.count("MLPClassifier") == 6
    assert kinds.count("StandardScaler") == 4


def test_what_has_no_network():
    for ensemble in (BaggingClassifier(), BaggingClassifier(DecisionTreeClassifier()), vote(mlp(), inner_tree())):
        with pytest.raises(TypeError, match=r"estimator= takes a keras.Model.*BaggingClassifier"):
            train(ensemble, X, Y, {}, "Explainer")
    with pytest.raises(ValueError, match="counts votes"):
        train(VotingClassifier([("a", mlp())]), X, Y, {}, "Explainer")
    with pytest.raises(ValueError, match="counts votes"):
        network_of(VotingClassifier([("a", mlp())]).fit(X, Y))
    for step in (PowerTransformer(), MinMaxScaler(clip=True)):
        with pytest.raises(ValueError, match=f"may only scale and select columns. Got the step {type(step).__name__}"):
            network_of(BaggingClassifier(make_pipeline(step, mlp()), 2).fit(X, Y))
        # Before any training.
        with pytest.raises(ValueError, match="may only scale and select columns"):
            train(vote(make_pipeline(step, mlp(alpha=-1.0))), X, Y, {}, "Explainer")


def inner_tree():
    return make_pipeline(StandardScaler(), DecisionTreeClassifier())


def test_members_are_validated_by_scikit_learn():
    with pytest.raises(ValueError, match="The 'alpha' parameter of MLPClassifier must be a float in the range"):
        train(BaggingClassifier(mlp(alpha=-1.0)), X, Y, {}, "Explainer")
