"""Layout of contributions: the features, classes and groups along their axes."""

import math
from typing import NamedTuple

import numpy as np


def find_group_labels(groups, names, shape=None):
    """Return the label of each column.

    Parameters
    ----------
    groups : array-like, dict or callable
        An array of one label for each column, a dict of columns to labels, a dict of labels to lists of columns, or a
        function from the name of a column to its label. A dict identifies columns by name or position.
    names : sequence of str or None
        Names of the columns; None if the features are not columns of a table.
    shape : tuple of int, default=None
        Shape of the features and of an array of labels. Only used if ``names`` is None.

    Returns
    -------
    labels : list
        One hashable label for each column.

    Raises
    ------
    ValueError
        If a column has no group or several groups, or ``groups`` names a column that does not exist.
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
    if isinstance(groups, (list, tuple)) and len(shape) == 1:
        # Keep the list, because NumPy would turn labels that are tuples into another axis.
        labels, labels_shape = list(groups), (len(groups),)
    else:
        labels, labels_shape = np.ravel(groups).tolist(), np.shape(groups)
    if labels_shape != tuple(shape):
        raise ValueError(
            f"groups= takes one label for each column, an array of shape {tuple(shape)}. Got an array of shape "
            f"{labels_shape}."
        )
    return labels


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
    """Return True for a collection of columns, False for one column."""
    return isinstance(columns, (list, tuple, set, frozenset, range, np.ndarray))


def _list_names(names, most=10):
    """Return the first names and the number of all others, as text for an error message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more


class FeatureGroups(NamedTuple):
    """Groups of features: their labels, and the features sorted by group."""

    labels: list
    # Positions of the features, sorted by group, and the start and the size of each group in this order.
    order: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray


class ContributionLayout(NamedTuple):
    """Features, classes and groups of contributions, and the options of their absolute values."""

    # Shape of the contributions of one row, and the part of this shape that belongs to the features.
    shape: tuple
    features: tuple
    # None if contributions have no classes.
    class_labels: list | None
    by_class: bool
    within: str
    # None if features are not grouped.
    groups: FeatureGroups | None

    @property
    def gives_table(self):
        """True if absolute contributions have one axis of features or groups."""
        return len(self.features) == 1 or self.groups is not None

    def arrange(self, X, owner):
        """Reshape contributions to (n_rows, n_features) or (n_rows, n_features, n_classes).

        Parameters
        ----------
        X : ndarray of shape (n_rows, *shape)
            Contributions.
        owner : str
            Name of the estimator in error messages.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features) or (n_rows, n_features, n_classes)
            Contributions with features on one axis.

        Raises
        ------
        ValueError
            If the shape of the rows differs from the shape in `fit`.
        """
        if X.shape[1:] != self.shape:
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}, but {owner} was fitted with contributions of shape {self.shape}."
            )
        n_classes = () if self.class_labels is None else (len(self.class_labels),)
        return X.reshape(len(X), math.prod(self.features), *n_classes)

    def compute_absolute(self, X):
        """Compute absolute contributions of features or groups, by class or as means over classes.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features) or (n_rows, n_features, n_classes)
            Arranged contributions.

        Returns
        -------
        absolute : ndarray of shape (n_rows, n), or (n_rows, n, n_classes) if ``by_class``
            Absolute contributions of the ``n`` features or groups.
        """
        if self.groups is None:
            absolute = np.abs(X)
        else:
            _, order, starts, sizes = self.groups
            if self.within == "sum":
                absolute = np.abs(np.add.reduceat(X[:, order], starts, axis=1))
            elif self.within == "norm":
                absolute = np.sqrt(np.add.reduceat(X[:, order] ** 2, starts, axis=1))
            else:
                sizes = sizes.reshape(-1, *[1] * (X.ndim - 2)).astype(X.dtype)
                absolute = np.add.reduceat(np.abs(X[:, order]), starts, axis=1) / sizes
        return absolute.mean(2) if absolute.ndim == 3 and not self.by_class else absolute

    def restore(self, absolute):
        """Reshape absolute contributions to a table, or to the shape of the features.

        Parameters
        ----------
        absolute : ndarray of shape (n_rows, n) or (n_rows, n, n_classes)
            Absolute contributions, as `compute_absolute` returns them.

        Returns
        -------
        absolute : ndarray of shape (n_rows, n_columns), (n_rows, *features) or (n_rows, *features, n_classes)
            Absolute contributions, as `MeanAbsoluteImportance.transform` returns them.
        """
        if self.gives_table:
            return absolute.reshape(len(absolute), -1)
        return absolute.reshape(len(absolute), *self.features, *absolute.shape[2:])


def find_layout(shape, *, column_names, has_made_up_names, n_classes, by_class, within, groups):
    """Find the features, classes and groups of contributions.

    Parameters
    ----------
    shape : tuple of int
        Shape of all contributions, with the rows first.
    column_names : sequence of str
        Names along the second axis.
    has_made_up_names : bool
        True if the user did not name the columns.
    n_classes, by_class, within, groups : object
        Parameters of `MeanAbsoluteImportance`.

    Returns
    -------
    layout : ContributionLayout
        Layout of the contributions.

    Raises
    ------
    ValueError
        If the shape or the names do not fit the number of classes, or a column has no group or several groups.
    """
    if n_classes is None:
        if by_class:
            raise ValueError(
                "by_class=True needs contributions to several classes. Pass n_classes= how many there are: on the "
                f"last axis, or as columns feature by feature. Got contributions of shape {shape}."
            )
        features = shape[1:]
    elif shape[-1] % n_classes if len(shape) == 2 else shape[-1] != n_classes:
        expected = f"a number of columns that is a multiple of {n_classes}, or a last axis of {n_classes}"
        raise ValueError(f"n_classes={n_classes} needs {expected}. Got contributions of shape {shape}.")
    else:
        features = (shape[1] // n_classes,) if len(shape) == 2 else shape[1:-1]
    feature_names, class_labels = None, None if n_classes is None else list(range(n_classes))
    if len(features) == 1:
        feature_names = list(column_names)
        if len(shape) == 2 and n_classes is not None:
            feature_names, class_labels = split_column_names(column_names, n_classes, has_made_up_names)
    feature_groups = None
    if groups is not None:
        feature_groups = _sort_by_group(find_group_labels(groups, feature_names, features))
    return ContributionLayout(shape[1:], features, class_labels, by_class, within, feature_groups)


def split_column_names(column_names, n_classes, has_made_up_names):
    """Split names of columns such as ``feature__class`` into names of features and labels of classes.

    Parameters
    ----------
    column_names : sequence of str
        Names of columns, feature by feature.
    n_classes : int
        Number of columns of each feature.
    has_made_up_names : bool
        True if the user did not name the columns.

    Returns
    -------
    feature_names : list of str
        Names of the features.
    class_labels : list of int or str
        Labels of the classes; integers if names are made up or the contributions have one class.

    Raises
    ------
    ValueError
        If the columns are not named feature by feature.
    """
    if n_classes == 1:
        return list(column_names), [0]
    if has_made_up_names and list(column_names) == [f"x{i}" for i in range(len(column_names))]:
        return [f"x{i}" for i in range(len(column_names) // n_classes)], list(range(n_classes))
    pairs = np.array([str(name).rpartition("__")[::2] for name in column_names], dtype=object)
    pairs = pairs.reshape(-1, n_classes, 2)
    if (pairs[:, :, 0] != pairs[:, :1, 0]).any() or (pairs[:, :, 1] != pairs[:1, :, 1]).any():
        raise ValueError(
            f"n_classes={n_classes} needs columns feature by feature, named 'feature__class'. Got "
            f"{', '.join(map(repr, column_names[: 2 * n_classes]))} ..."
        )
    return pairs[:, 0, 0].tolist(), pairs[0, :, 1].tolist()


def _sort_by_group(labels):
    """Sort features by group; groups keep the order of their first appearance."""
    group_labels = list(dict.fromkeys(labels))
    positions = {label: position for position, label in enumerate(group_labels)}
    group_of_feature = np.array([positions[label] for label in labels])
    sizes = np.bincount(group_of_feature)
    return FeatureGroups(group_labels, np.argsort(group_of_feature, kind="stable"), np.cumsum(sizes) - sizes, sizes)
