"""Columns of references and of several inputs go by their names."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeeplift import DeepLiftExplainer
from skdeeplift.metrics import deletion_score
from skdeeplift.references import Constant
from tests.binding.networks import MLP, ROWS, table_network

TABLE = pd.DataFrame(ROWS + np.float32([0, 1, 5, 9]), columns=list("abcd"))
MEDIAN = TABLE.median()
SORTED = MEDIAN.sort_values(ascending=False)
INPUTS = {"first": TABLE[["a", "b"]], "second": TABLE[["c", "d"]]}
SHUFFLED = {"first": TABLE[["b", "a"]], "second": TABLE[["c", "d"]]}
IN_ORDER = r"X\['first'\]: The feature names should match those(?s:.*)same order"


def two_inputs(length=2):
    keras.utils.set_random_seed(0)
    inputs = [keras.Input((length,), name=name) for name in INPUTS]
    sums = [keras.ops.sum(each * each, axis=1, keepdims=True) for each in inputs]
    flat = keras.layers.Concatenate()(sums if length is None else inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(4, "tanh")(flat)))


@pytest.fixture(scope="module")
def of_table():
    return DeepLiftExplainer(table_network(), reference=MEDIAN.to_numpy()).fit(TABLE)


@pytest.fixture(scope="module")
def of_two():
    return DeepLiftExplainer(two_inputs()).fit(INPUTS)


@pytest.mark.parametrize(
    "reference",
    [MEDIAN, SORTED, [SORTED], (SORTED, MEDIAN), Constant(SORTED), SORTED[list("abcd")].reset_index(drop=True)],
    ids=["in order", "sorted", "in a list", "in a tuple", "constant", "without names"],
)
def test_a_series_goes_by_the_names_of_the_columns(of_table, reference):
    expected = of_table.explain(TABLE)
    fitted = DeepLiftExplainer(of_table.estimator, reference=reference).fit(TABLE)
    for explanation in (fitted.explain(TABLE), of_table.explain(TABLE, reference=reference)):
        np.testing.assert_allclose(explanation.contributions, expected.contributions, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(explanation.reference_value, expected.reference_value, rtol=1e-5)


def test_a_series_as_fill(of_table):
    scores = [deletion_score(of_table, TABLE, fill=fill) for fill in (MEDIAN.to_numpy(), SORTED)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("reference", [SORTED.rename({"a": "z"}), SORTED[:3], [SORTED, SORTED[[0] * 0]]])
def test_a_series_with_other_labels(of_table, reference):
    with pytest.raises(ValueError, match=r"reference= for X is a Series.* Expected the names of the columns \['a'"):
        of_table.explain(TABLE, reference=reference)


def test_a_series_with_labels_where_columns_have_no_names():
    explainer = DeepLiftExplainer(table_network(), reference=SORTED)
    with pytest.raises(ValueError, match="as X has no names"):
        explainer.fit(TABLE.to_numpy())


def test_a_series_behind_an_encoder():
    explainer = DeepLiftExplainer(make_pipeline(StandardScaler(), MLP)).fit(TABLE, TABLE["a"] > 0)
    series = pd.Series([1.0, 2.0, 3.0, 4.0], index=list("dcba"))
    row = pd.DataFrame([[4.0, 3.0, 2.0, 1.0]], columns=list("abcd"))
    expected = explainer.explain(TABLE, reference=explainer.estimator_[0].transform(row)[0]).contributions
    for reference in (series, row, Constant(series)):
        contributions = explainer.explain(TABLE, reference=reference).contributions
        np.testing.assert_allclose(contributions, expected, rtol=1e-5, atol=1e-6)


def test_references_with_raw_columns():
    """Names tell that a reference has raw columns, of text and gaps too; arrays hold encoded columns."""
    table = pd.DataFrame({"size": [1.0, np.nan, 3.0, 4.0], "kind": ["a", "b", None, "b"], "one": [1, 2, 3, 4]})
    encoder = make_column_transformer(
        (SimpleImputer(), ["size"]), (OneHotEncoder(sparse_output=False), ["kind"]), remainder="passthrough"
    ).fit(table)
    network = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    explainer = DeepLiftExplainer(make_pipeline(encoder, network)).fit(table)
    encoded = encoder.transform(table)
    for reference, expected in (
        (table.iloc[1], encoded[1]),
        (table.iloc[2][["one", "kind", "size"]], encoded[2]),
        (table[:3], encoded[:3]),
    ):
        contributions = explainer.explain(table, reference=reference).contributions
        np.testing.assert_array_equal(contributions, explainer.explain(table, reference=expected).contributions)
        own = DeepLiftExplainer(explainer.estimator, reference=reference).fit(table)
        np.testing.assert_array_equal(own.transform(table), contributions)
    with pytest.raises(ValueError, match="same order"):
        explainer.explain(table, reference=table[["kind", "size", "one"]])


@pytest.mark.parametrize("make", [lambda X: X, lambda X: list(X.values()), lambda X: iter([X])])
def test_columns_of_several_inputs_in_another_order(of_two, make):
    of_two.transform(make(INPUTS))
    with pytest.raises(ValueError, match=IN_ORDER):
        of_two.transform(make(SHUFFLED))
    # Batches of fit tell the names, too.
    with pytest.raises(ValueError, match=IN_ORDER):
        DeepLiftExplainer(of_two.estimator).fit(make(INPUTS)).explain(SHUFFLED)


def test_references_of_several_inputs(of_two):
    with pytest.raises(ValueError, match="reference= for " + IN_ORDER):
        of_two.explain(INPUTS, reference=SHUFFLED)
    expected = of_two.explain(INPUTS, reference={"first": [1, 2], "second": [3, 4]}).contributions
    series = {"first": pd.Series([2, 1], ["b", "a"]), "second": Constant(pd.Series([4, 3], ["d", "c"]))}
    for name, given in of_two.explain(INPUTS, reference=series).contributions.items():
        np.testing.assert_array_equal(given, expected[name])


def test_names_of_several_inputs_that_only_one_side_has(of_two):
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        of_two.transform({name: table.to_numpy() for name, table in INPUTS.items()})


def test_a_table_that_lacks_the_last_axis():
    model = keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    explainer = DeepLiftExplainer(model).fit(TABLE)
    explainer.transform(TABLE)
    with pytest.raises(ValueError, match="same order"):
        explainer.transform(TABLE[list("dcba")])


def test_inputs_of_other_lengths_have_other_columns():
    explainer = DeepLiftExplainer(two_inputs(None), reference="zeros").fit(INPUTS)
    explainer.transform({"first": TABLE, "second": INPUTS["second"]})
    with pytest.raises(ValueError, match=r"X\['second'\]: The feature names"):
        explainer.transform({"first": TABLE, "second": TABLE[["d", "c"]]})


def test_names_for_arrays():
    """An array with `feature_names` is explained as the DataFrame of these columns is."""
    network, names = table_network(), list("abcd")
    frame = DeepLiftExplainer(network, reference=SORTED).fit(TABLE)
    array = DeepLiftExplainer(network, reference=SORTED, feature_names=names).fit(TABLE.to_numpy())
    explanation = array.explain(TABLE.to_numpy())
    assert list(explanation.feature_names) == names
    np.testing.assert_array_equal(explanation.contributions, frame.explain(TABLE).contributions)
    assert list(array.get_feature_names_out()) == names
    assert list(array.set_output(transform="pandas").transform(TABLE.to_numpy()).columns) == names
    # The names are the explainer's own. scikit-learn's attribute means columns that `fit` has seen.
    assert not hasattr(array, "feature_names_in_")
    both = DeepLiftExplainer(network, target="all", feature_names=TABLE.columns, class_names=["u", "v"])
    both.fit(TABLE)
    assert list(both.get_feature_names_out())[:2] == ["a__v", "b__v"]


def test_names_for_arrays_behind_an_encoder():
    """A reference with these names holds raw columns, as that of a DataFrame does."""
    network = make_pipeline(StandardScaler().fit(TABLE.to_numpy()), table_network())
    frame = DeepLiftExplainer(network, reference=SORTED).fit(TABLE).transform(TABLE)
    for to_source in (True, False):
        explainer = DeepLiftExplainer(network, feature_names=list("abcd"), to_source=to_source, reference=SORTED)
        explanation = explainer.fit(TABLE.to_numpy()).explain(TABLE.to_numpy())
        assert list(explanation.feature_names) == list("abcd")
        np.testing.assert_allclose(explanation.contributions, frame, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("names", "X", "message"),
    [
        (list("abc"), TABLE.to_numpy(), "takes 4 different strings, one for each column of X. Got"),
        (list("abca"), TABLE.to_numpy(), "different strings"),
        ([1, 2, 3, 4], TABLE.to_numpy(), "different strings"),
        ("abcd", TABLE.to_numpy(), "feature_names"),
        (list("abdc"), TABLE, r"the columns of X are named .*'d'\]. Pass feature_names=None, or X.to_numpy\(\)"),
    ],
)
def test_names_that_do_not_fit(names, X, message):
    with pytest.raises(ValueError, match=message):
        DeepLiftExplainer(table_network(), feature_names=names).fit(X)


@pytest.mark.advice
def test_advice_on_names():
    network = table_network()
    with pytest.raises(ValueError, match=r"Pass feature_names=None, or X.to_numpy\(\)"):
        DeepLiftExplainer(network, feature_names=list("abdc")).fit(TABLE)
    for changed, X in [({"feature_names": None}, TABLE), ({"feature_names": list("abdc")}, TABLE.to_numpy())]:
        assert DeepLiftExplainer(network, target=0, **changed).fit(X).transform(X).shape == (len(TABLE), 4)
    images = keras.Sequential([keras.Input((2, 2)), keras.layers.Flatten(), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match=r"columns of one table, and X is no single table. Pass feature_names=None"):
        DeepLiftExplainer(images, feature_names=["a", "b"]).fit(np.ones((3, 2, 2)))
    assert DeepLiftExplainer(images, feature_names=None).fit_transform(np.ones((3, 2, 2))).shape == (3, 2, 2)
