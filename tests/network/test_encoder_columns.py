"""Sources of encoded columns, found by changing one raw column at a time and seeing which encoded columns change."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from skdeeplift.network.encoder_columns import source_columns


def table(n_rows=40, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "pet": random.choice(["cat", "dog", "newt"], n_rows),
            "age": random.normal(40, 10, n_rows),
            "color": random.choice(["red", "green"], n_rows),
            "height": random.normal(170, 10, n_rows),
            "weight": random.normal(70, 10, n_rows),
        }
    )
    frame.loc[3, "age"] = np.nan
    frame.loc[[5, 6], "height"] = np.nan
    return frame


NUMBERS, WORDS = ["age", "height", "weight"], ["pet", "color"]
y = np.arange(40) % 3


def observed_sources(encoder, frame):
    """Shuffle one raw column after the other: the encoded columns that change come from it."""
    before = np.asarray(encoder.transform(frame), float)
    sources = np.full(before.shape[1], -1)
    for position, name in enumerate(frame.columns):
        changed = frame.copy()
        changed[name] = frame[name].sample(frac=1, random_state=position).to_numpy()
        moved = ~np.isclose(before, np.asarray(encoder.transform(changed), float), equal_nan=True).all(0)
        assert (sources[moved] == -1).all()
        sources[moved] = position
    assert (sources >= 0).all()
    return sources


def one_hot(**parameters):
    return OneHotEncoder(sparse_output=False, **parameters)


def double(X):
    return X * 2


ENCODERS = {
    "functions of numbers": make_column_transformer(
        (FunctionTransformer(double, feature_names_out="one-to-one"), ["height", "age"]),
        (FunctionTransformer(np.cbrt), ["weight"]),
        (make_pipeline(one_hot(), FunctionTransformer(np.log1p)), WORDS),
    ),
    "one-hot first": make_column_transformer((one_hot(), WORDS), (StandardScaler(), NUMBERS)),
    "drop, infrequent": make_column_transformer(
        (one_hot(drop="first", min_frequency=10), WORDS[::-1]), (StandardScaler(), NUMBERS[::-1])
    ),
    "passthrough and remainder": ColumnTransformer(
        [("a", "passthrough", ["weight"]), ("b", one_hot(), ["color"]), ("c", "drop", ["age"])],
        remainder=one_hot(max_categories=2),
    ),
    "remainder passthrough": make_column_transformer((one_hot(), ["color", "pet"]), remainder="passthrough"),
    "slice of labels": ColumnTransformer([("a", StandardScaler(), slice("height", "weight")), ("b", one_hot(), [0])]),
    "slice of positions": ColumnTransformer([("a", StandardScaler(), slice(3, None)), ("b", one_hot(), slice(0, 1))]),
    "negative positions": ColumnTransformer([("a", StandardScaler(), [-1, 1]), ("b", one_hot(), [-3])]),
    "mask": ColumnTransformer([("a", StandardScaler(), [False, True, False, False, True]), ("b", one_hot(), ["pet"])]),
    "callable": ColumnTransformer(
        [("a", StandardScaler(), lambda X: ["weight", "age"]), ("b", one_hot(), lambda X: [2])]
    ),
    "column selectors": make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include=np.number)),
        (one_hot(), make_column_selector(dtype_exclude=np.number)),
    ),
    "no columns": ColumnTransformer([("a", one_hot(), []), ("b", StandardScaler(), ["age"]), ("c", "drop", ["pet"])]),
    "text of one column": ColumnTransformer([("a", CountVectorizer(), "pet"), ("b", StandardScaler(), ["height"])]),
    "ordinal": make_column_transformer((OrdinalEncoder(), WORDS), (MinMaxScaler(), NUMBERS[1:])),
    "imputer": make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), NUMBERS[::-1]), (one_hot(), WORDS)
    ),
    "neighbours": make_column_transformer(
        (KNNImputer(n_neighbors=40, add_indicator=True), ["age"]), (one_hot(), WORDS)
    ),
    "indicator": make_column_transformer((MissingIndicator(), NUMBERS)),
    "splines": make_column_transformer((SplineTransformer(n_knots=4), ["weight"]), (one_hot(), ["pet"])),
    "functions": make_column_transformer(
        (FunctionTransformer(double, feature_names_out="one-to-one"), NUMBERS),
        (FunctionTransformer(), ["weight"]),
    ),
    "pca of one column": make_column_transformer((PCA(), ["weight"]), (one_hot(), ["pet"])),
    "frozen": make_column_transformer((StandardScaler(), ["weight"]), (one_hot(), ["pet"])),
    "nested": make_column_transformer(
        (make_column_transformer((one_hot(), ["pet"]), ("passthrough", ["age"])), ["age", "pet"]),
        (StandardScaler(), ["height"]),
    ),
    "names kept": make_column_transformer(
        (one_hot(), WORDS), ("passthrough", NUMBERS), verbose_feature_names_out=False
    ),
}
ENCODERS["bins"] = make_pipeline(
    make_column_transformer((SimpleImputer(), ["weight", "age"])),
    KBinsDiscretizer([3, 2], encode="onehot-dense", strategy="uniform"),
)
ENCODERS["splines of two"] = make_pipeline(
    make_column_transformer((SimpleImputer(), ["weight", "age"])), SplineTransformer(n_knots=4)
)
ENCODERS["frozen"] = FrozenEstimator(ENCODERS["frozen"].fit(table()))
ENCODERS["selectors inside"] = make_pipeline(
    make_column_transformer((one_hot(), WORDS), (SimpleImputer(), NUMBERS)),
    VarianceThreshold(),
    StandardScaler(),
    SelectKBest(k=4),
)
ENCODERS["pandas between"] = make_pipeline(
    make_column_transformer((one_hot(), WORDS), (SimpleImputer(), NUMBERS)).set_output(transform="pandas"),
    make_column_transformer((StandardScaler(), make_column_selector("simpleimputer")), remainder="passthrough"),
)
ENCODERS["union"] = make_pipeline(
    make_column_transformer((one_hot(), WORDS), (SimpleImputer(), NUMBERS)),
    FeatureUnion([("a", StandardScaler()), ("b", SelectKBest(k=2)), ("c", "drop"), ("d", "passthrough")]),
)
ENCODERS["classes of a target encoder"] = make_column_transformer((TargetEncoder(random_state=0), WORDS))


@pytest.mark.parametrize("name", ENCODERS)
def test_what_changes_with_a_raw_column_comes_from_it(name):
    encoder, frame = ENCODERS[name], table()
    encoder.fit(frame, y)
    np.testing.assert_array_equal(source_columns(encoder, 5), observed_sources(encoder, frame))


@pytest.mark.parametrize(
    "encoder",
    [
        StandardScaler(),
        SimpleImputer(add_indicator=True),
        make_pipeline(SimpleImputer(), StandardScaler()),
        make_union(StandardScaler(), MinMaxScaler()),
        ColumnTransformer([("a", StandardScaler(), [2, 0])], remainder="passthrough"),
        ColumnTransformer([("a", StandardScaler(), slice(0, 2))], remainder=MinMaxScaler()),
    ],
)
@pytest.mark.parametrize("form", ["array", "frame"])
def test_columns_of_encoders_of_numbers_are_found(encoder, form):
    X = table()[NUMBERS]
    fitted = encoder.fit(X if form == "frame" else X.to_numpy())
    frame = X if form == "frame" else pd.DataFrame(X.to_numpy())

    class Applied:
        def transform(self, changed):
            return fitted.transform(changed if form == "frame" else changed.to_numpy())

    np.testing.assert_array_equal(source_columns(fitted, 3), observed_sources(Applied(), frame))


def test_columns_without_any_value_are_left_out():
    X = np.array([[np.nan, 1.0, 2.0], [np.nan, 2.0, np.nan]])
    imputer = SimpleImputer(add_indicator=True).fit(X)
    assert source_columns(imputer, 3).tolist() == [1, 2, 0, 2]


def test_names_that_look_like_others():
    """A column that is called as an encoded one would be."""
    frame = pd.DataFrame({"a_x": [0, 1, 2, 3], "a": list("xyxy"), "x0": [4.0, 3.0, 2.0, 0.0]})
    encoder = make_column_transformer((one_hot(), ["a", "x0"]), (StandardScaler(), ["x0", "a_x"])).fit(frame)
    assert source_columns(encoder, 3).tolist() == [1, 1, 2, 2, 2, 2, 2, 0]


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (PCA(2), "PCA does not tell .*: it mixes columns"),
        (make_column_transformer((PCA(2), ["age", "weight"])), "PCA does not tell"),
        (PolynomialFeatures(), "PolynomialFeatures .*: the encoded column '1' has the name of no input column"),
        (
            FunctionTransformer(double),
            "FunctionTransformer .*: it does not name its encoded columns, as feature_names_out=",
        ),
        (make_pipeline(StandardScaler(), FunctionTransformer(double)), "it does not name its encoded columns"),
    ],
)
def test_columns_that_are_mixed(encoder, message):
    frame = table()[NUMBERS].fillna(0)
    with pytest.raises(ValueError, match=message + r".*Pass groups=.*\('height', 'weight'\): \['pca0', 'pca1'\]"):
        source_columns(encoder.fit(frame), 3)


def test_components_that_are_called_like_columns():
    frame = pd.DataFrame(np.eye(3)[:, :2], columns=["pca0", "pca1"])
    with pytest.raises(ValueError, match="mixes columns"):
        source_columns(PCA(2).fit(frame), 2)


def test_columns_with_the_same_name():
    frame = pd.DataFrame(np.eye(3), columns=["a", "b", "a"])
    with pytest.raises(ValueError, match=r"same name|unique column names"):
        source_columns(StandardScaler().fit(frame), 3)


class Named:
    """A transformer of three columns, two of which have one name."""

    feature_names_in_ = np.array(["a", "b", "a"], dtype=object)

    def get_feature_names_out(self):
        return self.feature_names_in_


def test_names_that_do_not_tell():
    with pytest.raises(ValueError, match=r"Named .*: some of its input columns have the same name"):
        source_columns(Named(), 3)
    scaler = StandardScaler().fit(np.eye(3))
    with pytest.raises(ValueError, match=r"StandardScaler .*: it returns 4 columns, but names 3"):
        source_columns(scaler, 3, 4)
