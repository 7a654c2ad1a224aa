"""Importances of encoded columns, which scikit-learn may take for those of raw columns."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from skdeeplift import ContributionSelector, DeepLiftExplainer
from tests.selection.linear_networks import Linear, inside, reorder

X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=list("abc"))


def absolute(columns):
    return np.abs(columns)


@pytest.mark.parametrize(
    ("encoder", "weights"),
    [(reorder(), [0, 0, 1]), (reorder("ca"), [0, 1]), (PCA(3), [1, 0, 0]), (FunctionTransformer(absolute), [1, 0, 0])],
)
def test_importances_that_selectors_of_scikit_learn_take_for_raw_columns(encoder, weights):
    explainer = inside(encoder, *weights, to_source=False)
    with pytest.warns(UserWarning, match="feature_importances_ of .* belong to .* but X has 3 raw columns"):
        SelectFromModel(explainer).fit(X, X["a"]).get_support()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = make_pipeline(encoder, DeepLiftExplainer(Linear(weights))).fit(X, X["a"])[-1]
        importances = before.feature_importances_
    with pytest.warns(UserWarning, match="Pass to_source=True"):
        np.testing.assert_allclose(explainer.fit(X, X["a"]).feature_importances_, importances, rtol=1e-5)


def test_importances_of_raw_columns_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for to_source in ("auto", True):
            right = SelectFromModel(inside(reorder(), 0, 0, 1, to_source=to_source), max_features=1).fit(X, X["a"])
            assert right.get_feature_names_out().tolist() == ["a"]
        scaled = SelectFromModel(inside(StandardScaler(), 1, 0, 0), max_features=1).fit(X, X["a"])
        assert scaled.get_feature_names_out().tolist() == ["a"]
        ContributionSelector(inside(reorder(), 0, 0, 1)).fit(X, X["a"])


def test_recursive_elimination():
    with pytest.warns(UserWarning, match="belong to 2 encoded columns"):
        RFE(inside(PCA(2), 1, 0), n_features_to_select=2).fit(X.to_numpy(), X["a"])


def test_selectors_of_scikit_learn_notice_more_importances_than_columns():
    selector = SelectFromModel(inside(PolynomialFeatures(include_bias=False), *np.ones(9))).fit(X, X["a"])
    with pytest.raises((ValueError, IndexError)):
        selector.transform(X)
