"""Errors for text, dates and gaps in rows that a network takes as numbers."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from skdeeplift import DeepLiftExplainer
from tests.advice.following import follow

TABLE = pd.DataFrame(
    {
        "age": [40.0, np.nan, 31.0, 25.0],
        "sex": ["f", "m", "f", "m"],
        "joined": pd.to_datetime(["2020-01-01", "2020-01-31", "2020-03-01", "2020-02-01"]),
        "plan": pd.Categorical(["a", "b", "b", "a"]),
        "visits": [1, 2, 3, 4],
    }
)
Y = [0, 1, 0, 1]


def network(n_columns):
    return keras.Sequential([keras.Input((n_columns,)), keras.layers.Dense(1)])


def days(dates):
    return (dates - pd.Timestamp("2020-01-01")) / pd.Timedelta(days=1)


@pytest.mark.parametrize("estimator", [network(5), MLPClassifier()], ids=["network", "untrained"])
@pytest.mark.parametrize(
    ("columns", "messages"),
    [
        (
            ["visits", "sex", "plan"],
            [r"X holds 'f' in column 'sex' of row 0", "OneHotEncoder: the columns 'sex', 'plan'"],
        ),
        (["visits", "joined"], ["column 'joined' of row 0", "FunctionTransformer, such as days .*: column 'joined'"]),
        (["joined", "sex"], ["'(joined' of row 0, which is no number: dates|sex' of row 0, .*string)", "column 'sex'"]),
        (["visits", "age"], [r"X contains NaN, in column 'age'\. .*Fill them first, by a SimpleImputer"]),
    ],
)
def test_columns_are_named_with_the_remedy(estimator, columns, messages):
    with pytest.raises((TypeError, ValueError)) as caught:
        DeepLiftExplainer(estimator).fit(TABLE[columns], Y)
    for message in [*messages, r"DeepLiftExplainer\(make_pipeline\(encoder, network\)\)"]:
        caught.match(message)


def test_gaps_of_arrays_and_of_many_columns():
    rows = np.zeros((3, 12))
    rows[1, 2:] = np.nan
    with pytest.raises(ValueError, match="contains NaN, in the columns 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"):
        DeepLiftExplainer(network(12)).fit(rows)


@pytest.mark.advice
def test_the_remedies_work():
    encoder = make_column_transformer(
        (SimpleImputer(), ["age"]),
        (OneHotEncoder(), ["sex", "plan"]),
        (FunctionTransformer(days, feature_names_out="one-to-one"), ["joined"]),
        remainder="passthrough",
    ).fit(TABLE)
    follow(
        "Turn it into numbers first, with the encoder that the network is trained behind",
        lambda: DeepLiftExplainer(network(5)).fit(TABLE),
        lambda: DeepLiftExplainer(make_pipeline(encoder, network(7))).fit(TABLE).explain(TABLE),
    )
    explainer = DeepLiftExplainer(make_pipeline(encoder, network(7))).fit(TABLE)
    assert explainer.get_feature_names_out().tolist() == TABLE.columns.tolist()
    assert explainer.explain(TABLE).X is TABLE


@pytest.mark.advice
def test_what_an_encoder_leaves():
    onehot = OneHotEncoder()
    passing = make_column_transformer((onehot, ["sex"]), remainder="passthrough").fit(TABLE[["sex", "plan"]])
    both = make_column_transformer((onehot, ["sex", "plan"])).fit(TABLE)
    follow(
        "X behind the encoder holds 'a' in column 2 of row 0, which is no number: could not convert string to float: "
        "'a'. Let the encoder turn it into numbers, or drop it",
        lambda: DeepLiftExplainer(make_pipeline(passing, network(3))).fit(TABLE[["sex", "plan"]]),
        lambda: DeepLiftExplainer(make_pipeline(both, network(4))).fit_transform(TABLE),
    )
    gaps = make_column_transformer(("passthrough", ["age"])).set_output(transform="pandas").fit(TABLE)
    filled = make_column_transformer((SimpleImputer(), ["age"])).fit(TABLE)
    follow(
        "X behind the encoder contains NaN, in column 'passthrough__age'. The network takes numbers only. Let the "
        "encoder fill them, by a SimpleImputer",
        lambda: DeepLiftExplainer(make_pipeline(gaps, network(1))).fit(TABLE),
        lambda: DeepLiftExplainer(make_pipeline(filled, network(1))).fit_transform(TABLE),
    )
    follow(
        "Pass the encoder that was fitted on the rows that the network was trained on",
        lambda: DeepLiftExplainer(make_pipeline(filled, network(2))).fit(TABLE),
        lambda: DeepLiftExplainer(make_pipeline(filled, network(1))).fit_transform(TABLE),
    )
