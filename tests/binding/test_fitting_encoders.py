"""Trained networks behind fitted encoders: taken as they are, and explained in the columns of the user's table."""

import pickle
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skdeeplift import (
    ContributionSelector,
    DeepLiftExplainer,
    Explanation,
    GradientExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
    describe,
)
from skdeeplift.metrics import deletion_score

GENERATOR = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "unused": "same",
        "age": GENERATOR.normal(40, 10, 40),
        "sex": GENERATOR.choice(["f", "m"], 40),
        "port": GENERATOR.choice(["a", "b", None], 40),
        "fare": GENERATOR.normal(size=40),
    },
    index=[f"row {number:02}" for number in range(40)],
)
TABLE.iloc[::7, 1] = np.nan
# The encoder returns sex, port, age, the indicator of gaps of age, and fare.
SOURCES = [2, 2, 3, 3, 3, 1, 1, 4]
WEIGHTS = np.array([1.0, -1.0, 0.5, 2.0, -3.0, 0.7, 4.0, -0.2])


@pytest.fixture(scope="module")
def encoder():
    of_numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    return make_column_transformer(
        (OneHotEncoder(), ["sex", "port"]), (of_numbers, ["age"]), ("passthrough", ["fare"])
    ).fit(TABLE)


@pytest.fixture(scope="module")
def model():
    linear = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    linear.set_weights([WEIGHTS[:, None], np.zeros(1)])
    return linear


@pytest.fixture(scope="module")
def expected(encoder):
    """Contributions of a linear network by hand: weight times difference from the mean, summed to raw columns."""
    encoded = encoder.transform(TABLE)
    of_encoded = (encoded - encoded.mean(0)) * WEIGHTS
    return np.stack([of_encoded[:, np.equal(SOURCES, column)].sum(1) for column in range(5)], 1)


@pytest.mark.advice
def test_an_encoder_that_names_no_columns():
    table = TABLE[["age", "fare"]].fillna(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network = make_pipeline(FunctionTransformer(lambda table: table.to_numpy() * 2).fit(table), model)
    explainer = DeepLiftExplainer(network).fit(table)
    assert explainer.get_feature_names_out().tolist() == ["x0", "x1"]
    assert explainer.explain(table).to_frame("wide").columns.tolist() == ["x0", "x1"]
    with pytest.raises(
        ValueError,
        match=r'does not name its encoded columns, as feature_names_out="one-to-one" would\. Pass to_source=',
    ):
        DeepLiftExplainer(network, to_source=True).fit(table)
    network[0].set_params(feature_names_out="one-to-one")
    explainer = DeepLiftExplainer(network, to_source=True).fit(table)
    assert explainer.get_feature_names_out().tolist() == ["age", "fare"]


@pytest.mark.advice
def test_one_row_is_a_table_of_one_line(encoder, model, expected):
    explainer = DeepLiftExplainer(make_pipeline(encoder, model)).fit(TABLE)
    for row in (TABLE.iloc[0], TABLE.iloc[0].to_dict()):
        with pytest.raises(
            TypeError,
            match=r"because an encoder precedes the network\. Got a .*X\.iloc\[\[0\]\].*pd\.DataFrame\(\[row\]\)",
        ):
            explainer.explain(row)
        np.testing.assert_allclose(explainer.transform(pd.DataFrame([row]))[0], expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(explainer.transform(TABLE.iloc[[0]])[0], expected[0], rtol=1e-4, atol=1e-5)


def test_contributions_of_raw_columns(encoder, model, expected):
    explainer = DeepLiftExplainer(make_pipeline(encoder, model)).fit(TABLE)
    explanation = explainer.explain(TABLE)
    np.testing.assert_allclose(explanation.contributions, expected, atol=1e-5)
    assert explanation.X is TABLE
    assert explanation.feature_names.tolist() == explainer.get_feature_names_out().tolist() == TABLE.columns.tolist()
    np.testing.assert_allclose(explainer.feature_importances_, np.abs(expected).mean(0), atol=1e-5)
    table = explainer.set_output(transform="pandas").transform(TABLE)
    assert table.columns.tolist() == TABLE.columns.tolist()
    assert table.index.equals(TABLE.index)
    frame = explanation.to_frame()
    values = frame.set_index(["row", "feature"])["value"]
    assert values["row 01", "sex"] == TABLE["sex"].iloc[1]
    assert pd.isna(values["row 00", "age"])
    np.testing.assert_allclose(
        deletion_score(explainer, TABLE), deletion_score(explainer, TABLE, explanation=explanation)
    )


def test_gaps_and_categories_are_kept_in_files(encoder, model, tmp_path):
    explanation = DeepLiftExplainer(make_pipeline(encoder, model)).fit(TABLE).explain(TABLE)
    explanation.save(tmp_path / "explanation.npz")
    pd.testing.assert_frame_equal(Explanation.load(tmp_path / "explanation.npz").X, TABLE)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("form", ["frozen pipeline", "frozen network", "nested", "file", "path", "function"])
def test_forms_of_a_trained_network(form, encoder, model, expected, tmp_path):
    file = tmp_path / "model.keras"
    model.save(file)
    pipeline = {
        "frozen pipeline": lambda: FrozenEstimator(make_pipeline(encoder, model)),
        "frozen network": lambda: make_pipeline(encoder, FrozenEstimator(model)),
        "nested": lambda: make_pipeline(encoder, FrozenEstimator(make_pipeline("passthrough", model))),
        "file": lambda: make_pipeline(encoder, str(file)),
        "path": lambda: Pipeline([("encoder", encoder), ("network", Path(file))]),
        "function": lambda: make_pipeline(encoder, tf.function(model)),
    }[form]()
    explainer = DeepLiftExplainer(pipeline).fit(TABLE)
    np.testing.assert_allclose(explainer.transform(TABLE), expected, atol=1e-5)
    assert isinstance(explainer._repr_html_(), str)
    # A clone is not fitted, but its encoder is.
    np.testing.assert_allclose(clone(explainer).fit(TABLE).transform(TABLE), expected, atol=1e-5)
    if form == "function":
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            pickle.dumps(explainer)
    else:
        for copied in (explainer, DeepLiftExplainer(pipeline)):
            loaded = pickle.loads(pickle.dumps(copied)).fit(TABLE)
            np.testing.assert_allclose(loaded.transform(TABLE), expected, atol=1e-5)
        np.testing.assert_allclose(pickle.loads(pickle.dumps(explainer)).transform(TABLE), expected, atol=1e-5)
        assert describe(pipeline)["supported"].all()


def test_rows_in_blocks_and_lazy_rows(encoder, model, expected):
    dask, dd = pytest.importorskip("dask"), pytest.importorskip("dask.dataframe")
    explainer = DeepLiftExplainer(make_pipeline(encoder, model)).fit(TABLE)
    batches = explainer.explain(TABLE[start : start + 9] for start in range(0, 40, 9))
    np.testing.assert_allclose(batches.contributions, expected, atol=1e-5)
    pd.testing.assert_frame_equal(batches.X, TABLE)
    # Dask would make strings of another type, which the encoder does not know.
    with dask.config.set({"dataframe.convert-string": False}):
        lazy = explainer.transform(dd.from_pandas(TABLE, npartitions=2))
        np.testing.assert_allclose(lazy.compute(), expected, atol=1e-5)


def test_standard_errors_of_sums_are_bounds(encoder, model):
    """A sum spreads over references at most as much as its terms together; a column alone keeps its standard error."""
    references = TABLE[:10]
    raw, encoded = (
        DeepLiftExplainer(make_pipeline(encoder, model), reference=references, to_source=to_source)
        .fit(TABLE)
        .explain(TABLE[:3])
        .standard_error
        for to_source in ("auto", False)
    )
    np.testing.assert_allclose(raw[:, 4], encoded[:, 7])
    np.testing.assert_allclose(raw[:, 2], encoded[:, :2].sum(1))
    assert (raw[:, 0] == 0).all()
    of_sum = (encoder.transform(references)[:, :2] @ WEIGHTS[:2]).std(ddof=1) / np.sqrt(10)
    assert (raw[:, 2] >= of_sum * (1 - 1e-5)).all()


@pytest.mark.parametrize("make", [GradientExplainer, OcclusionExplainer])
def test_other_methods_explain_behind_an_encoder(make, encoder, model, expected):
    explainer = make(make_pipeline(encoder, model)).fit(TABLE)
    contributions = explainer.transform(TABLE)
    assert contributions.shape == expected.shape
    if make is OcclusionExplainer:
        np.testing.assert_allclose(contributions, expected, atol=1e-5)


@pytest.mark.parametrize("make", [OcclusionExplainer, ShapleySamplingExplainer])
def test_columns_made_of_one_raw_column_are_perturbed_together(make):
    """By hand: (2 red + green)^2 is 4 for red and 1.5^2 at the mean, half red and half green; one 0 has no say.

    Occlusion of red alone gives 4 - 1^2 = 3, of green alone 4 - 2.5^2 = -2.25; these sum to 0.75, and not to 1.75.
    """
    table = pd.DataFrame({"colour": ["red", "green"], "other": [1.0, 2.0]})
    encoder = make_column_transformer(
        (OneHotEncoder(categories=[["red", "green"]]), ["colour"]), remainder="passthrough"
    )
    inputs = keras.Input((3,))
    network = keras.Model(inputs, keras.ops.square(2 * inputs[:, :1] + inputs[:, 1:2] + 0 * inputs[:, 2:]))
    pipeline = make_pipeline(encoder.fit(table), network)
    np.testing.assert_allclose(make(pipeline).fit(table).transform(table)[0], [1.75, 0], atol=1e-6)
    if make is OcclusionExplainer:
        for parameters in ({"to_source": False}, {"window_shape": 1, "step": 1, "to_source": False}):
            alone = make(pipeline, **parameters).fit(table).transform(table)[0]
            np.testing.assert_allclose(alone, [3, -2.25, 0], atol=1e-6)
        grouped = make(pipeline, groups={"all": [0, 1, 2]}).fit(table).transform(table)[0]
        np.testing.assert_allclose(grouped, [1.75 * 2 / 3, 1.75 / 3], atol=1e-6)


def test_steps_that_mix_columns(model):
    numbers = TABLE[["fare", "age"]].fillna(0)
    mixing = make_pipeline(PCA(2).fit(numbers), keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    explainer = DeepLiftExplainer(mixing).fit(numbers)
    assert explainer.get_feature_names_out().tolist() == ["pca0", "pca1"]
    assert explainer.explain(numbers, multipliers=True).multipliers.shape == (40, 2)
    with pytest.raises(ValueError, match=r"it mixes columns\. Pass to_source=False"):
        DeepLiftExplainer(mixing, to_source=True).fit(numbers)
    # Units of a layer have no raw columns.
    name = mixing[-1].layers[0].name
    assert DeepLiftExplainer(mixing, layer=name).fit(numbers).transform(numbers).shape == (40, 1)


def test_selectors_take_it_as_it_is(encoder, model, expected):
    explainer = DeepLiftExplainer(make_pipeline(encoder, model))
    most = TABLE.columns[np.argsort(-np.abs(expected).mean(0))[:2]]
    for selector in (
        ContributionSelector(explainer, n_features_to_select=2),
        ContributionSelector(explainer, n_features_to_select=2, n_resamples=3, min_frequency=0.3, random_state=0),
        SelectFromModel(explainer, max_features=2, threshold=-np.inf),
    ):
        fitted = clone(selector).set_output(transform="pandas").fit(TABLE)
        assert set(fitted.transform(TABLE).columns) == set(most)
    y = (TABLE["fare"] > 0).astype(int)
    numbers = TABLE[["fare", "unused"]].assign(unused=GENERATOR.normal(size=40))
    scaler = StandardScaler().fit(numbers)
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network.set_weights([np.array([[1.0], [0.1]]), np.zeros(1)])
    pipeline = make_pipeline(
        ContributionSelector(DeepLiftExplainer(make_pipeline(scaler, network)), n_features_to_select=1),
        LogisticRegression(),
    )
    assert cross_val_score(pipeline, numbers, y, cv=2).mean() > 0.9
    search = GridSearchCV(pipeline, {"contributionselector__estimator__reference": ["mean", "zeros"]}, cv=2)
    assert search.fit(numbers, y).best_score_ > 0.9


@pytest.mark.advice
def test_a_selector_needs_an_explainer(encoder, model):
    with pytest.raises(ValueError, match=r"the Pipeline ends in a Sequential.*Pass an explainer of it, such as Dee"):
        ContributionSelector(make_pipeline(encoder, model)).fit(TABLE)
    selector = ContributionSelector(DeepLiftExplainer(make_pipeline(encoder, model))).fit(TABLE)
    assert selector.get_support().any()


def test_an_encoder_that_is_fitted_again_is_noticed(model):
    numbers = pd.DataFrame(GENERATOR.normal(size=(20, 8)), columns=list("abcdefgh"))
    scaler = StandardScaler().fit(numbers)
    explainer = DeepLiftExplainer(make_pipeline(scaler, model)).fit(numbers)
    explainer.transform(numbers)
    scaler.fit(numbers * 2)
    with pytest.raises(ValueError, match="changed after fit"):
        explainer.transform(numbers)
