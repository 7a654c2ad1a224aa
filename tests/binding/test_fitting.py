"""Explainers that train an estimator, and how they are cloned, pickled and named by classes."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeeplift import DeepLiftExplainer, describe
from tests.binding.networks import IMAGES, IRIS, MLP, NAMES, ROWS, SPECIES, image_network, logits, table_network


def test_trained_in_fit(by_name):
    assert not hasattr(MLP, "coefs_")
    change = logits(by_name.estimator_, IRIS) - logits(by_name.estimator_, IRIS.mean().to_frame().T)
    for position, name in enumerate(NAMES):
        contributions = by_name.explain(IRIS, target=name).contributions
        np.testing.assert_allclose(contributions.sum(1), change[:, position], rtol=1e-9, atol=1e-12)
    assert by_name.classes_.tolist() == NAMES.tolist()
    assert by_name.feature_names_in_.tolist() == IRIS.columns.tolist()


def test_pipeline_explains_what_its_last_step_takes():
    frame = pd.DataFrame({"kind": np.where(IRIS.iloc[:, 0] > 6, "long", "short"), "width": IRIS.iloc[:, 1], "no": 1.0})
    encoder = ColumnTransformer([("one", OneHotEncoder(), ["kind"]), ("scaled", StandardScaler(), ["width"])])
    explainer = DeepLiftExplainer(make_pipeline(encoder, MLP), to_source=False).set_output(transform="pandas")
    table = explainer.fit(frame, SPECIES).transform(frame)
    assert table.columns.tolist() == ["one__kind_long", "one__kind_short", "scaled__width"]
    assert explainer.n_features_in_ == 3
    assert explainer.feature_importances_.shape == (3,)
    explanation = explainer.explain(frame[5:7])
    assert explanation.index.tolist() == [5, 6]
    encoded = explainer.estimator_[:-1].transform(frame)
    np.testing.assert_array_equal(explanation.X, encoded[5:7])
    scores = logits(explainer.estimator_[-1], encoded)
    change = (
        scores[np.arange(len(IRIS)), scores.argmax(1)]
        - logits(explainer.estimator_[-1], encoded.mean(0))[scores.argmax(1)]
    )
    np.testing.assert_allclose(table.sum(axis=1), change, atol=1e-9)
    with pytest.raises(ValueError, match="feature names should match"):
        explainer.transform(frame.rename(columns={"kind": "sort"}))


def test_frozen_estimators_are_not_trained():
    pipeline = make_pipeline(StandardScaler(), clone(MLP)).fit(IRIS, SPECIES)
    explainer = DeepLiftExplainer(FrozenEstimator(pipeline)).fit(IRIS)
    assert explainer.estimator_ is pipeline
    scaled = DeepLiftExplainer(FrozenEstimator(pipeline[-1])).fit(pipeline[0].transform(IRIS))
    np.testing.assert_allclose(explainer.transform(IRIS), scaled.transform(pipeline[0].transform(IRIS)))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    frozen = DeepLiftExplainer(FrozenEstimator(model)).fit(IRIS)
    np.testing.assert_array_equal(frozen.transform(IRIS), DeepLiftExplainer(model).fit(IRIS).transform(IRIS))
    in_pipeline = DeepLiftExplainer(make_pipeline(pipeline[0], FrozenEstimator(model))).fit(IRIS[:20])
    assert in_pipeline.network_.model is model
    np.testing.assert_allclose(
        in_pipeline.transform(IRIS[:20]),
        DeepLiftExplainer(model).fit(pipeline[0].transform(IRIS[:20])).transform(pipeline[0].transform(IRIS[:20])),
        rtol=1e-6,
    )
    with pytest.raises(NotFittedError):
        DeepLiftExplainer(FrozenEstimator(clone(MLP))).fit(IRIS)
    with pytest.raises(ValueError, match="feature names should match"):
        DeepLiftExplainer(FrozenEstimator(pipeline)).fit(IRIS.rename(columns={IRIS.columns[0]: "other"}))


def test_numbers_of_several_outputs():
    targets = np.c_[IRIS.iloc[:, 0], IRIS.iloc[:, 1] ** 2]
    explainer = DeepLiftExplainer(MLPRegressor(max_iter=5), target="all").fit(IRIS.to_numpy(), targets)
    assert explainer.get_feature_names_out()[:3].tolist() == ["x0__0", "x0__1", "x1__0"]
    with pytest.raises(ValueError, match="cannot choose among the network's 2 outputs"):
        DeepLiftExplainer(MLPRegressor(max_iter=5)).fit(IRIS, targets)


def test_a_fit_that_fails_changes_nothing(by_name):
    before = vars(by_name).copy()
    with pytest.raises(ValueError, match="requires y"):
        by_name.fit(IRIS)
    assert vars(by_name) == before


def test_pipelines_with_memory_find_what_they_fitted(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    pipeline = make_pipeline(DeepLiftExplainer(model), LogisticRegression(max_iter=1000), memory=str(tmp_path))
    fitted = clone(pipeline).fit(IRIS, SPECIES)
    before = sorted(tmp_path.rglob("output.pkl"))
    again = clone(pipeline).fit(IRIS, SPECIES)
    assert sorted(tmp_path.rglob("output.pkl")) == before
    assert len(before) == 1
    np.testing.assert_array_equal(again.predict(IRIS), fitted.predict(IRIS))


def test_describe_takes_fitted_estimators(by_name):
    table = describe(FrozenEstimator(by_name.estimator_))
    assert table["layer"].tolist()[0] == "hidden_1"
    with pytest.raises(NotFittedError):
        describe(MLPClassifier())


def test_fitting_twice_equals_fitting_once(fitted):
    again = DeepLiftExplainer(fitted.estimator).fit(ROWS[:3]).fit(ROWS)
    np.testing.assert_array_equal(again.transform(ROWS), fitted.transform(ROWS))


def test_failed_fit_leaves_the_estimator_as_it_was(fitted):
    explainer = DeepLiftExplainer(table_network(activation="sigmoid")).fit(ROWS)
    before = explainer.transform(ROWS)
    state = dict(vars(explainer))
    with pytest.raises(ValueError, match="NaN"):
        explainer.fit(np.full((3, 4), np.nan))
    with pytest.raises(ValueError, match="features"):
        explainer.fit(np.zeros((3, 7)))
    assert vars(explainer) == state
    np.testing.assert_array_equal(explainer.transform(ROWS), before)


def test_refit_on_images_forgets_the_table():
    explainer = DeepLiftExplainer(table_network(activation="sigmoid")).fit(pd.DataFrame(ROWS, columns=list("abcd")))
    explainer.set_params(estimator=image_network()).fit(IMAGES)
    assert not hasattr(explainer, "n_features_in_")
    assert not hasattr(explainer, "feature_names_in_")


@pytest.mark.parametrize("make", [lambda mlp: mlp, lambda mlp: make_pipeline(StandardScaler(), mlp)])
def test_parameters_of_the_estimator_are_validated(make):
    explainer = DeepLiftExplainer(make(MLPClassifier((3,), alpha=-1.0)))
    with pytest.raises(ValueError, match="The 'alpha' parameter of MLPClassifier must be") as caught:
        explainer.fit(IRIS, SPECIES)
    assert type(caught.value).__name__ == "InvalidParameterError"
    assert not hasattr(explainer, "bound_")


def test_bound_network_ignores_labels():
    model = table_network()
    expected = DeepLiftExplainer(model).fit(ROWS).transform(ROWS)
    for y in ({"p": ROWS}, [1, "a"], object()):
        np.testing.assert_array_equal(DeepLiftExplainer(model).fit(ROWS, y).transform(ROWS), expected)
        np.testing.assert_array_equal(DeepLiftExplainer(model).fit_transform(ROWS, y), expected)
        np.testing.assert_array_equal(DeepLiftExplainer(FrozenEstimator(model)).fit(ROWS, y).transform(ROWS), expected)


def test_weights_of_outputs_belong_to_no_rows():
    """More rows than importances are computed on must not choose among the weights."""
    model, weights = table_network(outputs=4), np.array([0.5, -1.0, 2.0, 0.25])
    drawn = DeepLiftExplainer(model, target=0, max_samples=10, random_state=0).fit(ROWS, target=weights)
    own = DeepLiftExplainer(model, target=weights, max_samples=10, random_state=0).fit(ROWS)
    np.testing.assert_array_equal(drawn.feature_importances_, own.feature_importances_)
    of_rows = DeepLiftExplainer(model, target=0, max_samples=10, random_state=0).fit(ROWS, target=np.zeros(30, int))
    of_first = DeepLiftExplainer(model, target=0, max_samples=10, random_state=0).fit(ROWS)
    np.testing.assert_array_equal(of_rows.feature_importances_, of_first.feature_importances_)


def test_rows_may_change_before_importances_are_read():
    model, rows, target = table_network(outputs=3), ROWS.copy(), np.arange(30) % 3
    expected = DeepLiftExplainer(model, target=0).fit(ROWS, target=target).feature_importances_
    explainer = DeepLiftExplainer(model, target=0).fit(rows, target=target)
    rows[:], target[:] = 0, 0
    np.testing.assert_array_equal(explainer.feature_importances_, expected)


def test_refitting_shows_all_at_once():
    """Whoever explains meanwhile gets the results of the fit before."""
    model, seen = table_network(), []

    def reference(X, random_state):
        seen.append(explainer.transform(ROWS) if hasattr(explainer, "bound_") else None)
        return X[:, None] * 0

    explainer = DeepLiftExplainer(model).fit(ROWS)
    before = explainer.transform(ROWS)
    explainer.set_params(reference=reference).fit(ROWS + 1)
    np.testing.assert_array_equal(seen[0], before)
    assert not np.array_equal(explainer.set_params(reference="zeros").fit(ROWS).transform(ROWS), before)


def test_parameters_may_be_set_while_an_explainer_is_fitted():
    def reference(X, random_state):
        explainer.set_params(verbose=1, batch_size=7)
        return X[:, None] * 0

    explainer = DeepLiftExplainer(table_network(), reference=reference)
    explainer.fit(ROWS)
    assert (explainer.verbose, explainer.batch_size) == (1, 7)


def test_a_regression_has_the_name_of_what_it_learned():
    network = MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs", max_iter=5, tol=10.0)
    y = IRIS.iloc[:, 0].rename("length")
    explainer = DeepLiftExplainer(network).fit(IRIS, y)
    explanation = explainer.explain(IRIS[:2])
    assert explanation.class_names.tolist() == ["length"]
    np.testing.assert_array_equal(explainer.explain(IRIS[:2], target="length").contributions, explanation.contributions)
    both = DeepLiftExplainer(network, target="all").fit(IRIS, IRIS.iloc[:, :2])
    assert both.explain(IRIS[:2]).class_names.tolist() == IRIS.columns[:2].tolist()
    assert both.get_feature_names_out()[1] == f"{IRIS.columns[0]}__{IRIS.columns[1]}"
    for unnamed in (y.to_numpy(), y.rename(None), y.rename(0)):
        assert DeepLiftExplainer(network).fit(IRIS, unnamed).explain(IRIS[:2]).class_names is None
    given = DeepLiftExplainer(network, class_names=["cm"]).fit(IRIS, y)
    assert given.explain(IRIS[:2]).class_names.tolist() == ["cm"]
