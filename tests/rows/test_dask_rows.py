"""Dask's collections in blocks of rows."""

import subprocess
import sys

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from skdeeplift.rows.dask_rows import LazyRows, is_lazy, is_table

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
    modules = "sys, skdeeplift.execution.workers, skdeeplift.rows.dask_rows as rows"
    code = f"import {modules}; rows.is_lazy([1.0]); print('dask' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize("form", ["array", "unknown", "table", "list", "dict"])
def test_rows_at_positions(form):
    """Rows may lie in one block, in several, in none; the second input has other blocks."""
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
    assert sum(rows.lengths) == 10
    for positions in (np.arange(10), np.array([0, 3, 9]), np.array([5])):
        got = rows.gather(positions)
        if form == "table":
            pd.testing.assert_frame_equal(got, TABLE.iloc[positions])
        elif form == "list":
            np.testing.assert_array_equal(got, [ROWS[positions], 2 * ROWS[positions]])
        elif form == "dict":
            np.testing.assert_array_equal(got["b"], 2 * ROWS[positions])
        else:
            np.testing.assert_array_equal(got, ROWS[positions])
    taken = list(rows.take(np.array([0, 3, 9])))
    assert [positions.tolist() for _, positions in taken] == [[0, 3], [9]]


def test_what_cannot_be_cut():
    lazy, table = da.from_array(ROWS, chunks=4), dd.from_pandas(TABLE, npartitions=2)
    with pytest.raises(TypeError, match="all inputs are arrays of Dask, or none"):
        LazyRows([lazy, ROWS])
    with pytest.raises(TypeError, match="to_dask_array"):
        LazyRows([lazy, table])
    with pytest.raises(ValueError, match=r"same number of rows. Got 10, 3"):
        LazyRows([lazy, lazy[:3]])
    with pytest.raises(ValueError, match="first axis"):
        LazyRows(lazy.sum())
