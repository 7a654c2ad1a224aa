"""Class labels, which a classifier has or the user gives, in the place of indices into the output."""

import numpy as np

NAMES = ("auto", "predicted", "all")


def as_indices(target, labels):
    """Read a target by labels as one by indices.

    Parameters
    ----------
    target : object
        A label, a dict of labels to weights, an array of one label for each row, or what has nothing to do with labels.
        Where labels are no integers, integers are indices.
    labels : ndarray of shape (n_classes,)
        In the order of the outputs.

    Returns
    -------
    target : object
        With an index for each label.

    Raises
    ------
    ValueError
        If there is no such label.
    """
    if isinstance(target, dict):
        return {_index(key, labels): weight for key, weight in target.items()}
    if callable(target) or isinstance(target, tuple) or (isinstance(target, str) and target in NAMES):
        return target
    if np.ndim(target) == 0:
        return _index(target, labels)
    array = np.asarray(target)
    of_weights = array.dtype.kind == "f" and not np.isin(array, labels).all()
    of_indices = array.dtype.kind in "iu" and labels.dtype.kind not in "iuf"
    if array.ndim != 1 or of_weights or of_indices:
        return target
    order = np.argsort(labels)
    indices = order[np.searchsorted(labels, array, sorter=order).clip(max=len(labels) - 1)]
    for label in array[labels[indices] != array][:1]:
        _index(label, labels)
    return indices


def _index(label, labels):
    if isinstance(label, tuple):
        return label
    found = np.flatnonzero(labels == label)
    if len(found) == 1:
        return int(found[0])
    if isinstance(label, (int, np.integer)) and labels.dtype.kind not in "iuf":
        return label
    raise ValueError(f"target= names the class {label!r}, which is none of {labels.tolist()}.")
