"""Columns that belong together, in the forms in which a user may say so."""

import numpy as np


def find_groups(groups, names, shape=None):
    """Return a label for each column.

    Parameters
    ----------
    groups : array-like, dict or callable
        One label for each column; a dict of columns to labels, or of labels to lists of columns; or a function of a
        column's name that returns its label. Columns are their names or positions.
    names : sequence of str or None
        The columns' names; None where they have none.
    shape : tuple of int, default=None
        In what shape features are, if not as columns of a table: then that of an array of labels.

    Returns
    -------
    labels : list
        One for each column, of hashable objects.

    Raises
    ------
    ValueError
        If a column has no group or several, or there is no such column.
    """
    if (isinstance(groups, dict) or callable(groups)) and names is None:
        raise ValueError(
            f"groups= takes names only for the columns of a table; for features of shape {shape} it takes an array of "
            "labels of this shape."
        )
    if isinstance(groups, dict):
        labels = _from_dict(groups, list(names))
    elif callable(groups):
        labels = [groups(name) for name in names]
    else:
        labels = _from_labels(groups, (len(names),) if names is not None else shape)
    for label in labels:
        try:
            hash(label)
        except TypeError as error:
            raise ValueError(
                f"groups= takes labels that can be told apart, such as names. Got a {type(label).__name__}, {label!r}."
            ) from error
    return labels


def _from_labels(groups, shape):
    # Labels may be tuples, of which NumPy would make another axis.
    labels = groups if isinstance(groups, (list, tuple)) and len(shape) == 1 else np.asarray(groups)
    given = (len(labels),) if isinstance(labels, (list, tuple)) else labels.shape
    if given != tuple(shape):
        raise ValueError(
            f"groups= takes one label for each column, an array of shape {tuple(shape)}. Got one of shape {given}."
        )
    return list(labels) if isinstance(labels, (list, tuple)) else labels.reshape(-1).tolist()


def _from_dict(groups, names):
    positions = {name: position for position, name in enumerate(names)}
    if any(_is_list(columns) for columns in groups.values()):
        pairs = [
            (column, label)
            for label, columns in groups.items()
            for column in (columns if _is_list(columns) else [columns])
        ]
    else:
        pairs = list(groups.items())
    labels = {}
    for column, label in pairs:
        position = positions.get(column)
        if position is None and isinstance(column, (int, np.integer)) and 0 <= column < len(names):
            position = int(column)
        if position is None:
            raise ValueError(
                f"groups= names the column {column!r}, and there is none. The columns are {_listed(names)}."
            )
        if position in labels:
            raise ValueError(f"groups= has the column {names[position]!r} twice. A column belongs to one group.")
        labels[position] = label
    missing = [name for position, name in enumerate(names) if position not in labels]
    if missing:
        raise ValueError(
            f"groups= must have every column, and misses {_listed(missing)}. Give a column that stands alone a group "
            "of its own."
        )
    return [labels[position] for position in range(len(names))]


def _is_list(columns):
    return isinstance(columns, (list, tuple, set, frozenset, range, np.ndarray))


def _listed(names, most=10):
    """Names for an error, not too many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more
