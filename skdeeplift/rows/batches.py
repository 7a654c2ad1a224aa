"""Rows that are not all in memory: memory maps and their like, data sets, generators of batches."""

import math
import sys

import numpy as np
import pandas as pd
import tensorflow as tf

from skdeeplift.execution.memory import memory_limit
from skdeeplift.network.inputs import check_dense, check_lengths

# About as many numbers are explained at once, in blocks of rows; few enough to stay small beside a network.
NUMBERS_OF_BLOCK = 2**21
_NO_BATCHES = (
    "X gave no batches of rows. A generator, or an iterator, gives its batches only once: make it anew for each call, "
    "or pass a tf.data.Dataset."
)


def gives_batches(X):
    """Tell whether rows come in batches: a ``tf.data.Dataset``, a Keras ``PyDataset``, a generator or iterator."""
    if isinstance(X, (str, bytes, dict, list, tuple)) or hasattr(X, "shape") or hasattr(X, "__array__"):
        return False
    # Tables of other packages can be iterated too, over columns.
    is_table = hasattr(X, "__dataframe__") or hasattr(X, "columns")
    return not is_table and (hasattr(X, "__iter__") or hasattr(X, "num_batches"))


def is_on_disk(X):
    """Tell whether rows, or those of one of several inputs, are read when they are sliced, as a memory map's are."""
    if isinstance(X, dict):
        return any(map(is_on_disk, X.values()))
    if isinstance(X, (list, tuple)):
        return any(hasattr(each, "shape") and is_on_disk(each) for each in X)
    if isinstance(X, np.ndarray):
        return isinstance(X, np.memmap)
    has_slices = all(hasattr(X, name) for name in ("shape", "dtype", "__getitem__"))
    # Tensors are in memory, and give themselves as NumPy arrays at once.
    return has_slices and not hasattr(X, "numpy") and not hasattr(X, "iloc")


def read_batches(X):
    """Yield the rows of each batch, without their targets and weights.

    Parameters
    ----------
    X : iterable or PyDataset
        What gives batches of ``x``, ``(x, y)`` or ``(x, y, sample_weight)``, as Keras's ``fit`` takes them.

    Yields
    ------
    batch : tuple of (x, y, sample_weight)
        The latter two are None where there are none.

    Raises
    ------
    ValueError
        If there is no end to them.
    """
    import keras

    endless = "X gives batches without end. Pass a part of it, as with dataset.take(100)."
    if isinstance(X, keras.utils.PyDataset):
        if X.num_batches is None:
            raise ValueError(endless)
        batches = (X[position] for position in range(X.num_batches))
    else:
        # That of tf.data is a method, and -1 where there is no end.
        if callable(getattr(X, "cardinality", None)) and int(X.cardinality()) == -1:
            raise ValueError(endless)
        batches = iter(X)
    for batch in batches:
        if isinstance(batch, (list, tuple)) and not 1 <= len(batch) <= 3:
            raise ValueError(
                "X gives batches of x, (x, y) or (x, y, sample_weight), of which x is an array, a table or a dict of "
                f"arrays. Got a {type(batch).__name__} of {len(batch)}. Make an array of a list of rows, as with "
                "np.asarray(batch)."
            )
        yield keras.utils.unpack_x_y_sample_weight(batch)


def rows_for_fit(X, y, sample_weight):
    """Read all that is learned from, where it is not an array in memory.

    Parameters
    ----------
    X : array-like, or source of batches
        What the user gave.
    y, sample_weight : array-like or None
        What belongs to an array; batches have their own.

    Returns
    -------
    X, y, sample_weight : array-like
        All rows, and what belongs to them.

    Raises
    ------
    ValueError
        If they are more than may be in memory.
    """
    limit = memory_limit()
    if not gives_batches(X):
        for array in X.values() if isinstance(X, dict) else X if isinstance(X, (list, tuple)) else [X]:
            # NumPy reads what it needs of a memory map.
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
        if any(each is not None and np.ndim(each) == 0 for each in (targets, weights)):
            raise ValueError("y and sample_weight of a batch have one entry for each of its rows. Got a single number.")
        batches.append((rows, targets, weights))
    if not batches:
        raise ValueError(_NO_BATCHES)
    missing = [[each is None for each in of_all] for of_all in zip(*batches, strict=True)]
    if any(any(each) and not all(each) for each in missing):
        raise ValueError("X gives some batches with y or sample_weight, and some without.")
    return tuple(None if of_all[0] is None else join(list(of_all)) for of_all in zip(*batches, strict=True))


def _check_size(size, limit):
    if size > limit:
        raise ValueError(
            f"X holds more than the {limit} bytes that fit may read into memory, half of what is free or what "
            "config_context(memory_limit=...) says. Pass fewer rows, such as dataset.take(100) or X[:10_000]: a sample "
            "is enough to learn a reference from. All rows can then be explained."
        )


def blocks_of_batches(X, network, owner, size_of=None):
    """Yield blocks of about the same number of rows, in the structure of the batches that they come in.

    What came before an error is still given, and then the error raised.

    Parameters
    ----------
    X : iterable or PyDataset
        What gives batches.
    network : Network
        What takes the rows.
    owner : str
        Who takes them, for errors.
    size_of : callable, default=None
        Takes the number of elements of a row of all inputs, and returns how many rows make a block.

    Yields
    ------
    start, stop : int
        Which rows these are.
    rows : array, or list or dict of arrays
        The rows.
    """
    start, number, pending, size_of = 0, 0, [], size_of or rows_of_block

    def joined():
        """Put pending batches together to a block, and forget them."""
        nonlocal start, number
        block = start, start + number, join(pending)
        start, number = start + number, 0
        pending.clear()
        return block

    try:
        for rows, _, _ in read_batches(X):
            size = _check_batch(rows, network, owner)
            if pending:
                for of_first, of_batch in zip(network.flatten(pending[0]), network.flatten(rows), strict=True):
                    _check_alike(of_first, of_batch)
            pending.append(rows)
            number += size
            if number >= size_of(elements_of_row(rows, network)):
                yield joined()
    except Exception:
        if number:
            yield joined()
        raise
    if number:
        yield joined()
    if start == 0:
        raise ValueError(_NO_BATCHES)


def blocks_of_array(X, network, size_of=None):
    """Yield blocks of an array, or of a list or dict of arrays, as `blocks_of_batches` does of batches."""
    n_rows = count_rows(X, network)
    size = (size_of or rows_of_block)(elements_of_row(X, network))
    # One even if there are no rows, for whoever refuses these.
    for start in range(0, max(n_rows, 1), size):
        stop = min(start + size, n_rows)
        yield start, stop, cut(X, start, stop, network)


def count_rows(X, network):
    """How many rows there are, which must be as many of each input."""
    numbers = [int(each.shape[0]) if hasattr(each, "shape") else len(each) for each in network.flatten(X)]
    check_lengths(numbers)
    return numbers[0]


def elements_of_row(X, network):
    """How many numbers a row of all inputs has."""
    shapes = [array.shape if hasattr(array, "shape") else np.shape(array[0:1]) for array in network.flatten(X)]
    return sum(math.prod(int(size) for size in shape[1:]) for shape in shapes)


def rows_of_block(elements):
    """How many rows of some elements make about the same block, whatever the batches: a power of two."""
    return 1 << (max(NUMBERS_OF_BLOCK // max(elements, 1), 1).bit_length() - 1)


def cut(X, start, stop, network):
    """Take some rows, of each input; only these are read."""
    if isinstance(X, dict):
        return {name: cut_array(array, start, stop) for name, array in X.items()}
    if isinstance(X, (list, tuple)) and not network.is_single:
        return [cut_array(array, start, stop) for array in X]
    return cut_array(X, start, stop)


def cut_array(X, start, stop):
    """Take some rows of one array or table."""
    return X.iloc[start:stop] if hasattr(X, "iloc") else X[start:stop]


def join(batches):
    """Put rows of batches below each other, in their structure."""
    first = batches[0]
    if isinstance(first, dict):
        return {name: join([batch[name] for batch in batches]) for name in first}
    if isinstance(first, (list, tuple)):
        return [join(list(of_input)) for of_input in zip(*batches, strict=True)]
    if len(batches) == 1 and not hasattr(first, "numpy"):
        return first
    # Each package puts its own tables together, with the names of their columns.
    package = sys.modules[type(first).__module__.partition(".")[0]]
    if hasattr(first, "columns") and not hasattr(package, "concat"):
        raise TypeError(
            f"Batches are put together as arrays, or as tables of pandas or polars. Got {type(first).__name__} of "
            f"{package.__name__}. Convert them, as with batch.to_pandas()."
        )
    for batch in batches:
        _check_alike(first, batch)
    if hasattr(first, "columns"):
        return package.concat(batches)
    return np.concatenate(list(map(np.asarray, batches)))


def _check_alike(first, batch):
    """Refuse rows that can not be put below those of the first batch, or only where columns were moved for it."""
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


def _check_batch(rows, network, owner):
    """Return how many rows a batch has, which must have an axis of them."""
    check_dense(rows)
    sizes = set()
    for array, spec in zip(network.flatten(rows), network.flat_specs, strict=True):
        shape = np.shape(array)
        if isinstance(array, (str, bytes)) or (array is None) or not (shape or len(spec.shape) == 1):
            raise ValueError(
                f"X gives batches of rows, as arrays or tables. Got one that is of type {type(array).__name__}."
            )
        if len(shape) == len(spec.shape) - 1:
            raise ValueError(
                f"A batch of X has shape {shape}, but the network bound to {owner} takes {len(spec.shape)} axes, of "
                "which the first is that of the rows. Make batches, as with dataset.batch(256)."
            )
        sizes.add(shape[0] if shape else 0)
    if len(sizes) > 1:
        raise ValueError(f"All inputs need the same number of rows. A batch of X has {sorted(sizes)}.")
    return sizes.pop()
