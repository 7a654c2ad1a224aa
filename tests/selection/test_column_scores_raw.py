"""Importances of raw columns, as `ContributionSelector` has them."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeeplift import ContributionSelector, DeepLiftExplainer
from tests.selection.explainers import LinearExplainer
from tests.selection.tables import encoder, pets

X = pd.DataFrame(np.random.default_rng(0).normal(size=(10, 3)), columns=list("abc"))


def test_importances_come_back_to_raw_columns():
    """Least squares by hand: color's columns get the importance of their summed contributions, and so on."""
    frame, y = pets()
    selector = ContributionSelector(make_pipeline(encoder(), LinearExplainer()), n_features_to_select=2).fit(frame, y)
    encoded = encoder().fit(frame)
    assert [name.rpartition("__")[2] for name in encoded.get_feature_names_out()] == [
        "color_green", "color_red", "pet_cat", "pet_dog", "pet_newt", "age", "height", "weight",
    ]  # fmt: skip
    contributions = LinearExplainer().fit_transform(encoded.transform(frame), y)
    by_column = [contributions[:, columns].sum(1) for columns in ([5], [2, 3, 4], [6], [0, 1], [7])]
    np.testing.assert_allclose(selector.feature_importances_, np.abs(by_column).mean(1), rtol=1e-12)
    assert selector.get_feature_names_out().tolist() == ["pet", "weight"]
    np.testing.assert_array_equal(selector.get_support(indices=True), [1, 4])
    np.testing.assert_array_equal(selector.feature_names_in_, frame.columns)


def test_network_behind_an_encoder():
    """By hand: contributions of (red, green, x) are w * (row - mean); the color's are 1 and -1 around 0, x's 0.25."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.set_weights([np.array([[-1.0], [1.0], [0.5]]), np.zeros(1)])
    frame = pd.DataFrame({"x": [0.0, 1.0, 0.0, 1.0], "color": ["red", "red", "green", "green"]})
    onehot = make_column_transformer((OneHotEncoder(sparse_output=False), ["color"]), remainder="passthrough")
    selector = ContributionSelector(make_pipeline(onehot, DeepLiftExplainer(model))).fit(frame)
    np.testing.assert_allclose(selector.feature_importances_, [0.25, 1.0], rtol=1e-6)
    assert selector.get_feature_names_out().tolist() == ["color"]
    each = ContributionSelector(make_pipeline(onehot, DeepLiftExplainer(model)), within="mean_absolute").fit(frame)
    np.testing.assert_allclose(each.feature_importances_, [0.25, 0.5], rtol=1e-6)


def test_a_constant_in_all_weights_of_a_category_does_not_matter():
    """One of the columns is always one, so the network's outputs differ by the constant alone."""
    frame, _ = pets()
    importances = {"sum": [], "norm": []}
    weights = np.random.default_rng(0).normal(size=(8, 1))
    for constant in (0, 5):
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
        model.set_weights([weights + np.array([[0], [0]] + 3 * [[constant]] + 3 * [[0]]), np.zeros(1)])
        for within in importances:
            selector = ContributionSelector(make_pipeline(encoder(), DeepLiftExplainer(model)), within=within)
            importances[within].append(selector.fit(frame).feature_importances_)
    np.testing.assert_allclose(*importances["sum"], rtol=1e-5)
    assert importances["norm"][1][1] > 2 * importances["norm"][0][1]


def test_all_targets_of_a_network():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation="softmax")])
    frame, _ = pets()
    pipeline = make_pipeline(encoder(), DeepLiftExplainer(model, target="all"))
    selector = ContributionSelector(pipeline).fit(frame)
    contributions = pipeline.fit(frame).transform(frame).reshape(60, 8, 3)
    sums = [contributions[:, columns].sum(1) for columns in ([5], [2, 3, 4], [6], [0, 1], [7])]
    np.testing.assert_allclose(selector.feature_importances_, np.abs(sums).mean((1, 2)), rtol=1e-5)


def test_importances_are_the_explainer_s_where_no_columns_are_put_together():
    class Refuses(LinearExplainer):
        def transform(self, X):
            raise AssertionError("contributions are not needed")

    X = np.random.default_rng(0).normal(size=(50, 3))
    fitted = ContributionSelector(make_pipeline(StandardScaler(), Refuses())).fit(X, X[:, 1])
    np.testing.assert_array_equal(fitted.get_support(), [False, True, False])


@pytest.mark.parametrize("routing", [False, True])
def test_weights_are_repetitions(routing):
    frame, y = pets()
    weights = np.arange(60) % 3
    pipeline = make_pipeline(encoder(), LinearExplainer())
    with config_context(enable_metadata_routing=routing):
        if routing:
            pipeline[-1].set_fit_request(sample_weight=True)
        weighted = ContributionSelector(pipeline).fit(frame, y, sample_weight=weights)
    repeated = ContributionSelector(pipeline).fit(frame.iloc[np.repeat(np.arange(60), weights)], np.repeat(y, weights))
    np.testing.assert_allclose(weighted.feature_importances_, repeated.feature_importances_, rtol=1e-9)


def test_groups_by_hand_where_columns_are_mixed():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 4)), columns=list("abcd"))
    y = X["a"] + 0.5 * X["d"]
    mixed = make_pipeline(
        make_column_transformer((PCA(2), ["c", "a"]), remainder="passthrough", verbose_feature_names_out=False),
        LinearExplainer(),
    )
    with pytest.raises(ValueError, match=r"PCA does not tell .*: it mixes columns\. Pass groups="):
        ContributionSelector(mixed).fit(X, y)
    contributions = mixed.fit(X, y).transform(X)
    together = np.abs(contributions[:, :2].sum(1)).mean()
    for groups in (
        {("a", "c"): ["pca0", "pca1"], "b": ["b"], "d": ["d"]},
        [("a", "c"), ("a", "c"), "b", "d"],
        {"pca0": ("a", "c"), "pca1": ("a", "c"), "b": "b", "d": "d"}.get,
    ):
        selector = ContributionSelector(mixed, groups=groups).fit(X, y)
        expected = [together, np.abs(contributions[:, 2]).mean(), together, np.abs(contributions[:, 3]).mean()]
        np.testing.assert_allclose(selector.feature_importances_, expected, rtol=1e-12)
    assert selector.get_feature_names_out().tolist() == ["a", "c"]


def test_nested_pipelines_score_as_flat_ones():
    frame, y = pets()
    nested = make_pipeline(encoder(), make_pipeline(StandardScaler(), LinearExplainer()))
    flat = make_pipeline(encoder(), StandardScaler(), LinearExplainer())
    importances = [ContributionSelector(each).fit(frame, y).feature_importances_ for each in (nested, flat)]
    np.testing.assert_array_equal(*importances)


def test_rows_for_groups_are_drawn():
    frame, y = pets(200)
    pipeline = make_pipeline(encoder(), LinearExplainer())
    all_rows = ContributionSelector(pipeline).fit(frame, y).feature_importances_
    some = ContributionSelector(pipeline, max_samples=50, random_state=0).fit(frame, y).feature_importances_
    again = ContributionSelector(pipeline, max_samples=50, random_state=0).fit(frame, y).feature_importances_
    np.testing.assert_array_equal(some, again)
    assert (some != all_rows).all()
    np.testing.assert_allclose(some, all_rows, rtol=0.4, atol=0.02)


def test_layers_and_images():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, name="hidden"), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="units of layer='hidden', which cannot select columns"):
        ContributionSelector(DeepLiftExplainer(model, layer="hidden")).fit(X)
    with pytest.raises(ValueError, match="dim 3"):
        ContributionSelector(LinearExplainer()).fit(np.zeros((4, 3, 2)), np.zeros(4))


def test_weights_that_nothing_takes():
    class NoWeights(LinearExplainer):
        def fit(self, X, y):
            return super().fit(X, y)

    with pytest.raises(ValueError, match="NoWeights does not take sample_weight"):
        ContributionSelector(NoWeights()).fit(X, X["a"], sample_weight=np.ones(10))


def test_other_estimators_with_importances():
    random = np.random.default_rng(0)
    table = random.normal(size=(100, 4))
    forest = RandomForestClassifier(20, random_state=0)
    selector = ContributionSelector(forest, n_features_to_select=1).fit(table, table[:, 2] > 0)
    assert selector.get_support(indices=True).tolist() == [2]
    frame, y = pets()
    with pytest.raises(ValueError, match=r"combined by their contributions, but RandomForestClassifier has no trans"):
        ContributionSelector(make_pipeline(encoder(), forest)).fit(frame, y > 0)
    with pytest.raises(
        ValueError, match=r"returns an array of shape \(60, 1\)\. Expected one contribution for each of 8"
    ):
        ContributionSelector(make_pipeline(encoder(), LinearDiscriminant())).fit(frame, y > 0)


class LinearDiscriminant(LinearDiscriminantAnalysis):
    """A transformer with importances, whose outputs are no contributions."""

    @property
    def feature_importances_(self):
        return np.abs(self.coef_[0])
