"""Targets that differ between rows: one index, tuple of indices, label or set of weights for each row."""

import math
from numbers import Number

import numpy as np

from skdeeplift.dtypes import kind_of


def holds_weights(target, labels=None):
    """Test whether a target is an array of weights: floats that are not labels of classes.

    Parameters
    ----------
    target : object
        The user's choice; an array may be one of Dask.
    labels : ndarray or None, default=None
        Labels of the classes. A one-dimensional array of floats holds labels if the labels are floats too.

    Returns
    -------
    holds_weights : bool
    """
    form = _form_of_array(target)
    return form is not None and form[1] == "f" and not (form[0] == 1 and _are_floats(labels))


def has_entry_per_row(target, labels, shape):
    """Test whether a target has one entry for each row: an index, a tuple of indices, a label, or weights.

    All code that splits rows calls this function, so that arrays, batches and Dask arrays are treated alike.

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
        If a list of integers could be one index for each row or one weight for each output.
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
    """Align a Series or DataFrame of one target for each row with the rows, and return it as an array.

    Parameters
    ----------
    target : object
        Targets of the rows. Objects without an index are returned unchanged.
    X : object
        The user's rows. If the rows have no index, targets are aligned by position.

    Returns
    -------
    target : object

    Raises
    ------
    ValueError
        If the index of the targets and the index of the rows have different labels.
    """
    if not _has_index(target):
        return target
    inputs = X.values() if isinstance(X, dict) else X if isinstance(X, (list, tuple)) else [X]
    index = next((each.index for each in inputs if _has_index(each)), None)
    if index is None or len(index) != len(target) or target.index.equals(index):
        return target.to_numpy()
    if not (index.is_unique and target.index.is_unique and index.isin(target.index).all()):
        raise ValueError(
            "target= as a Series or DataFrame is matched to X by index, and the labels of the two indexes differ. Pass "
            "target.to_numpy() for targets in the order of the rows."
        )
    return target.loc[index].to_numpy()


def _has_index(table):
    return hasattr(table, "iloc") and not hasattr(table, "__dask_graph__")


def _form_of_array(target):
    """Return the number of axes and the kind of the dtype of an array, or None if the target is no array."""
    if target is None or isinstance(target, (str, tuple, dict, Number)) or callable(target):
        return None
    if hasattr(target, "dtypes") and hasattr(target, "__dask_graph__"):
        # The dtypes of a Dask table or column are known without computing it.
        kinds = {getattr(dtype, "kind", "O") for dtype in np.ravel(np.array(target.dtypes, dtype=object))}
        return target.ndim, kinds.pop() if len(kinds) == 1 else "f" if kinds <= set("iuf") else "O"
    try:
        array = target if hasattr(getattr(target, "dtype", None), "kind") else np.asarray(target)
    except ValueError:
        # A ragged list; `check_target` raises the error.
        return None
    return (array.ndim, kind_of(array.dtype)) if array.ndim else None


def _are_floats(labels):
    return isinstance(labels, np.ndarray) and kind_of(labels.dtype) == "f"


def _shape_of_choices(shape, labels):
    """Return the shape that targets index. Two class labels mean the negative of a single logit, and the logit."""
    return (2,) if labels is not None and len(labels) == 2 and math.prod(shape) == 1 else shape
