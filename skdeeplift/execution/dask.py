"""What is computed of each block of Dask's arrays and tables, and on its clusters."""

import sys
import warnings
from contextlib import contextmanager
from functools import partial, wraps
from numbers import Real
from uuid import uuid4

import numpy as np
from sklearn import get_config

from skdeeplift.rows.dask_rows import is_lazy, is_of_dask, is_table, length_of, with_chunks

# How many partial results are merged at once, on the cluster.
MERGED_AT_ONCE = 16


def lazily(method):
    """Let `transform` or `fit_transform` take what is lazy, and return it so."""

    @wraps(method)
    def transforms(self, X, *args, **options):
        if not is_lazy(X):
            return method(self, X, *args, **options)
        if method.__name__ == "fit_transform":
            return self.fit(X, *args, **options).transform(X)
        return self._transform_lazily(X, *args, **options)

    return transforms


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


def mapped_in_form(estimator, function, rows, carried, of_rows, spec, names):
    """Apply a function to each block of one array or table, and return what `set_output` asks for, or the same kind.

    Parameters
    ----------
    estimator : transformer
        Whose output it is.
    function, rows, carried, of_rows : object
        As `mapped` takes them.
    spec : tuple, dtype
        Shape of a row, and dtype, of what is returned.
    names : list of str or None
        Names of its columns, if it is a table.

    Returns
    -------
    output : dask array or dask DataFrame
    """
    form, (shape, dtype) = output_form(estimator), spec
    if form == "pandas" and names is None:
        # Says what is wrong.
        estimator.get_feature_names_out()
    if is_table(rows.X) and names is not None:
        import pandas as pd
        from dask.dataframe.utils import make_meta

        meta = pd.DataFrame(np.empty((0, *shape), dtype), index=make_meta(rows.X).index[:0], columns=names)
        return mapped_table(function, rows.X, carried, _of_partitions(of_rows), meta)
    [array] = mapped(function, rows, carried, of_rows, [spec])
    if form == "default":
        return array
    import dask.dataframe

    return dask.dataframe.from_dask_array(array, columns=names)


def output_form(estimator):
    """What `set_output` asks for."""
    # Not public, but what scikit-learn wraps by.
    form = getattr(estimator, "_sklearn_output_config", {}).get("transform", get_config()["transform_output"])
    if form not in ("default", "pandas"):
        raise ValueError(f"What is lazy comes as arrays of Dask or its tables of pandas. Got set_output {form!r}.")
    return form


def _of_partitions(of_rows):
    """What belongs to rows of a table, in partitions too."""
    if of_rows is None or (is_lazy(of_rows) and hasattr(of_rows, "npartitions") and hasattr(of_rows, "to_dask_array")):
        return of_rows
    raise ValueError(
        "target= for each row of a Dask DataFrame is a Dask Series of the same partitions. Got "
        f"{type(of_rows).__name__}."
    )


def _pieces_of(of_rows, rows):
    """What belongs to each block's rows."""
    if of_rows is None:
        return [None] * len(rows.chunks)
    if is_of_dask(of_rows):
        check_length(of_rows, sum(rows.chunks))
        lazily = with_chunks(of_rows, rows.chunks)
        return list(np.ravel(lazily.to_delayed()))
    lengths = rows.lengths()
    check_length(of_rows, sum(lengths))
    stops = np.cumsum(lengths)
    return [of_rows[stop - length : stop] for stop, length in zip(stops, lengths, strict=True)]


def check_length(target, n_rows):
    """Refuse targets of rows that are not as many, where both numbers are known.

    Parameters
    ----------
    target : array-like
        In memory, or of Dask.
    n_rows : int or nan
        How many rows there are.

    Raises
    ------
    ValueError
        If they are more or fewer.
    """
    number = target.shape[0] if is_of_dask(target) else len(target)
    # Of a Series nobody knows before it is computed.
    are_known = all(isinstance(each, Real) and not np.isnan(each) for each in (number, n_rows))
    if are_known and number != n_rows:
        raise ValueError(
            f"One target per row is an integer array of shape ({n_rows},), with one entry for each row of X. Got "
            f"{number}."
        )


def _starts(chunks):
    """The position of each block's first row, or the block's number where that is not known."""
    if np.isnan(chunks).any():
        return [("chunk", number) for number in range(len(chunks))]
    return [("row", int(stop - length)) for stop, length in zip(np.cumsum(chunks), chunks, strict=True)]


def _name_of_row(start, row):
    kind, number = start
    return f"row {number + row}" if kind == "row" else f"row {row} of chunk {number}"


def _applied(function, specs, carried, block, of_rows, start):
    if length_of(block) == 0:
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


def computed_on_cluster(client, function, shared, arguments):
    """Call a function for each part of a call on a cluster, whatever becomes of single workers.

    Parameters
    ----------
    client : distributed.Client
        Whose cluster it is.
    function : callable
        Takes the arguments of a part, and what is shared.
    shared : list of Carried
        What all parts need; it travels once to each worker.
    arguments : iterable of tuple
        Those of each part, which travel with it.

    Yields
    ------
    result : object
        One for each part, in order.
    """
    import dask

    shared = [carried_once(value) for value in shared]
    tasks = [dask.delayed(partial(function, of_part), pure=False)(shared) for of_part in arguments]
    # The rows are in the graph on purpose: what is lost is sent again.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PiB"}):
        futures = client.compute(tasks)
    for future in futures:
        yield future.result()


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
