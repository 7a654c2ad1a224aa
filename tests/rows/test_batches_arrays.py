import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from numpy.lib.format import open_memmap

from skdeeplift.rows.batches import is_on_disk, join

ROWS = np.arange(12.0).reshape(6, 2)


def test_what_is_on_a_disk(tmp_path):
    h5py = pytest.importorskip("h5py")
    mapped = open_memmap(tmp_path / "rows.npy", "w+", np.float64, ROWS.shape)
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        assert is_on_disk(file.create_dataset("rows", data=ROWS))
    for rows in (mapped, mapped[2:], {"a": ROWS, "b": mapped}, [ROWS, mapped]):
        assert is_on_disk(rows)
    for rows in (ROWS, [ROWS, ROWS], ROWS.tolist(), pd.DataFrame(ROWS), pd.Series([1.0]), tf.constant(ROWS), None):
        assert not is_on_disk(rows)


def test_batches_are_joined_in_their_structure():
    joined = join([{"a": ROWS, "b": tf.constant(ROWS)}, {"a": ROWS[:1], "b": tf.constant(ROWS[:1])}])
    assert {name: array.shape for name, array in joined.items()} == {"a": (7, 2), "b": (7, 2)}
    frame = join([pd.DataFrame(ROWS, columns=["a", "b"]), pd.DataFrame(ROWS[:1], columns=["a", "b"], index=[9])])
    assert list(frame.columns) == ["a", "b"]
    assert list(frame.index) == [0, 1, 2, 3, 4, 5, 9]
    with pytest.raises(ValueError, match=r"rows of one shape. Got \(2,\) and \(1,\)"):
        join([ROWS, ROWS[:, :1]])
    with pytest.raises(ValueError, match=r"same columns in the same order. Got \['a', 'b'\] and \['b', 'a'\]"):
        join([pd.DataFrame(ROWS, columns=["a", "b"]), pd.DataFrame(ROWS, columns=["b", "a"])])
    with pytest.raises(ValueError, match=r"one kind.* Got DataFrame and ndarray"):
        join([pd.DataFrame(ROWS), ROWS])


def test_tables_that_nobody_puts_together():
    """A package without ``concat``, of which names of columns would be lost."""
    table = type("Table", (), {"__module__": "math", "columns": ["a", "b"]})
    with pytest.raises(TypeError, match="Got Table of math"):
        join([table(), table()])
