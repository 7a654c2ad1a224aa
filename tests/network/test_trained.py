"""Estimators in scikit-learn's manner, and the networks in them."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from keras.wrappers import SKLearnClassifier, SKLearnRegressor
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdeeplift.network.trained import (
    check_encoder,
    clone_estimator,
    is_estimator,
    is_trained_in_fit,
    model_of_mlp,
    network_of,
    steps_of,
    train,
    unfrozen,
)

X = np.random.RandomState(0).normal(size=(40, 4))
Y = (X[:, 0] > 0).astype(int)


def build(X, y, units=3):
    outputs = y.shape[1] if y.ndim > 1 else 1
    model = keras.Sequential([keras.Input((X.shape[1],)), keras.layers.Dense(units), keras.layers.Dense(outputs)])
    model.compile("sgd", "mse")
    return model


def wrapper(epochs=3):
    return SKLearnClassifier(build, model_kwargs={"units": 2}, fit_kwargs={"epochs": epochs, "verbose": 0})


class WithModel(BaseEstimator):
    """Wrapper of Keras as in other packages; it takes no weights of rows."""

    def fit(self, X, y):
        self.model_ = build(X, y)
        return self


def test_what_is_an_estimator():
    assert is_estimator(MLPClassifier())
    assert not is_estimator(MLPClassifier)
    assert not is_estimator(build(X, Y))
    assert not is_estimator("model.keras")


def test_networks_of_trained_estimators():
    mlp = MLPClassifier(max_iter=2).fit(X, Y)
    wrapped, other = wrapper().fit(X, Y), WithModel().fit(X, Y)
    assert network_of(wrapped) is wrapped.model_
    assert network_of(other) is other.model_
    assert network_of(FrozenEstimator(wrapped)) is wrapped.model_
    search = GridSearchCV(mlp, {"alpha": [1e-4]}, cv=2).fit(X, Y)
    np.testing.assert_array_equal(network_of(search).get_weights()[0], search.best_estimator_.coefs_[0])
    with pytest.raises(TypeError, match=r"hold a network.*Got a KNeighborsClassifier"):
        network_of(KNeighborsClassifier())


def test_network_is_in_the_precision_of_weights_unless_rows_are_in_single_precision():
    mlp = MLPClassifier(max_iter=2).fit(X, Y)
    assert network_of(mlp).weights[0].dtype == "float64"
    assert network_of(mlp, np.float32).weights[0].dtype == "float32"


def test_steps_are_split_into_a_transformer_and_the_last():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier())
    transformer, last = steps_of(pipeline)
    assert [name for name, _ in transformer.steps] == ["standardscaler"]
    assert last is pipeline[-1]
    assert steps_of(make_pipeline(MLPClassifier()))[0] is None
    assert steps_of(last) == (None, last)
    assert unfrozen(FrozenEstimator(FrozenEstimator(last))) is last


def test_clone_of_a_wrapper_keeps_how_to_fit():
    """Keras's own clone forgets it, and trains for one epoch."""
    original = wrapper()
    assert clone(original).fit_kwargs is None
    for copied in (clone_estimator(original), clone_estimator(make_pipeline(StandardScaler(), original))[-1]):
        assert copied is not original
        assert copied.fit_kwargs == {"epochs": 3, "verbose": 0}
        assert copied.fit_kwargs is not original.fit_kwargs


def test_clone_shares_keras_models():
    model = build(X, Y)
    assert clone_estimator(model) is model
    assert clone_estimator(SKLearnRegressor(model)).model is model
    frozen = FrozenEstimator(model)
    assert clone_estimator(frozen) is frozen


def test_clone_keeps_routing_and_output():
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", MLPClassifier())]).set_output(transform="pandas")
    copied = clone_estimator(pipeline)
    assert copied["scale"]._sklearn_output_config == {"transform": "pandas"}
    assert copied["mlp"] is not pipeline["mlp"]


def test_train_leaves_the_estimator_as_it_is():
    original = make_pipeline(StandardScaler(), wrapper())
    trained = train(original, X, Y, {"sample_weight": np.ones(40)}, "Explainer")
    assert len(trained[-1].history_.history["loss"]) == 3
    assert not hasattr(original[-1], "model_")
    assert not hasattr(original[0], "mean_")
    # Its fit writes what it is given into a dict that the original may share.
    assert original[-1].fit_kwargs == trained[-1].fit_kwargs == {"epochs": 3, "verbose": 0}


def test_weights_reach_the_training():
    one_class = {"sample_weight": np.where(Y == 1, 1.0, 0.0)}
    weighted = train(MLPClassifier(random_state=0), X, Y, one_class, "Explainer")
    assert (weighted.predict(X) == 1).mean() > (train(MLPClassifier(random_state=0), X, Y, {}, "E").predict(X)).mean()
    nested = make_pipeline(StandardScaler(), make_pipeline("passthrough", MLPClassifier(random_state=0)))
    assert (train(nested, X, Y, one_class, "Explainer").predict(X) == 1).all()
    with pytest.raises(ValueError, match="WithModel cannot be trained with weights"):
        train(WithModel(), X, Y, one_class, "Explainer")


def test_what_is_only_of_the_training_is_dropped():
    """Fails when scikit-learn keeps copies of the weights under other names."""
    trained = train(MLPClassifier((200, 100), max_iter=2), X, Y, {}, "Explainer")
    arrays = trained.coefs_ + trained.intercepts_
    assert len(pickle.dumps(trained)) < 1.1 * sum(array.nbytes for array in arrays)
    trained.partial_fit(X, Y)


def test_what_cannot_be_trained():
    with pytest.raises(ValueError, match=r"requires y to be passed, but the target y is None.*FrozenEstimator"):
        train(MLPClassifier(), X, None, {}, "Explainer")
    with pytest.raises(TypeError, match=r"hold a network.*Got a LogisticRegression"):
        train(make_pipeline(StandardScaler(), LogisticRegression()), X, Y, {}, "Explainer")
    with pytest.raises(TypeError, match=r"Got a BaggingClassifier of decision trees, its default"):
        train(BaggingClassifier(), X, Y, {}, "Explainer")
    with pytest.raises(TypeError, match=r"ends in one of these or in a trained network\. Got a str"):
        train(make_pipeline(StandardScaler(), "passthrough"), X, Y, {}, "Explainer")


def test_pipelines_that_end_in_a_trained_network_are_not_trained():
    model = build(X, Y)
    trained = [model, "model.keras", ("model.json", "weights.h5"), FrozenEstimator(model), FrozenEstimator(WithModel())]
    for last in trained:
        for pipeline in (make_pipeline(StandardScaler(), last), make_pipeline(make_pipeline(StandardScaler(), last))):
            assert not is_trained_in_fit(pipeline)
            assert clone_estimator(pipeline) is pipeline
    for untrained in (WithModel(), make_pipeline(StandardScaler(), WithModel()), make_pipeline(StandardScaler(), None)):
        assert is_trained_in_fit(untrained)
    assert not is_trained_in_fit(FrozenEstimator(make_pipeline(StandardScaler(), WithModel())))


def test_steps_of_nested_pipelines():
    model, scaler, whitener = build(X, Y), StandardScaler().fit(X), PCA(whiten=True).fit(X)
    encoder, last = steps_of(FrozenEstimator(make_pipeline(scaler, FrozenEstimator(make_pipeline(whitener, model)))))
    assert last is model
    assert [step for _, step in encoder.steps] == [scaler, whitener]
    np.testing.assert_array_equal(encoder.transform(X), whitener.transform(scaler.transform(X)))


def test_an_encoder_that_is_not_fitted_or_was_fitted_on_other_columns():
    with pytest.raises(NotFittedError, match=r"its step StandardScaler is not fitted\. Fit the encoder on the rows"):
        check_encoder(make_pipeline("passthrough", StandardScaler(), FunctionTransformer()), X)
    frame = pd.DataFrame(X, columns=list("abcd"))
    fitted = make_pipeline(StandardScaler().fit(frame), "passthrough")
    check_encoder(fitted, frame)
    with pytest.raises(ValueError, match="feature names should match"):
        check_encoder(fitted, frame[["b", "a", "c", "d"]])


def test_wrappers_of_keras_request_metadata_in_fit():
    """Keras writes the request down for ``score``, so that scikit-learn would drop the weights."""
    with config_context(enable_metadata_routing=True):
        assert clone_estimator(wrapper()).get_metadata_routing().fit.requests == {"sample_weight": None}
        copied = clone_estimator(wrapper().set_fit_request(sample_weight=True))
        assert copied.get_metadata_routing().fit.requests == {"sample_weight": True}


RANDOM = np.random.RandomState(0)
MLP_ROWS = RANDOM.normal(size=(40, 5))
TARGETS = {
    "two classes": (MLP_ROWS[:, 0] > 0).astype(int),
    "three classes": np.digitize(MLP_ROWS[:, 0], [-0.5, 0.5]),
    "several labels": np.stack([MLP_ROWS[:, 0] > 0, MLP_ROWS[:, 1] > 0], 1).astype(int),
    "number": MLP_ROWS[:, 0] * MLP_ROWS[:, 1],
    "numbers": MLP_ROWS[:, :3] ** 2,
    "counts": np.floor(np.abs(MLP_ROWS[:, 0]) * 3),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("hidden", [(), (4,), (6, 3)])
@pytest.mark.parametrize("name", TARGETS)
def test_model_computes_what_the_perceptron_does(name, activation, hidden):
    is_classifier = name in ("two classes", "three classes", "several labels")
    make = MLPClassifier if is_classifier else MLPRegressor
    mlp = make(hidden_layer_sizes=hidden, activation=activation, max_iter=5, random_state=0)
    if name == "counts":
        if "loss" not in mlp.get_params():
            pytest.skip("This version of scikit-learn has no other loss.")
        mlp.set_params(loss="poisson")
    mlp.fit(MLP_ROWS, TARGETS[name])
    model = model_of_mlp(mlp, "float64")
    expected = mlp.predict_proba(MLP_ROWS) if is_classifier else mlp.predict(MLP_ROWS).reshape(len(MLP_ROWS), -1)
    if name == "two classes":
        expected = expected[:, 1:]
    np.testing.assert_allclose(np.asarray(model(MLP_ROWS)), expected, rtol=1e-12)


def test_layers_have_names():
    mlp = MLPClassifier(hidden_layer_sizes=(4, 3), max_iter=2).fit(MLP_ROWS, TARGETS["two classes"])
    assert [layer.name for layer in model_of_mlp(mlp, "float32").layers] == ["hidden_1", "hidden_2", "output"]
    assert model_of_mlp(mlp, "float32").dtype == "float32"
