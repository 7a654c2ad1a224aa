"""Functions applied to each block of Dask's arrays and tables."""

import warnings

import dask
import dask.array as da
import dask.dataframe as dd
import distributed
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context

from skdeeplift import (
    DeepLiftExplainer,
)
from skdeeplift.exceptions import SummationToDeltaError, SummationToDeltaWarning
from skdeeplift.execution.workers import WorkerCopy
from skdeeplift.rows.dask_map import check_length, map_blocks, map_in_form
from skdeeplift.rows.dask_rows import LazyRows
from tests.binding.test_problems import Step

ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
TABLE = pd.DataFrame(ROWS, columns=list("abcd"), index=[f"row {number}" for number in range(60)])


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


class Doubles:
    """Stand for an estimator: it is copied to workers, and has a setting of its containers."""

    def get_feature_names_out(self):
        raise ValueError("no names")


def doubled(estimator, block, of_rows, name_row):
    """Return the doubled rows, plus the entries of the rows; and the name of each block's last row."""
    assert isinstance(estimator, Doubles)
    block = np.asarray(block)
    result = 2 * block if of_rows is None else 2 * block + np.asarray(of_rows)[:, None]
    return [result, np.array([name_row(row) for row in range(len(block))], dtype=object)]


SPECS = [((4,), np.float32), ((), object)]


@pytest.mark.parametrize("of_rows", [None, "array", "lazy", "other chunks"])
def test_blocks_with_the_entries_and_names_of_their_rows(of_rows):
    entries = np.arange(60, dtype=np.float32)
    given = {
        None: None,
        "array": entries,
        "lazy": da.from_array(entries, chunks=25),
        "other chunks": da.from_array(entries, chunks=7),
    }[of_rows]
    rows = LazyRows(da.from_array(ROWS, chunks=(25, 2)))
    got, names = map_blocks(doubled, rows, WorkerCopy(Doubles()), given, SPECS)
    assert got.chunks == ((25, 25, 10), (4,))
    assert (got.dtype, names.dtype) == (np.float32, object)
    expected = 2 * ROWS if of_rows is None else 2 * ROWS + entries[:, None]
    np.testing.assert_array_equal(got, expected)
    assert list(names.compute()) == [f"row {row}" for row in range(60)]


def test_rows_of_blocks_of_unknown_length_are_named_by_their_block():
    """No function is called for an empty block."""
    lazy = da.from_array(ROWS, chunks=25)
    some = lazy[(da.arange(60, chunks=25) % 25 < 2) & (da.arange(60, chunks=25) < 50)]
    got, names = map_blocks(doubled, LazyRows(some), WorkerCopy(Doubles()), None, SPECS)
    np.testing.assert_array_equal(got.compute(), 2 * ROWS[[0, 1, 25, 26]])
    assert list(names.compute()) == [f"row {row} of chunk {chunk}" for chunk in (0, 1) for row in (0, 1)]


@pytest.mark.parametrize("number", [59, 61])
def test_as_many_entries_as_rows(number):
    rows = LazyRows(da.from_array(ROWS, chunks=25))
    for of_rows in (np.zeros(number), da.zeros(number)):
        with pytest.raises(ValueError, match=rf"array of shape \(60,\).* Got {number}"):
            map_blocks(doubled, rows, WorkerCopy(Doubles()), of_rows, SPECS)
    check_length(np.zeros(number), np.nan)


def test_containers():
    rows, estimator = LazyRows(da.from_array(ROWS, chunks=25)), Doubles()

    def in_form(names):
        [output] = map_in_form(
            estimator, lambda *given: doubled(*given)[:1], rows, WorkerCopy(estimator), None, SPECS[:1], names
        )
        return output

    assert isinstance(in_form(list("abcd")), da.Array)
    with config_context(transform_output="pandas"):
        table = in_form(list("abcd"))
        assert list(table.columns) == list("abcd")
        np.testing.assert_array_equal(table.compute(), 2 * ROWS)
        with pytest.raises(ValueError, match="no names"):
            in_form(None)
    with config_context(transform_output="polars"), pytest.raises(ValueError, match="Got set_output 'polars'"):
        in_form(list("abcd"))


def test_warnings_name_rows():
    rows = ROWS.copy()
    rows[[50, 55], 0] = 13.0, 20.0
    explainer = DeepLiftExplainer(Step(), reference=1.0).fit(ROWS)
    with pytest.warns(SummationToDeltaWarning) as expected:
        explainer.transform(rows)
    with pytest.warns(SummationToDeltaWarning, match="In 2 of 10 rows") as caught:
        explainer.transform(da.from_array(rows, chunks=25)).compute()
    [worst] = {str(each.message).split("The worst is ")[1] for each in expected}
    assert str(caught[0].message).split("The worst is ")[1] == worst
    named = DeepLiftExplainer(Step(), reference=1.0, check="raise").fit(TABLE)
    table = dd.from_pandas(pd.DataFrame(rows, columns=list("abcd"), index=TABLE.index), npartitions=3, sort=False)
    with pytest.raises(SummationToDeltaError, match=r"row 'row 5[05]'"):
        named.transform(table).compute()


@pytest.fixture(scope="module")
def of_outputs():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    return DeepLiftExplainer(model, target=0, reference="zeros").fit(ROWS)


@pytest.mark.parametrize("is_known", [True, False])
def test_targets_in_other_blocks_than_arrays(of_outputs, is_known):
    target = np.arange(len(ROWS)) % 3
    expected = of_outputs.transform(ROWS, target=target)
    frame = pd.DataFrame(ROWS)
    rows = da.from_array(ROWS, chunks=(40, 4)) if is_known else dd.from_pandas(frame, npartitions=3).to_dask_array()
    series = pd.Series(target)
    for of_rows in (
        target,
        da.from_array(target, chunks=7),
        dd.from_pandas(series, npartitions=3),
        dd.from_pandas(series, npartitions=2),
    ):
        got = of_outputs.transform(rows, target=of_rows).compute()
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=f"of shape \\({len(ROWS)},\\)"):
        of_outputs.transform(rows, target=dd.from_pandas(series[:20], npartitions=2)).compute()


@pytest.mark.advice
def test_targets_in_other_partitions_than_a_table(of_outputs):
    target = np.arange(len(ROWS)) % 3
    table = dd.from_pandas(pd.DataFrame(ROWS), npartitions=3)
    other = dd.from_pandas(pd.Series(target), npartitions=2)
    with pytest.raises(ValueError, match=r"same partitions. Got 2 partitions .*target.repartition\("):
        of_outputs.transform(table, target=other)
    got = of_outputs.transform(table, target=other.repartition(divisions=table.divisions)).compute()
    np.testing.assert_allclose(got, of_outputs.transform(ROWS, target=target), rtol=1e-5, atol=1e-6)


def test_columns_of_a_table_as_inputs():
    inputs = [keras.Input((1,), name=name) for name in "ab"]
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(inputs)))
    frame = pd.DataFrame(ROWS[:, :2], columns=["a", "b"])
    explainer = DeepLiftExplainer(model).fit(dict(frame))
    table = dd.from_pandas(frame, npartitions=2)
    got = explainer.transform({name: table[name] for name in frame})
    for name, expected in explainer.transform(dict(frame)).items():
        np.testing.assert_allclose(got[name].compute(), expected, rtol=1e-6, atol=1e-7)


def test_warnings_of_a_worker_process_reach_the_client(monkeypatch):
    def no_client():
        raise ValueError("No clients found")

    given = []
    monkeypatch.setattr(distributed, "get_worker", lambda: None)
    monkeypatch.setattr(distributed, "default_client", no_client)
    monkeypatch.setattr(distributed, "warn", lambda message, category: given.append((message, category)))

    def warning(estimator, block, of_rows, name_row):
        warnings.warn("of a worker", UserWarning, stacklevel=1)
        warnings.warn("of packages among themselves", DeprecationWarning, stacklevel=1)
        return doubled(estimator, block, of_rows, name_row)

    rows = LazyRows(da.from_array(ROWS, chunks=(60, 4)))
    map_blocks(warning, rows, WorkerCopy(Doubles()), None, SPECS)[0].compute()
    assert given == [("of a worker", UserWarning)]
