"""Importances of raw columns where the encoder is inside the explainer; networks have weights that are known."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures

from skdeeplift import ContributionSelector, DeepLiftExplainer, contribution_score
from tests.selection.linear_networks import Linear, inside, reorder

X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=list("abc"))
# The only column that the networks below look at is a.
ONLY_A = [np.abs(X["a"] - X["a"].mean()).mean(), 0, 0]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("to_source", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_encoders_that_change_the_order_of_columns(to_source, frozen):
    explainer = inside(reorder(), 0, 0, 1, to_source=to_source)
    explainer = FrozenEstimator(explainer.fit(X, X["a"])) if frozen else explainer
    selector = ContributionSelector(explainer, n_features_to_select=1).fit(X, X["a"])
    np.testing.assert_allclose(selector.feature_importances_, ONLY_A, rtol=1e-5)
    assert selector.get_feature_names_out().tolist() == ["a"]
    np.testing.assert_allclose(contribution_score(explainer)(X, X["a"]), ONLY_A, rtol=1e-5)


def test_encoders_before_the_explainer_and_inside():
    """The first encoder returns c, a, b, and the second one b, c, a of these."""
    both = make_pipeline(reorder("cab"), ColumnTransformer([("p", "passthrough", [2, 0, 1])]), Linear([0, 0, 1]))
    explainer = make_pipeline(both[0], DeepLiftExplainer(both[1:]))
    selector = ContributionSelector(explainer).fit(X, X["a"])
    np.testing.assert_allclose(selector.feature_importances_, ONLY_A, rtol=1e-5)
    names = {"a": ["p__a"], ("b", "c"): ["p__b", "p__c"]}
    frames = make_pipeline(reorder("cab").set_output(transform="pandas"), explainer[1])
    grouped = ContributionSelector(frames, groups=names).fit(X, X["a"])
    np.testing.assert_allclose(grouped.feature_importances_, ONLY_A, rtol=1e-5)


def test_several_encoded_columns_of_one_raw_column():
    """By hand: contributions of (red, green, x) are w * (row - mean); color sums to 1 or -1, and x is 0.25."""
    frame = pd.DataFrame({"x": [0.0, 1.0, 0.0, 1.0], "color": ["red", "red", "green", "green"]})
    onehot = ColumnTransformer([("o", OneHotEncoder(categories=[["red", "green"]]), [1])], remainder="passthrough")
    explainer = inside(onehot, -1.0, 1.0, 0.5)
    selector = ContributionSelector(explainer).fit(frame, frame["x"])
    np.testing.assert_allclose(selector.feature_importances_, [0.25, 1.0], rtol=1e-6)
    source = ContributionSelector(inside(onehot, -1.0, 1.0, 0.5, to_source=True)).fit(frame, frame["x"])
    np.testing.assert_allclose(source.feature_importances_, [0.25, 1.0], rtol=1e-6)
    each = ContributionSelector(explainer, within="mean_absolute").fit(frame, frame["x"])
    np.testing.assert_allclose(each.feature_importances_, [0.25, 0.5], rtol=1e-6)
    grouped = ContributionSelector(explainer, groups=["color", "color", "x"]).fit(frame, frame["x"])
    np.testing.assert_allclose(grouped.feature_importances_, [0.25, 1.0], rtol=1e-6)


def test_dropped_columns_have_no_importance():
    selector = ContributionSelector(inside(reorder("ca"), 0, 1)).fit(X, X["a"])
    np.testing.assert_allclose(selector.feature_importances_, ONLY_A, rtol=1e-5)


def test_encoders_that_mix_columns():
    mixed = inside(ColumnTransformer([("pca", PCA(2), ["b", "c"])], remainder="passthrough"), 0, 0, 1)
    for fit in (ContributionSelector(mixed).fit, contribution_score(mixed)):
        with pytest.raises(ValueError, match=r"PCA does not tell .*: it mixes columns\. Pass groups="):
            fit(X, X["a"])
    groups = {"a": ["remainder__a"], ("b", "c"): ["pca__pca0", "pca__pca1"]}
    selector = ContributionSelector(mixed, groups=groups, n_features_to_select=1).fit(X, X["a"])
    np.testing.assert_allclose(selector.feature_importances_, ONLY_A, rtol=1e-5)
    np.testing.assert_allclose(contribution_score(mixed, groups=groups)(X, X["a"]), ONLY_A, rtol=1e-5)
    with pytest.raises(ValueError, match=r"encoded column '(x0|a)\^2' has the name of no input column"):
        ContributionSelector(inside(PolynomialFeatures(include_bias=False), *np.ones(9))).fit(X, X["a"])


def test_other_numbers_of_importances_than_of_columns():
    class Doubled(BaseEstimator):
        def fit(self, X, y=None):
            self.feature_importances_ = np.ones(2 * X.shape[1])
            return self

    with pytest.raises(ValueError, match="importances of 6 columns, but takes 3"):
        ContributionSelector(Doubled()).fit(X)
