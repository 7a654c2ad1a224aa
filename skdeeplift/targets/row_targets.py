"""Targets of single rows: arrays with one index, tuple of indices, label or set of weights for each row."""

import math
from numbers import Number

import numpy as np

from skdeeplift.dtypes import kind_of


def holds_weights(target, labels=None):
    """Return whether a target is an array of weights: floats, unless they are labels of classes.

    Parameters
    ----------
    target : object
        The user's choice; an array may be one of Dask.
    labels : ndarray or None, default=None
        Labels of the classes. One-dimensional floats are labels if the labels are floats too.

    Returns
    -------
    holds_weights : bool
    """
    form = _form_of_array(target)
    return form is not None and form[1] == "f" and not (form[0] == 1 and _are_floats(labels))


def has_entry_per_row(target, labels, shape):
    """Return whether a target has one entry for each row: an index, a tuple of indices, a label, or weights.

    Every place that splits rows asks this function, so that arrays, batches and Dask arrays agree.

    Parameters
    ----------
    target : object
        The user's choice; an array may be one of Dask.
    labels : ndarray or None
        Labels of the classes. An array of floats holds weights of the outputs, unless the labels are floats too.
    shape : tuple of int
        Shape of the target tensor without the rows.

    Returns
    -------
    has_entry_per_row : bool

    Raises
    ------
    ValueError
        If a list of integers may be an index for each row as well as a weight for each output.
    """
    form = _form_of_array(target)
    if form is None:
        return False
    n_axes, kind = form
    if kind in "iu" and isinstance(target, list) and n_axes == 1 and shape == (len(target),) and len(target) > 1:
        raise ValueError(
            f"target={target!r} is a list of {len(target)} integers, and the network has as many outputs: it may be "
            "the index of an output for each row, or a weight for each output. Pass np.array(target) for indices, or "
            "np.array(target, float) for weights."
        )
    return not holds_weights(target, labels) or n_axes == len(_shape_of_choices(shape, labels)) + 1


def align_with_rows(target, X):
    """Return a Series or DataFrame of one target for each row as an array in the order of the rows.

    Parameters
    ----------
    target : object
        Targets of the rows. Objects without an index stay as they are.
    X : object
        The user's rows. Without an index, targets go by position.

    Returns
    -------
    target : object

    Raises
    ------
    ValueError
        If the index of the targets and that of the rows have different labels.
    """
    if not _has_index(target):
        return target
    inputs = X.values() if isinstance(X, dict) else X if isinstance(X, (list, tuple)) else [X]
    index = next((each.index for each in inputs if _has_index(each)), None)
    if index is None or len(index) != len(target) or target.index.equals(index):
        return target.to_numpy()
    if not (index.is_unique and target.index.is_unique and index.isin(target.index).all()):
        raise ValueError(
            "target= as a Series or DataFrame goes by its index, whose labels are not those of the index of X. Pass "
            "target.to_numpy() for targets in the order of the rows."
        )
    return target.loc[index].to_numpy()


def _has_index(table):
    return hasattr(table, "iloc") and not hasattr(table, "__dask_graph__")


def _form_of_array(target):
    """Return the number of axes and the kind of the dtype of an array, or None if a target is none."""
    if target is None or isinstance(target, (str, tuple, dict, Number)) or callable(target):
        return None
    if hasattr(target, "dtypes") and hasattr(target, "__dask_graph__"):
        # A table of Dask, or one of its columns, tells its dtypes without being computed.
        kinds = {getattr(dtype, "kind", "O") for dtype in np.ravel(np.array(target.dtypes, dtype=object))}
        return target.ndim, kinds.pop() if len(kinds) == 1 else "f" if kinds <= set("iuf") else "O"
    try:
        array = target if hasattr(getattr(target, "dtype", None), "kind") else np.asarray(target)
    except ValueError:
        # A ragged list, which `check_target` refuses.
        return None
    return (array.ndim, kind_of(array.dtype)) if array.ndim else None


def _are_floats(labels):
    return isinstance(labels, np.ndarray) and kind_of(labels.dtype) == "f"


def _shape_of_choices(shape, labels):
    """Return the shape that targets index: labels of two classes stand for a single logit and its negative."""
    return (2,) if labels is not None and len(labels) == 2 and math.prod(shape) == 1 else shape
