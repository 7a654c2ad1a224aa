"""Dask's collections in blocks of rows."""

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from skdeeplift.execution.dask import mapped, mapped_table, reduced
from skdeeplift.execution.worker_copy import Carried
from skdeeplift.rows.dask_rows import LazyRows

ROWS = np.arange(40.0).reshape(10, 4)
TABLE = pd.DataFrame(ROWS, columns=list("abcd"), index=np.arange(100, 110))


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


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
