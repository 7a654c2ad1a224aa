"""Application of functions to each block of Dask arrays and tables."""

import sys
import warnings
from contextlib import contextmanager
from functools import partial, wraps
from numbers import Real
from uuid import uuid4

import numpy as np

from skdeeplift.compat import get_output_container
from skdeeplift.execution.workers import ship_once
from skdeeplift.rows.dask_rows import is_lazy, is_of_dask, is_table, length_of, with_chunks


def dispatch_dask(method, lazy_method):
    """Make a method that passes Dask rows to another function, and all other rows to the original method.

    It wraps scikit-learn's wrapper for ``set_output``, because this wrapper would compute lazy rows.

    Parameters
    ----------
    method : callable
        Method of an estimator, with scikit-learn's wrapper.
    lazy_method : callable
        Function of the estimator and the same arguments.

    Returns
    -------
    method : callable
    """

    @wraps(method)
    def dispatched(self, X, *args, **options):
        if isinstance(X, np.ndarray) or not is_lazy(X):
            return method(self, X, *args, **options)
        return lazy_method(self, X, *args, **options)

    return dispatched


def fit_and_transform(estimator, X, *args, **options):
    """Fit an estimator to Dask rows, and transform the rows."""
    return estimator.fit(X, *args, **options).transform(X)


def map_blocks(function, rows, copied, of_rows, specs):
    """Apply a function of an estimator to each block of arrays.

    Parameters
    ----------
    function : callable
        Function that takes the estimator, a block, the entries of its rows, and a function that names a row. It returns
        one array for each spec.
    rows : LazyRows
        Dask arrays of the rows.
    copied : WorkerCopy
        The estimator.
    of_rows : array or None
        One entry for each row, such as its target, in a Dask or NumPy array.
    specs : list of (tuple, dtype)
        Shape of a row and dtype of each result.

    Returns
    -------
    arrays : list of dask array
        One array for each spec, with the chunks of the rows.
    """
    import dask
    import dask.array as da

    copied, chunks = ship_once(copied), rows.chunks
    entries = _entries_of_blocks(of_rows, rows)
    starts = _starts(chunks)
    apply = dask.delayed(partial(_apply, function, specs), pure=False)
    token = uuid4().hex
    results = [
        apply(copied, block, piece, start, dask_key_name=f"contributions-{token}-{number}")
        for number, (block, piece, start) in enumerate(zip(rows.blocks(), entries, starts, strict=True))
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


def map_in_form(estimator, function, rows, copied, of_rows, specs, names):
    """Apply a function to each block of arrays or a table, and return the containers that `set_output` sets.

    Parameters
    ----------
    estimator : transformer
        Estimator with the setting of ``set_output``.
    function, rows, copied, of_rows, specs : object
        Arguments of `map_blocks`.
    names : list of str or None
        Names of the columns of the result, if the result is a single table.

    Returns
    -------
    outputs : list of dask array or dask DataFrame
        One for each spec.
    """
    form = get_output_container(estimator)
    if form not in ("default", "pandas"):
        raise ValueError(
            f"Lazy contributions are arrays or DataFrames of Dask. Got set_output {form!r}; pass 'default' or 'pandas'."
        )
    if form == "pandas" and names is None:
        # Called for its error, which says why columns have no names.
        estimator.get_feature_names_out()
    if is_table(rows.X) and names is not None:
        import pandas as pd
        from dask.dataframe.utils import make_meta

        _check_partitions(of_rows, rows.X)
        [(shape, dtype)] = specs
        meta = pd.DataFrame(np.empty((0, *shape), dtype), index=make_meta(rows.X).index[:0], columns=names)
        apply = partial(_apply_to_table, function, meta)
        return [rows.X.map_partitions(apply, ship_once(copied), of_rows, meta=meta, align_dataframes=False)]
    arrays = map_blocks(function, rows, copied, of_rows, specs)
    if form == "default":
        return arrays
    import dask.dataframe

    return [dask.dataframe.from_dask_array(array, columns=names) for array in arrays]


def _entries_of_blocks(of_rows, rows):
    """Return the entries of each block's rows."""
    if of_rows is None:
        return [None] * len(rows.chunks)
    if is_of_dask(of_rows):
        check_length(of_rows, sum(rows.chunks))
        lazily = of_rows if hasattr(of_rows, "chunks") else of_rows.to_dask_array()
        has_lengths = not np.isnan(lazily.chunks[0]).any()
        if len(lazily.chunks[0]) != len(rows.chunks) or has_lengths == np.isnan(rows.chunks).any():
            # Rechunking needs known sizes of blocks.
            lazily = lazily.compute_chunk_sizes()
            check_length(lazily, sum(rows.lengths))
            lazily = with_chunks(lazily, tuple(rows.lengths))
        return list(np.ravel(with_chunks(lazily, rows.chunks).to_delayed()))
    stops = np.cumsum(rows.lengths)
    check_length(of_rows, stops[-1])
    return [of_rows[stop - length : stop] for stop, length in zip(stops, rows.lengths, strict=True)]


def _check_partitions(of_rows, table):
    """Raise an error if the partitions of entries and of a Dask table are known to differ."""
    if of_rows is None:
        return
    got = f"{type(of_rows).__name__}"
    if is_of_dask(of_rows) and hasattr(of_rows, "to_dask_array"):
        are_known = of_rows.known_divisions and table.known_divisions
        if of_rows.npartitions == table.npartitions and (not are_known or of_rows.divisions == table.divisions):
            return
        got = f"{of_rows.npartitions} partitions with the divisions {of_rows.divisions}, and not {table.divisions}"
    raise ValueError(
        f"target= for each row of a Dask DataFrame is a Dask Series of the same partitions. Got {got}. Call "
        "target.repartition(divisions=X.divisions), or make it a column of the table before the table is cut."
    )


def check_length(target, n_rows):
    """Raise an error if the numbers of targets and rows are known and differ.

    Parameters
    ----------
    target : array-like
        Targets in memory, or a Dask collection of targets.
    n_rows : int or nan
        Number of rows.

    Raises
    ------
    ValueError
        If the numbers differ.
    """
    number = target.shape[0] if is_of_dask(target) else len(target)
    # The length of a Dask Series is unknown before the Series is computed.
    are_known = all(isinstance(each, Real) and not np.isnan(each) for each in (number, n_rows))
    if are_known and number != n_rows:
        raise ValueError(
            f"One target per row is an integer array of shape ({n_rows},), with one entry for each row of X. Got "
            f"{number}."
        )


def _starts(chunks):
    """Return the position of each block's first row, or the block's number if this position is unknown."""
    if np.isnan(chunks).any():
        return [("chunk", number) for number in range(len(chunks))]
    return [("row", int(stop - length)) for stop, length in zip(np.cumsum(chunks), chunks, strict=True)]


def _name_of_row(start, row):
    kind, number = start
    return f"row {number + row}" if kind == "row" else f"row {row} of chunk {number}"


def _apply(function, specs, copied, block, of_rows, start):
    if length_of(block) == 0:
        return [np.empty((0, *shape), dtype) for shape, dtype in specs]
    with _warnings_to_client():
        return function(copied.value, block, of_rows, partial(_name_of_row, start))


def _apply_to_table(function, meta, block, copied, of_rows):
    import pandas as pd

    if len(block) == 0:
        return meta.iloc[:0]
    index = block.index

    def name(row):
        """Name a row by its label, because its position is unknown."""
        return f"row {index[row]!r}"

    with _warnings_to_client():
        [array] = function(copied.value, block, of_rows, name)
    return pd.DataFrame(array, index=index, columns=meta.columns)


def _item(arrays, position):
    return arrays[position]


@contextmanager
def _warnings_to_client():
    """Forward the warnings of a worker process to the client."""
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
    """Test whether this process is a worker and not the client."""
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
