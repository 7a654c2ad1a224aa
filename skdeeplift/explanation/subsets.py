"""Rows and columns of an explanation, taken as an explanation of their own."""

from collections import Counter
from numbers import Integral

import numpy as np
import pandas as pd

from skdeeplift.dtypes import kind_of
from skdeeplift.explanation.explanation_parts import count_rows, has_row_targets, has_targets, unwrap_single
from skdeeplift.propagation.sums import PARTS

# Fields with one number for each element of the rows, or of a layer's units.
OF_ELEMENTS = ("contributions", "multipliers", "standard_error", "hypothetical", *PARTS)
# Further fields with an entry for each row.
OF_ROWS = (
    *("X", "index", "prediction", "reference_value", "reference_spread", "convergence_delta", "n_references"),
    *("n_steps", "deletions", "other_contributions"),
)


def take_rows(explanation, choice):
    """Take some rows of an explanation.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.
    choice : int, slice, array-like of int or array-like of bool
        Positions of the rows, or a mask with an entry for each row.

    Returns
    -------
    fields : dict
        The fields of the explanation of these rows.
    positions : ndarray of int
        Positions of the rows in the explanation.

    Raises
    ------
    IndexError
        If there is no such row, or a mask has another length.
    TypeError
        If the choice does not select rows.
    ValueError
        If a mask with labels has other labels than the rows.
    """
    n_rows, fields = count_rows(explanation), dict(explanation)
    rows = _find_rows(choice, n_rows, explanation.get("index"))
    names = [*OF_ELEMENTS, *OF_ROWS, *(["target"] if has_row_targets(explanation) else [])]
    for name in names:
        if fields.get(name) is not None:
            takes_list = name == "X" and not _are_inputs(fields[name], explanation)
            fields[name] = _take(fields[name], rows, takes_list)
    return fields, np.arange(n_rows)[rows]


def take_columns(explanation, names):
    """Take some columns of an explanation of a table.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.
    names : list of str
        Names of the columns, in the order to take them.

    Returns
    -------
    fields : dict
        The fields of the explanation of these columns. ``other_contributions`` are the sums of all other columns.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If the explanation is not one of a table with names, or a column is named twice.
    """
    contributions, known = explanation.contributions, explanation.get("feature_names")
    n_axes = 3 if has_targets(explanation) else 2
    if isinstance(contributions, (list, dict)):
        raise ValueError(
            "Columns can be selected if the explanation is about one table, and this explanation has several inputs or "
            "layers. Select rows, as explanation[:10], or take the array of one input or layer, "
            "explanation.contributions[key]."
        )
    if known is None or np.ndim(contributions) != n_axes or len(known) != contributions.shape[1]:
        raise ValueError(
            "Columns can be selected if the explanation is about one table with feature_names. Set "
            "explanation.feature_names, or select rows: explanation[:10]."
        )
    places, counts = {name: place for place, name in enumerate(known)}, Counter(known)
    if missing := [name for name in names if name not in places]:
        more = f" and {len(known) - 12} more" if len(known) > 12 else ""
        raise KeyError(f"The explanation has no column {missing[0]!r}. Expected some of {list(known)[:12]}{more}.")
    if twice := [name for name, count in Counter(names).items() if counts[name] > 1 or count > 1]:
        raise ValueError(f"Each column can be selected once. Got {twice[0]!r} twice.")
    positions, fields = [places[name] for name in names], dict(explanation)
    left_out = np.setdiff1d(np.arange(len(known)), positions)
    others = contributions[:, left_out].sum(1)
    before = explanation.get("other_contributions")
    X = unwrap_single(explanation.get("X"))
    fields |= {name: fields[name][:, positions] for name in OF_ELEMENTS if fields.get(name) is not None}
    if X is not None and np.shape(X) == contributions.shape[:2]:
        fields["X"] = X.iloc[:, positions] if hasattr(X, "iloc") else np.asarray(X)[:, positions]
    names = np.asarray(explanation.feature_names)[positions]
    return fields | {"feature_names": names, "other_contributions": others if before is None else before + others}


def _find_rows(choice, n_rows, index):
    """Return a slice or an array of the positions of rows."""
    if isinstance(choice, slice):
        return choice
    if isinstance(choice, pd.Series) and index is not None and not choice.index.equals(index):
        raise ValueError(
            "The Series that chooses rows has other labels than the explanation. Put it in the order of "
            "explanation.index, or pass its to_numpy() to choose by position."
        )
    # NumPy reads a pair of rows and columns, as in [:10, ["age"]], as an array of rows of different lengths.
    is_pair = isinstance(choice, tuple) and not all(isinstance(each, Integral) for each in choice)
    rows = np.array("") if is_pair else np.asarray(choice)
    rows = rows.astype(np.int64) if rows.size == 0 else rows
    if rows.dtype == bool and rows.ndim == 1:
        if len(rows) != n_rows:
            raise IndexError(f"A mask of rows has {n_rows} entries, one for each row. Got {len(rows)}.")
        return np.flatnonzero(rows)
    if rows.ndim > 1 or kind_of(rows.dtype) not in "iu":
        raise TypeError(
            "An explanation is indexed by the name of a field, a position, a slice, positions or a mask of rows, or a "
            f"list of names of columns. Take columns of rows by explanation[:10][['age']]. Got {choice!r}."
        )
    for row in np.ravel(rows):
        if not -n_rows <= row < n_rows:
            raise IndexError(f"Row {row} is out of range: the explanation has {n_rows} rows.")
    if isinstance(choice, Integral) or rows.ndim == 0:
        start = int(rows) % n_rows
        return slice(start, start + 1)
    return rows % n_rows if n_rows else rows


def _are_inputs(X, explanation):
    """Return whether rows are a list or dict of several inputs, not a list of rows."""
    if isinstance(X, dict):
        return True
    n_rows, contributions = count_rows(explanation), explanation.contributions
    if not isinstance(X, (list, tuple)) or not all(hasattr(each, "shape") and len(each) == n_rows for each in X):
        return False
    # A list with as many rows as features could be a list of inputs; the shape of the contributions decides.
    return not (
        isinstance(contributions, np.ndarray) and X and np.shape(X[0]) == contributions.shape[1 : 1 + X[0].ndim]
    )


def _take(values, rows, takes_list=False):
    """Return some rows of an array or DataFrame, or of each of several, in the same form."""
    if isinstance(values, dict):
        return {name: _take(each, rows) for name, each in values.items()}
    if isinstance(values, (list, tuple)):
        if takes_list:
            return values[rows] if isinstance(rows, slice) else [values[row] for row in rows]
        return type(values)(None if each is None else _take(each, rows) for each in values)
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    if np.ndim(values) == 0 and not isinstance(values, pd.Index):
        # One number for all rows.
        return values
    if isinstance(values, (np.ndarray, pd.Index)):
        return values[rows]
    # Arrays on disk and tensors accept slices, but not arrays of positions.
    return np.asarray(values[rows]) if isinstance(rows, slice) else np.asarray(values)[rows]
