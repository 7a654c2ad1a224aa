import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from skdeeplift.references import Constant, Held, computed_references

ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [8.0, 0.0]], np.float32)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mean", [4, 2]),
        ("median", [3, 2]),
        ("zeros", [0, 0]),
        ("minimum", [1, 0]),
        (0.5, [0.5, 0.5]),
        ([7, 8], [7, 8]),
    ],
)
def test_values_and_dtype(value, expected):
    got = Constant(value).fit(ROWS).sample(ROWS, 10)
    np.testing.assert_array_equal(got, [expected])
    assert got.dtype == np.float32


@pytest.mark.parametrize("value", ["mean", "median", "minimum", "zeros"])
def test_integers_have_the_padding_token(value):
    got = Constant(value).fit(np.array([[3, 4], [5, 6]], np.int32)).sample(None, 1)
    np.testing.assert_array_equal(got, [[0, 0]])
    assert got.dtype == np.int32


def test_a_token_stands_at_all_places():
    got = Constant(103).fit(np.zeros((4, 3), np.int32)).sample(None, 1)
    np.testing.assert_array_equal(got, [[103] * 3])
    assert got.dtype == np.int32


def test_mean_of_many_large_values_does_not_lose_digits():
    rows = np.full((100_000, 1), 16777217.0 / 16, np.float32)
    assert computed_references.mean(rows)[0, 0] == rows[0, 0]


@pytest.mark.parametrize(
    ("value", "rows", "message"),
    [
        ("unknown", ROWS, "parameter of Constant"),
        ([1, 2, 3], ROWS, r"a row of shape \(2,\), as X has. Got an array of shape \(3,\)"),
        (0.5, np.zeros((2, 2), int), "whole numbers where X holds int64. Got 0.5"),
    ],
)
def test_bad_values(value, rows, message):
    with pytest.raises(ValueError, match=message):
        Constant(value).fit(rows)


def test_a_constant_that_is_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        Constant().sample(ROWS, 1)


@pytest.mark.parametrize("value", ["mean", "median", "minimum"])
@pytest.mark.parametrize("seed", range(4))
def test_weights_count_as_repeated_rows(value, seed):
    random = np.random.RandomState(seed)
    rows, weights = random.normal(size=(7, 3)), random.randint(0, 4, 7)
    repeated = Constant(value).fit(np.repeat(rows, weights, 0)).row_
    np.testing.assert_allclose(Constant(value).fit(rows, sample_weight=weights).row_, repeated, rtol=1e-12)


def test_held_rows_are_their_own_references():
    held = Held().fit(ROWS)
    np.testing.assert_array_equal(held.sample(ROWS, 5), ROWS[:, None])
    assert held.per_row
    assert not held.learns
    assert not held.is_random


def test_a_series_goes_by_the_names_of_the_columns():
    table, value = pd.DataFrame({"a": [1.0], "b": [2.0]}), pd.Series([4.0, 3.0], index=["b", "a"])
    np.testing.assert_array_equal(Constant(value).fit(table).row_, [[3, 4]])
    np.testing.assert_array_equal(Constant(value.reset_index(drop=True)).fit(table).row_, [[4, 3]])
    for rows in (table.rename(columns={"a": "c"}), table.to_numpy()):
        with pytest.raises(ValueError, match="value= is a Series, whose index must name the columns"):
            Constant(value).fit(rows)


@pytest.mark.parametrize("value", ["mean", "minimum", "zeros", 2.0, np.arange(3.0)], ids=str)
@pytest.mark.parametrize("weights", [None, np.linspace(0, 3, 10)], ids=["unweighted", "weighted"])
def test_a_constant_is_learned_in_parts(value, weights):
    rows = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    whole, parts = Constant(value).fit(rows, sample_weight=weights), Constant(value)
    for part in (slice(0, 4), slice(4, 5), slice(5, None)):
        parts.partial_fit(rows[part], sample_weight=None if weights is None else weights[part])
    np.testing.assert_allclose(parts.row_, whole.row_, rtol=1e-6)
    assert parts.row_.dtype == np.float32
    # A fit starts anew.
    parts.fit(rows[:2]).partial_fit(rows[2:3])
    np.testing.assert_array_equal(parts.row_, Constant(value).fit(rows[2:3]).row_)
    assert (Constant(value if isinstance(value, str) else 2).partial_fit(np.ones((2, 3), int)).row_ % 2 == 0).all()


def test_a_median_needs_all_rows():
    assert not hasattr(Constant("median"), "partial_fit")
