import errno
import os

import numpy as np
import pytest
import tensorflow as tf
from numpy.lib.format import open_memmap

from skdeeplift.rows.output import Output, open_outputs


class Sliced:
    """An array that can only be assigned to."""

    def __init__(self, shape, dtype=np.float32):
        self.array = np.full(shape, np.nan, dtype)
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.flushed = 0

    def __len__(self):
        return len(self.array)

    def __setitem__(self, rows, values):
        self.array[rows] = values

    def flush(self):
        self.flushed += 1


class OfAnotherDtype(Sliced):
    """An array of a package with dtypes of its own."""

    def __init__(self, shape):
        super().__init__(shape)
        self.dtype = "bfloat"


def output_of(array, shape=(4, 2), dtype=np.float32):
    return Output(array, shape, dtype, "out=")


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        ([[0.0, 0.0]] * 4, TypeError, "out= takes an array.*Got list"),
        (np.zeros((4, 3), np.float32), ValueError, r"out= has shape \(4, 3\). Expected \(4, 2\)"),
        (np.zeros((3, 2), np.float32), ValueError, r"out= has shape \(3, 2\)"),
        (np.zeros((4, 2, 1), np.float32), ValueError, "out= has shape"),
        (np.zeros((4, 2), np.int64), ValueError, "out= has dtype int64"),
        (tf.Variable(np.zeros((4, 2), np.float32)), TypeError, "out= "),
        (np.broadcast_to(np.float32(0), (4, 2)), ValueError, "out= is read-only"),
        (OfAnotherDtype((4, 2)), TypeError, "out= has the dtype bfloat, which is not a NumPy dtype"),
    ],
    ids=["list", "columns", "rows", "axes", "integers", "variable", "read-only", "other dtype"],
)
def test_what_does_not_fit_is_refused(array, error, message):
    with pytest.raises(error, match=message):
        output_of(array)


def test_a_narrower_dtype_rounds_and_is_too_small_for_large_numbers():
    array = np.zeros((4, 2), np.float16)
    output = output_of(array)
    block = np.array([[0.1, -np.inf], [np.nan, 60000.0]], np.float32)
    output.write(0, block)
    np.testing.assert_array_equal(array[:2], block.astype(np.float16))
    with pytest.raises(
        ValueError, match=r"dtype float16, which is too small for numbers in rows 2 to 3. Pass .*float32"
    ):
        output.write(2, np.array([[1, 2], [3, 70000]], np.float32))
    assert not array[2:].any()


def test_blocks_are_written_and_never_repeated_to_fit():
    array = Sliced((4, 2))
    output = output_of(array)
    output.write(0, np.ones((1, 2), np.float32))
    output.write(1, np.full((3, 2), 2, np.float32))
    np.testing.assert_array_equal(array.array, [[1, 1], [2, 2], [2, 2], [2, 2]])
    with pytest.raises(ValueError, match="Expected"):
        output.write(0, np.ones((1, 1), np.float32))
    with pytest.raises(ValueError, match="has 4 rows, and X has more"):
        output.write(3, np.ones((2, 2), np.float32))
    output.close(4)
    assert array.flushed == 1
    with pytest.raises(ValueError, match="has 4 rows, and X has only 3"):
        output.close(3)


def test_rows_and_sizes_that_are_not_known_yet():
    assert output_of(Sliced((9, 2)), (None, None)).array.shape == (9, 2)
    with pytest.raises(ValueError, match=r"Expected \(n_rows, 3\)"):
        output_of(Sliced((9, 2)), (None, 3))


def test_wider_numbers_are_kept():
    array = Sliced((1, 2), np.float64)
    output_of(array, (1, 2)).write(0, np.array([[0.1, 0.2]], np.float32))
    np.testing.assert_array_equal(array.array.astype(np.float32), np.array([[0.1, 0.2]], np.float32))


def test_errors_say_what_is_finished():
    array = Sliced((4, 2))
    with pytest.raises(OSError, match="gone") as caught, open_outputs([output_of(array)], lambda: 3):
        raise OSError("gone")
    assert caught.value.__notes__ == ["The first 3 rows (up to row 2) are finished, and in out=. Go on with X[3:]."]
    assert array.flushed == 1
    with pytest.raises(KeyboardInterrupt) as caught, open_outputs([output_of(array)], lambda: 0):
        raise KeyboardInterrupt
    assert caught.value.__notes__ == ["No row is finished, and out= holds no results."]
    with pytest.raises(ValueError, match="bad") as caught, open_outputs([], lambda: 3):
        raise ValueError("bad")
    assert "pass out= to keep what is finished" in caught.value.__notes__[0]


def test_an_error_of_the_disk_does_not_hide_the_first_one():
    class Full(Sliced):
        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ValueError, match="first") as caught, open_outputs([output_of(Full((4, 2)))], lambda: 2):
        raise ValueError("first")
    assert "No space left" in caught.value.__notes__[0]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve space in files")
def test_a_memory_map_without_room_on_the_disk_is_refused(tmp_path, monkeypatch):
    """Otherwise a signal would end the process when a page is written that the disk has no room for."""
    array = open_memmap(tmp_path / "out.npy", "w+", np.float32, (100_000, 2))
    before = (tmp_path / "out.npy").stat().st_blocks
    output_of(array, (100_000, 2))
    assert (tmp_path / "out.npy").stat().st_blocks >= max(before, 100_000 * 8 // 512)
    assert np.load(tmp_path / "out.npy").sum() == 0

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left") as caught:
        output_of(array, (100_000, 2))
    assert "no room on the disk for out=" in caught.value.__notes__[0]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve space in files")
def test_file_systems_that_keep_no_room_are_none_of_our_business(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    output_of(open_memmap(tmp_path / "out.npy", "w+", np.float32, (4, 2)))
