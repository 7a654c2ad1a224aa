"""Output arrays of the user, in memory or on disk, which results are written into block by block."""

import errno
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np


class Output:
    """Array that contributions are written into, checked before any computation.

    Parameters
    ----------
    array : array-like
        An array, a memory map, or another object with slices and assignment, such as an h5py dataset.
    shape : tuple of int or None
        Expected shape; None for an unknown size.
    dtype : dtype
        Dtype of the results.
    name : str
        Name of the array in errors.

    Raises
    ------
    TypeError
        If the array cannot be assigned to.
    ValueError
        If the shape or dtype does not fit, or the array is read-only.
    OSError
        If the array is a memory map and the disk has no space for it.
    """

    def __init__(self, array, shape, dtype, name):
        self.array, self.name, self.dtype = array, name, np.dtype(dtype)
        if not all(hasattr(array, each) for each in ("shape", "dtype", "__setitem__")):
            raise TypeError(
                f"{name} takes an array, a memory map, or another object with a shape and a dtype whose rows can be "
                f"assigned. Got {type(array).__name__}."
            )
        self.check_shape(shape)
        try:
            given = np.dtype(array.dtype)
        except TypeError as error:
            raise TypeError(f"{name} has the dtype {array.dtype}, which is not a NumPy dtype.") from error
        # A narrower floating-point dtype only rounds, and the user chose it. Integers would truncate contributions.
        if not np.can_cast(self.dtype, given, "same_kind"):
            raise ValueError(f"{name} has dtype {array.dtype}. Expected {self.dtype}, the dtype of contributions.")
        self._is_narrower = not np.can_cast(self.dtype, given, "safe")
        if isinstance(array, np.ndarray) and not array.flags.writeable:
            raise ValueError(f"{name} is read-only. Open it for writing, as with numpy.lib.format.open_memmap.")
        _check_room_on_disk(array, name)

    def check_shape(self, shape):
        """Raise an error if the array's shape differs from the expected shape; None means an unknown size."""
        given = tuple(self.array.shape)
        fits = len(given) == len(shape) and all(size in (None, own) for size, own in zip(shape, given, strict=True))
        if not fits:
            names = ["n_rows", *["any"] * (len(shape) - 1)]
            expected = ", ".join(name if size is None else str(size) for size, name in zip(shape, names, strict=True))
            raise ValueError(
                f"{self.name} has shape {given}. Expected ({expected}{',' if len(shape) == 1 else ''}), the shape of "
                "contributions."
            )

    def write(self, start, block):
        """Write a block of rows, starting at row ``start``."""
        stop = start + len(block)
        if stop > len(self.array):
            raise ValueError(
                f"{self.name} has {len(self.array)} rows, and X has more. Pass an array with one entry for each row "
                "of X."
            )
        # Check the shape, because assignment would broadcast a smaller block.
        self.check_shape((None, *block.shape[1:]))
        if self._is_narrower:
            with np.errstate(over="ignore"):
                narrow = block.astype(self.array.dtype)
            if (np.isinf(narrow) & np.isfinite(block)).any():
                raise ValueError(
                    f"{self.name} has dtype {self.array.dtype}, which is too small for numbers in rows {start} to "
                    f"{stop - 1}. Pass an array of {self.dtype}."
                )
        self.array[start:stop] = block

    def close(self, n_rows):
        """Flush the array to disk after ``n_rows`` rows."""
        self.flush()
        if n_rows != len(self.array):
            raise ValueError(
                f"{self.name} has {len(self.array)} rows, and X has only {n_rows}. Pass an array with one entry for "
                "each row of X."
            )

    def flush(self):
        """Flush the array to disk if it has a method to flush."""
        if callable(getattr(self.array, "flush", None)):
            self.array.flush()


@contextmanager
def open_outputs(outputs, finished):
    """Add a note to any error, with the number of rows whose results are finished and written.

    Parameters
    ----------
    outputs : list of Output
        Arrays that results are written into. The list may be empty.
    finished : callable
        Function without arguments that returns the number of finished rows.
    """
    try:
        yield
    except BaseException as error:
        try:
            for output in outputs:
                output.flush()
        except Exception as of_flush:  # noqa: BLE001
            error.add_note(f"The written rows could not be flushed to the disk: {of_flush}")
        n_rows = finished()
        rows = f"The first {n_rows} rows (up to row {n_rows - 1}) are" if n_rows else "No row is"
        if not outputs:
            if n_rows:
                error.add_note(f"{rows} explained; pass out= to keep what is finished if something fails.")
        elif n_rows:
            error.add_note(f"{rows} finished, and in out=. Go on with X[{n_rows}:].")
        else:
            error.add_note(f"{rows} finished, and out= holds no results.")
        raise


def _check_room_on_disk(array, name):
    """Reserve disk space for a memory map, whose file may be sparse.

    Without space, a write to a page of the memory map kills the process by a signal.
    """
    path = getattr(array, "filename", None) if isinstance(array, np.memmap) else None
    if path is None or not hasattr(os, "posix_fallocate") or not Path(path).is_file():
        return
    with open(path, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                # This file system cannot reserve space.
                return
            error.add_note(f"There is no room on the disk for {name}, a memory map of {size} bytes in {path}.")
            raise


def share_elements(array, other):
    """Test whether writing into one array is known to change another."""
    if array is other:
        return True
    if not (isinstance(array, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    # NumPy compares addresses in memory, but two mappings of one file have different addresses.
    return np.shares_memory(array, other) if np.may_share_memory(array, other) else _share_a_file(array, other)


def _share_a_file(*arrays):
    """Test whether two memory maps are known to share bytes of one file."""
    if not all(isinstance(array, np.memmap) and array.filename is not None for array in arrays):
        return False
    if not Path(arrays[0].filename).samefile(arrays[1].filename):
        return False
    (first, last), (of_other, last_of_other) = map(_place_in_file, arrays)
    return first < last_of_other and of_other < last


def _place_in_file(array):
    """Return the start and the end, in bytes of the file, of a memory map or a part of it."""
    whole = array
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    return tuple(whole.offset + address - whole.ctypes.data for address in np.lib.array_utils.byte_bounds(array))
