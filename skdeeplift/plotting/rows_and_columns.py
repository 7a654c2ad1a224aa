"""Rows, columns and targets of an explanation, as the displays choose and name them."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from skdeeplift.dtypes import kind_of
from skdeeplift.explanation.explanation_parts import target_labels
from skdeeplift.targets.target import as_indices

# Number of rows that are drawn by default.
MOST_ROWS = 5


class Rows(NamedTuple):
    """Rows that a display can draw, which are chosen by label or by position."""

    # Number of rows of the explanation.
    n_rows: int
    # Labels of all rows. None if rows have no labels and are named by position.
    labels: pd.Index | None
    # Positions of the rows that can be drawn, such as those with the chosen target.
    positions: np.ndarray

    def name(self, place):
        """Return the label of one of the rows that can be drawn, or its position."""
        position = self.positions[place]
        return position if self.labels is None else self.labels[position]


def choose_row(rows, row, position, owner):
    """Return the place of the row to draw among the rows that can be drawn.

    Parameters
    ----------
    rows : Rows
        The rows that can be drawn.
    row : object
        The label of the row, as the user chose it. Its position if rows have no labels. None to choose by position.
    position : int or None
        The position of the row. Negative positions count from the end.
    owner : str
        The name of the display, for errors.

    Returns
    -------
    place : int
        The place in ``rows.positions``.

    Raises
    ------
    TypeError
        If the position is not an integer.
    ValueError
        If there is no such row, if several rows have the label, or if there are several rows and none is chosen.
    """
    if row is None and position is None:
        if len(rows.positions) != 1:
            raise ValueError(
                f"{owner} draws one row, and the explanation has {len(rows.positions)}. Pass row=, its label, or "
                "position=, its position."
            )
        return 0
    if row is not None and position is not None:
        raise ValueError(f"row= is a label and position= a position. Pass one of the two. Got {row!r} and {position}.")
    return _find_position(rows, position) if row is None else _find_label(rows, row)


def choose_rows(rows, chosen, position, owner):
    """Return the places of the rows to draw, those of the first five if none are chosen.

    Parameters
    ----------
    rows : Rows
        The rows that can be drawn.
    chosen : object or list of object or None
        Labels of the rows, as the user chose them. Positions if rows have no labels.
    position : int, list of int or None
        Positions of the rows. Negative positions count from the end.
    owner : str
        The name of the display, for errors.

    Returns
    -------
    places : list of int
        Places in ``rows.positions``.

    Raises
    ------
    TypeError
        If a position is not an integer.
    ValueError
        If there is no such row, or several rows have the label.
    """
    if chosen is None and position is None:
        return list(range(min(len(rows.positions), MOST_ROWS)))
    if chosen is not None and position is not None:
        raise ValueError("rows= takes labels of rows, and position= their positions. Pass one of the two.")
    if chosen is None:
        return [_find_position(rows, each) for each in np.ravel(np.asarray(position, dtype=object))]
    is_label = isinstance(rows.labels, pd.MultiIndex) and isinstance(chosen, tuple)
    is_list = isinstance(chosen, (list, tuple, range, np.ndarray, pd.Index, pd.Series)) and not is_label
    return [_find_label(rows, each) for each in (chosen if is_list else [chosen])]


def _find_position(rows, position, parameter="position"):
    """Return the place of the row at a position."""
    if not _is_index(position):
        raise TypeError(f"{parameter}= takes the position of a row as an int. Got {position!r}.")
    if not -rows.n_rows <= position < rows.n_rows:
        raise ValueError(f"{parameter}={position} is out of range. Expected a position below {rows.n_rows}.")
    return _find_place(rows, int(position) % rows.n_rows)


def _find_label(rows, label):
    """Return the place of the row with a label."""
    if rows.labels is None:
        return _find_position(rows, label, "row")
    try:
        found = np.arange(rows.n_rows)[rows.labels.get_loc(label)]
    except (KeyError, TypeError, ValueError, pd.errors.InvalidIndexError):
        found = np.array([], np.int64)
    if np.size(found) == 1:
        return _find_place(rows, int(np.ravel(found)[0]))
    if np.size(found):
        raise ValueError(
            f"row={label!r} is the label of {found.size} rows. Pass position=, one of {join_names(found)}."
        )
    by_position = f" For the row at this position, pass position={label}." if _is_index(label) else ""
    raise ValueError(
        f"row={label!r} is no label of the explanation's rows. Expected one of {join_names(rows.labels)}.{by_position}"
    )


def _find_place(rows, position):
    """Return the place of a position among the rows that can be drawn."""
    found = np.flatnonzero(rows.positions == position)
    if not len(found):
        raise ValueError(
            f"The row at position {position} has another target. Pass position=, one of {join_names(rows.positions)}."
        )
    return int(found[0])


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
    """Return the values of a column as floats, with NaN for values that are not numbers. Dates are days since 1970."""
    # A categorical of numbers is converted by its values, not by its codes.
    column = pd.Series(np.asarray(values))
    if kind_of(column.dtype) == "M":
        column = (column - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return np.asarray(pd.to_numeric(column, errors="coerce"), np.float64)


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
