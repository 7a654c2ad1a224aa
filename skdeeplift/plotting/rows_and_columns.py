"""Rows, columns and targets of an explanation, as the displays choose and name them."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from skdeeplift.dtypes import kind_of
from skdeeplift.explanation.explanation_parts import target_labels
from skdeeplift.targets.target import as_indices

# Number of rows that are drawn by default.
MOST_ROWS = 5


def choose_row(n_rows, row, owner):
    """Return the position of the row to draw.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    row : int or None
        The user's choice. Negative positions count from the end.
    owner : str
        The name of the display, for errors.

    Returns
    -------
    row : int
        A position between 0 and ``n_rows``.

    Raises
    ------
    TypeError
        If the choice is not an integer.
    ValueError
        If there is no such row, or if there are several rows and none is chosen.
    """
    if row is None:
        if n_rows != 1:
            raise ValueError(f"{owner} draws one row, and the explanation has {n_rows}. Pass row=, its position.")
        return 0
    if not _is_index(row):
        raise TypeError(f"row= takes the position of a row as an int. Got {row!r}.")
    if not -n_rows <= row < n_rows:
        raise ValueError(f"row={row} is none of the explanation's rows. Expected a position below {n_rows}.")
    return int(row) % n_rows


def choose_rows(n_rows, rows, owner):
    """Return the positions of the rows to draw, the first five if none are chosen.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    rows : int, list of int or None
        The user's choice. Negative positions count from the end.
    owner : str
        The name of the display, for errors.

    Returns
    -------
    rows : list of int
        Positions between 0 and ``n_rows``.

    Raises
    ------
    TypeError
        If a position is not an integer.
    ValueError
        If there is no such row.
    """
    if rows is None:
        return list(range(min(n_rows, MOST_ROWS)))
    return [choose_row(n_rows, row, owner) for row in ([rows] if isinstance(rows, Integral) else rows)]


def choose_feature(feature, names, parameter):
    """Return the position of a feature that is chosen by name or position.

    Parameters
    ----------
    feature : str or int
        The user's choice.
    names : array-like of str
        Names of all features.
    parameter : str
        The name of the user's parameter, for errors.

    Returns
    -------
    position : int
        The feature's position in ``names``.

    Raises
    ------
    ValueError
        If there is no such feature, or several features have this name.
    """
    found = [] if isinstance(feature, bool) else [place for place, name in enumerate(names) if name == feature]
    if len(found) == 1:
        return found[0]
    if not found and _is_index(feature) and 0 <= feature < len(names):
        return int(feature)
    which = f"names {len(found)} features" if found else "is no feature"
    raise ValueError(
        f"{parameter}={feature!r} {which}. Expected a position below {len(names)}, or one of {join_names(names)}."
    )


def rank_features(sizes, max_features):
    """Rank features from the largest to the smallest, and split them at a maximum number.

    Parameters
    ----------
    sizes : ndarray of shape (n_features,)
        Sizes to rank the features by.
    max_features : int or None
        Number of features to draw; all if None. A single feature that is left is drawn too, since its name takes no
        more space than "1 other feature".

    Returns
    -------
    shown, others : ndarray of int
        Positions of the features to draw and of the other features, each from the largest to the smallest.
    """
    if max_features is not None:
        check_scalar(max_features, "max_features", Integral, min_val=1)
    order = np.argsort(-sizes, kind="stable")
    n_shown = len(order) if max_features in (None, len(order) - 1) else max_features
    return order[:n_shown], order[n_shown:]


def name_others(others):
    """Return the label of the features that share a bar, as a list that is empty if there are none."""
    return [f"sum of {len(others)} other features"] if len(others) else []


def take_rows(values, rows):
    """Return some rows of an array or a DataFrame."""
    return values.iloc[rows] if hasattr(values, "iloc") else np.asarray(values)[rows]


def take_column(values, position):
    """Return one column of an array or a DataFrame."""
    return values.iloc[:, position] if hasattr(values, "iloc") else np.asarray(values)[:, position]


def to_numbers(values):
    """Return the values of a column as floats, with NaN for values that are not numbers."""
    # A categorical of numbers is converted by its values, not by its codes.
    return np.asarray(pd.to_numeric(pd.Series(np.asarray(values)), errors="coerce"), np.float64)


def join_names(names):
    """Return a list of names for an error, shortened if there are many."""
    names = [repr(name.item() if isinstance(name, np.generic) else name) for name in names]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def find_target(target, explanation):
    """Return the index of a target on the last axis of contributions.

    Parameters
    ----------
    target : int, str or object
        The label or index that the user chose.
    explanation : Explanation
        An explanation of several targets.

    Returns
    -------
    index : int
        The target's index.

    Raises
    ------
    ValueError
        If there is no such target.
    """
    choices, labels = target_labels(explanation), explanation.get("class_names")
    if labels is not None and len(labels) == len(choices):
        target = as_indices(target, np.asarray(labels))
    if not _is_index(target) or not 0 <= target < len(choices):
        raise ValueError(f"target={target!r} is no target of the explanation. Expected one of {join_names(choices)}.")
    return int(target)


def are_row_targets(target, n_rows):
    """Return whether an explanation's target is an array with one target for each row."""
    return isinstance(target, np.ndarray) and target.shape == (n_rows,) and kind_of(target.dtype) != "f"


def is_single_target(target):
    """Return whether an explanation's target is one index or label."""
    return isinstance(target, str) or _is_index(target)


def _is_index(target):
    return isinstance(target, Integral) and not isinstance(target, bool)
