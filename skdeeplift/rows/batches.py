"""Batches of rows from data sets, generators and iterators: reading and joining."""

import sys
from copy import deepcopy

import numpy as np
import pandas as pd
import tensorflow as tf

from skdeeplift.execution.memory import memory_limit
from skdeeplift.network.bind import check_unmasked
from skdeeplift.rows.dask_rows import as_list


def is_on_disk(X):
    """Test whether the rows of any input are read only when sliced, as from a memory map."""
    if isinstance(X, np.ndarray):
        return isinstance(X, np.memmap)
    if isinstance(X, dict):
        return any(map(is_on_disk, X.values()))
    if isinstance(X, (list, tuple)):
        return any(hasattr(each, "shape") and is_on_disk(each) for each in X)
    has_slices = all(hasattr(X, name) for name in ("shape", "dtype", "__getitem__"))
    # Exclude tensors (`numpy`) and pandas tables (`iloc`), because they are in memory already.
    return has_slices and not hasattr(X, "numpy") and not hasattr(X, "iloc")


def join(batches):
    """Concatenate the rows of batches, in the structure of one batch."""
    first = batches[0]
    if isinstance(first, dict):
        return {name: join([batch[name] for batch in batches]) for name in first}
    if isinstance(first, (list, tuple)):
        return [join(list(of_input)) for of_input in zip(*batches, strict=True)]
    if len(batches) == 1 and not hasattr(first, "numpy"):
        return first
    # Let the tables' own package concatenate them, to keep the names of the columns.
    package = sys.modules[type(first).__module__.partition(".")[0]]
    if hasattr(first, "columns") and not hasattr(package, "concat"):
        raise TypeError(
            f"Batches must be arrays, or tables of pandas or polars. Got {type(first).__name__} of {package.__name__}. "
            "Convert them, as with batch.to_pandas()."
        )
    for batch in batches:
        check_unmasked(batch, "X")
        check_alike(first, batch)
    if hasattr(first, "columns"):
        return package.concat(batches)
    return np.concatenate(list(map(np.asarray, batches)))


def check_alike(first, batch):
    """Raise an error if a batch cannot be appended to the first batch, or only with its columns reordered."""
    kinds = [type(each) if hasattr(each, "columns") or isinstance(each, pd.Series) else None for each in (first, batch)]
    if kinds[0] is not kinds[1]:
        raise ValueError(
            "All batches need rows of one kind, tables of one package or arrays. Got "
            f"{type(first).__name__} and {type(batch).__name__}."
        )
    columns = [list(getattr(each, "columns", [])) for each in (first, batch)]
    if columns[0] != columns[1]:
        raise ValueError(f"All batches need the same columns in the same order. Got {columns[0]} and {columns[1]}.")
    shapes = [np.shape(each)[1:] for each in (first, batch)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"All batches need rows of one shape. Got {shapes[0]} and {shapes[1]}.")


NO_BATCHES = (
    "X gave no batches of rows. A generator, or an iterator, gives its batches only once. Make a new generator for "
    "each call, or pass a tf.data.Dataset."
)


def gives_batches(X):
    """Test whether rows come in batches: a ``tf.data.Dataset``, a Keras ``PyDataset``, a generator or iterator."""
    if isinstance(X, (str, bytes, dict, list, tuple)) or hasattr(X, "shape") or hasattr(X, "__array__"):
        return False
    # Tables of other packages are iterable too, but over columns.
    is_table = hasattr(X, "__dataframe__") or hasattr(X, "columns")
    return not is_table and (hasattr(X, "__iter__") or hasattr(X, "num_batches"))


def read_batches(X):
    """Yield the rows of each batch, with their labels and weights.

    Each batch is a copy, because a source may reuse one buffer for all its batches, while earlier batches are still
    needed.

    Parameters
    ----------
    X : iterable or PyDataset
        Source of batches ``x``, ``(x, y)`` or ``(x, y, sample_weight)``, as in Keras's ``fit``.

    Yields
    ------
    batch : tuple of (x, y, sample_weight)
        Rows, labels and weights. Missing labels or weights are None.

    Raises
    ------
    ValueError
        If the source has no end, or a batch is none of the forms above.
    """
    import keras

    endless = "X gives batches without end. Pass a part of it, as with dataset.take(100)."
    if isinstance(X, keras.utils.PyDataset):
        if X.num_batches is None:
            raise ValueError(endless)
        batches = (X[position] for position in range(X.num_batches))
    else:
        # The method `cardinality` of a tf.data.Dataset returns -1 for a data set without an end.
        if callable(getattr(X, "cardinality", None)) and int(X.cardinality()) == -1:
            raise ValueError(endless)
        batches = iter(X)
    for batch in batches:
        if isinstance(batch, (list, tuple)) and not 1 <= len(batch) <= 3:
            raise ValueError(
                "X gives batches of x, (x, y) or (x, y, sample_weight), and x is an array, a table or a dict of "
                f"arrays. Got a {type(batch).__name__} of {len(batch)}. Convert a list of rows to an array, as with "
                "np.asarray(batch)."
            )
        yield keras.utils.unpack_x_y_sample_weight(deepcopy(batch))


def rows_for_fit(X, y, sample_weight, is_trained=True):
    """Read all batches of the rows that `fit` learns from; return arrays unchanged.

    Parameters
    ----------
    X : array-like, or source of batches
        The user's rows.
    y, sample_weight : array-like or None
        Labels and weights of an array's rows. Batches hold their own labels and weights.
    is_trained : bool, default=True
        Whether a network is trained on the rows. A bound network that is not trained needs no labels, so labels may
        have any structure.

    Returns
    -------
    X, y, sample_weight : array-like
        All rows, with their labels and weights.

    Raises
    ------
    ValueError
        If the rows are larger than the memory that `fit` may use.
    """
    y = y if is_trained else None
    if isinstance(X, np.ndarray):
        return X, y, sample_weight
    limit = memory_limit()
    if not gives_batches(X):
        for array in as_list(X):
            # Skip NumPy's memory maps, because only the needed pages are read.
            if not isinstance(array, np.ndarray) and hasattr(array, "shape") and is_on_disk(array):
                _check_size(int(np.prod(array.shape)) * np.dtype(array.dtype).itemsize, limit)
        return X, y, sample_weight
    if y is not None or sample_weight is not None:
        raise ValueError(
            "Batches bring their own y and sample_weight, as tuples (x, y, sample_weight). Pass y=None and "
            "sample_weight=None."
        )
    size, batches = 0, []
    for rows, targets, weights in read_batches(X):
        size += sum(np.asarray(each).nbytes for each in tf.nest.flatten(rows))
        _check_size(size, limit)
        targets = targets if is_trained else None
        for each in (targets, weights):
            if isinstance(each, dict) or (each is not None and np.ndim(each) == 0):
                got = "a single number"
                if isinstance(each, dict):
                    got = f"a dict with the keys {', '.join(map(repr, each))}; choose one, as with dataset.map"
                raise ValueError(f"y and sample_weight of a batch have one entry for each of its rows. Got {got}.")
        batches.append((rows, targets, weights))
    if not batches:
        raise ValueError(NO_BATCHES)
    missing = [[each is None for each in of_all] for of_all in zip(*batches, strict=True)]
    if any(any(each) and not all(each) for each in missing):
        raise ValueError("X gives some batches with y or sample_weight, and some without.")
    return tuple(None if of_all[0] is None else join(list(of_all)) for of_all in zip(*batches, strict=True))


def _check_size(size, limit):
    if size > limit:
        raise ValueError(
            f"X holds more than the {limit} bytes that fit may read into memory, half of free memory or the limit of "
            "config_context(memory_limit=...). Pass fewer rows, such as dataset.take(100) or X[:10_000]: a sample is "
            "enough to learn a reference from. All rows can then be explained."
        )
