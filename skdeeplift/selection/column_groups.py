"""Groups of columns, in the forms that the parameter ``groups=`` takes."""

import numpy as np


def find_group_labels(groups, names, shape=None):
    """Return the label of each column.

    Parameters
    ----------
    groups : array-like, dict or callable
        One label for each column; a dict of columns to labels, or of labels to lists of columns; or a function from the
        name of a column to its label. A dict names columns by name or position.
    names : sequence of str or None
        Names of the columns; None if the features are not columns of a table.
    shape : tuple of int, default=None
        Shape of the features, which an array of labels must have. Only used if ``names`` is None.

    Returns
    -------
    labels : list
        One hashable label for each column.

    Raises
    ------
    ValueError
        If a column has no group or several, or ``groups`` names a column that does not exist.
    """
    if (isinstance(groups, dict) or callable(groups)) and names is None:
        raise ValueError(
            f"groups= takes names only for the columns of a table. For features of shape {shape}, pass an array of "
            "labels of this shape."
        )
    if isinstance(groups, dict):
        labels = _get_labels_from_dict(groups, list(names))
    elif callable(groups):
        labels = [groups(name) for name in names]
    else:
        labels = _get_labels_from_array(groups, (len(names),) if names is not None else shape)
    for label in labels:
        try:
            hash(label)
        except TypeError as error:
            raise ValueError(
                f"groups= takes hashable labels, such as names. Got a {type(label).__name__}, {label!r}."
            ) from error
    return labels


def _get_labels_from_array(groups, shape):
    """Return the labels of a list or an array, or raise an error if their shape does not fit."""
    # Labels may be tuples, which NumPy would turn into another axis.
    labels = groups if isinstance(groups, (list, tuple)) and len(shape) == 1 else np.asarray(groups)
    labels_shape = (len(labels),) if isinstance(labels, (list, tuple)) else labels.shape
    if labels_shape != tuple(shape):
        raise ValueError(
            f"groups= takes one label for each column, an array of shape {tuple(shape)}. Got an array of shape "
            f"{labels_shape}."
        )
    return list(labels) if isinstance(labels, (list, tuple)) else labels.reshape(-1).tolist()


def _get_labels_from_dict(groups, names):
    """Return the label of each column from a dict of columns to labels, or of labels to lists of columns."""
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
                f"groups= names the column {column!r}, which does not exist. The columns are {_list_names(names)}."
            )
        if position in labels:
            raise ValueError(f"groups= has the column {names[position]!r} twice. Put each column into one group.")
        labels[position] = label
    missing = [name for position, name in enumerate(names) if position not in labels]
    if missing:
        raise ValueError(
            f"groups= must have every column, but misses {_list_names(missing)}. Give a column that stands alone a "
            "group of its own."
        )
    return [labels[position] for position in range(len(names))]


def _is_list(columns):
    """Return True for a collection of columns, and False for one column."""
    return isinstance(columns, (list, tuple, set, frozenset, range, np.ndarray))


def _list_names(names, most=10):
    """Return the first names as text for an error message, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more
