"""Dask's arrays and tables in blocks of rows. Dask is imported by those only who pass one."""

import sys
import warnings
from contextlib import contextmanager
from functools import partial
from uuid import uuid4

import numpy as np

# How many partial results are merged at once, on the cluster.
MERGED_AT_ONCE = 16


def is_lazy(X):
    """Whether it is an array or a table of Dask, or a list or dict that holds one."""
    several = X.values() if isinstance(X, dict) else X if isinstance(X, (list, tuple)) else [X]
    return any(_is_dask(each) for each in several)


def is_table(X):
    """Whether it is a table of Dask, with columns."""
    return _is_dask(X) and hasattr(X, "columns")


def _is_dask(value):
    # Not by its class, which would have to be imported.
    return type(value).__module__.partition(".")[0] in ("dask", "dask_expr") and hasattr(value, "__dask_graph__")


def in_memory(*values):
    """Compute what is lazy, all together; other things stay as they are."""
    import dask

    return dask.compute(*values)


class LazyRows:
    """Rows in blocks, of one array or table of Dask, or of several with the same rows.

    Parameters
    ----------
    X : dask array, dask DataFrame, or list or dict of dask arrays
        What the user gave.

    Attributes
    ----------
    X : as given
        Each block with whole rows, and with the same number of them in all.
    chunks : tuple of int or nan
        The number of rows of each block, where it is known.
    """

    def __init__(self, X):
        if isinstance(X, dict):
            self.X = dict(zip(X, _aligned(list(X.values())), strict=True))
        elif isinstance(X, (list, tuple)):
            self.X = _aligned(list(X))
        else:
            [self.X] = _aligned([X])

        several = list(self.X.values()) if isinstance(self.X, dict) else self.X
        first = several[0] if isinstance(several, list) else several
        # How many rows a partition of a table has, nobody knows before it is computed.
        self.chunks = (np.nan,) * first.npartitions if is_table(first) else first.chunks[0]

    def blocks(self):
        """The rows of each block, in the form of what was given, as one lazy object each."""
        import dask

        def of_one(collection):
            # Not optimised by itself, so that what is computed anyway is computed once.
            return list(np.ravel(np.array(collection.to_delayed(optimize_graph=False), dtype=object)))

        if isinstance(self.X, dict):
            of_each = [of_one(each) for each in self.X.values()]
            return [dask.delayed(dict(zip(self.X, blocks, strict=True))) for blocks in zip(*of_each, strict=True)]
        if isinstance(self.X, list):
            return [dask.delayed(list(blocks)) for blocks in zip(*map(of_one, self.X), strict=True)]
        return of_one(self.X)

    def like_one(self):
        """A row of zeros, in memory, in the form of what was given."""
        if isinstance(self.X, dict):
            return {name: _zeros(each) for name, each in self.X.items()}
        return list(map(_zeros, self.X)) if isinstance(self.X, list) else _zeros(self.X)

    def lengths(self):
        """The number of rows of each block, computed where it is not known."""
        import dask

        if np.isnan(self.chunks).any():
            return list(dask.compute(*(dask.delayed(_length)(block) for block in self.blocks())))
        return list(self.chunks)

    def take(self, positions, lengths):
        """Yield of each block that has some of the rows at sorted positions: the block's rows, lazily, and which."""
        import dask

        stops = np.cumsum(lengths)
        for block, stop, length in zip(self.blocks(), stops, lengths, strict=True):
            first, last = np.searchsorted(positions, (stop - length, stop))
            if last > first:
                chosen = positions[first:last]
                inside = chosen - (stop - length)
                whole = len(inside) == length
                yield block if whole else dask.delayed(_rows_at)(block, inside), slice(first, last), chosen

    def gather(self, positions, lengths):
        """The rows at sorted positions, in memory, in the form of what was given."""
        import dask

        parts = dask.compute(*(block for block, _, _ in self.take(positions, lengths)))
        if isinstance(parts[0], dict):
            return {name: _concatenated([part[name] for part in parts]) for name in parts[0]}
        if isinstance(parts[0], list):
            return [_concatenated(arrays) for arrays in zip(*parts, strict=True)]
        return _concatenated(parts)


def _zeros(collection):
    if is_table(collection):
        import pandas as pd

        return pd.DataFrame(np.zeros((1, len(collection.columns))), columns=collection.columns)
    return np.zeros((1, *collection.shape[1:]), collection.dtype if collection.dtype.kind in "biuf" else np.float32)


def _aligned(collections):
    """Arrays whose blocks hold whole rows, the same ones in all."""
    if any(not _is_dask(each) for each in collections):
        names = ", ".join(type(each).__name__ for each in collections)
        raise TypeError(f"Either all inputs are arrays of Dask, or none is. Got {names}.")
    if len(collections) == 1 and is_table(collections[0]):
        return collections
    if any(is_table(each) for each in collections):
        raise TypeError("Several inputs are arrays of Dask. Got a table among them; use table.to_dask_array().")
    if any(each.ndim == 0 for each in collections):
        raise ValueError("X must have its rows on the first axis. Got a Dask array without axes.")
    rows = collections[0].chunks[0]
    if any(len(each) != len(collections[0]) for each in collections if not np.isnan(rows).any()):
        lengths = ", ".join(str(len(each)) for each in collections)
        raise ValueError(f"All inputs need the same number of rows. Got {lengths}.")
    return [_with_chunks(each, rows) for each in collections]


def _with_chunks(array, rows):
    chunks = dict.fromkeys(range(1, array.ndim), -1)
    if array.chunks[0] != rows and not np.isnan(rows).any():
        chunks[0] = rows
    return array.rechunk(chunks) if chunks else array


def _length(block):
    several = list(block.values()) if isinstance(block, dict) else block if isinstance(block, list) else [block]
    return len(several[0])


def _rows_at(block, positions):
    if isinstance(block, dict):
        return {name: each[positions] for name, each in block.items()}
    if isinstance(block, list):
        return [each[positions] for each in block]
    return block.iloc[positions] if hasattr(block, "iloc") else block[positions]


def _concatenated(parts):
    if hasattr(parts[0], "columns"):
        import pandas as pd

        return pd.concat(parts)
    return np.concatenate(parts)


def carried_once(carried):
    """A lazy object for the graph, which travels once to each worker, and is sent again where one was lost."""
    import dask

    return dask.delayed(carried, name=f"carried-{carried.name}", traverse=False)


def mapped(function, rows, carried, of_rows, specs):
    """Apply a function of an explainer to each block of arrays.

    Parameters
    ----------
    function : callable
        Takes the explainer, a block, what belongs to its rows, and a function that names a row; returns one array for
        each spec.
    rows : LazyRows
        Arrays.
    carried : Carried
        The explainer.
    of_rows : array or None
        What belongs to the rows, such as a target for each: an array of Dask or of NumPy.
    specs : list of (tuple, dtype)
        Shape of a row, and dtype, of what is returned.

    Returns
    -------
    arrays : list of dask array
        One for each spec, with the chunks that the rows have.
    """
    import dask
    import dask.array as da

    carried, chunks = carried_once(carried), rows.chunks
    belonging = _pieces_of(of_rows, rows)
    starts = _starts(chunks)
    apply = dask.delayed(partial(_applied, function, specs), pure=False)
    token = uuid4().hex
    results = [
        apply(carried, block, piece, start, dask_key_name=f"contributions-{token}-{number}")
        for number, (block, piece, start) in enumerate(zip(rows.blocks(), belonging, starts, strict=True))
    ]
    arrays = []
    for position, (shape, dtype) in enumerate(specs):
        name = f"contributions-{token}-of-{position}"
        graph = {
            (name, number, *[0] * len(shape)): (_item, result.key, position) for number, result in enumerate(results)
        }
        graph = dask.highlevelgraph.HighLevelGraph.from_collections(name, graph, dependencies=results)
        meta = np.empty((0,) * (1 + len(shape)), dtype)
        arrays.append(da.Array(graph, name, (chunks, *((size,) for size in shape)), meta=meta))
    return arrays


def mapped_table(function, X, carried, of_rows, meta):
    """Apply a function of an explainer to each partition of a table; as `mapped`, with a table as ``meta``."""
    apply = partial(_applied_to_table, function, meta)
    return X.map_partitions(apply, carried_once(carried), of_rows, meta=meta, align_dataframes=False)


def _pieces_of(of_rows, rows):
    """What belongs to each block's rows."""
    number = len(rows.chunks)
    if of_rows is None:
        return [None] * number
    if _is_dask(of_rows):
        lazily = _with_chunks(of_rows, rows.chunks)
        return list(np.ravel(lazily.to_delayed()))
    lengths = rows.lengths()
    stops = np.cumsum(lengths)
    return [of_rows[stop - length : stop] for stop, length in zip(stops, lengths, strict=True)]


def _starts(chunks):
    """The position of each block's first row, or the block's number where that is not known."""
    if np.isnan(chunks).any():
        return [("chunk", number) for number in range(len(chunks))]
    return [("row", int(stop - length)) for stop, length in zip(np.cumsum(chunks), chunks, strict=True)]


def _name_of_row(start, row):
    kind, number = start
    return f"row {number + row}" if kind == "row" else f"row {row} of chunk {number}"


def _applied(function, specs, carried, block, of_rows, start):
    if _length(block) == 0:
        return [np.empty((0, *shape), dtype) for shape, dtype in specs]
    with _warnings_to_client():
        return function(carried.value, block, of_rows, partial(_name_of_row, start))


def _applied_to_table(function, meta, block, carried, of_rows):
    import pandas as pd

    if len(block) == 0:
        return meta.iloc[:0]
    index = block.index

    def name(row):
        """By its label, since nobody knows how many rows there are before."""
        return f"row {index[row]!r}"

    with _warnings_to_client():
        [array] = function(carried.value, block, of_rows, name)
    return pd.DataFrame(array, index=index, columns=meta.columns)


def _item(arrays, position):
    return arrays[position]


@contextmanager
def _warnings_to_client():
    """Hand warnings on to whoever waits for the result, from a process that nobody looks at."""
    if not _is_worker_process():
        yield
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        yield
    from distributed import warn

    for each in caught:
        if not issubclass(each.category, (DeprecationWarning, PendingDeprecationWarning)):
            warn(str(each.message), each.category)


def _is_worker_process():
    """Whether this is a worker in another process than the client."""
    if "distributed" not in sys.modules:
        return False
    from distributed import default_client, get_worker

    try:
        get_worker()
    except ValueError:
        return False
    try:
        default_client()
    except ValueError:
        return True
    return False


def reduced(partials, merge):
    """Merge partial results on the cluster, some at once, and return the last.

    Parameters
    ----------
    partials : list of Delayed
        One for each block.
    merge : callable
        Takes a list of them, and returns one of the same kind.

    Returns
    -------
    result : object
        In memory.
    """
    import dask

    merge = dask.delayed(merge)
    while len(partials) > 1:
        partials = [
            merge(partials[start : start + MERGED_AT_ONCE]) for start in range(0, len(partials), MERGED_AT_ONCE)
        ]
    return dask.compute(partials[0])[0]
