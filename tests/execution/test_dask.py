"""Dask's collections in blocks of rows."""

import subprocess
import sys

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from skdeeplift.execution.carried import Carried
from skdeeplift.execution.dask import LazyRows, is_lazy, is_table, mapped, mapped_table, reduced

ROWS = np.arange(40.0).reshape(10, 4)
TABLE = pd.DataFrame(ROWS, columns=list("abcd"), index=np.arange(100, 110))


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


def test_what_is_lazy():
    lazy, table = da.from_array(ROWS), dd.from_pandas(TABLE, npartitions=2)
    for X in (lazy, table, [ROWS, lazy], {"a": lazy}):
        assert is_lazy(X)
    for X in (ROWS, TABLE, ROWS.tolist(), {"a": ROWS}, None, "mean", dask):
        assert not is_lazy(X)
    assert is_table(table)
    assert not is_table(lazy)


def test_dask_is_not_imported_without_need():
    code = "import sys, skdeeplift.execution.dask as lazy; lazy.is_lazy([1.0]); print('dask' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize("form", ["array", "unknown", "table", "list", "dict"])
def test_rows_at_positions(form):
    """In one block, in several, in none; the second input's blocks are others."""
    array = da.from_array(ROWS, chunks=(4, 3))
    if form == "unknown":
        array = array[da.from_array(np.ones(10, bool), chunks=4)]
    X = {
        "array": array,
        "unknown": array,
        "table": dd.from_pandas(TABLE, npartitions=3),
        "list": [array, da.from_array(2 * ROWS, chunks=5)],
        "dict": {"a": array, "b": da.from_array(2 * ROWS, chunks=5)},
    }[form]
    rows = LazyRows(X)
    lengths = rows.lengths()
    assert sum(lengths) == 10
    for positions in (np.arange(10), np.array([0, 3, 9]), np.array([5])):
        got = rows.gather(positions, lengths)
        if form == "table":
            pd.testing.assert_frame_equal(got, TABLE.iloc[positions])
        elif form == "list":
            np.testing.assert_array_equal(got, [ROWS[positions], 2 * ROWS[positions]])
        elif form == "dict":
            np.testing.assert_array_equal(got["b"], 2 * ROWS[positions])
        else:
            np.testing.assert_array_equal(got, ROWS[positions])
    taken = list(rows.take(np.array([0, 3, 9]), lengths))
    assert [positions.tolist() for _, _, positions in taken] == [[0, 3], [9]]


def scaled(factor, X, of_rows, name_row):
    """Two results; the second tells the rows' names."""
    if of_rows is not None:
        X = X * np.asarray(of_rows)[:, None]
    return [factor * np.asarray(X), np.array([int(name_row(row).split()[1]) for row in range(len(X))])]


@pytest.mark.parametrize("kind", [None, "memory", "lazy"])
def test_mapped(kind):
    rows, weights = LazyRows(da.from_array(ROWS, chunks=(4, 3))), np.arange(10)
    of_rows = {None: None, "memory": weights, "lazy": da.from_array(weights, chunks=7)}[kind]
    specs = [((4,), np.float64), ((), np.int64)]
    first, second = mapped(scaled, rows, Carried(3), of_rows, specs)
    assert first.chunks == ((4, 4, 2), (4,))
    assert second.chunks == ((4, 4, 2),)
    expected = 3 * ROWS * (1 if kind is None else weights[:, None])
    np.testing.assert_array_equal(first.compute(), expected)
    np.testing.assert_array_equal(second.compute(), weights)
    # What others make of it, they make of chunks.
    np.testing.assert_array_equal((first.sum(1) - second).compute(), expected.sum(1) - weights)


def first_only(factor, X, of_rows, name_row):
    assert name_row(0) == f"row {X.index[0]!r}"
    return [factor * X.to_numpy()]


def test_mapped_table():
    table = dd.from_pandas(TABLE, npartitions=3)
    meta = pd.DataFrame(np.empty((0, 4)), columns=list("efgh"), index=TABLE.index[:0])
    got = mapped_table(first_only, table, Carried(2), None, meta)
    assert list(got.columns) == list("efgh")
    pd.testing.assert_frame_equal(got.compute(), pd.DataFrame(2 * ROWS, TABLE.index, list("efgh")))


def test_partial_results_are_merged_some_at_once():
    sizes = []

    def merge(partials):
        sizes.append(len(partials))
        return sum(partials)

    assert reduced([dask.delayed(number) for number in range(100)], merge) == 4950
    assert max(sizes) <= 16
    assert len(sizes) == 8


def test_what_can_not_be_cut():
    lazy, table = da.from_array(ROWS, chunks=4), dd.from_pandas(TABLE, npartitions=2)
    with pytest.raises(TypeError, match="all inputs are arrays of Dask, or none"):
        LazyRows([lazy, ROWS])
    with pytest.raises(TypeError, match="to_dask_array"):
        LazyRows([lazy, table])
    with pytest.raises(ValueError, match=r"same number of rows. Got 10, 3"):
        LazyRows([lazy, lazy[:3]])
    with pytest.raises(ValueError, match="first axis"):
        LazyRows(lazy.sum())
