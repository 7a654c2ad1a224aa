"""Advice about importances and selected columns."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

from skdeeplift import ContributionSelector, DeepLiftExplainer, MeanAbsoluteImportance
from tests.advice.following import assert_result, follow
from tests.selection.linear_networks import Linear, inside, reorder

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame(RANDOM.normal(size=(40, 3)), columns=list("abc"))
CLASSES = (ROWS["a"] > 0).astype(int).to_numpy()
pytestmark = pytest.mark.advice


def explainer(**parameters):
    return DeepLiftExplainer(MLPClassifier((3,), solver="lbfgs", max_iter=300, random_state=0), **parameters)


def select(estimator, weights=None, X=ROWS, **parameters):
    selector = ContributionSelector(estimator, **{"n_features_to_select": 1, **parameters})
    return selector.fit(X, CLASSES[: len(X)], sample_weight=weights).transform(X)


class Doubled(BaseEstimator):
    """An estimator with two importances for each column."""

    def fit(self, X, y=None):
        self.feature_importances_ = np.ones(2 * X.shape[1])
        return self


class WithoutTransform(BaseEstimator):
    def fit(self, X, y=None):
        self.feature_importances_ = np.ones(X.shape[1])
        return self


class OfRows(WithoutTransform):
    def transform(self, X):
        return np.ones((len(X), 1, 1))


def test_estimators_that_have_no_importances():
    follow(
        "Pass an explainer such as DeepLiftExplainer, or a Pipeline that ends in one",
        lambda: select(LogisticRegression()),
        lambda: select(explainer()),
        lambda: select(make_pipeline(StandardScaler(), explainer())),
    )
    follow(
        "Pass an estimator with one importance for each column",
        lambda: select(make_pipeline(StandardScaler(), Doubled())),
        lambda: select(make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0))),
    )


def test_weights():
    follow(
        "Pass sample_weight=None",
        lambda: select(WithoutTransform(), np.ones(40)),
        lambda: select(WithoutTransform(), None),
    )
    weights = np.zeros(40)
    weights[:20] = 1
    follow(
        "needs a weight above zero for at least one row",
        lambda: select(explainer(), np.zeros(40)),
        lambda: select(explainer(), weights),
    )


def test_units_of_a_layer():
    follow(
        "Pass an explainer with layer=None",
        lambda: select(explainer(layer="hidden_1")),
        lambda: select(explainer(layer=None)),
    )


def test_features_that_are_no_columns():
    images = RANDOM.normal(size=(6, 3, 3, 1)).astype(np.float32)
    model = keras.Sequential([keras.Input((3, 3, 1)), layers.Flatten(), layers.Dense(1)])
    of_images = DeepLiftExplainer(model).fit(images)

    class Images(BaseEstimator):
        def fit(self, X, y=None):
            self.feature_importances_ = of_images.feature_importances_
            return self

    follow(
        "Select with MeanAbsoluteImportance instead",
        lambda: select(Images()),
        lambda: MeanAbsoluteImportance().fit(of_images.transform(images)).feature_importances_,
    )


@pytest.mark.parametrize("last", [WithoutTransform(), OfRows()])
def test_contributions_of_encoded_columns(last):
    bins = KBinsDiscretizer(3, encode="onehot-dense", quantile_method="averaged_inverted_cdf")
    single = KBinsDiscretizer(3, encode="ordinal", quantile_method="averaged_inverted_cdf")
    right = [lambda: select(make_pipeline(bins, explainer()))]
    if "transform" not in dir(last):
        right.append(lambda: select(make_pipeline(single, last)))
    follow("Pass an explainer such as DeepLiftExplainer", lambda: select(make_pipeline(bins, last)), *right)


def test_groups_of_encoded_columns():
    encoder = OneHotEncoder(sparse_output=False)
    table = pd.DataFrame({"color": list("rgb" * 10), "size": list("sl" * 15)})

    def of(groups):
        return select(make_pipeline(encoder, explainer()), X=table, groups=groups)

    sizes, colors = ["size_l", "size_s"], ["color_b", "color_g", "color_r"]
    follow(
        "Put all its encoded columns into one group",
        lambda: of({"color": colors[:2], 0: colors[2:], "size": sizes}),
        lambda: of({"color": colors, "size": sizes}),
    )
    follow(
        "takes names or positions of raw columns as labels, or tuples of them",
        lambda: of({"shade": colors, "size": sizes}),
        lambda: of({"color": colors, "size": sizes}),
        lambda: of({0: colors, 1: sizes}),
        lambda: of({("color", "size"): [*colors, *sizes]}),
    )


def test_number_of_columns():
    follow(
        "Pass a smaller number, or a fraction such as 0.5",
        lambda: select(explainer(), n_features_to_select=4),
        lambda: select(explainer(), n_features_to_select=2),
        lambda: select(explainer(), n_features_to_select=0.5),
    )


# Mean absolute importances


def importances(X=ROWS, **parameters):
    return MeanAbsoluteImportance(**parameters).fit(X).feature_importances_


def test_groups():
    images = RANDOM.normal(size=(5, 4, 2))
    follow(
        "pass an array of labels of this shape",
        lambda: importances(images, groups={"a": [0]}),
        lambda: importances(images, groups=np.arange(8).reshape(4, 2) // 4),
    )
    follow(
        "Put each column into one group",
        lambda: importances(groups={"one": ["a", "b"], "two": ["b", "c"]}),
        lambda: importances(groups={"one": ["a", "b"], "two": ["c"]}),
    )
    follow(
        "Give a column that stands alone a group of its own",
        lambda: importances(groups={"one": ["a", "b"]}),
        lambda: importances(groups={"one": ["a", "b"], "c": ["c"]}),
    )
    follow(
        "takes hashable labels, such as names",
        lambda: importances(groups=[["a"], ["a"], ["b"]]),
        lambda: importances(groups=["a", "a", "b"]),
    )


def test_number_of_classes():
    follow(
        "Pass n_classes= how many there are: on the last axis, or as columns feature by feature",
        lambda: importances(by_class=True),
        lambda: importances(RANDOM.normal(size=(5, 4, 2)), by_class=True, n_classes=2),
        lambda: importances(RANDOM.normal(size=(5, 4)), by_class=True, n_classes=2),
    )
    named = ROWS.assign(d=1.0).set_axis(["a__0", "a__1", "b__0", "b__1"], axis=1)
    follow(
        "needs columns feature by feature, named 'feature__class'",
        lambda: importances(named[["a__0", "b__0", "a__1", "b__1"]], n_classes=2),
        lambda: importances(named, n_classes=2),
    )


def test_tables_of_features_that_are_no_columns():
    images = RANDOM.normal(size=(5, 4, 2))
    selector = MeanAbsoluteImportance().fit(images)
    follow(
        "Leave set_output at its default, or combine features with groups=",
        lambda: selector.set_output(transform="pandas").transform(images),
        lambda: selector.set_output(transform="default").transform(images),
        lambda: (
            MeanAbsoluteImportance(groups=np.arange(8).reshape(4, 2) // 4)
            .set_output(transform="pandas")
            .fit_transform(images)
        ),
    )
    assert_result(selector.feature_importances_)


def test_importances_of_encoded_columns():
    def fit(last, select=SelectFromModel, **parameters):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return select(last, **parameters).fit(ROWS, ROWS["a"]).get_support()

    weights, groups = [0.0, 0.0, 1.0], [("a", "b", "c")] * 3
    follow(
        "Pass to_source=True for importances of raw columns. If the encoder mixes columns, select with",
        lambda: fit(inside(reorder(), *weights, to_source=False)),
        lambda: fit(inside(reorder(), *weights, to_source=True)),
        lambda: fit(inside(PCA(3), *weights), ContributionSelector, groups=groups),
        lambda: make_pipeline(PCA(3), DeepLiftExplainer(Linear(weights))).fit(ROWS, ROWS["a"])[-1].feature_importances_,
    )
    follow(
        "Pass groups=",
        lambda: fit(inside(PCA(3), *weights), ContributionSelector),
        lambda: fit(inside(PCA(3), *weights), ContributionSelector, groups=groups),
    )
