"""Blocks of Dask arrays and tables. Dask is imported only if the user passes a Dask collection."""

from functools import cached_property

import numpy as np

from skdeeplift.compat import safe_indexing
from skdeeplift.dtypes import kind_of


def as_list(arrays):
    """Return one array, or a list or dict of arrays, as a list."""
    if isinstance(arrays, dict):
        return list(arrays.values())
    return list(arrays) if isinstance(arrays, (list, tuple)) else [arrays]


def is_lazy(X):
    """Test whether rows are a Dask array or table, or a list or dict that holds one."""
    return not isinstance(X, np.ndarray) and any(map(is_of_dask, as_list(X)))


def is_table(X):
    """Test whether rows are a Dask table."""
    return is_of_dask(X) and hasattr(X, "columns")


def is_of_dask(value):
    """Test whether a value is a Dask collection."""
    # Compare names, because a comparison with Dask's classes would import Dask.
    return type(value).__module__.partition(".")[0] in ("dask", "dask_expr") and hasattr(value, "__dask_graph__")


def compute_all(*values):
    """Compute all lazy values in one call, and return other values unchanged."""
    import dask

    return dask.compute(*values)


class LazyRows:
    """Blocks of rows of one Dask array or table, or of several arrays with the same rows.

    Parameters
    ----------
    X : dask array, dask DataFrame, or list or dict of dask arrays
        The user's rows.

    Attributes
    ----------
    X : as given
        The rows. Blocks split no row, and the blocks of all inputs hold the same rows.
    chunks : tuple of int or nan
        Number of rows of each block; NaN if it is unknown.
    """

    def __init__(self, X):
        self.collections = _aligned(as_list(X))
        self.X = _in_form(self.collections, X)
        first = self.collections[0]
        # The number of rows of a table's partition is unknown before the partition is computed.
        self.chunks = (np.nan,) * first.npartitions if is_table(first) else first.chunks[0]

    def blocks(self):
        """Return the rows of each block as one lazy object, in the form of the user's rows."""
        import dask

        # Do not optimise each graph by itself, so that blocks of several results share their work.
        lazily = [collection.to_delayed(optimize_graph=False) for collection in self.collections]
        of_each = [list(np.ravel(np.array(blocks, dtype=object))) for blocks in lazily]
        return [dask.delayed(_in_form(blocks, self.X)) for blocks in zip(*of_each, strict=True)]

    def like_one(self):
        """Return a row of zeros in memory, in the form of the user's rows."""
        return _in_form(map(_zeros, self.collections), self.X)

    @cached_property
    def lengths(self):
        """Number of rows of each block; unknown numbers are computed."""
        import dask

        if np.isnan(self.chunks).any():
            return list(dask.compute(*(dask.delayed(length_of)(block) for block in self.blocks())))
        return list(self.chunks)

    def take(self, positions):
        """Yield the rows at sorted positions, block by block, as lazy rows with their positions."""
        import dask

        for block, stop, length in zip(self.blocks(), np.cumsum(self.lengths), self.lengths, strict=True):
            first, last = np.searchsorted(positions, (stop - length, stop))
            if last > first:
                chosen = positions[first:last]
                inside = chosen - (stop - length)
                yield block if len(inside) == length else dask.delayed(_rows_at)(block, inside), chosen

    def gather(self, positions):
        """Load the rows at sorted positions into memory, in the form of the user's rows."""
        import dask

        parts = dask.compute(*(block for block, _ in self.take(positions)))
        return _in_form(map(_concatenated, zip(*map(as_list, parts), strict=True)), self.X)


def _in_form(parts, X):
    """Arrange one part of each input in the form of the user's rows."""
    if isinstance(X, dict):
        return dict(zip(X, parts, strict=True))
    return list(parts) if isinstance(X, (list, tuple)) else next(iter(parts))


def _zeros(collection):
    if is_table(collection):
        import pandas as pd

        dtypes = set(collection.dtypes)
        dtype = dtypes.pop() if len(dtypes) == 1 else np.dtype(object)
        dtype = dtype if isinstance(dtype, np.dtype) and kind_of(dtype) in "biuf" else np.float64
        return pd.DataFrame(np.zeros((1, len(collection.columns)), dtype), columns=collection.columns)
    return np.zeros((1, *collection.shape[1:]), collection.dtype if kind_of(collection.dtype) in "biuf" else np.float32)


def _aligned(collections):
    """Rechunk arrays so that blocks split no row, and blocks of all arrays hold the same rows."""
    if any(not is_of_dask(each) for each in collections):
        names = ", ".join(type(each).__name__ for each in collections)
        raise TypeError(f"Either all inputs are arrays of Dask, or none is. Got {names}.")
    if len(collections) == 1 and is_table(collections[0]):
        return collections
    # Columns of one table have the same partitions.
    collections = [each.to_dask_array() if is_table(each) and each.ndim == 1 else each for each in collections]
    if any(is_table(each) for each in collections):
        raise TypeError(
            "Several inputs are arrays of Dask. Got a table among them; use table.to_dask_array(lengths=True)."
        )
    if any(each.ndim == 0 for each in collections):
        raise ValueError("X must have its rows on the first axis. Got a Dask array without axes.")
    rows = collections[0].chunks[0]
    if any(len(each) != len(collections[0]) for each in collections if not np.isnan(rows).any()):
        lengths = ", ".join(str(len(each)) for each in collections)
        raise ValueError(f"All inputs need the same number of rows. Got {lengths}.")
    return [with_chunks(each, rows) for each in collections]


def with_chunks(array, rows):
    """Rechunk an array into blocks of given numbers of rows that split no row."""
    chunks = dict.fromkeys(range(1, array.ndim), -1)
    if array.chunks[0] != rows and not np.isnan(rows).any():
        chunks[0] = rows
    return array.rechunk(chunks) if chunks else array


def length_of(block):
    """Return the number of rows of a block."""
    return len(as_list(block)[0])


def _rows_at(block, positions):
    return _in_form((safe_indexing(each, positions) for each in as_list(block)), block)


def _concatenated(parts):
    if hasattr(parts[0], "columns"):
        import pandas as pd

        return pd.concat(parts)
    return np.concatenate(parts)
