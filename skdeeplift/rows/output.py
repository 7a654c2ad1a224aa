"""Arrays of the user's, perhaps on a disk, that results are written into block by block."""

import errno
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np


class Output:
    """An array that contributions are written into, checked before anything is computed.

    Parameters
    ----------
    array : array-like
        An array, a memory map, or what can be sliced and assigned to like one, such as a dataset of h5py or zarr.
    shape : tuple of int or None
        What it must hold; None where that is not known yet.
    dtype : dtype
        What is written into it.
    name : str
        What to call it in errors.

    Raises
    ------
    TypeError
        If nothing can be assigned to it.
    ValueError
        If its shape or dtype does not fit, or it is read-only.
    OSError
        If it is a memory map for which the disk has no room.
    """

    def __init__(self, array, shape, dtype, name):
        self.array, self.name, self.dtype = array, name, np.dtype(dtype)
        if not all(hasattr(array, each) for each in ("shape", "dtype", "__setitem__")):
            raise TypeError(
                f"{name} takes an array, a memory map, or what has a shape and a dtype and can be assigned to. "
                f"Got {type(array).__name__}."
            )
        self.check_shape(shape)
        try:
            given = np.dtype(array.dtype)
        except TypeError as error:
            raise TypeError(f"{name} has the dtype {array.dtype}, which is none of NumPy's.") from error
        # Neither rounded nor cut off: what can be read back is what was computed.
        if not np.can_cast(self.dtype, given, "safe"):
            raise ValueError(f"{name} has dtype {array.dtype}. Expected {self.dtype}, in which contributions come.")
        if isinstance(array, np.ndarray) and not array.flags.writeable:
            raise ValueError(f"{name} is read-only. Open it for writing, as with numpy.lib.format.open_memmap.")
        _check_room_on_disk(array, name)

    def check_shape(self, shape):
        """Compare the array's shape with another, of which parts may be unknown."""
        given = tuple(self.array.shape)
        fits = len(given) == len(shape) and all(size in (None, own) for size, own in zip(shape, given, strict=True))
        if not fits:
            expected = ", ".join("n_rows" if size is None else str(size) for size in shape)
            raise ValueError(
                f"{self.name} has shape {given}. Expected ({expected}{',' if len(shape) == 1 else ''}), the shape "
                "that contributions have without it."
            )

    def write(self, start, block):
        """Write some rows, from ``start`` on."""
        stop = start + len(block)
        if stop > len(self.array):
            raise ValueError(f"{self.name} has {len(self.array)} rows, and X has more.")
        # Assigning would also repeat what is smaller.
        self.check_shape((None, *block.shape[1:]))
        self.array[start:stop] = block

    def close(self, n_rows):
        """Bring to the disk what was written, after ``n_rows`` rows."""
        self.flush()
        if n_rows != len(self.array):
            raise ValueError(f"{self.name} has {len(self.array)} rows, and X has only {n_rows}.")

    def flush(self):
        """Bring to the disk what was written, where the array knows how."""
        if callable(getattr(self.array, "flush", None)):
            self.array.flush()


@contextmanager
def noted(outputs, finished):
    """Say, with whatever is raised, up to which row results are finished and written.

    Parameters
    ----------
    outputs : list of Output
        Where they are written; may be empty.
    finished : callable
        Returns the number of finished rows.
    """
    try:
        yield
    except BaseException as error:
        try:
            for output in outputs:
                output.flush()
        except Exception as of_flush:  # noqa: BLE001
            error.add_note(f"What was written could not be brought to the disk: {of_flush}")
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
    """Have the disk keep room for a memory map, whose file may be full of holes.

    Without room, a page that is written to ends the process by a signal.
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
                # A file system that keeps no room in advance.
                return
            error.add_note(f"There is no room on the disk for {name}, a memory map of {size} bytes in {path}.")
            raise
