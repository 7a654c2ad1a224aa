"""Explainers that train an estimator, and how they are cloned, pickled and named by classes."""

import copy
import pickle
import threading

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeeplift import DeepLiftExplainer, describe

X, Y = load_iris(return_X_y=True, as_frame=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
MLP = MLPClassifier((6,), max_iter=20, random_state=0)


@pytest.fixture(scope="module")
def by_name():
    return DeepLiftExplainer(MLP).fit(X, NAMES[Y])


@pytest.fixture(scope="module")
def of_two():
    return DeepLiftExplainer(MLP).fit(X, np.where(Y > 0, "yes", "no"))


def logits(mlp, X):
    hidden = np.maximum(np.asarray(X) @ mlp.coefs_[0] + mlp.intercepts_[0], 0)
    return hidden @ mlp.coefs_[1] + mlp.intercepts_[1]


def test_trained_in_fit(by_name):
    assert not hasattr(MLP, "coefs_")
    change = logits(by_name.estimator_, X) - logits(by_name.estimator_, X.mean().to_frame().T)
    for position, name in enumerate(NAMES):
        contributions = by_name.explain(X, target=name).contributions
        np.testing.assert_allclose(contributions.sum(1), change[:, position], rtol=1e-9, atol=1e-12)
    assert by_name.classes_.tolist() == NAMES.tolist()
    assert by_name.feature_names_in_.tolist() == X.columns.tolist()


def test_targets_by_label(by_name):
    predicted = by_name.explain(X)
    assert set(predicted.target) <= set(NAMES)
    np.testing.assert_array_equal(predicted.target, by_name.predict(X))
    rows = by_name.explain(X, target=NAMES[Y])
    np.testing.assert_array_equal(rows.target, NAMES[Y])
    np.testing.assert_allclose(rows.contributions, by_name.transform(X, target=NAMES[Y]))
    np.testing.assert_allclose(rows.contributions[-1], by_name.explain(X[-1:], target="virginica").contributions[0])
    difference = by_name.explain(X, target={"setosa": 1, "virginica": -1}).contributions
    first, third = (by_name.explain(X, target=name).contributions for name in ("setosa", "virginica"))
    np.testing.assert_allclose(difference, first - third, atol=1e-12)
    with pytest.raises(ValueError, match=r"class 'rose', which is none of \['setosa'"):
        by_name.explain(X, target="rose")
    with pytest.raises(ValueError, match="use an explainer of target='all'"):
        by_name.transform(X, target="all")


def test_two_classes_and_one_logit(of_two):
    """The logit is that of the second class, and its negative that of the first."""
    as_it_is = of_two.transform(X)
    np.testing.assert_array_equal(of_two.explain(X, target="yes").contributions, as_it_is)
    np.testing.assert_array_equal(of_two.explain(X, target="no").contributions, -as_it_is)
    rows = np.where(np.arange(len(X)) % 2, "yes", "no")
    signs = np.where(np.arange(len(X)) % 2, 1, -1)[:, None]
    explanation = of_two.explain(X, target=rows)
    np.testing.assert_array_equal(explanation.contributions, signs * as_it_is)
    np.testing.assert_allclose(explanation.convergence_delta, 0, atol=1e-9)
    weighted = of_two.explain(X, target={"yes": 2.0, "no": 0.5}).contributions
    np.testing.assert_allclose(weighted, 1.5 * as_it_is, rtol=1e-12)


def test_classes_name_columns():
    explainer = DeepLiftExplainer(MLP, target="all").set_output(transform="pandas").fit(X, NAMES[Y])
    table = explainer.transform(X[3:5])
    assert table.columns[:3].tolist() == [f"sepal length (cm)__{name}" for name in NAMES]
    assert table.index.tolist() == [3, 4]
    assert explainer.explain(X[:2]).class_names.tolist() == NAMES.tolist()
    # Of a bound network they are given.
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    explainer = DeepLiftExplainer(model, target="all", class_names=NAMES).fit(X)
    assert explainer.get_feature_names_out()[1] == "sepal length (cm)__versicolor"
    single = explainer.explain(X, target="versicolor").contributions
    np.testing.assert_allclose(single, explainer.explain(X).contributions[..., 1], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"class_names= has 2 names, but .* shape \(3,\)"):
        DeepLiftExplainer(model, class_names=["a", "b"]).fit(X)


def test_pipeline_explains_what_its_last_step_takes():
    frame = pd.DataFrame({"kind": np.where(X.iloc[:, 0] > 6, "long", "short"), "width": X.iloc[:, 1], "no": 1.0})
    encoder = ColumnTransformer([("one", OneHotEncoder(), ["kind"]), ("scaled", StandardScaler(), ["width"])])
    explainer = DeepLiftExplainer(make_pipeline(encoder, MLP)).set_output(transform="pandas").fit(frame, Y)
    table = explainer.transform(frame)
    assert table.columns.tolist() == ["one__kind_long", "one__kind_short", "scaled__width"]
    assert explainer.n_features_in_ == 3
    assert explainer.feature_importances_.shape == (3,)
    explanation = explainer.explain(frame[5:7])
    assert explanation.index.tolist() == [5, 6]
    encoded = explainer.estimator_[:-1].transform(frame)
    np.testing.assert_array_equal(explanation.X, encoded[5:7])
    scores = logits(explainer.estimator_[-1], encoded)
    change = (
        scores[np.arange(len(X)), scores.argmax(1)]
        - logits(explainer.estimator_[-1], encoded.mean(0))[scores.argmax(1)]
    )
    np.testing.assert_allclose(table.sum(axis=1), change, atol=1e-9)
    with pytest.raises(ValueError, match="feature names should match"):
        explainer.transform(frame.rename(columns={"kind": "sort"}))


def test_contributions_go_back_to_raw_columns():
    frame = pd.DataFrame({"no": 1.0, "kind": np.where(X.iloc[:, 0] > 6, "long", "short"), "width": X.iloc[:, 1]})
    encoder = ColumnTransformer([("scaled", StandardScaler(), ["width"]), ("one", OneHotEncoder(), ["kind"])])
    pipeline = make_pipeline(encoder, MLP)
    encoded = DeepLiftExplainer(pipeline, target="all").fit(frame, Y).explain(frame)
    explainer = DeepLiftExplainer(pipeline, target="all", to_source=True).set_output(transform="pandas").fit(frame, Y)
    explanation = explainer.explain(frame)
    by_hand = np.zeros((len(frame), 3, 3))
    by_hand[:, 1] = encoded.contributions[:, 1] + encoded.contributions[:, 2]
    by_hand[:, 2] = encoded.contributions[:, 0]
    np.testing.assert_allclose(explanation.contributions, by_hand, atol=1e-12)
    assert explanation.feature_names.tolist() == ["no", "kind", "width"]
    assert explanation.X is frame
    assert explainer.transform(frame).columns.tolist()[3:5] == ["kind__0", "kind__1"]
    np.testing.assert_allclose(explainer.feature_importances_, np.abs(by_hand).mean((0, 2)), atol=1e-12)
    np.testing.assert_allclose(explanation.convergence_delta, 0, atol=1e-9)
    with pytest.raises(ValueError, match="have no multipliers"):
        explainer.explain(frame, multipliers=True)
    with pytest.raises(ValueError, match=r"PCA.*it mixes columns\. Pass to_source=False"):
        DeepLiftExplainer(make_pipeline(PCA(2), MLP), to_source=True).fit(X, Y)


def test_frozen_estimators_are_not_trained():
    pipeline = make_pipeline(StandardScaler(), clone(MLP)).fit(X, Y)
    explainer = DeepLiftExplainer(FrozenEstimator(pipeline)).fit(X)
    assert explainer.estimator_ is pipeline
    scaled = DeepLiftExplainer(FrozenEstimator(pipeline[-1])).fit(pipeline[0].transform(X))
    np.testing.assert_allclose(explainer.transform(X), scaled.transform(pipeline[0].transform(X)))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    frozen = DeepLiftExplainer(FrozenEstimator(model)).fit(X)
    np.testing.assert_array_equal(frozen.transform(X), DeepLiftExplainer(model).fit(X).transform(X))
    in_pipeline = DeepLiftExplainer(make_pipeline(StandardScaler(), FrozenEstimator(model))).fit(X, Y)
    assert in_pipeline.network_.model is model
    with pytest.raises(NotFittedError):
        DeepLiftExplainer(FrozenEstimator(clone(MLP))).fit(X)
    with pytest.raises(ValueError, match="feature names should match"):
        DeepLiftExplainer(FrozenEstimator(pipeline)).fit(X.rename(columns={X.columns[0]: "other"}))


def test_numbers_of_several_outputs():
    targets = np.c_[X.iloc[:, 0], X.iloc[:, 1] ** 2]
    explainer = DeepLiftExplainer(MLPRegressor(max_iter=5), target="all").fit(X.to_numpy(), targets)
    assert explainer.get_feature_names_out()[:3].tolist() == ["x0__0", "x0__1", "x1__0"]
    with pytest.raises(ValueError, match="can not choose among the network's 2 outputs"):
        DeepLiftExplainer(MLPRegressor(max_iter=5)).fit(X, targets)


def test_a_fit_that_fails_changes_nothing(by_name):
    before = vars(by_name).copy()
    with pytest.raises(ValueError, match="requires y"):
        by_name.fit(X)
    assert vars(by_name) == before


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda explainer: pickle.loads(pickle.dumps(explainer))])
def test_pickle_and_copy(by_name, duplicate):
    copied = duplicate(by_name)
    np.testing.assert_array_equal(copied.transform(X), by_name.transform(X))
    np.testing.assert_array_equal(copied.predict(X), by_name.predict(X))
    assert copied.network_.model is not by_name.network_.model


def test_pickle_keeps_the_precision():
    single = X.to_numpy(np.float32)
    explainer = DeepLiftExplainer(MLPClassifier((6,), max_iter=5, solver="lbfgs", random_state=0)).fit(single, Y)
    assert pickle.loads(pickle.dumps(explainer)).transform(single).dtype == np.float32
    assert explainer.transform(single).dtype == np.float32


def test_pickles_are_small():
    wide = np.random.RandomState(0).normal(size=(20, 500))
    mlp = MLPClassifier((100,), max_iter=2, random_state=0)
    explainer = DeepLiftExplainer(mlp, reference="zeros").fit(wide, np.arange(20) % 2)
    weights = sum(array.nbytes for array in explainer.estimator_.coefs_ + explainer.estimator_.intercepts_)
    assert len(pickle.dumps(explainer)) < 1.1 * weights
    model = keras.Sequential([keras.Input((500,)), keras.layers.Dense(100, activation="relu"), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(wide, np.eye(2)[np.arange(20) % 2], verbose=0)
    explainer = DeepLiftExplainer(model, target=0).fit(wide)
    assert len(pickle.dumps(explainer)) < 1.1 * sum(array.nbytes for array in model.get_weights())


def test_hashes_are_those_of_what_is_explained(by_name):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    explainer = DeepLiftExplainer(model, target=0)
    assert joblib.hash(explainer) == joblib.hash(clone(explainer)) == joblib.hash(copy.deepcopy(explainer))
    before = joblib.hash(explainer)
    model.layers[0].set_weights([np.ones((4, 2)), np.zeros(2)])
    assert joblib.hash(explainer) != before
    assert joblib.hash(by_name) == joblib.hash(pickle.loads(pickle.dumps(by_name)))


def test_pipelines_with_memory_find_what_they_fitted(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    pipeline = make_pipeline(DeepLiftExplainer(model), LogisticRegression(max_iter=1000), memory=str(tmp_path))
    fitted = clone(pipeline).fit(X, Y)
    before = sorted(tmp_path.rglob("output.pkl"))
    again = clone(pipeline).fit(X, Y)
    assert sorted(tmp_path.rglob("output.pkl")) == before
    assert len(before) == 1
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_threads_share_what_is_compiled(by_name):
    explainer, expected = copy.deepcopy(by_name), by_name.transform(X)
    results = [None] * 6

    def work(position):
        results[position] = explainer.transform(X)

    threads = [threading.Thread(target=work, args=(position,)) for position in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)
    assert len(explainer._prepared) == 1


def test_sample_weight(by_name):
    weights = np.where(Y == 0, 1.0, 0.0)
    frozen = DeepLiftExplainer(FrozenEstimator(by_name.estimator_), reference="zeros").fit(X, sample_weight=weights)
    only = DeepLiftExplainer(FrozenEstimator(by_name.estimator_), reference="zeros").fit(X[Y == 0])
    np.testing.assert_allclose(frozen.feature_importances_, only.feature_importances_, rtol=1e-12)
    weighted = DeepLiftExplainer(FrozenEstimator(by_name.estimator_), reference="sample").fit(X, sample_weight=weights)
    sampled = DeepLiftExplainer(FrozenEstimator(by_name.estimator_), reference="sample").fit(X[Y == 0])
    np.testing.assert_allclose(weighted.transform(X), sampled.transform(X), atol=1e-10)
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        DeepLiftExplainer(FrozenEstimator(by_name.estimator_)).fit(X, sample_weight=-weights)


def test_targets_of_rows_in_fit(by_name):
    explainer = DeepLiftExplainer(FrozenEstimator(by_name.estimator_)).fit(X, target=NAMES[2 - Y])
    contributions = explainer.explain(X, target=NAMES[2 - Y]).contributions
    np.testing.assert_allclose(explainer.feature_importances_, np.abs(contributions).mean(0))


def test_html_is_short_and_links_to_the_documentation(by_name):
    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(1000)])
    explainer = DeepLiftExplainer(model, reference=np.zeros((100, 1000)))
    html = explainer._repr_html_()
    assert len(html) < 60_000
    assert "skdeeplift.DeepLiftExplainer.html" in html
    assert "not fitted" in html.lower()
    assert "fitted" in by_name._repr_html_()


def test_describe_takes_fitted_estimators(by_name):
    table = describe(FrozenEstimator(by_name.estimator_))
    assert table["layer"].tolist()[0] == "hidden_1"
    with pytest.raises(NotFittedError):
        describe(MLPClassifier())
