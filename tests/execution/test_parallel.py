"""Parts of a call, side by side."""

import warnings

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdeeplift.execution.parallel import compute_parts, cut, number_of_workers


@given(st.integers(1, 500), st.integers(1, 40), st.integers(1, 9))
def test_parts_are_whole_chunks_and_all_rows(n_rows, chunk, n_workers):
    parts = cut(n_rows, chunk, n_workers)
    assert np.concatenate([np.arange(n_rows)[part] for part in parts]).tolist() == list(range(n_rows))
    assert all(part.start % chunk == 0 for part in parts)
    n_chunks = -(-n_rows // chunk)
    # Nobody is idle while there is a chunk for everyone, and no worker has many parts.
    assert len(parts) >= min(n_chunks, n_workers) / 2
    assert len(parts) <= 4 * n_workers


def test_parts_are_as_many_as_workers_have_use_for():
    assert cut(100, 10, 2) == [slice(start, start + 20 if start < 80 else 100) for start in range(0, 100, 20)]
    assert cut(30, 10, 8) == [slice(0, 10), slice(10, 20), slice(20, 30)]
    assert cut(7, 10, 8) == [slice(0, 7)]


def test_number_of_workers():
    assert number_of_workers(None) == 1
    assert number_of_workers(3) == 3
    with joblib.parallel_config(n_jobs=2):
        assert number_of_workers(None) == 2
        assert number_of_workers(4) == 4


def test_nothing_forks():
    with (
        joblib.parallel_config(backend="multiprocessing", n_jobs=2),
        pytest.raises(ValueError, match=r"'multiprocessing': it forks.*'loky'"),
    ):
        number_of_workers(None)


def scaled(factor, rows):
    warnings.warn("small" if factor < 10 else "large", UserWarning, stacklevel=1)
    return factor * rows


def failing(factor, rows):
    raise ValueError(f"Row {rows[0]} is wrong.")


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_results_are_in_order_and_warnings_come_once(backend):
    parts = cut(40, 5, 2)
    arguments = [(np.arange(40)[part],) for part in parts]
    with joblib.parallel_config(backend=backend), pytest.warns(UserWarning, match="small") as caught:
        results = compute_parts(scaled, [3], parts, arguments, 2, 0)
    assert np.concatenate(results).tolist() == list(range(0, 120, 3))
    if backend == "loky":
        assert len(caught) == 1
    with joblib.parallel_config(backend=backend), pytest.raises(ValueError, match=r"Row \d+ is wrong"):
        compute_parts(failing, [3], parts, arguments, 2, 0)
